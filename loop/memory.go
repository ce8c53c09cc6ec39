// Memory: giving it back to the system in seconds.

package loop

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// When ReleaseMemory acts: every memoryLook it looks whether much has changed
// since it last acted, and whether nothing changes any more.
const (
	memoryLook  = 2 * time.Second
	memoryConns = 1000     // connections more or fewer that are much
	memoryBytes = 16 << 20 // allocations that are much
	memoryQuiet = 1 << 20  // allocations in memoryLook that are none
)

// memoryState is what a look sees.
type memoryState struct {
	conns int
	bytes uint64 // allocated since the process began
}

// memoryWatch decides when to give memory back.
type memoryWatch struct{ acted, last memoryState }

// due reports whether memory is to be given back now: a storm of connections or
// messages has come or gone and is over.
func (w *memoryWatch) due(now memoryState) bool {
	quiet := differ(now.conns, w.last.conns) <= memoryConns/100 && now.bytes-w.last.bytes <= memoryQuiet
	much := differ(now.conns, w.acted.conns) >= memoryConns || now.bytes-w.acted.bytes >= memoryBytes
	w.last = now
	if !quiet || !much {
		return false
	}
	w.acted = now
	return true
}

func differ(a, b int) int { return max(a-b, b-a) }

// releaseMemory runs until the server has ended.
func (s *Server) releaseMemory() {
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	look := func() memoryState {
		metrics.Read(sample)
		return memoryState{s.reactor.Conns(), sample[0].Value.Uint64()}
	}
	w := memoryWatch{last: look()}
	w.acted = w.last
	for {
		select {
		case <-tick.C:
			if w.due(look()) {
				debug.FreeOSMemory()
			}
		case <-s.done:
			return
		}
	}
}
