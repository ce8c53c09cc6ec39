// The subscription: one connection on which all that other servers publish comes
// in, whatever number of namespaces there are.

package redis

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// handler is told of a message on a channel. It must not block. payload is its
// to keep.
type handler func(channel string, payload []byte)

// The kinds of subscriptions, as Redis calls them.
const (
	channels = "subscribe"
	patterns = "psubscribe"
	shards   = "ssubscribe"
)

// topic is something to subscribe to.
type topic struct{ kind, name string }

// subscriber holds a connection in subscribed state. Subscriptions are asked for
// by any goroutine and made by one of its own, because Redis may not answer.
type subscriber struct {
	ps      *goredis.PubSub
	counts  *counters
	recover func(channel string) // deferred around each handler
	orders  chan struct{}        // holds a token while there are orders
	mu      struct {
		sync.Mutex
		handlers  map[topic]map[any]handler // by who has asked
		confirmed map[topic]bool
		due       []order
		changed   chan struct{} // closed and replaced when something is confirmed
	}
}

// order is a change of the subscriptions.
type order struct {
	topic topic
	end   bool
}

// How long a connection may be silent before it is asked for a sign of life,
// and may take to give one. A connection that broke without a word is noticed by
// that.
const (
	healthInterval = 3 * time.Second
	healthTimeout  = 3 * time.Second
)

// incoming is how many messages may wait between the connection and us. The
// connection is read no further then, and Redis cuts it off if it goes on.
const incoming = 4096

func newSubscriber(ps *goredis.PubSub, counts *counters, recoverFrom func(channel string)) *subscriber {
	s := &subscriber{ps: ps, counts: counts, recover: recoverFrom, orders: make(chan struct{}, 1)}
	s.mu.handlers, s.mu.confirmed = map[topic]map[any]handler{}, map[topic]bool{}
	s.mu.changed = make(chan struct{})
	return s
}

// subscribe asks for a topic in the name of an owner. Two namespaces may have a
// channel in common, for one and for a room of the other.
func (s *subscriber) subscribe(t topic, owner any, h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t] == nil {
		s.mu.handlers[t] = map[any]handler{}
		s.give(order{topic: t})
	}
	s.mu.handlers[t][owner] = h
}

// unsubscribe gives an owner's topic up.
func (s *subscriber) unsubscribe(t topic, owner any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t][owner] == nil {
		return
	}
	if delete(s.mu.handlers[t], owner); len(s.mu.handlers[t]) == 0 {
		delete(s.mu.handlers, t)
		delete(s.mu.confirmed, t)
		s.give(order{topic: t, end: true})
	}
}

// forget gives all topics of an owner up.
func (s *subscriber) forget(owner any) {
	s.mu.Lock()
	var topics []topic
	for t, handlers := range s.mu.handlers {
		if handlers[owner] != nil {
			topics = append(topics, t)
		}
	}
	s.mu.Unlock()
	for _, t := range topics {
		s.unsubscribe(t, owner)
	}
}

// give hands an order to run. The lock is held.
func (s *subscriber) give(o order) {
	s.mu.due = append(s.mu.due, o)
	select {
	case s.orders <- struct{}{}:
	default:
	}
}

// ready waits until Redis has confirmed all subscriptions.
func (s *subscriber) ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		missing := len(s.mu.handlers) - len(s.mu.confirmed)
		changed := s.mu.changed
		s.mu.Unlock()
		if missing == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// obey makes the changes that are asked for until ctx is done. What fails is
// made up for by the library when it has a connection again.
func (s *subscriber) obey(ctx context.Context) {
	for {
		select {
		case <-s.orders:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		due := s.mu.due
		s.mu.due = nil
		s.mu.Unlock()
		for _, o := range due {
			s.carryOut(ctx, o)
		}
	}
}

func (s *subscriber) carryOut(ctx context.Context, o order) {
	change := s.ps.Subscribe
	switch {
	case o.topic.kind == patterns && o.end:
		change = s.ps.PUnsubscribe
	case o.topic.kind == patterns:
		change = s.ps.PSubscribe
	case o.topic.kind == shards && o.end:
		change = s.ps.SUnsubscribe
	case o.topic.kind == shards:
		change = s.ps.SSubscribe
	case o.end:
		change = s.ps.Unsubscribe
	}
	_ = change(ctx, o.topic.name)
}

// receive hands out what comes in until the connection is closed.
func (s *subscriber) receive() {
	in := s.ps.ChannelWithSubscriptions(
		goredis.WithChannelSize(incoming),
		goredis.WithChannelHealthCheckInterval(healthInterval),
		goredis.WithChannelPingTimeout(healthTimeout),
	)
	for v := range in {
		switch v := v.(type) {
		case *goredis.Subscription:
			s.confirm(topic{v.Kind, v.Channel})
		case *goredis.Message:
			s.deliver(v)
		}
	}
}

func (s *subscriber) confirm(t topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t] == nil {
		return
	}
	s.counts.subscriptions.Add(1)
	s.mu.confirmed[t] = true
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

func (s *subscriber) deliver(m *goredis.Message) {
	s.mu.Lock()
	var called []handler
	for _, t := range []topic{{patterns, m.Pattern}, {channels, m.Channel}, {shards, m.Channel}} {
		if (t.kind == patterns) == (m.Pattern != "") {
			for _, h := range s.mu.handlers[t] {
				called = append(called, h)
			}
		}
	}
	s.mu.Unlock()
	if len(called) > 0 {
		s.counts.received.Add(1)
	}
	for _, h := range called {
		s.call(h, m)
	}
}

// call runs a handler.
func (s *subscriber) call(h handler, m *goredis.Message) {
	defer s.recover(m.Channel)
	h(m.Channel, []byte(m.Payload))
}
