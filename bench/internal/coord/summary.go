// From what was gathered to the Result.

package coord

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// result writes up what there is; whole adds the histograms and the facts of the
// machine.
func (r *run) result(whole bool) *report.Result {
	s := r.plan.Spec
	name := s.Name
	if name == "" {
		name = s.Scenario
	}
	res := &report.Result{
		Schema: report.Schema, Started: r.began, Seconds: time.Since(r.began).Seconds(),
		Scenario: s.Scenario, Title: name, Labels: s.Labels,
		ID: fmt.Sprintf("%s-%s-%08x", r.began.UTC().Format("20060102T150405.000"), s.Scenario, rand.Uint32()),
		Target: report.Target{
			URLs: s.URLs, Name: s.Labels["target"], Version: s.Labels["version"], PIDs: r.pids, Cmd: s.ServerCmd, CPUs: s.ServerCPUs,
		},
		Summary: r.summary(), Series: r.series, Heat: r.heat, Histograms: map[string]string{}, SLO: []report.SLO{},
	}
	if len(r.target) > 0 && res.Target.Name == "" {
		res.Target.Name, res.Target.Version = r.target[0].output.called()
	}
	if res.Labels == nil {
		res.Labels = map[string]string{}
	}
	if res.Target.PIDs == nil {
		res.Target.PIDs = []int{}
	}
	if res.Series == nil {
		res.Series = []report.Point{}
	}
	if res.Heat == nil {
		res.Heat = []report.HeatColumn{}
	}
	res.Server = r.server(&res.Summary)
	res.Generator = r.generator(&res.Summary)
	res.Valid = r.validity(res)
	if !whole {
		return res
	}
	if s.Auth != "" {
		s.Auth = `{"given":true}`
	}
	res.Params, _ = json.Marshal(s)
	res.Env = report.Env{Host: proc.ReadHost(), Generator: "siobench " + r.opt.Revision, Revision: r.opt.Revision, Command: r.opt.Command}
	for name, h := range r.merged() {
		if b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err == nil {
			res.Histograms[name] = string(b)
		}
	}
	return res
}

// merged are the histograms by name, those of the streams put together.
func (r *run) merged() map[string]*hdrhistogram.Histogram {
	all := map[string]*hdrhistogram.Histogram{}
	for name, h := range r.hists {
		base, _, ofStream := strings.Cut(name, ".")
		if !ofStream {
			all[name] = h
			continue
		}
		if all[base] == nil {
			all[base] = hist.NewHDR()
		}
		all[base].Merge(h)
	}
	return all
}

// summary is what the generator saw.
func (r *run) summary() report.Summary {
	s := &r.plan.Spec
	c := &r.sum
	t := totals(c.Streams)
	out := report.Summary{
		WindowSeconds: float64(r.to-r.from) / 1e9, Closed: s.Closed || s.Scenario == "upgrade",
		Connections: report.Connections{Asked: s.N, Up: r.upAtPeak(), Opened: int64(c.Opened), Failed: int64(c.Failed), Dropped: int64(c.Dropped)},
		Latency:     map[string]report.Latency{}, Errors: map[string]int64{}, Streams: []report.Stream{},
		Sent: int64(t.Sent), Received: int64(t.Received), Duplicates: int64(t.Duplicates), Reordered: int64(t.Reordered),
		Stale: int64(t.Stale), Abandoned: int64(t.Abandoned), Refused: int64(t.Refused), Extra: int64(t.Extra),
		LossCounted: true, Upgraded: int64(c.Upgraded), Pings: int64(c.Pings), Requests: int64(c.Requests),
		BytesIn: int64(c.BytesIn), BytesOut: int64(c.BytesOut),
	}
	for name, h := range r.merged() {
		out.Latency[name] = report.Distribution(h)
	}
	for k, n := range c.Errors {
		out.Errors[k] = int64(n)
	}
	out.ErrorCount = errorsOf(c)
	if span := float64(r.connectUntil-r.connectFrom) / 1e9; span > 0 {
		out.Connections.Rate = float64(r.marks["up"].count.Opened) / span
	}
	r.countMessages(&out)
	r.special(&out)
	return out
}

// upAtPeak is how many sessions were up when the measurement began.
func (r *run) upAtPeak() int {
	if m, ok := r.marks["hold"]; ok {
		return m.count.Up
	}
	return r.peakUp
}

