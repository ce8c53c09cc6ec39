// Stats: how webhooks do, for the metrics and the API.

package webhooks

import (
	"maps"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

// Stats are the counters of one webhook.
type Stats struct {
	Webhook    string
	Queued     int               // events that wait, those under way included
	OldestAge  time.Duration     // of those under way: how long their delivery is tried
	Held       int               // user.offline that wait for the user
	Deliveries map[string]uint64 // by result: "ok", "retry" for a try that failed, "dead_letter"
	Dropped    map[string]uint64 // events, by type
	Disabled   bool              // it answered 410
	LastError  string
	LastErrorT time.Time
}

// counters are those of an endpoint. number and batches are the endpoint's, under
// its lock.
type counters struct {
	number, batches uint64

	mu struct {
		sync.Mutex
		deliveries, dropped map[string]uint64
		untold              map[string]uint64 // dropped events that no webhook.dropped has told of, by reason
		last                string
		at                  time.Time
	}
}

func (c *counters) init() {
	c.mu.deliveries, c.mu.dropped = map[string]uint64{"ok": 0, "retry": 0, "dead_letter": 0}, map[string]uint64{}
	c.mu.untold = map[string]uint64{}
}

// Why events are not delivered, as webhook.dropped tells it.
const (
	whyQueue      = "queue"       // more waited than queue.max_events
	whyDisabled   = "disabled"    // the endpoint answered 410
	whyDeadLetter = "dead_letter" // it refused them, or did not take them in time
)

// drop counts events that are not delivered. Of those that tell of others no
// other tells: a webhook that is told of its own would never be done.
func (c *counters) drop(kind, why string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.dropped[kind] += n
	if kind != lifecycle.WebhookDropped {
		c.mu.untold[why] += n
	}
}

// takeUntold is what has been dropped since the last call, by reason.
func (c *counters) takeUntold() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mu.untold) == 0 {
		return nil
	}
	list := c.mu.untold
	c.mu.untold = map[string]uint64{}
	return list
}

func (c *counters) deliver(result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.deliveries[result]++
}

// failed notes a try that failed.
func (c *counters) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.deliveries["retry"]++
	c.mu.last, c.mu.at = err.Error(), time.Now()
}

// Stats are the counters of all webhooks, in the order of the configuration.
func (s *Sender) Stats() []Stats {
	var list []Stats
	for _, p := range *s.list.Load() {
		list = append(list, p.status())
	}
	return list
}

// status is what the API tells of a webhook.
type status struct {
	Webhook     string            `json:"webhook"`
	Queued      int               `json:"queued"`
	OldestAgeMS int64             `json:"oldest_age_ms"`
	Held        int               `json:"held"`
	Deliveries  map[string]uint64 `json:"deliveries"`
	Dropped     map[string]uint64 `json:"dropped"`
	Disabled    bool              `json:"disabled"`
	LastError   string            `json:"last_error,omitempty"`
	LastErrorAt *time.Time        `json:"last_error_at,omitempty"`
}

// Status is Stats in the form of the API: {"items": [...]}.
func (s *Sender) Status() any {
	list := []status{}
	for _, x := range s.Stats() {
		y := status{x.Webhook, x.Queued, x.OldestAge.Milliseconds(), x.Held, x.Deliveries, x.Dropped, x.Disabled, x.LastError, nil}
		if x.LastError != "" {
			at := x.LastErrorT.UTC()
			y.LastErrorAt = &at
		}
		list = append(list, y)
	}
	return map[string]any{"items": list}
}

func (p *endpoint) status() Stats {
	s := Stats{Webhook: p.name}
	p.mu.Lock()
	s.Queued, s.Held, s.Disabled = p.mu.queue.len()+p.mu.heard.len(), len(p.mu.held), p.mu.disabled
	for b := range p.mu.flights {
		s.Queued += len(b.items)
		s.OldestAge = max(s.OldestAge, time.Since(b.began))
	}
	p.mu.Unlock()
	c := &p.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Deliveries, s.Dropped = maps.Clone(c.mu.deliveries), maps.Clone(c.mu.dropped)
	s.LastError, s.LastErrorT = c.mu.last, c.mu.at
	return s
}
