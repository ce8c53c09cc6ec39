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

// Subscriber holds a connection in subscribed state, and makes another when it
// has broken. Subscriptions are asked for by any goroutine and made by one of its
// own, because Redis may not answer.
type Subscriber struct {
	received      atomic.Uint64 // messages for somebody
	subscriptions atomic.Uint64 // that Redis has confirmed, again after each break

	dial    func(context.Context) connection
	recover func(channel string)          // deferred around each handler
	failed  func(doing string, err error) // told of each break
	orders  chan struct{}                 // holds a token while there are orders
	mu      struct {
		sync.Mutex
		handlers  map[Topic]map[any]Handler // by who has asked
		confirmed map[Topic]bool            // on the connection there is now
		due       []order
		changed   chan struct{} // closed and replaced when something is confirmed
		breaks    uint64
		down      time.Duration // until the last time that all were confirmed again
		lost      time.Time     // since when not all are, after a break; else zero
	}
}

// order is a change of the subscriptions.
type order struct {
	topic Topic
	end   bool
}

// NewSubscriber makes a subscriber for [Subscriber.Run]. recoverFrom is deferred
// around each handler, failed told of each connection that broke.
func NewSubscriber(client goredis.UniversalClient, recoverFrom func(channel string), failed func(doing string, err error)) *Subscriber {
	return newSubscriber(func(ctx context.Context) connection { return client.Subscribe(ctx) }, recoverFrom, failed)
}

func newSubscriber(dial func(context.Context) connection, recoverFrom func(channel string), failed func(doing string, err error)) *Subscriber {
	s := &Subscriber{dial: dial, recover: recoverFrom, failed: failed, orders: make(chan struct{}, 1)}
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
		s.whole()
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

// give hands an order to the goroutine that obeys. The lock is held.
func (s *Subscriber) give(o order) {
	s.mu.due = append(s.mu.due, o)
	select {
	case s.orders <- struct{}{}:
	default:
	}
}

// again orders all topics there are for a new connection, in the place of what
// was due on the one before.
func (s *Subscriber) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.due = s.mu.due[:0]
	for t := range s.mu.handlers {
		s.give(order{topic: t})
	}
}

// broke notes that the connection was lost at a time, with what was confirmed.
func (s *Subscriber) broke(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.confirmed) == 0 {
		return
	}
	clear(s.mu.confirmed)
	s.mu.breaks++
	if s.mu.lost.IsZero() {
		s.mu.lost = at
	}
}

// missing is how many topics are not confirmed. The lock is held.
func (s *Subscriber) missing() int { return len(s.mu.handlers) - len(s.mu.confirmed) }

// whole ends the time after a break if all topics are confirmed. The lock is
// held.
func (s *Subscriber) whole() {
	if s.missing() == 0 && !s.mu.lost.IsZero() {
		s.mu.down += time.Since(s.mu.lost)
		s.mu.lost = time.Time{}
	}
}

// Ready waits until Redis has confirmed all subscriptions.
func (s *Subscriber) Ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		missing := s.missing()
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

// Counts implements [Subscription].
func (s *Subscriber) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counts{Received: s.received.Load(), Subscriptions: s.subscriptions.Load(), Breaks: s.mu.breaks, Down: s.mu.down}
	if !s.mu.lost.IsZero() {
		c.Down += time.Since(s.mu.lost)
	}
	return c
}

// expelled reports whether Redis has ended a subscription that it had confirmed
// and nobody has given up: the slot has gone to another node.
func (s *Subscriber) expelled(t Topic) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.confirmed[t]
}

func (s *Subscriber) confirm(t Topic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.handlers[t] == nil {
		return
	}
	s.subscriptions.Add(1)
	s.mu.confirmed[t] = true
	s.whole()
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
		s.received.Add(1)
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