// countMessages fills in streams, loss and rates.
func (r *run) countMessages(out *report.Summary) {
	s := &r.plan.Spec
	window := out.WindowSeconds
	var due, measured, came, wanted float64
	for i, f := range s.streams() {
		if i >= len(r.sum.Streams) || r.started == 0 {
			break
		}
		c := &r.sum.Streams[i]
		st := report.Stream{
			Kind: f.Kind, Rate: f.Rate, Size: f.Size, Sent: int64(c.Sent), Received: int64(c.Received),
			Response: report.Distribution(r.hists[fmt.Sprintf("response.%d", i)]), Service: report.Distribution(r.hists[fmt.Sprintf("service.%d", i)]),
		}
		expected, lost := r.lossOf(i, f.Kind, c)
		st.Loss = lost
		out.Expected += expected
		out.Loss += lost
		out.Streams = append(out.Streams, st)
		if !f.Closed {
			due += f.Rate * window
			// Schedules of several workers do not begin and end with the window.
			if missing := int64(f.Rate*window) - int64(c.Measured) - int64((r.plan.Procs+1)*f.Turn); missing > 0 && !f.Poisson {
				out.Unsent += missing
			}
		}
		measured += float64(c.Measured)
		if f.Kind != job.Sink {
			came += float64(c.Window)
			wanted += float64(c.Measured) * r.deliveriesOf(f.Kind)
		}
	}
	if window <= 0 {
		return
	}
	out.Rates = report.Rates{Offered: due / window, Sent: measured / window, Answered: came / window}
	if wanted > 0 {
		out.Rates.Achieved = came / wanted
	}
	if s.Scenario == "churn" || s.Scenario == "storm" {
		out.LossCounted = !r.fansOut()
	}
}

// fansOut reports whether a stream has many receivers.
func (r *run) fansOut() bool {
	for _, f := range r.plan.Spec.streams() {
		if f.Kind == job.Bcast || f.Kind == job.Room || f.Kind == job.API {
			return true
		}
	}
	return false
}

// deliveriesOf is how many sessions should get a message.
func (r *run) deliveriesOf(kind string) float64 {
	switch kind {
	case job.Bcast, job.API:
		// Slow sessions receive for the first half.
		return float64(r.upAtPeak()) - float64(r.sum.Slow)/2
	case job.Room:
		return min(float64(r.plan.Spec.roomSize()), float64(r.upAtPeak()))
	}
	return 1
}

// lossOf is what a stream should have delivered and what of it is missing.
func (r *run) lossOf(i int, kind string, c *job.Count) (expected, lost int64) {
	switch kind {
	case job.Echo, job.Ack:
		return int64(c.Sent - c.Abandoned), int64(c.Lost)
	case job.Sink:
		return 0, 0
	}
	for at, s := range r.senders {
		if at.stream == i {
			expected += int64(s.Sent * s.Receivers)
			lost += int64(s.Sent*s.Receivers) - int64(s.Unique)
		}
	}
	// What came too late to be told from a duplicate did come.
	return expected, lost - min(lost, int64(c.Stale))
}

// special fills in what only some scenarios have.
func (r *run) special(out *report.Summary) {
	s := &r.plan.Spec
	c := &r.sum
	switch s.Scenario {
	case "storm":
		st := &report.Storm{Cause: s.Cause, Dropped: int64(c.Churned + c.Dropped)}
		if h := r.hists["back"]; h != nil {
			st.Back = h.TotalCount()
			st.Back90, st.Back99, st.Back100 = h.ValueAtQuantile(90), h.ValueAtQuantile(99), h.Max()
		}
		out.Storm = st
	case "slow":
		base, now := out.Latency["baseline"], out.Latency["response"]
		out.Slow = &report.Slow{Slow: int64(c.Slow), Cut: int64(c.Cut), BaselineP99: base.P99, P99: now.P99}
		if base.P99 > 0 {
			out.Slow.Ratio = float64(now.P99) / float64(base.P99)
		}
	case "churn":
		after := r.marks["after"]
		ch := &report.Churn{Replaced: int64(c.Churned), TimeWait: after.kernel.TimeWait, DescriptorsBefore: r.marks["base"].server.Descriptors, DescriptorsAfter: after.server.Descriptors}
		ch.SlopeMBh, ch.LowMBh, ch.HighMBh = r.slope()
		out.Churn = ch
	}
	if c.Deflated > 0 || s.Scenario == "deflate" {
		d := &report.Deflate{Messages: int64(c.Deflated), Compressed: int64(c.DeflatedBytes), Inflated: int64(c.InflatedBytes)}
		if d.Inflated > 0 {
			d.Ratio = float64(d.Compressed) / float64(d.Inflated)
		}
		out.Deflate = d
	}
}

// slope fits a line through the server's memory within the window, in MB per
// hour, with the 95 % interval of its slope.
func (r *run) slope() (slope, low, high float64) {
	var x, y []float64
	from, to := float64(r.from-r.connectFrom)/1e9, float64(r.to-r.connectFrom)/1e9
	for _, m := range r.memory {
		if m.at >= from && m.at <= to {
			x, y = append(x, m.at/3600), append(y, m.rss/1e6)
		}
	}
	n := float64(len(x))
	if n < 3 {
		return 0, 0, 0
	}
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx += x[i]
		sy += y[i]
	}
	mx, my := sx/n, sy/n
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	if sxx == 0 {
		return 0, 0, 0
	}
	slope = sxy / sxx
	var rss float64
	for i := range x {
		e := y[i] - my - slope*(x[i]-mx)
		rss += e * e
	}
	half := 1.96 * math.Sqrt(rss/(n-2)/sxx)
	return slope, slope - half, slope + half
}

