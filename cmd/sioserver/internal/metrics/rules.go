// The metrics of rules.

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/rules"
)

// What is told of rules.
var (
	ruleEvents  = desc("rule_events_total", "Events of clients that a rule has decided about.", "namespace", "rule")
	ruleRefused = desc("rule_refusals_total", "Events of clients that a rule has refused.", "namespace", "rule")
	ruleNone    = desc("rule_none_total", "Events of clients that no rule fits.")
	eventNames  = desc("events_by_name_total", "Events of clients by name, for the names in metrics.event_labels.", "event")
	ruleLimits  = desc("rule_limit_rejections_total", "Events of clients beyond a limit, by limit.", "limit")
)

// Rules are the metrics of the rules about events.
func Rules(stats func() rules.Stats) prometheus.Collector { return ruleCollector{stats} }

type ruleCollector struct{ stats func() rules.Stats }

// Describe implements [prometheus.Collector].
func (ruleCollector) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{ruleEvents, ruleRefused, ruleNone, ruleLimits, eventNames} {
		c <- d
	}
}

// Collect implements [prometheus.Collector].
func (c ruleCollector) Collect(out chan<- prometheus.Metric) {
	t, s := telling(out), c.stats()
	seen := map[[2]string]bool{}
	for _, r := range s.Rules {
		if k := [2]string{r.Namespace, r.Rule}; !seen[k] {
			seen[k] = true
			t.count(ruleEvents, r.Events, r.Namespace, r.Rule)
			t.count(ruleRefused, r.Refused, r.Namespace, r.Rule)
		}
	}
	t.count(ruleNone, s.None)
	for name, n := range s.Named {
		t.count(eventNames, n, name)
	}
	for limit, n := range s.Limits {
		t.count(ruleLimits, n, limit)
	}
}
