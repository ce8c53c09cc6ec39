// The metrics of hooks.

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
)

// What is told of hooks.
var (
	hookRequests = desc("hook_requests_total", "Requests of a hook, by what came of them.", "hook", "result")
	hookDuration = desc("hook_duration_seconds", "Time from the question to the answer of a hook, waits included.", "hook")
	hookInflight = desc("hook_inflight", "Requests of a hook that are under way.", "hook")
	hookPending  = desc("hook_pending", "Requests of a hook that wait for others to end.", "hook")
	hookBreaker  = desc("hook_breaker_open", "1 while a backend of the hook is not asked because it has failed too often.", "hook")
)

// Hooks are the metrics of hooks.
func Hooks(stats func() []hooks.Stats) prometheus.Collector { return hookCollector{stats} }

type hookCollector struct{ stats func() []hooks.Stats }

// Describe implements [prometheus.Collector].
func (hookCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{hookRequests, hookDuration, hookInflight, hookPending, hookBreaker} {
		c <- d
	}
}

// Collect implements [prometheus.Collector].
func (c hookCollector) Collect(out chan<- prometheus.Metric) {
	t := telling(out)
	for _, s := range c.stats() {
		for result, n := range s.Requests {
			t.count(hookRequests, n, s.Hook, result)
		}
		total, below := uint64(0), map[float64]uint64{}
		for i, n := range s.Durations {
			if total += n; i < len(hooks.Bounds) {
				below[hooks.Bounds[i]] = total
			}
		}
		out <- prometheus.MustNewConstHistogram(hookDuration, total, s.Seconds, below, s.Hook)
		t.gauge(hookInflight, float64(s.InFlight), s.Hook)
		t.gauge(hookPending, float64(s.Pending), s.Hook)
		t.gauge(hookBreaker, flag(s.BreakerOpen), s.Hook)
	}
}
