// The metrics of webhooks.

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/webhooks"
)

// What is told of webhooks.
var (
	webhookQueue      = desc("webhook_queue_events", "Events that wait for a webhook.", "webhook")
	webhookAge        = desc("webhook_oldest_age_seconds", "For how long the oldest delivery is tried.", "webhook")
	webhookDeliveries = desc("webhook_deliveries_total", "Deliveries to a webhook, by what came of them.", "webhook", "result")
	webhookDropped    = desc("webhook_events_dropped_total", "Events that a webhook was not told.", "webhook", "type")
)

var webhookDisabled = desc("webhook_disabled", "1 while nothing is sent to the webhook because it has answered 410.", "webhook")

// Webhooks are the metrics of webhooks.
func Webhooks(stats func() []webhooks.Stats) prometheus.Collector { return webhookCollector{stats} }

type webhookCollector struct{ stats func() []webhooks.Stats }

// Describe implements [prometheus.Collector].
func (webhookCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{webhookQueue, webhookAge, webhookDeliveries, webhookDropped, webhookDisabled} {
		c <- d
	}
}

// Collect implements [prometheus.Collector].
func (c webhookCollector) Collect(out chan<- prometheus.Metric) {
	t := telling(out)
	for _, s := range c.stats() {
		t.gauge(webhookQueue, float64(s.Queued), s.Webhook)
		t.gauge(webhookDisabled, flag(s.Disabled), s.Webhook)
		t.gauge(webhookAge, s.OldestAge.Seconds(), s.Webhook)
		for result, n := range s.Deliveries {
			t.count(webhookDeliveries, n, s.Webhook, result)
		}
		for kind, n := range s.Dropped {
			t.count(webhookDropped, n, s.Webhook, kind)
		}
	}
}
