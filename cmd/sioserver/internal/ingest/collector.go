// What the doors count.

package ingest

import "github.com/prometheus/client_golang/prometheus"

var (
	messages = prometheus.NewDesc("sioserver_ingest_messages_total", "Messages of other doors for publishers.", []string{"source", "result"}, nil)
	hears    = prometheus.NewDesc("sioserver_ingest_connected", "1 while the door is subscribed.", []string{"source"}, nil)
)

// Describe implements [prometheus.Collector].
func (i *Ingest) Describe(c chan<- *prometheus.Desc) {
	c <- messages
	c <- hears
}

// Collect implements [prometheus.Collector].
func (i *Ingest) Collect(c chan<- prometheus.Metric) {
	type sum struct{ accepted, ignored, faults, doors, connected uint64 }
	sums := map[string]*sum{}
	for _, d := range i.doors {
		s := sums[d.source]
		if s == nil {
			s = &sum{}
			sums[d.source] = s
		}
		s.accepted += d.accepted.Load()
		s.ignored += d.ignored.Load()
		s.faults += d.faults.Load()
		s.doors++
		if d.connected.Load() {
			s.connected++
		}
	}
	for source, s := range sums {
		for result, n := range map[string]uint64{"ok": s.accepted, "ignored": s.ignored, "error": s.faults} {
			c <- prometheus.MustNewConstMetric(messages, prometheus.CounterValue, float64(n), source, result)
		}
		up := 0.0
		if s.connected == s.doors {
			up = 1
		}
		c <- prometheus.MustNewConstMetric(hears, prometheus.GaugeValue, up, source)
	}
}
