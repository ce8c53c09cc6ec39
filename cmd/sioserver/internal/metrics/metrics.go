// Metrics: the part of a node that tells Prometheus what it counts.

// Package metrics is what GET /metrics tells. Counters live where things are
// counted, those of the hot path in the event loops without atomics; one collector
// asks for them when somebody looks, and what would take too long then is looked at
// in the background. docs/metrics.md is its manual.
package metrics

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/gate"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// Options are what is told of besides the server.
type Options struct {
	Version, Commit string
	Gate            *gate.Gate
	Drain           func() control.DrainStatus
}

// Metrics tells Prometheus. It is a [node.Part].
type Metrics struct {
	opts     Options
	node     *node.Node
	registry *prometheus.Registry
	sample   sampler

	disconnects *prometheus.CounterVec
	durations   *prometheus.HistogramVec
}

// scrapes is how many requests for metrics are served at once.
const scrapes = 4

// scrapeTime is how long the event loops may take to tell their counters.
const scrapeTime = 5 * time.Second

// New makes metrics.
func New(o Options) *Metrics {
	m := &Metrics{opts: o, registry: prometheus.NewRegistry()}
	m.disconnects = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sioserver_socket_disconnects_total", Help: "Sockets that have disconnected.",
	}, []string{"namespace", "reason"})
	m.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "sioserver_connection_duration_seconds", Help: "How long sockets were connected.",
		Buckets: []float64{1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600},
	}, []string{"transport"})
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sioserver_build_info", Help: "The build, in labels; always 1.",
			ConstLabels: prometheus.Labels{"version": o.Version, "commit": o.Commit, "go": runtime.Version()},
		}, func() float64 { return 1 }),
		m.disconnects, m.durations, collector{m},
	)
	return m
}

// Register adds metrics of other parts. It panics if there are such already.
func (m *Metrics) Register(list ...prometheus.Collector) { m.registry.MustRegister(list...) }

// Handler is GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, EnableOpenMetrics: true})
}

// Start implements [node.Part].
func (m *Metrics) Start(ctx context.Context, n *node.Node) error {
	m.node = n
	for _, name := range n.Config().NamespaceNames() {
		m.watch(n.Server.Of(name))
	}
	go m.sample.run(ctx, m)
	return nil
}

// Prepare implements [node.Part].
func (m *Metrics) Prepare(*config.Config) (func(), error) { return nil, nil }

// Stop implements [node.Part].
func (m *Metrics) Stop(context.Context) error { return nil }

// watch counts the ends of the sockets of a namespace, on the event loops. Begins
// are counted by the server: a handler for them would cost memory for each
// client as long as it is there.
func (m *Metrics) watch(n *loop.Namespace) {
	n.OnDisconnect(func(s *loop.Socket, reason loop.DisconnectReason, _ error) {
		m.disconnects.WithLabelValues(n.Name(), string(reason)).Inc()
		if st := session.Of(s); st != nil && !st.Since.IsZero() {
			m.durations.WithLabelValues(s.Transport()).Observe(time.Since(st.Since).Seconds())
		}
	}, loop.Inline())
}
