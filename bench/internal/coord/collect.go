// Gathering: reports of the workers, readings of the kernel, points of the series.

package coord

import (
	"maps"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
	"github.com/sioserver/sioserver/bench/internal/worker"
)

// run is the state of a run.
type run struct {
	plan       *Plan
	opt        Options
	objectives []slo.Objective
	target     targets
	pids       []int
	fleet      *fleet
	phase      string
	began      time.Time

	// What the workers said last, and the sums of it.
	last               []job.Report
	sum                job.Report
	ready              int
	connected, drained int
	cpu                []trail
	hists              map[string]*hdrhistogram.Histogram
	lasts              map[lastKey]*lastSeen
	senders            map[lastKey]*job.Sender

	// The window of the measurement, and when connecting and the run began.
	from, to, started         int64
	connectFrom, connectUntil int64
	marks                     map[string]reading

	nextPoint     int64
	lastPoint     pointState
	interval      *hdrhistogram.Histogram
	lagInterval   *hdrhistogram.Histogram
	series        []report.Point
	heat          []report.HeatColumn
	missedSince   int64
	clientRSSBase int64
	peakUp        int
	clientRSSAtUp int64
	serverGone    int
	memory        []memoryAt
}

// trail is the processor time of a worker over time, and its waiting for it.
type trail struct{ at, cpu, wait []int64 }

// lastKey names a message, or with seq 0 a sender.
type lastKey struct {
	stream      int
	sender, seq uint32
}

// lastSeen is a message to everybody on its way to the last worker.
type lastSeen struct {
	workers int
	ns      int64
}

// reading is what the kernel said at one moment.
type reading struct {
	at     int64
	server proc.Process
	kernel proc.Kernel
	count  job.Report
}

// memoryAt is the server's memory at a moment, for the slope.
type memoryAt struct {
	at  float64
	rss float64
}

// pointState is what the last point saw.
type pointState struct {
	at             int64
	sent, answered uint64
	server, client int64
}

func newRun(p *Plan, opt Options, objectives []slo.Objective) *run {
	return &run{
		plan: p, opt: opt, objectives: objectives, phase: "starting", began: time.Now(),
		last: make([]job.Report, p.Procs), cpu: make([]trail, p.Procs),
		hists: map[string]*hdrhistogram.Histogram{}, lasts: map[lastKey]*lastSeen{}, senders: map[lastKey]*job.Sender{},
		marks: map[string]reading{}, interval: hist.NewHDR(), lagInterval: hist.NewHDR(),
		nextPoint: worker.Now() + 1e9,
	}
}

// window sets what is measured.
func (r *run) window(from, to int64) { r.from, r.to = from, to }

// cutWindow ends the window now, when a run ends early or has none of its own.
func (r *run) cutWindow() {
	now := worker.Now()
	if r.from == 0 || r.from > now {
		r.from, r.to = r.connectFrom, now
		return
	}
	r.to = now
	if _, ok := r.marks["until"]; !ok && r.started > 0 {
		r.mark("until", true)
	}
}

// take takes a report.
func (r *run) take(rep job.Report) {
	if r.last[rep.Worker].AtNs == 0 {
		// The first report comes before the first connection.
		r.ready++
		r.clientRSSBase += rep.RSSBytes
	}
	r.last[rep.Worker] = rep
	t := &r.cpu[rep.Worker]
	t.at, t.cpu, t.wait = append(t.at, rep.AtNs), append(t.cpu, rep.CPUNs), append(t.wait, rep.WaitNs)
	for name, text := range rep.Hists {
		h := r.hists[name]
		if h == nil {
			h = hist.NewHDR()
			r.hists[name] = h
		}
		// A text that is malformed would be a fault of this program; what it holds is
		// then missing from the counts, which the totals show.
		_ = hist.Merge(h, text)
		switch {
		case strings.HasPrefix(name, "response."), strings.HasPrefix(name, "baseline."):
			_ = hist.Merge(r.interval, text)
		case name == "lag":
			_ = hist.Merge(r.lagInterval, text)
		}
	}
	for _, l := range rep.Lasts {
		r.takeLast(l)
	}
	for _, s := range rep.Senders {
		at := lastKey{s.Stream, s.Sender, 0}
		sum := r.senders[at]
		if sum == nil {
			sum = new(job.Sender)
			r.senders[at] = sum
		}
		sum.Sent += s.Sent
		sum.Receivers += s.Receivers
		sum.Unique += s.Unique
	}
	switch rep.Event {
	case job.Connected:
		r.connected++
	case job.Drained:
		r.drained++
	}
	r.add()
}

