// The result on one screen.

package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// The colours of a terminal.
const (
	red, green, yellow, bold, plain = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"
)

// printer writes and remembers the first error.
type printer struct {
	w      io.Writer
	colour bool
	err    error
}

func (p *printer) f(format string, a ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, a...)
	}
}

func (p *printer) paint(colour, s string) string {
	if !p.colour {
		return s
	}
	return colour + s + plain
}

// line writes a name and what belongs to it.
func (p *printer) line(name, format string, a ...any) {
	p.f("  %-12s %s\n", name, fmt.Sprintf(format, a...))
}

// Text writes a result for a terminal.
func Text(w io.Writer, r *Result, colour bool) error {
	p := &printer{w: w, colour: colour}
	p.verdict(r)
	p.header(r)
	p.latencies(r)
	p.messages(r)
	p.special(r)
	p.costs(r)
	p.errors(r)
	p.objectives(r)
	return p.err
}

// Verdict is the one word on a result: VALID, INVALID or PARTIAL.
func Verdict(r *Result) string {
	switch {
	case !r.Complete:
		return "PARTIAL"
	case !r.Valid.OK:
		return "INVALID"
	}
	return "VALID"
}

func (p *printer) verdict(r *Result) {
	word := Verdict(r)
	colour := green
	if word != "VALID" {
		colour = red
	}
	loop := "open loop"
	if r.Summary.Closed {
		loop = "closed loop: a ceiling, latencies hide what the server made others wait"
	}
	p.f("\n%s  %s  (%s)\n", p.paint(bold, r.Title), p.paint(colour, word), loop)
	for _, reason := range r.Valid.Reasons {
		p.f("  %s\n", p.paint(red, reason))
	}
	for _, warning := range r.Valid.Warnings {
		p.f("  %s\n", p.paint(yellow, "note: "+warning))
	}
}

func (p *printer) header(r *Result) {
	c := &r.Summary.Connections
	name := strings.TrimSpace(r.Target.Name + " " + r.Target.Version)
	p.line("target", "%s %s pids %v", strings.Join(r.Target.URLs, " "), name, r.Target.PIDs)
	if r.Env.CPUModel != "" {
		p.line("machine", "%s, %d cores, Linux %s, load %s", r.Env.CPUModel, r.Env.Cores, r.Env.Kernel, first(r.Env.LoadAverage))
	}
	p.line("sessions", "%d of %d up, %d failed, %d dropped, opened at %s", c.Up, c.Asked, c.Failed, c.Dropped, RateText(c.Rate))
}

