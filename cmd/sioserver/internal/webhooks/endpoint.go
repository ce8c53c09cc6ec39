// endpoint: one webhook, what it wants to hear, and what waits for it.

package webhooks

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

// settings are what a configuration says about a webhook.
type settings struct {
	config.Webhook
	keys      signing.Keys
	drainOver time.Duration
}

func compile(c *config.Config, w *config.Webhook) (*settings, error) {
	if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("url %q is no address such as https://app.example/events", w.URL)
	}
	s := &settings{Webhook: *w, drainOver: time.Duration(c.Drain.Over)}
	var err error
	s.keys, err = signing.Parse("secret", w.Secret)
	return s, err
}

// endpoint is one webhook.
type endpoint struct {
	name     string
	sender   *Sender
	settings atomic.Pointer[settings]
	spool    *spool        // nil without a directory
	done     chan struct{} // closed when everything is to end at once
	wg       sync.WaitGroup
	stats    counters

	mu struct {
		sync.Mutex
		heard    heard // not yet looked at by the pump
		queue    queue
		stored   uint64 // number of the last item that was queued
		pumped   bool   // the pump has ended
		held     map[string]*held
		order    []*held // of their deadlines, also those that were taken back
		draining bool
		stopping bool
		disabled bool
		flights  map[*batch]bool
		news     chan struct{} // closed at the next change
		kicks    chan struct{} // closed to end waits between tries
	}
}

// held is a user.offline that waits for the user to come back.
type held struct {
	event    *lifecycle.Event // nil once it was taken back
	deadline time.Time
}

// open makes an endpoint, with what is in its directory.
func (s *Sender) open(w *settings) (*endpoint, error) {
	p := &endpoint{name: w.Name, sender: s, done: make(chan struct{})}
	p.settings.Store(w)
	p.stats.init()
	p.mu.held, p.mu.flights = map[string]*held{}, map[*batch]bool{}
	p.mu.news, p.mu.kicks = make(chan struct{}), make(chan struct{})
	if w.Queue.SpoolDir != "" {
		var err error
		if p.spool, err = openSpool(w.Queue.SpoolDir, w.Name, s.node.Boot, int64(w.Queue.MaxSpool)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// abandon gives up an endpoint that was not started.
func (p *endpoint) abandon() {
	if p.spool != nil {
		p.spool.close()
	}
}

// start starts the goroutines: the pump takes what was heard, the dispatcher
// makes batches.
func (p *endpoint) start() {
	p.wg.Go(p.pump)
	p.wg.Go(p.dispatch)
}

// reconfigure takes new settings.
func (p *endpoint) reconfigure(w *settings) {
	p.settings.Store(w)
	if p.spool != nil {
		p.spool.most.Store(int64(w.Queue.MaxSpool))
	}
	p.mu.Lock()
	last := time.Now().Add(p.grace(w))
	for _, h := range p.mu.order {
		if h.deadline.After(last) {
			h.deadline = last
		}
	}
	p.mu.Unlock()
	p.kick()
}

// kick ends all waits, and what 410 has caused.
func (p *endpoint) kick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.disabled = false
	close(p.mu.kicks)
	p.mu.kicks = make(chan struct{})
	p.tell()
}

// tell wakes the goroutines. mu is held.
func (p *endpoint) tell() {
	close(p.mu.news)
	p.mu.news = make(chan struct{})
}

// wants reports whether an endpoint is told of an event.
func (w *settings) wants(e *lifecycle.Event) bool {
	switch {
	case e.Type == lifecycle.EventReceived:
		return e.Webhook == w.Name
	case !glob.Any(w.Events, e.Type):
		return false
	case e.Room != "" && len(w.Rooms) > 0:
		return glob.Any(w.Rooms, e.Room)
	}
	return true
}

// hear takes an event. It does not block.
func (p *endpoint) hear(e *lifecycle.Event) {
	w := p.settings.Load()
	wanted := w.wants(e)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Type {
	case lifecycle.NodeDraining:
		p.mu.draining = true
	case lifecycle.UserOnline:
		if h := p.mu.held[e.User]; h != nil {
			// Back in time: nobody has to know.
			h.event = nil
			delete(p.mu.held, e.User)
			return
		}
	case lifecycle.UserOffline:
		if grace := p.grace(w); wanted && grace > 0 && len(p.mu.order) < w.Queue.MaxEvents && !p.mu.stopping {
			c := *e
			h := &held{&c, time.Now().Add(grace)}
			p.mu.held[e.User] = h
			p.mu.order = append(p.mu.order, h)
			c.AfterMS = grace.Milliseconds()
			p.tell()
			return
		}
	}
	if !wanted {
		return
	}
	if p.mu.disabled {
		p.stats.drop(e.Type, whyDisabled, 1)
		return
	}
	p.push(w, e)
}

// grace is how long a user.offline waits. mu is held.
func (p *endpoint) grace(w *settings) time.Duration {
	if p.mu.draining {
		// Clients come back to other servers meanwhile.
		return w.drainOver + time.Duration(w.LeaveGrace)
	}
	return time.Duration(w.LeaveGrace)
}

// push hands an event to the pump. If too many wait, the oldest of the less
// important ones is given up. mu is held.
func (p *endpoint) push(w *settings, e *lifecycle.Event) {
	p.mu.heard.push(e)
	if q := &p.mu.queue; p.mu.heard.len()+q.len() > w.Queue.MaxEvents {
		switch {
		case len(q.plain) > 0:
			p.lose(q.lose(&q.plain), 1)
		case len(p.mu.heard.plain) > 0:
			p.lose(p.mu.heard.lose(&p.mu.heard.plain), 1)
		case len(q.lives) > 0:
			p.lose(q.lose(&q.lives), 1)
		default:
			p.lose(p.mu.heard.lose(&p.mu.heard.lives), 1)
		}
	}
	p.tell()
}

// lose counts events that were given up. mu is held.
func (p *endpoint) lose(kind string, n uint64) {
	p.mu.queue.dropped += n
	p.stats.drop(kind, whyQueue, n)
}

// overdue are the held events whose time is over, all of them if all is true,
// and when the next one's is. mu is held.
func (p *endpoint) overdue(now time.Time, all bool) (list []*lifecycle.Event, next time.Time) {
	for len(p.mu.order) > 0 {
		h := p.mu.order[0]
		if h.event != nil && !all && now.Before(h.deadline) {
			return list, h.deadline
		}
		if p.mu.order = p.mu.order[1:]; h.event != nil {
			delete(p.mu.held, h.event.User)
			list = append(list, h.event)
		}
	}
	p.mu.order = nil
	return list, time.Time{}
}

// stop sends what waits, until ctx ends, and ends the goroutines.
func (p *endpoint) stop(ctx context.Context) error {
	p.mu.Lock()
	p.mu.stopping = true
	close(p.mu.kicks) // waits are over, and short from now on
	p.mu.kicks = make(chan struct{})
	p.tell()
	p.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		p.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		close(p.done)
		<-ended
	}
	p.mu.Lock()
	left := p.mu.queue.len()
	p.mu.Unlock()
	if p.spool != nil {
		p.spool.close()
		return nil
	}
	if left > 0 {
		return fmt.Errorf("webhook %s: %d events could not be delivered and are lost: set queue.spool_dir to keep them", p.name, left)
	}
	return nil
}
