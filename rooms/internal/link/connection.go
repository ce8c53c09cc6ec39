// The connection of a subscription: it is watched, and replaced when it breaks.

package link

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// connection is what is used of [goredis.PubSub].
type connection interface {
	Subscribe(ctx context.Context, names ...string) error
	PSubscribe(ctx context.Context, names ...string) error
	SSubscribe(ctx context.Context, names ...string) error
	Unsubscribe(ctx context.Context, names ...string) error
	PUnsubscribe(ctx context.Context, names ...string) error
	SUnsubscribe(ctx context.Context, names ...string) error
	Receive(ctx context.Context) (any, error)
	Ping(ctx context.Context, payload ...string) error
	Close() error
}

// How long a connection may be silent before it is asked for a sign of life, and
// may take to give one. The client library only sends its pings: that nothing
// comes back, which is all that a cut wire shows, it does not see.
const lifeInterval = 2 * time.Second

// dialTime is how long a connection may take to be made.
const dialTime = 2 * time.Second

// errMoved: the channel belongs to another node now.
var errMoved = errors.New("a channel has moved to another node")

// endOfShards is what Redis says when it ends a subscription of kind [Shards].
const endOfShards = "sunsubscribe"

// errSilent: Redis has given no sign of life.
var errSilent = errors.New("the connection has gone silent")

// Run holds a connection until ctx is done.
func (s *Subscriber) Run(ctx context.Context) {
	wait := RetryFirst
	for ctx.Err() == nil {
		s.again()
		heard, err := s.hold(ctx)
		if ctx.Err() != nil {
			return
		}
		s.failed("subscribing", err)
		if heard {
			wait = RetryFirst
		}
		wait = Pause(ctx, wait)
	}
}

// hold makes a connection and hands out what comes in until it breaks. It
// reports whether anything came, and why it broke.
func (s *Subscriber) hold(ctx context.Context) (heard bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The first topic makes the connection.
	if !s.ordered(ctx) {
		return false, ctx.Err()
	}
	c := s.dial(ctx)
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // ends Receive
	defer func() {
		if stop() {
			_ = c.Close()
		}
	}()
	if err := s.obey(ctx, c); err != nil {
		return false, err
	}
	var signs atomic.Uint64
	alive := time.Now() // at the last sign of life
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx, c, &signs, cancel) })
	defer func() {
		cancel(nil)
		watching.Wait() // or it would take orders for the next connection
	}()
	for {
		v, err := c.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			switch {
			case errors.Is(err, errSilent):
				s.broke(alive)
			case !errors.Is(err, context.Canceled): // which ends all
				s.broke(time.Now())
			}
			return signs.Load() > 0, err
		}
		signs.Add(1)
		alive = time.Now()
		switch v := v.(type) {
		case *goredis.Subscription:
			if v.Kind == endOfShards && s.expelled(Topic{Shards, v.Channel}) {
				s.broke(alive)
				return true, errMoved
			}
			s.confirm(Topic{v.Kind, v.Channel})
		case *goredis.Message:
			s.deliver(v)
		}
	}
}

// watch changes the subscriptions as it is ordered, and asks for signs of life.
func (s *Subscriber) watch(ctx context.Context, c connection, signs *atomic.Uint64, broken context.CancelCauseFunc) {
	tick := time.NewTicker(lifeInterval)
	defer tick.Stop()
	seen, asked := uint64(0), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.orders:
			if err := s.obey(ctx, c); err != nil {
				broken(err)
				return
			}
		case <-tick.C:
			now := signs.Load()
			if now != seen {
				seen, asked = now, false
				continue
			}
			if asked {
				broken(errSilent)
				return
			}
			asked = true
			if err := limited(ctx, lifeInterval, func(ctx context.Context) error { return c.Ping(ctx) }); err != nil {
				broken(err)
				return
			}
		}
	}
}

// limited gives f so long.
func limited(ctx context.Context, d time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f(ctx)
}

// ordered waits until there are orders, and leaves them.
func (s *Subscriber) ordered(ctx context.Context) bool {
	select {
	case <-s.orders:
		return true
	case <-ctx.Done():
		return false
	}
}

// topicsAtOnce is how many topics one command names at most.
const topicsAtOnce = 128

// obey makes the changes that are due, in their order.
func (s *Subscriber) obey(ctx context.Context, c connection) error {
	s.mu.Lock()
	due := s.mu.due
	s.mu.due = nil
	s.mu.Unlock()
	for len(due) > 0 {
		first := due[0]
		n := 1
		for n < len(due) && n < topicsAtOnce && due[n].end == first.end && due[n].topic.Kind == first.topic.Kind && first.topic.Kind != Shards {
			n++
		}
		names := make([]string, n)
		for i := range names {
			names[i] = due[i].topic.Name
		}
		due = due[n:]
		err := limited(ctx, dialTime, func(ctx context.Context) error { return change(c, first)(ctx, names...) })
		if err != nil {
			return err
		}
	}
	return nil
}

// change is the command for orders of a kind.
func change(c connection, o order) func(ctx context.Context, names ...string) error {
	switch {
	case o.topic.Kind == Patterns && o.end:
		return c.PUnsubscribe
	case o.topic.Kind == Patterns:
		return c.PSubscribe
	case o.topic.Kind == Shards && o.end:
		return c.SUnsubscribe
	case o.topic.Kind == Shards:
		return c.SSubscribe
	case o.end:
		return c.Unsubscribe
	}
	return c.Subscribe
}