// takeLast follows a message until all workers have had it.
func (r *run) takeLast(l job.Last) {
	at := lastKey{l.Stream, l.Sender, l.Seq}
	seen := r.lasts[at]
	if seen == nil {
		seen = new(lastSeen)
		r.lasts[at] = seen
	}
	seen.workers++
	seen.ns = max(seen.ns, l.Ns)
	if seen.workers < r.plan.Procs {
		return
	}
	delete(r.lasts, at)
	h := r.hists["last"]
	if h == nil {
		h = hist.NewHDR()
		r.hists["last"] = h
	}
	_ = h.RecordValue(min(max(seen.ns, 0), hist.MaxNs))
}

// add sums the last reports up.
func (r *run) add() {
	s := job.Report{Errors: map[string]uint64{}, Streams: make([]job.Count, len(r.plan.Spec.streams()))}
	for i := range r.last {
		l := &r.last[i]
		s.Up += l.Up
		s.Connecting += l.Connecting
		s.Opened += l.Opened
		s.Failed += l.Failed
		s.Dropped += l.Dropped
		s.Churned += l.Churned
		s.Slow += l.Slow
		s.Cut += l.Cut
		s.Upgraded += l.Upgraded
		s.Deflated += l.Deflated
		s.DeflatedBytes += l.DeflatedBytes
		s.InflatedBytes += l.InflatedBytes
		s.BytesIn += l.BytesIn
		s.BytesOut += l.BytesOut
		s.Requests += l.Requests
		s.Pings += l.Pings
		s.CPUNs += l.CPUNs
		s.RSSBytes += l.RSSBytes
		for k, n := range l.Errors {
			s.Errors[k] += n
		}
		for j := range l.Streams {
			addCount(&s.Streams[j], &l.Streams[j])
		}
	}
	r.sum = s
	r.peakUp = max(r.peakUp, s.Up)
}

func addCount(to, from *job.Count) {
	to.Sent += from.Sent
	to.Measured += from.Measured
	to.Answered += from.Answered
	to.Window += from.Window
	to.Received += from.Received
	to.Unique += from.Unique
	to.Duplicates += from.Duplicates
	to.Reordered += from.Reordered
	to.Stale += from.Stale
	to.Abandoned += from.Abandoned
	to.Lost += from.Lost
	to.Extra += from.Extra
	to.Refused += from.Refused
}

// totals are sums over the streams.
func totals(streams []job.Count) (t job.Count) {
	for i := range streams {
		addCount(&t, &streams[i])
	}
	return t
}

// mark reads the kernel's figures under a name.
func (r *run) mark(name string, pss bool) {
	m := reading{at: worker.Now(), kernel: proc.ReadKernel()}
	m.server, _ = proc.ReadAll(r.pids, pss)
	m.count = r.sum
	m.count.Errors = maps.Clone(r.sum.Errors)
	r.marks[name] = m
	switch name {
	case "hold", "held":
		r.clientRSSAtUp = r.sum.RSSBytes
	case "base":
		r.lastPoint.at = m.at
		r.lastPoint.server = m.server.CPUNs
	}
}

func (r *run) pointDue() bool { return worker.Now() >= r.nextPoint }

