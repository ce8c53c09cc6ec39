// The figures of the table, and which of them a run is about.

package peers

import (
	"fmt"
	"slices"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// figure is a column.
type figure struct {
	name, heading string
	text          func(float64) string
	value         func(r *report.Result) float64
}

func server(of func(v *report.Server) float64) func(*report.Result) float64 {
	return func(r *report.Result) float64 {
		if r.Server == nil {
			return 0
		}
		return of(r.Server)
	}
}

func latency(name string, of func(l report.Latency) int64) func(*report.Result) float64 {
	return func(r *report.Result) float64 { return float64(of(r.Summary.Latency[name])) }
}

func p50(l report.Latency) int64 { return l.P50 }
func p99(l report.Latency) int64 { return l.P99 }

func micros(v float64) string  { return fmt.Sprintf("%.2f us", v) }
func percent(v float64) string { return fmt.Sprintf("%.0f %%", v) }
func octets(v float64) string  { return fmt.Sprintf("%.0f B", v) }
func two(v float64) string     { return fmt.Sprintf("%.2f", v) }
func whole(v float64) string   { return fmt.Sprintf("%.0f", v) }
func nanos(v float64) string   { return report.TimeText(int64(v)) }

// figures are all columns that there are.
var figures = []figure{
	{"rss_per_conn", "RSS per session", octets, server(func(v *report.Server) float64 { return v.RSSPerConn })},
	{"kernel_per_conn", "kernel per session", octets, server(func(v *report.Server) float64 { return v.KernelConn })},
	{"cpu_us_per_conn_s", "CPU per session-second", micros, server(func(v *report.Server) float64 { return v.CPUUsPerConnS })},
	{"cpu_us_per_open", "CPU per opening", micros, server(func(v *report.Server) float64 { return v.CPUUsPerOpen })},
	{"cpu_us_per_close", "CPU per closing", micros, server(func(v *report.Server) float64 { return v.CPUUsPerClose })},
	{"connect_p99", "opening p99", nanos, latency("connect", p99)},
	{"rate", "answers/s", whole, func(r *report.Result) float64 { return r.Summary.Rates.Answered }},
	{"cpu_us_per_msg", "CPU per answer", micros, server(func(v *report.Server) float64 { return v.CPUUsPerMsg })},
	{"p50", "p50", nanos, latency("response", p50)},
	{"p99", "p99", nanos, latency("response", p99)},
	{"last_p99", "last receiver p99", nanos, latency("last", p99)},
	{"cpu_percent", "CPU", percent, server(func(v *report.Server) float64 { return v.CPUPercent })},
	{"switches_per_msg", "switches per answer", two, server(func(v *report.Server) float64 { return v.SwitchesPerMsg })},
	{"generator_percent", "generator's CPU", percent, func(r *report.Result) float64 { return r.Generator.WorkerMax }},
	{"loss", "lost", whole, func(r *report.Result) float64 { return float64(r.Summary.Loss) }},
	{"reordered", "reordered", whole, func(r *report.Result) float64 { return float64(r.Summary.Reordered) }},
}

// columns are the figures that a run shows, its headline first.
func columns(s *coord.Spec) []string {
	switch s.Scenario {
	case "idle":
		return []string{"rss_per_conn", "kernel_per_conn", "cpu_us_per_conn_s", "cpu_us_per_open", "connect_p99"}
	case "connect":
		return []string{"cpu_us_per_open", "cpu_us_per_close", "connect_p99", "rss_per_conn", "kernel_per_conn"}
	case "broadcast":
		return []string{"cpu_us_per_msg", "p50", "p99", "last_p99", "cpu_percent", "loss", "reordered"}
	}
	if s.Closed {
		return []string{"rate", "cpu_us_per_msg", "p50", "cpu_percent", "generator_percent", "loss", "reordered"}
	}
	return []string{"cpu_us_per_msg", "p50", "p99", "cpu_percent", "switches_per_msg", "loss", "reordered"}
}

// figureOf is a figure by its name.
func figureOf(name string) *figure {
	i := slices.IndexFunc(figures, func(f figure) bool { return f.name == name })
	return &figures[i]
}
