// Subscriber: one connection on which all that other servers publish comes in,
// whatever number of namespaces there are.

package link

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Handler is told of a message on a channel. It must not block. payload is its
// to keep.
type Handler func(channel string, payload []byte)

// The kinds of subscriptions, as Redis calls them.
const (
	Channels = "subscribe"
	Patterns = "psubscribe"
	Shards   = "ssubscribe"
)

// Topic is something to subscribe to.
type Topic struct{ Kind, Name string }

// Subscriber holds a connection in subscribed state. Subscriptions are asked for
// by any goroutine and made by one of its own, because Redis may not answer.
type Subscriber struct {
	Received      atomic.Uint64 // messages for somebody
	Subscriptions atomic.Uint64 // that Redis has confirmed, again after each break

	ps      *goredis.PubSub
	recover func(channel string) // deferred around each handler
	orders  chan struct{}        // holds a token while there are orders
	mu      struct {
		sync.Mutex
		handlers  map[Topic]map[any]Handler // by who has asked
		confirmed map[Topic]bool
		due       []order
		changed   chan struct{} // closed and replaced when something is confirmed
	}
}

// order is a change of the subscriptions.
type order struct {
	topic Topic
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

// NewSubscriber makes a subscriber. recoverFrom is deferred around each handler.
func NewSubscriber(client goredis.UniversalClient, recoverFrom func(channel string)) *Subscriber {
	s := &Subscriber{ps: client.Subscribe(context.Background()), recover: recoverFrom, orders: make(chan struct{}, 1)}
	s.mu.handlers, s.mu.confirmed = map[Topic]map[any]Handler{}, map[Topic]bool{}
	s.mu.changed = make(chan struct{})
	return s
}

// Subscribe asks for a topic in the name of an owner. Two namespaces may have a
// channel in common, for one and for a room of the other.
func (s *Subscriber) Subscribe(t Topic, owner any, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t] == nil {
		s.mu.handlers[t] = map[any]Handler{}
		s.give(order{topic: t})
	}
	s.mu.handlers[t][owner] = h
}

// Unsubscribe gives an owner's topic up.
func (s *Subscriber) Unsubscribe(t Topic, owner any) {
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

// Forget gives all topics of an owner up.
func (s *Subscriber) Forget(owner any) {
	s.mu.Lock()
	var topics []Topic
	for t, handlers := range s.mu.handlers {
		if handlers[owner] != nil {
			topics = append(topics, t)
		}
	}
	s.mu.Unlock()
	for _, t := range topics {
		s.Unsubscribe(t, owner)
	}
}

// give hands an order to run. The lock is held.
func (s *Subscriber) give(o order) {
	s.mu.due = append(s.mu.due, o)
	select {
	case s.orders <- struct{}{}:
	default:
	}
}

// Ready waits until Redis has confirmed all subscriptions.
func (s *Subscriber) Ready(ctx context.Context) error {
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

// Obey makes the changes that are asked for until ctx is done. What fails is
// made up for by the library when it has a connection again.
func (s *Subscriber) Obey(ctx context.Context) {
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

func (s *Subscriber) carryOut(ctx context.Context, o order) {
	change := s.ps.Subscribe
	switch {
	case o.topic.Kind == Patterns && o.end:
		change = s.ps.PUnsubscribe
	case o.topic.Kind == Patterns:
		change = s.ps.PSubscribe
	case o.topic.Kind == Shards && o.end:
		change = s.ps.SUnsubscribe
	case o.topic.Kind == Shards:
		change = s.ps.SSubscribe
	case o.end:
		change = s.ps.Unsubscribe
	}
	_ = change(ctx, o.topic.Name)
}

// Receive hands out what comes in until Close.
func (s *Subscriber) Receive() {
	in := s.ps.ChannelWithSubscriptions(
		goredis.WithChannelSize(incoming),
		goredis.WithChannelHealthCheckInterval(healthInterval),
		goredis.WithChannelPingTimeout(healthTimeout),
	)
	for v := range in {
		switch v := v.(type) {
		case *goredis.Subscription:
			s.confirm(Topic{v.Kind, v.Channel})
		case *goredis.Message:
			s.deliver(v)
		}
	}
}

// Close gives the connection up.
func (s *Subscriber) Close() { _ = s.ps.Close() }

func (s *Subscriber) confirm(t Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t] == nil {
		return
	}
	s.Subscriptions.Add(1)
	s.mu.confirmed[t] = true
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

func (s *Subscriber) deliver(m *goredis.Message) {
	s.mu.Lock()
	var called []Handler
	for _, t := range []Topic{{Patterns, m.Pattern}, {Channels, m.Channel}, {Shards, m.Channel}} {
		if (t.Kind == Patterns) == (m.Pattern != "") {
			for _, h := range s.mu.handlers[t] {
				called = append(called, h)
			}
		}
	}
	s.mu.Unlock()
	if len(called) > 0 {
		s.Received.Add(1)
	}
	for _, h := range called {
		s.call(h, m)
	}
}

// call runs a handler.
func (s *Subscriber) call(h Handler, m *goredis.Message) {
	defer s.recover(m.Channel)
	h(m.Channel, []byte(m.Payload))
}
