// What the control plane counts of itself.

package control

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are metrics.
type counts struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	emits    *prometheus.CounterVec
}

func newCounts() *counts {
	return &counts{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sioserver_api_requests_total", Help: "Requests of the API.",
		}, []string{"endpoint", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sioserver_api_duration_seconds", Help: "Time from a request of the API to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"endpoint"}),
		emits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sioserver_emits_total", Help: "Events that backends have emitted.",
		}, []string{"namespace", "source"}),
	}
}

// request counts a request that was answered.
func (c *counts) request(endpoint string, status int, took time.Duration) {
	c.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
	c.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}

// Collectors are the metrics of the control plane.
func (c *Control) Collectors() []prometheus.Collector {
	list := []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sioserver_bans", Help: "Users that are kept out by the API.",
		}, func() float64 { return float64(c.bans.size()) }),
		c.counts.requests, c.counts.duration, c.counts.emits,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "sioserver_tail_events_dropped_total", Help: "Events that live tails have missed because they were slow.",
		}, func() float64 { return float64(c.tails.dropped.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "sioserver_emit_ids_forgotten_total", Help: "Ids of emits that were forgotten before their five minutes, because there were too many.",
		}, func() float64 { return float64(c.recent.early()) }),
	}
	if r := c.opts.Revoked; r != nil {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sioserver_revocations", Help: "Tokens, and users with theirs, that are revoked.",
		}, func() float64 {
			n, _ := r.Stats()
			return float64(n)
		}), prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "sioserver_revoked_tokens_total", Help: "Times that a revoked token was refused.",
		}, func() float64 {
			_, hits := r.Stats()
			return float64(hits)
		}))
	}
	return list
}
