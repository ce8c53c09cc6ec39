// Sender: the part of a node that tells webhooks what happens.

// Package webhooks tells endpoints of backends what happens: in batches, signed,
// at least once, tried again until they take it. What waits is bounded, and with
// a directory for it outlives the process. Events are numbered, so that a
// receiver can put them in order: see docs/backends.md.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// heartbeatEvery is how often node.heartbeat is sent. Receivers take a process
// that misses three for dead.
const heartbeatEvery = 10 * time.Second

// Counts are the numbers that a heartbeat tells.
type Counts struct {
	Sockets, Users int
	Draining       bool
}

// Sender is a [node.Part]. Its other methods may be called from any goroutine.
type Sender struct {
	agent     string
	counts    func(*node.Node) Counts
	heartbeat time.Duration
	node      *node.Node
	client    *http.Client
	end       context.CancelFunc
	wg        sync.WaitGroup
	list      atomic.Pointer[[]*endpoint]
	prepared  []*endpoint // of a configuration that may come to use
}

// New returns a sender for a version of the command, which its requests name.
// counts is asked at every heartbeat.
func New(version string, counts func(*node.Node) Counts) *Sender {
	s := &Sender{agent: "sioserver/" + version, counts: counts, heartbeat: heartbeatEvery}
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.list.Store(new([]*endpoint))
	return s
}

// Start implements [node.Part].
func (s *Sender) Start(ctx context.Context, n *node.Node) error {
	s.node = n
	apply, err := s.Prepare(n.Config())
	if err != nil {
		return err
	}
	apply()
	remove := n.Bus.Subscribe(s.heard)
	ctx, cancel := context.WithCancel(ctx)
	s.end = func() {
		cancel()
		s.wg.Wait() // no heartbeat comes behind node.stopped
		s.tellDropped()
		n.Bus.Publish(&lifecycle.Event{Type: lifecycle.NodeStopped})
		remove()
	}
	n.Bus.Publish(&lifecycle.Event{Type: lifecycle.NodeStarted})
	s.wg.Go(func() { s.beat(ctx) })
	return nil
}

// tellDropped tells what endpoints were not told since the last time.
func (s *Sender) tellDropped() {
	for _, p := range *s.list.Load() {
		list := p.stats.takeUntold()
		for _, why := range slices.Sorted(maps.Keys(list)) {
			s.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.WebhookDropped, Endpoint: p.name, Reason: why, Dropped: list[why]})
		}
	}
}

// beat sends heartbeats, and with them what endpoints were not told, until ctx
// ends.
func (s *Sender) beat(ctx context.Context) {
	for {
		select {
		case <-time.After(s.heartbeat):
		case <-ctx.Done():
			return
		}
		c := s.counts(s.node)
		s.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.NodeHeartbeat, Sockets: &c.Sockets, Users: &c.Users, Draining: &c.Draining})
		s.tellDropped()
	}
}

// heard is told of every event, perhaps on an event loop.
func (s *Sender) heard(e *lifecycle.Event) {
	for _, p := range *s.list.Load() {
		p.hear(e)
	}
}

// Prepare implements [node.Part]. An endpoint keeps its name, its queue and its
// directory; with a new configuration one that was disabled is tried again. The
// queue of one that is gone is delivered as far as it can be at once.
func (s *Sender) Prepare(c *config.Config) (apply func(), err error) {
	next := make([]*settings, len(c.Webhooks))
	for i := range c.Webhooks {
		if next[i], err = compile(c, &c.Webhooks[i]); err != nil {
			return nil, fmt.Errorf("webhooks[%d]: %w", i, err)
		}
		if slices.ContainsFunc(next[:i], func(x *settings) bool { return x.Name == next[i].Name }) {
			return nil, fmt.Errorf("webhooks[%d]: a second webhook %q: names are unique", i, next[i].Name)
		}
	}
	s.abandon() // of one that another part has refused
	old := *s.list.Load()
	kept, fresh := map[string]*endpoint{}, map[string]*endpoint{}
	for _, w := range next {
		i := slices.IndexFunc(old, func(p *endpoint) bool {
			return p.name == w.Name && p.settings.Load().Queue.SpoolDir == w.Queue.SpoolDir
		})
		if i >= 0 {
			kept[w.Name] = old[i]
			continue
		}
		p, err := s.open(w)
		if err != nil {
			s.abandon()
			return nil, fmt.Errorf("webhook %s: %w", w.Name, err)
		}
		fresh[w.Name] = p
		s.prepared = append(s.prepared, p)
	}
	return func() {
		s.prepared = nil
		s.replace(next, old, kept, fresh)
	}, nil
}

// abandon gives up endpoints that have not come to use, with their directories.
func (s *Sender) abandon() {
	for _, p := range s.prepared {
		p.abandon()
	}
	s.prepared = nil
}

// replace puts new settings to use.
func (s *Sender) replace(next []*settings, old []*endpoint, kept, fresh map[string]*endpoint) {
	var list []*endpoint
	for _, w := range next {
		p := kept[w.Name]
		if p != nil {
			p.reconfigure(w)
		} else {
			p = fresh[w.Name]
			p.start()
		}
		list = append(list, p)
	}
	s.list.Store(&list)
	for _, p := range old {
		if !slices.Contains(list, p) {
			s.wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(p.settings.Load().Timeout))
				defer cancel()
				_ = p.stop(ctx) // what is left is in the directory, or logged
			})
		}
	}
}

// Stop implements [node.Part]: what waits is sent, until ctx ends.
func (s *Sender) Stop(ctx context.Context) error {
	s.end()
	errs := make(chan error)
	list := *s.list.Load()
	for _, p := range list {
		go func() { errs <- p.stop(ctx) }()
	}
	var all error
	for range list {
		all = errors.Join(all, <-errs)
	}
	s.client.CloseIdleConnections()
	return all
}

// Retry lets a webhook try at once whatever waits for another try, also one that
// was disabled. It reports whether there is one with the name.
func (s *Sender) Retry(name string) bool {
	for _, p := range *s.list.Load() {
		if p.name == name {
			p.kick()
			return true
		}
	}
	return false
}

// log is where an endpoint writes.
func (s *Sender) log() *slog.Logger { return s.node.Log }