// server is what the kernel says of the server, nil if its processes are not
// known.
func (r *run) server(sum *report.Summary) *report.Server {
	if len(r.pids) == 0 {
		return nil
	}
	base, hold := r.marks["base"], r.marks["hold"]
	begin, end := r.windowMarks()
	out := &report.Server{
		Processes: len(r.pids), RSSBase: base.server.RSSBytes, RSSHold: hold.server.RSSBytes, RSSPeak: end.server.PeakRSSBytes,
		PSSBase: base.server.PSSBytes, PSSHold: hold.server.PSSBytes, KernelSlab: hold.kernel.SlabBytes - base.kernel.SlabBytes,
		SocketBuffer: end.kernel.BufferBytes, Threads: end.server.Threads, Descriptors: end.server.Descriptors,
		Overflows: end.kernel.ListenOverflows - base.kernel.ListenOverflows, Retransmits: end.kernel.Retransmits - base.kernel.Retransmits,
		Gone: r.serverGone,
	}
	if held, ok := r.marks["held"]; ok {
		out.RSSHold, out.PSSHold = held.server.RSSBytes, held.server.PSSBytes
	}
	if n := float64(sum.Connections.Up); n > 0 && hold.at > 0 {
		out.RSSPerConn = float64(out.RSSHold-out.RSSBase) / n
		out.PSSPerConn = float64(out.PSSHold-out.PSSBase) / n
		out.KernelConn = float64(out.KernelSlab) / n
	}
	if up, ok := r.marks["up"]; ok && sum.Connections.Opened > 0 {
		out.CPUUsPerOpen = float64(up.server.CPUNs-base.server.CPUNs) / 1e3 / float64(up.count.Opened)
	}
	// Where sessions do nothing else, what is spent between the last look at them
	// and their end is for their closing.
	if held, ok := r.marks["held"]; ok && sum.Connections.Up > 0 && (r.plan.Spec.Scenario == "connect" || r.plan.Spec.Scenario == "idle") {
		out.CPUUsPerClose = float64(r.marks["after"].server.CPUNs-held.server.CPUNs) / 1e3 / float64(sum.Connections.Up)
	}
	span := float64(end.at-begin.at) / 1e9
	if span <= 0 {
		return out
	}
	cpu := float64(end.server.CPUNs - begin.server.CPUNs)
	out.CPUSeconds, out.CPUPercent = cpu/1e9, cpu/1e7/span
	user := float64(end.server.UserTicks - begin.server.UserTicks)
	if all := user + float64(end.server.SystemTicks-begin.server.SystemTicks); all > 0 {
		out.UserShare = user / all
	}
	out.WaitPercent = float64(end.server.WaitNs-begin.server.WaitNs) / 1e7 / span
	out.Switches = end.server.Switches - begin.server.Switches
	if n := float64(sum.Connections.Up); n > 0 {
		out.CPUUsPerConnS = cpu / 1e3 / n / span
	}
	// What came within the window: the readings of the server are taken at its two
	// ends.
	t := totals(r.sum.Streams)
	n := float64(t.Window)
	if n == 0 {
		n = float64(t.Measured)
	}
	if n > 0 {
		out.CPUUsPerMsg = cpu / 1e3 / n
		// A run of a few milliseconds may end before the clock has moved.
		if cpu > 0 {
			out.MsgPerCPU = n / (cpu / 1e9)
		}
		out.SwitchesPerMsg = float64(out.Switches) / n
	}
	return out
}

// windowMarks are the readings at both ends of the window.
func (r *run) windowMarks() (begin, end reading) {
	if b, ok := r.marks["from"]; ok {
		begin = b
		if end, ok = r.marks["until"]; ok {
			return begin, end
		}
		return begin, begin
	}
	if b, ok := r.marks["hold"]; ok {
		if e, ok := r.marks["held"]; ok {
			return b, e
		}
	}
	return r.marks["base"], r.marks["up"]
}

// generator is what the run cost on this side.
func (r *run) generator(sum *report.Summary) report.Generator {
	begin, end := r.windowMarks()
	g := report.Generator{
		Processes: r.plan.Procs, CPUs: r.plan.Spec.ClientCPUs, RSSBase: r.clientRSSBase, RSSHold: r.clientRSSAtUp,
		StealTicks: end.kernel.StealTicks - begin.kernel.StealTicks,
	}
	span := float64(r.to - r.from)
	var cpu float64
	for i := range r.cpu {
		t := &r.cpu[i]
		used := t.between(t.cpu, r.from, r.to)
		cpu += used
		if span > 0 {
			g.WorkerMax = max(g.WorkerMax, 100*used/span)
			g.WaitMax = max(g.WaitMax, 100*t.between(t.wait, r.from, r.to)/span)
		}
	}
	if span > 0 {
		g.CPUPercent = 100 * cpu / span
	}
	t := totals(r.sum.Streams)
	if t.Window > 0 {
		g.CPUUsPerMsg = cpu / 1e3 / float64(t.Window)
	}
	if l, ok := sum.Latency["lag"]; ok {
		g.LagP50, g.LagP99, g.LagMax = l.P50, l.P99, l.Max
	}
	if n := float64(sum.Connections.Up); n > 0 && g.RSSHold > 0 {
		g.RSSPerConn = float64(g.RSSHold-g.RSSBase) / n
	}
	return g
}
