// History: the last quarter of an hour, a row each second, kept here so that a page that is opened has it at once.

package admin

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// keeps is how many rows there are: 15 minutes.
const keeps = 900

// Sample is what is read each second: present values, and counters since the
// start, of which the differences are kept.
type Sample struct {
	Connections, MaxConnections, Sockets int
	Slow                                 int     // clients for which something waits
	PendingBytes                         int64   // that wait for clients
	RSS                                  int64   // bytes
	MemoryShare                          float64 // of what there is for the process, 0 to 1
	OpenFiles, MaxFiles                  int
	LoopLag                              time.Duration // of the slowest loop

	Opened, Closed          uint64 // connections
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	CPU                     time.Duration // used by the process
}

// columns of the history, in the order of a row.
var columns = []string{"t", "connections", "opened", "closed", "messages_in", "messages_out", "bytes_in", "bytes_out", "cpu", "rss", "loop_lag_ms"}

// history is a ring of rows.
type history struct {
	started time.Time

	mu     sync.Mutex
	rows   [keeps][]float64
	n      int // rows written
	before Sample
	at     time.Time // of before
	last   map[string]float64
}

// add takes a sample. Rates need a sample before, so the first makes no row.
func (h *history) add(now time.Time, s Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, dt := h.before, now.Sub(h.at).Seconds()
	first := h.at.IsZero()
	h.before, h.at = s, now
	if first || dt <= 0 {
		return
	}
	rate := func(now, before uint64) float64 { return float64(now-before) / dt }
	opened, closed := rate(s.Opened, b.Opened), rate(s.Closed, b.Closed)
	in, out := rate(s.MessagesIn, b.MessagesIn), rate(s.MessagesOut, b.MessagesOut)
	cpu := (s.CPU - b.CPU).Seconds() / dt
	lag := float64(s.LoopLag) / float64(time.Millisecond)
	h.rows[h.n%keeps] = []float64{
		float64(now.UnixMilli()) / 1000, float64(s.Connections), opened, closed, in, out,
		rate(s.BytesIn, b.BytesIn), rate(s.BytesOut, b.BytesOut), cpu, float64(s.RSS), lag,
	}
	h.n++
	h.last = map[string]float64{
		"connections": float64(s.Connections), "max_connections": float64(s.MaxConnections), "sockets": float64(s.Sockets),
		"opened": opened, "closed": closed, "messages_in": in, "messages_out": out, "cpu": cpu,
		"rss": float64(s.RSS), "memory_share": s.MemoryShare, "open_files": float64(s.OpenFiles), "max_files": float64(s.MaxFiles),
		"slow": float64(s.Slow), "pending_bytes": float64(s.PendingBytes), "loop_lag_ms": lag, "uptime": now.Sub(h.started).Seconds(),
	}
}

// since returns the rows later than t, in seconds since 1970, column by column.
func (h *history) since(t float64) (cols map[string][]float64, last map[string]float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	cols = make(map[string][]float64, len(columns))
	for _, name := range columns {
		cols[name] = []float64{}
	}
	for i := max(0, h.n-keeps); i < h.n; i++ {
		row := h.rows[i%keeps]
		if row[0] <= t {
			continue
		}
		for c, name := range columns {
			cols[name] = append(cols[name], row[c])
		}
	}
	return cols, h.last
}

// serveHistory answers with what is later than the query's since.
func (a *Admin) serveHistory(w http.ResponseWriter, r *http.Request) {
	t, _ := strconv.ParseFloat(r.URL.Query().Get("since"), 64)
	cols, last := a.history.since(t)
	answer(w, http.StatusOK, map[string]any{"columns": cols, "last": last, "keeps": keeps})
}
