// Two servers side by side, with intervals.

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
)

// Comparison is what two sets of results say about their servers.
type Comparison struct {
	Schema string   `json:"schema"`
	A      string   `json:"a"`
	B      string   `json:"b"`
	Rounds int      `json:"rounds"`
	Env    Env      `json:"env"`
	Rows   []Row    `json:"rows"`
	Left   []string `json:"left_out"`
	// Pairs are results of either side for the charts, the first of each title.
	Pairs [][2]*Result `json:"-"`
}

// ComparisonSchema names the form of a Comparison.
const ComparisonSchema = "siobench/comparison/v1"

// Row compares one figure of one run.
type Row struct {
	Title  string  `json:"title"`
	Metric string  `json:"metric"`
	A      float64 `json:"a"`
	B      float64 `json:"b"`
	// Ratio is B to A, with the bounds of its 95 % interval.
	Ratio   float64 `json:"ratio"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Verdict string  `json:"verdict"`
}

// metric is a figure worth comparing.
type metric struct {
	name   string
	higher bool // is better
	text   func(float64) string
	value  func(*Result) float64
}

func nsText(v float64) string { return TimeText(int64(v)) }
func usText(v float64) string { return short(v) + "us" }

// metrics are compared in this order; those that are zero on both sides are left
// out.
var metrics = []metric{
	{"rate", true, RateText, func(r *Result) float64 {
		if !r.Summary.Closed {
			return 0
		}
		return r.Summary.Rates.Answered
	}},
	{"p50", false, nsText, func(r *Result) float64 { return float64(r.Summary.Latency["response"].P50) }},
	{"p99", false, nsText, func(r *Result) float64 { return float64(r.Summary.Latency["response"].P99) }},
	{"last.p99", false, nsText, func(r *Result) float64 { return float64(r.Summary.Latency["last"].P99) }},
	{"connect.p99", false, nsText, func(r *Result) float64 {
		if r.Scenario != "connect" {
			return 0
		}
		return float64(r.Summary.Latency["connect"].P99)
	}},
	{"cpu_us_per_msg", false, usText, ofServer(func(s *Server) float64 { return s.CPUUsPerMsg })},
	{"cpu_us_per_open", false, usText, ofServer(func(s *Server) float64 { return s.CPUUsPerOpen })},
	{"cpu_us_per_close", false, usText, ofServer(func(s *Server) float64 { return s.CPUUsPerClose })},
	{"cpu_us_per_conn_s", false, usText, func(r *Result) float64 {
		if r.Server == nil || r.Scenario != "idle" {
			return 0
		}
		return r.Server.CPUUsPerConnS
	}},
	{"rss_per_conn", false, SizeText, ofServer(func(s *Server) float64 { return s.RSSPerConn })},
	{"rss_peak", false, SizeText, ofServer(func(s *Server) float64 { return float64(s.RSSPeak) })},
	{"loss", false, CountText, func(r *Result) float64 { return float64(r.Summary.Loss) }},
}

func ofServer(of func(*Server) float64) func(*Result) float64 {
	return func(r *Result) float64 {
		if r.Server == nil {
			return 0
		}
		return of(r.Server)
	}
}

// The verdicts of a Row.
const (
	Better = "better"
	Worse  = "worse"
	Same   = "no difference"
	Unsure = "too few rounds"
)

// ErrUnlike is a comparison of runs that were not alike.
var ErrUnlike = errors.New("report: the runs are not alike")

// Compare compares two sets of results, run by run in the order of their rounds.
// Runs that the generator limited are left out unless they are accepted.
func Compare(a, b []*Result, acceptInvalid bool) (*Comparison, error) {
	if len(a) == 0 || len(a) != len(b) {
		return nil, fmt.Errorf("%w: %d results on one side, %d on the other", ErrUnlike, len(a), len(b))
	}
	c := &Comparison{Schema: ComparisonSchema, A: nameOf(a[0], "A"), B: nameOf(b[0], "B"), Env: a[0].Env, Rows: []Row{}, Left: []string{}}
	var titles []string
	pairs := map[string][][2]*Result{}
	for i := range a {
		if err := alike(a[i], b[i]); err != nil {
			return nil, err
		}
		if t := a[i].Title; !slices.Contains(titles, t) {
			titles = append(titles, t)
		}
		for _, r := range []*Result{a[i], b[i]} {
			if !r.Valid.OK && !acceptInvalid {
				c.Left = append(c.Left, fmt.Sprintf("%s of %s: %s", r.Title, nameOf(r, "?"), r.Valid.Reasons[0]))
			}
		}
		if acceptInvalid || a[i].Valid.OK && b[i].Valid.OK {
			pairs[a[i].Title] = append(pairs[a[i].Title], [2]*Result{a[i], b[i]})
		}
	}
	for _, t := range titles {
		if len(pairs[t]) == 0 {
			continue
		}
		c.Rounds = max(c.Rounds, len(pairs[t]))
		c.Pairs = append(c.Pairs, pairs[t][0])
		for _, m := range metrics {
			if row, ok := compareOne(t, m, pairs[t]); ok {
				c.Rows = append(c.Rows, row)
			}
		}
	}
	return c, nil
}

func nameOf(r *Result, other string) string {
	switch {
	case r.Target.Name != "":
		return r.Target.Name
	case r.Target.Cmd != "":
		return r.Target.Cmd
	}
	return other
}

// alike refuses runs that differ in more than their server.
func alike(a, b *Result) error {
	switch {
	case a.Title != b.Title || a.Scenario != b.Scenario:
		return fmt.Errorf("%w: %s beside %s", ErrUnlike, a.Title, b.Title)
	case !sameParams(a.Params, b.Params):
		return fmt.Errorf("%w: %s has other parameters on the two sides", ErrUnlike, a.Title)
	case a.Env.Kernel != b.Env.Kernel:
		return fmt.Errorf("%w: Linux %s and %s", ErrUnlike, a.Env.Kernel, b.Env.Kernel)
	case a.Env.Generator != b.Env.Generator:
		return fmt.Errorf("%w: generators %s and %s", ErrUnlike, a.Env.Generator, b.Env.Generator)
	}
	return nil
}

// sameParams compares what was asked for, apart from where the server is.
func sameParams(a, b json.RawMessage) bool {
	var m [2]map[string]any
	for i, raw := range []json.RawMessage{a, b} {
		if json.Unmarshal(raw, &m[i]) != nil {
			return false
		}
		for _, k := range []string{"url", "server-cmd", "server-pid", "label", "slo", "name"} {
			delete(m[i], k)
		}
	}
	x, _ := json.Marshal(m[0])
	y, _ := json.Marshal(m[1])
	return string(x) == string(y)
}

// compareOne compares a figure over all rounds.
func compareOne(title string, m metric, pairs [][2]*Result) (Row, bool) {
	a, b := make([]float64, len(pairs)), make([]float64, len(pairs))
	any := false
	for i, p := range pairs {
		a[i], b[i] = m.value(p[0]), m.value(p[1])
		any = any || a[i] != 0 || b[i] != 0
	}
	row := Row{Title: title, Metric: m.name, A: Median(a), B: Median(b)}
	if !any {
		return row, false
	}
	row.Ratio = ratio(row.B, row.A)
	row.Low, row.High = Bootstrap(a, b)
	row.Verdict = Same
	switch {
	case len(pairs) < 3:
		// Two rounds cannot tell a difference from chance.
		row.Verdict = Unsure
	case row.High < 1:
		row.Verdict = Better
		if m.higher {
			row.Verdict = Worse
		}
	case row.Low > 1:
		row.Verdict = Worse
		if m.higher {
			row.Verdict = Better
		}
	}
	return row, true
}

func ratio(b, a float64) float64 {
	switch {
	case a != 0:
		return b / a
	case b == 0:
		return 1
	}
	return math.MaxFloat64
}

// Median is the middle of the values, 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Clone(values)
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// resamples is how many times the rounds are drawn anew.
const resamples = 4000

// Bootstrap is the 95 % interval of the ratio of the medians, b to a, found by
// drawing rounds with replacement. The two values of a round stay together. The
// draw is the same for the same input.
func Bootstrap(a, b []float64) (low, high float64) {
	n := len(a)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	ratios := make([]float64, resamples)
	x, y := make([]float64, n), make([]float64, n)
	for i := range ratios {
		for k := range n {
			j := rng.IntN(n)
			x[k], y[k] = a[j], b[j]
		}
		ratios[i] = ratio(Median(y), Median(x))
	}
	slices.Sort(ratios)
	return ratios[resamples*25/1000], ratios[resamples*975/1000-1]
}

// Regressed is the first row in which B is worse than A beyond a part, 0.05 for
// 5 %, with confidence.
func (c *Comparison) Regressed(beyond float64) (Row, bool) {
	for _, r := range c.Rows {
		if r.Verdict != Worse {
			continue
		}
		for _, m := range metrics {
			if m.name != r.Metric {
				continue
			}
			if !m.higher && r.Low > 1+beyond || m.higher && r.High < 1-beyond {
				return r, true
			}
		}
	}
	return Row{}, false
}

// Text writes the comparison for a terminal.
func (c *Comparison) Text(w io.Writer) error {
	fmt.Fprintf(w, "\nA  %s\nB  %s\n%d rounds, ratios are B to A with their 95 %% interval\n\n", c.A, c.B, c.Rounds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "run\tfigure\tA\tB\tratio\t95 %\tverdict for B")
	for _, r := range c.Rows {
		text := MetricText(r.Metric)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.3f\t%.3f .. %.3f\t%s\n", r.Title, r.Metric, text(r.A), text(r.B), r.Ratio, r.Low, r.High, r.Verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, l := range c.Left {
		fmt.Fprintf(w, "left out: %s\n", l)
	}
	return nil
}

// MetricText formats the values of a figure.
func MetricText(name string) func(float64) string {
	for _, m := range metrics {
		if m.name == name {
			return m.text
		}
	}
	return CountText
}

// Save writes the comparison as JSON.
func (c *Comparison) Save(path string) error {
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