func first(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// order is the order of distributions in tables; others follow by name.
var order = []string{"response", "service", "last", "baseline", "publish", "connect", "tcp", "http", "open", "namespace", "join", "upgrade", "back", "cut", "ping_gap", "lag"}

// LatencyNames are the distributions of a result in the order of tables.
func LatencyNames(r *Result) []string {
	var names []string
	for name, l := range r.Summary.Latency {
		if l.Count > 0 {
			names = append(names, name)
		}
	}
	rank := func(n string) int {
		if i := slices.Index(order, n); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

func (p *printer) latencies(r *Result) {
	names := LatencyNames(r)
	if len(names) == 0 {
		return
	}
	if p.err != nil {
		return
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t  latency\tcount\tp50\tp90\tp99\tp99.9\tmax\tmean\t")
	for _, n := range names {
		l := r.Summary.Latency[n]
		fmt.Fprintf(t, "\t  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", n, CountText(float64(l.Count)), TimeText(l.P50), TimeText(l.P90), TimeText(l.P99),
			TimeText(l.P999), TimeText(l.Max), TimeText(int64(l.Mean)))
	}
	p.err = t.Flush()
}

func (p *printer) messages(r *Result) {
	s := &r.Summary
	if s.Sent == 0 {
		return
	}
	offered := ""
	if s.Rates.Offered > 0 {
		offered = fmt.Sprintf("offered %s, ", RateText(s.Rates.Offered))
	}
	p.line("rate", "%ssent %s, answered %s (%.2f %% of what was due, in a window of %.3g s)", offered, RateText(s.Rates.Sent), RateText(s.Rates.Answered),
		100*s.Rates.Achieved, s.WindowSeconds)
	loss := fmt.Sprintf("%d lost", s.Loss)
	if s.Loss > 0 {
		loss = p.paint(red, loss)
	}
	if !s.LossCounted {
		loss = "loss not counted"
	}
	p.line("messages", "%d sent, %d expected, %d received: %s, %d duplicates, %d reordered, %d abandoned", s.Sent, s.Expected, s.Received, loss, s.Duplicates, s.Reordered, s.Abandoned)
	if len(s.Streams) < 2 {
		return
	}
	for _, st := range s.Streams {
		p.line("  "+st.Kind, "%s, %d B: p50 %s p99 %s max %s, %d lost", RateText(st.Rate), st.Size, TimeText(st.Response.P50), TimeText(st.Response.P99), TimeText(st.Response.Max), st.Loss)
	}
}

func (p *printer) special(r *Result) {
	s := &r.Summary
	if st := s.Storm; st != nil {
		p.line("storm", "%s: %d of %d back; 90 %% after %s, 99 %% after %s, the last after %s", st.Cause, st.Back, st.Dropped, TimeText(st.Back90), TimeText(st.Back99), TimeText(st.Back100))
	}
	if sl := s.Slow; sl != nil {
		p.line("slow", "%d slow, %d seen cut; p99 of the others %s, before %s: %.2f times", sl.Slow, sl.Cut, TimeText(sl.P99), TimeText(sl.BaselineP99), sl.Ratio)
	}
	if d := s.Deflate; d != nil {
		p.line("deflate", "%d messages, %s to %s: ratio %.3f", d.Messages, SizeText(float64(d.Inflated)), SizeText(float64(d.Compressed)), d.Ratio)
	}
	if c := s.Churn; c != nil {
		p.line("churn", "%d replaced; memory %+.1f MB/h (95 %%: %+.1f to %+.1f); descriptors %d before, %d after; %d in TIME_WAIT", c.Replaced, c.SlopeMBh, c.LowMBh, c.HighMBh,
			c.DescriptorsBefore, c.DescriptorsAfter, c.TimeWait)
	}
	if s.Upgraded > 0 {
		p.line("upgraded", "%d", s.Upgraded)
	}
	if s.Extra > 0 {
		p.line("beside", "%d events came beside the acknowledgements", s.Extra)
	}
}

func (p *printer) costs(r *Result) {
	if v := r.Server; v != nil {
		p.line("server", "cpu %.1f %% (%.0f %% user), %.2f us/message, %.1f us/open, %.1f us/close, %.2f us/connection-second, %.2f switches/message", v.CPUPercent, 100*v.UserShare,
			v.CPUUsPerMsg, v.CPUUsPerOpen, v.CPUUsPerClose, v.CPUUsPerConnS, v.SwitchesPerMsg)
		p.line("", "rss %s (base %s, peak %s): %.0f B/connection; pss %.0f B/connection; kernel %.0f B/connection, both ends", SizeText(float64(v.RSSHold)), SizeText(float64(v.RSSBase)),
			SizeText(float64(v.RSSPeak)), v.RSSPerConn, v.PSSPerConn, v.KernelConn)
		p.line("", "%d threads, %d descriptors, listen overflows %d, retransmits %d", v.Threads, v.Descriptors, v.Overflows, v.Retransmits)
	}
	g := &r.Generator
	processes := "1 process"
	if g.Processes != 1 {
		processes = fmt.Sprintf("%d processes", g.Processes)
	}
	p.line("generator", "%s, cpu %.1f %% (busiest %.1f %%, waited %.1f %%), lag p99 %s, rss %s (%.0f B/connection)", processes, g.CPUPercent, g.WorkerMax, g.WaitMax, TimeText(g.LagP99),
		SizeText(float64(g.RSSHold)), g.RSSPerConn)
}

func (p *printer) errors(r *Result) {
	for _, kind := range ErrorKinds(r) {
		p.line("error", "%s", p.paint(red, fmt.Sprintf("%d x %s", r.Summary.Errors[kind], kind)))
	}
}

// ErrorKinds are the kinds of errors, the most frequent first.
func ErrorKinds(r *Result) []string {
	kinds := make([]string, 0, len(r.Summary.Errors))
	for k := range r.Summary.Errors {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b string) int {
		if d := r.Summary.Errors[b] - r.Summary.Errors[a]; d != 0 {
			return int(min(max(d, -1), 1))
		}
		return strings.Compare(a, b)
	})
	return kinds
}

func (p *printer) objectives(r *Result) {
	for _, s := range r.SLO {
		mark := p.paint(green, "✓")
		if !s.Pass {
			mark = p.paint(red, "✗")
		}
		p.line("objective", "%s %s (%s)", mark, s.Expr, s.Text)
	}
}
