// Objectives: what a run has to keep, written as p99<50ms,loss==0.

// Package slo reads objectives and holds a result against them.
package slo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sioserver/sioserver/bench/internal/report"
)

// Objective is a comparison of a figure with a limit.
type Objective struct {
	Expr  string
	Name  string
	Op    string
	Limit float64
}

// kind is what a figure counts in.
type kind int

const (
	number   kind = iota
	duration      // ns
	size          // bytes
	ratio         // 1 is 100 %
	rate          // per second
	micros        // us, the unit of costs
)

// operators, the longer first so that they are found first.
var operators = []string{"<=", ">=", "==", "!=", "<", ">"}

// Parse reads a list of objectives, separated by commas. Any goroutine.
func Parse(list string) ([]Objective, error) {
	var all []Objective
	for _, expr := range strings.Split(list, ",") {
		if expr = strings.TrimSpace(expr); expr == "" {
			continue
		}
		o, err := parseOne(expr)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func parseOne(expr string) (o Objective, err error) {
	for _, op := range operators {
		name, limit, ok := strings.Cut(expr, op)
		if !ok {
			continue
		}
		o = Objective{Expr: expr, Name: strings.TrimSpace(name), Op: op}
		k, known := kindOf(o.Name)
		if !known {
			return o, fmt.Errorf("slo: %q: there is no figure %q; there are %s", expr, o.Name, strings.Join(Names(), ", "))
		}
		if o.Limit, err = parseLimit(strings.TrimSpace(limit), k); err != nil {
			return o, fmt.Errorf("slo: %q: %w", expr, err)
		}
		return o, nil
	}
	return o, fmt.Errorf("slo: %q has none of the operators < <= > >= == !=", expr)
}

// units by kind; the longer first.
var units = []struct {
	suffix string
	kind   kind
	factor float64
}{
	{"KiB", size, 1 << 10},
	{"MiB", size, 1 << 20},
	{"GiB", size, 1 << 30},
	{"KB", size, 1e3},
	{"MB", size, 1e6},
	{"k/s", rate, 1e3},
	{"M/s", rate, 1e6},
	{"/s", rate, 1},
	{"ns", duration, 1},
	{"us", duration, 1e3},
	{"ms", duration, 1e6},
	{"s", duration, 1e9},
	{"us", micros, 1},
	{"B", size, 1},
	{"%", ratio, 0.01},
	{"k", number, 1e3},
}

// parseLimit reads a limit with a unit that suits the figure.
func parseLimit(text string, k kind) (float64, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok || u.kind != k && !(k == rate && u.kind == number) {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64); err == nil {
			return v * u.factor, nil
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a limit for it", text)
	}
	if k == duration && v != 0 {
		return 0, fmt.Errorf("%q needs a unit: us, ms or s", text)
	}
	return v, nil
}

// figure is a value that objectives can name.
type figure struct {
	name  string
	kind  kind
	value func(r *report.Result) (float64, bool)
}

// figures are all but those of distributions.
var figures = []figure{
	{"loss", number, func(r *report.Result) (float64, bool) { return float64(r.Summary.Loss), r.Summary.LossCounted }},
	{"duplicates", number, count(func(s *report.Summary) int64 { return s.Duplicates })},
	{"reordered", number, count(func(s *report.Summary) int64 { return s.Reordered })},
	{"unsent", number, count(func(s *report.Summary) int64 { return s.Unsent })},
	{"dropped", number, count(func(s *report.Summary) int64 { return s.Connections.Dropped })},
	{"failed", number, count(func(s *report.Summary) int64 { return s.Connections.Failed })},
	{"upgraded", number, count(func(s *report.Summary) int64 { return s.Upgraded })},
	{"errors", ratio, errorShare},
	{"connected", ratio, func(r *report.Result) (float64, bool) {
		return float64(r.Summary.Connections.Up) / float64(max(r.Summary.Connections.Asked, 1)), true
	}},
	{"achieved", ratio, func(r *report.Result) (float64, bool) { return r.Summary.Rates.Achieved, r.Summary.Rates.Sent > 0 }},
	{"rate", rate, func(r *report.Result) (float64, bool) { return r.Summary.Rates.Answered, true }},
	{"connect_rate", rate, func(r *report.Result) (float64, bool) { return r.Summary.Connections.Rate, true }},
	{"rss_per_conn", size, server(func(s *report.Server) float64 { return s.RSSPerConn })},
	{"pss_per_conn", size, server(func(s *report.Server) float64 { return s.PSSPerConn })},
	{"kernel_per_conn", size, server(func(s *report.Server) float64 { return s.KernelConn })},
	{"rss_hold", size, server(func(s *report.Server) float64 { return float64(s.RSSHold) })},
	{"rss_peak", size, server(func(s *report.Server) float64 { return float64(s.RSSPeak) })},
	{"cpu", ratio, server(func(s *report.Server) float64 { return s.CPUPercent / 100 })},
	{"cpu_us_per_msg", micros, server(func(s *report.Server) float64 { return s.CPUUsPerMsg })},
	{"cpu_us_per_conn_s", micros, server(func(s *report.Server) float64 { return s.CPUUsPerConnS })},
	{"cpu_us_per_open", micros, server(func(s *report.Server) float64 { return s.CPUUsPerOpen })},
	{"cpu_us_per_close", micros, server(func(s *report.Server) float64 { return s.CPUUsPerClose })},
	{"ctxsw_per_msg", number, server(func(s *report.Server) float64 { return s.SwitchesPerMsg })},
	{"slow_ratio", number, func(r *report.Result) (float64, bool) {
		if r.Summary.Slow == nil {
			return 0, false
		}
		return r.Summary.Slow.Ratio, true
	}},
	{"back", number, func(r *report.Result) (float64, bool) {
		if r.Summary.Storm == nil {
			return 0, false
		}
		return float64(r.Summary.Storm.Back), true
	}},
	{"deflate_ratio", ratio, func(r *report.Result) (float64, bool) {
		if r.Summary.Deflate == nil {
			return 0, false
		}
		return r.Summary.Deflate.Ratio, true
	}},
}

func count(of func(*report.Summary) int64) func(*report.Result) (float64, bool) {
	return func(r *report.Result) (float64, bool) { return float64(of(&r.Summary)), true }
}

func server(of func(*report.Server) float64) func(*report.Result) (float64, bool) {
	return func(r *report.Result) (float64, bool) {
		if r.Server == nil {
			return 0, false
		}
		return of(r.Server), true
	}
}

// errorShare is errors for each message and session asked for.
func errorShare(r *report.Result) (float64, bool) {
	return float64(r.Summary.ErrorCount) / float64(max(r.Summary.Expected+int64(r.Summary.Connections.Asked), 1)), true
}

// The distributions and their points. The name alone means the response times,
// as in p99, or with one in front, as in service.p99.
var (
	distributions = []string{
		"response", "service", "connect", "tcp", "http", "open", "namespace", "join", "upgrade", "publish", "last", "back", "cut", "ping_gap", "baseline", "lag",
	}
	points = []string{"min", "mean", "p50", "p90", "p99", "p999", "max"}
)

// Names are all figures. Any goroutine.
func Names() []string {
	names := slices.Clone(points)
	for _, f := range figures {
		names = append(names, f.name)
	}
	names = append(names, "NAME.p99 and so on with NAME one of "+strings.Join(distributions, " "))
	return names
}

func kindOf(name string) (kind, bool) {
	for _, f := range figures {
		if f.name == name {
			return f.kind, true
		}
	}
	d, p, dotted := strings.Cut(name, ".")
	if !dotted {
		d, p = "response", name
	}
	return duration, slices.Contains(distributions, d) && slices.Contains(points, p)
}

// Value is a figure of a result; it reports false if the result does not have
// it. Any goroutine.
func Value(r *report.Result, name string) (float64, bool) {
	for _, f := range figures {
		if f.name == name {
			return f.value(r)
		}
	}
	d, p, dotted := strings.Cut(name, ".")
	if !dotted {
		d, p = "response", name
	}
	l, ok := r.Summary.Latency[d]
	if !ok {
		return 0, false
	}
	switch p {
	case "min":
		return float64(l.Min), true
	case "mean":
		return l.Mean, true
	case "p50":
		return float64(l.P50), true
	case "p90":
		return float64(l.P90), true
	case "p99":
		return float64(l.P99), true
	case "p999":
		return float64(l.P999), true
	case "max":
		return float64(l.Max), true
	}
	return 0, false
}

// Text is a value of a figure for people. Any goroutine.
func Text(name string, v float64) string {
	k, _ := kindOf(name)
	switch k {
	case duration:
		return report.TimeText(int64(v))
	case size:
		return fmt.Sprintf("%.0f B", v)
	case ratio:
		return fmt.Sprintf("%.3g %%", 100*v)
	case rate:
		return fmt.Sprintf("%.0f/s", v)
	case micros:
		return fmt.Sprintf("%.3g us", v)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// Evaluate holds a result against objectives. A figure that the result does not
// have is a miss: an objective must not be met by not being measured. Any
// goroutine.
func Evaluate(all []Objective, r *report.Result) []report.SLO {
	out := make([]report.SLO, 0, len(all))
	for _, o := range all {
		v, ok := Value(r, o.Name)
		s := report.SLO{Expr: o.Expr, Name: o.Name, Value: v, Text: "not measured"}
		if ok {
			s.Text = Text(o.Name, v)
			s.Pass = holds(v, o.Op, o.Limit)
		}
		out = append(out, s)
	}
	return out
}

func holds(v float64, op string, limit float64) bool {
	switch op {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	case ">=":
		return v >= limit
	case "==":
		return v == limit
	}
	return v != limit
}
