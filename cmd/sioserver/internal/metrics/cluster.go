// The metrics of what joins the nodes of a cluster.

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ClusterStats are what an adapter has counted since it was made.
type ClusterStats struct {
	Messages           map[string]uint64 // to and from other nodes, by what became of them
	QueuedBytes        int               // now
	Gaps               uint64
	SubscriptionBreaks uint64
	SubscriptionDown   time.Duration
}

// What is told of it.
var (
	clusterMessages = desc("cluster_messages_total", "Messages to and from other nodes, by what became of them.", "result")
	clusterQueue    = desc("cluster_queue_bytes", "Bytes that wait for Redis.")
	clusterGaps     = desc("cluster_stream_gaps_total", "Times that a stream was cut or lost where it was to be read.")
	clusterBreaks   = desc("cluster_subscription_breaks_total", "Connections with subscriptions that were lost.")
	clusterDown     = desc("cluster_subscription_down_seconds_total", "Time without all subscriptions, after they were lost.")
)

// Cluster are the metrics of an adapter.
func Cluster(stats func() ClusterStats) prometheus.Collector { return clusterCollector{stats} }

type clusterCollector struct{ stats func() ClusterStats }

// Describe implements [prometheus.Collector].
func (clusterCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{clusterMessages, clusterQueue, clusterGaps, clusterBreaks, clusterDown} {
		c <- d
	}
}

// Collect implements [prometheus.Collector].
func (c clusterCollector) Collect(out chan<- prometheus.Metric) {
	t, s := telling(out), c.stats()
	for result, n := range s.Messages {
		t.count(clusterMessages, n, result)
	}
	t.gauge(clusterQueue, float64(s.QueuedBytes))
	t.count(clusterGaps, s.Gaps)
	t.count(clusterBreaks, s.SubscriptionBreaks)
	t <- prometheus.MustNewConstMetric(clusterDown, prometheus.CounterValue, s.SubscriptionDown.Seconds())
}
