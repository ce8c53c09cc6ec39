// The pump: from what was heard to what waits, by the disk if there is one.

package webhooks

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

const (
	// syncEvery is how often the directory is brought to the disk. What was written
	// before outlives the process; what was synced outlives the machine.
	syncEvery = time.Second
	// adoptEvery is how often is looked for what other processes have left.
	adoptEvery = 30 * time.Second
)

// pump takes what was heard until the endpoint stops.
func (p *endpoint) pump() {
	adopt := time.Now()
	for {
		if p.spool != nil && !time.Now().Before(adopt) {
			p.adopt()
			adopt = time.Now().Add(adoptEvery)
		}
		p.mu.Lock()
		late, next := p.overdue(time.Now(), p.mu.stopping)
		list := append(p.mu.heard.take(), late...)
		news, stopping := p.mu.news, p.mu.stopping
		p.mu.Unlock()
		p.store(list)
		if stopping && len(list) == 0 {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.mu.pumped = true
			p.tell()
			return
		}
		wait := time.Hour
		if p.spool != nil {
			wait = p.spool.settle()
		}
		if len(list) > 0 {
			continue
		}
		if p.spool != nil {
			wait = min(wait, time.Until(adopt))
		}
		if !next.IsZero() {
			wait = min(wait, time.Until(next))
		}
		if !p.pause(news, wait) {
			return
		}
	}
}

// pause waits for news, or for a time. It reports false if the endpoint ends.
func (p *endpoint) pause(news <-chan struct{}, wait time.Duration) bool {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-p.done:
		return false
	}
	return true
}

// store encodes events, writes them to the directory, and queues them.
func (p *endpoint) store(list []*lifecycle.Event) {
	if len(list) == 0 {
		return
	}
	boot := p.sender.node.Boot
	items := make([]item, 0, len(list))
	for _, e := range list {
		c := *e
		c.ID = "evt_" + boot + "." + strconv.FormatUint(e.Seq, 10)
		text, err := json.Marshal(&c)
		if err != nil {
			p.sender.log().Error("an event for a webhook cannot be encoded", "webhook", p.name, "type", e.Type, "error", err)
			continue
		}
		items = append(items, item{kind: e.Type, boot: boot, text: text})
	}
	p.enqueue(items)
}

// enqueue numbers items, writes and queues them.
func (p *endpoint) enqueue(items []item) {
	if p.spool != nil {
		if lost, err := p.spool.append(items); err != nil {
			p.sender.log().Error("a webhook's directory cannot be written: events are kept in memory", "webhook", p.name, "error", err)
		} else if lost > 0 {
			p.sender.log().Warn("a webhook's directory is full (queue.max_spool): events are kept in memory", "webhook", p.name, "events", lost)
		}
	}
	most := p.settings.Load().Queue.MaxEvents
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range items {
		if p.spool == nil {
			p.stats.number++
			x.number = p.stats.number
		}
		p.mu.stored = x.number
		if lost := p.mu.queue.push(x, most); lost != nil {
			p.lose(lost.kind, 1)
		}
	}
	p.settled()
	p.tell()
}

// settled tells the directory what it need not keep any more. mu is held.
func (p *endpoint) settled() {
	if p.spool == nil {
		return
	}
	low := p.mu.stored + 1
	if n, ok := p.mu.queue.oldest(); ok {
		low = min(low, n)
	}
	for b := range p.mu.flights {
		low = min(low, b.low)
	}
	p.spool.forget(low)
}

// adopt takes over what processes that are gone have left.
func (p *endpoint) adopt() {
	err := p.spool.adopt(func(items []item) { p.enqueue(items) })
	if err != nil {
		p.sender.log().Warn("what another process has left for a webhook cannot be read", "webhook", p.name, "error", err)
	}
}