// point ends a second of the series.
func (r *run) point() {
	now := worker.Now()
	// The workers report at the full second; half a second later all have.
	r.nextPoint = (now/1e9)*1e9 + 1500e6
	server, gone := proc.ReadAll(r.pids, false)
	r.serverGone = max(r.serverGone, gone)
	t := totals(r.sum.Streams)
	span := float64(now-r.lastPoint.at) / 1e9
	if span <= 0 {
		return
	}
	p := report.Point{
		T: float64(now-r.connectFrom) / 1e9, Conns: r.sum.Up,
		Sent:      float64(t.Sent-r.lastPoint.sent) / span,
		Answered:  float64(t.Unique-r.lastPoint.answered) / span,
		ServerCPU: max(float64(server.CPUNs-r.lastPoint.server)/1e7/span, 0), ServerRSS: server.RSSBytes,
		ClientCPU: float64(r.sum.CPUNs-r.lastPoint.client) / 1e7 / span, ClientRSS: r.sum.RSSBytes,
	}
	// An empty histogram would say half a microsecond.
	if r.interval.TotalCount() > 0 {
		p.P50, p.P99, p.Max = r.interval.ValueAtQuantile(50), r.interval.ValueAtQuantile(99), r.interval.Max()
	}
	if r.lagInterval.TotalCount() > 0 {
		p.LagP99 = r.lagInterval.ValueAtQuantile(99)
	}
	r.lastPoint = pointState{at: now, sent: t.Sent, answered: t.Unique, server: server.CPUNs, client: r.sum.CPUNs}
	r.series = append(r.series, p)
	if r.interval.TotalCount() > 0 {
		r.heat = append(r.heat, heatOf(p.T, r.interval))
	}
	r.memory = append(r.memory, memoryAt{p.T, float64(server.RSSBytes)})
	r.interval.Reset()
	r.lagInterval.Reset()
	if r.opt.Observer != nil {
		r.opt.Observer.Progress(r.progress(p))
	}
}

// progress is the state for people.
func (r *run) progress(p report.Point) Progress {
	elapsed := time.Since(r.began)
	return Progress{
		Phase: r.phase, Elapsed: elapsed, Done: min(elapsed.Seconds()/r.plan.duration().Seconds(), 1), Point: p,
		Asked: r.plan.Spec.N, Failed: int64(r.sum.Failed), Dropped: int64(r.sum.Dropped), Errors: errorsOf(&r.sum),
	}
}

func errorsOf(c *job.Report) (n int64) {
	for _, v := range c.Errors {
		n += int64(v)
	}
	return n
}

// heatOf counts a second's response times in rows.
func heatOf(t float64, h *hdrhistogram.Histogram) report.HeatColumn {
	c := report.HeatColumn{T: t}
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		row := report.HeatRow(bar.To)
		for len(c.Rows) <= row {
			c.Rows = append(c.Rows, 0)
		}
		c.Rows[row] += bar.Count
	}
	return c
}

// abort reports whether an objective has been missed for as long as the user
// bears it.
func (r *run) abort() bool {
	limit := int64(r.plan.Spec.AbortOnFail)
	if limit == 0 || r.phase != "running" || worker.Now() < r.from {
		return false
	}
	for _, s := range slo.Evaluate(r.objectives, r.result(false)) {
		if !s.Pass {
			if r.missedSince == 0 {
				r.missedSince = worker.Now()
			}
			return worker.Now()-r.missedSince >= limit
		}
	}
	r.missedSince = 0
	return false
}

// between is how much a counter of the trail grew from one moment to another,
// between two reports in proportion.
func (t *trail) between(counter []int64, from, to int64) float64 {
	return t.valueAt(counter, to) - t.valueAt(counter, from)
}

func (t *trail) valueAt(counter []int64, at int64) float64 {
	for i, v := range t.at {
		if v < at {
			continue
		}
		if i == 0 {
			return float64(counter[0])
		}
		part := float64(at-t.at[i-1]) / float64(v-t.at[i-1])
		return float64(counter[i-1]) + part*float64(counter[i]-counter[i-1])
	}
	if len(counter) == 0 {
		return 0
	}
	return float64(counter[len(counter)-1])
}
