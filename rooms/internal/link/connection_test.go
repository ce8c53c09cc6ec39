// The connection of a subscription, on a clock of the test's.

package link

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// fakeConn is a connection that notes what it is told and says what it is given.
type fakeConn struct {
	said   chan any // a message, or an error
	closed chan struct{}
	once   sync.Once
	mute   *atomic.Bool // does not answer
	mu     struct {
		sync.Mutex
		commands []string
		pings    int
	}
}

func newFakeConn(mute *atomic.Bool) *fakeConn {
	return &fakeConn{said: make(chan any, 1000), closed: make(chan struct{}), mute: mute}
}

func (f *fakeConn) note(kind string, names []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		f.mu.commands = append(f.mu.commands, kind+" "+name)
		if !f.mute.Load() {
			f.said <- &goredis.Subscription{Kind: kind, Channel: name}
		}
	}
	return nil
}

func (f *fakeConn) Subscribe(_ context.Context, n ...string) error   { return f.note("subscribe", n) }
func (f *fakeConn) PSubscribe(_ context.Context, n ...string) error  { return f.note("psubscribe", n) }
func (f *fakeConn) SSubscribe(_ context.Context, n ...string) error  { return f.note("ssubscribe", n) }
func (f *fakeConn) Unsubscribe(_ context.Context, n ...string) error { return f.note("unsubscribe", n) }
func (f *fakeConn) PUnsubscribe(_ context.Context, n ...string) error {
	return f.note("punsubscribe", n)
}

func (f *fakeConn) SUnsubscribe(_ context.Context, n ...string) error {
	return f.note("sunsubscribe", n)
}

func (f *fakeConn) Ping(context.Context, ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.pings++; !f.mute.Load() {
		f.said <- &goredis.Pong{}
	}
	return nil
}

func (f *fakeConn) Receive(context.Context) (any, error) {
	select {
	case v := <-f.said:
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v, nil
	case <-f.closed:
		return nil, errors.New("closed")
	}
}

func (f *fakeConn) Close() error { f.once.Do(func() { close(f.closed) }); return nil }

func (f *fakeConn) ended() bool {
	select {
	case <-f.closed:
		return true
	default:
		return false
	}
}

func (f *fakeConn) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(slices.Values(f.mu.commands))
}

// fakeRedis makes connections, and keeps them.
type fakeRedis struct {
	s    *Subscriber
	mute atomic.Bool
	mu   struct {
		sync.Mutex
		made  []*fakeConn
		fails []error
	}
}

func runSubscriber(t *testing.T) *fakeRedis {
	f := &fakeRedis{}
	ctx, cancel := context.WithCancel(t.Context())
	f.s = newSubscriber(func(context.Context) connection {
		c := newFakeConn(&f.mute)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.mu.made = append(f.mu.made, c)
		return c
	}, func(string) {}, func(_ string, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.mu.fails = append(f.mu.fails, err)
	})
	done := make(chan struct{})
	go func() { f.s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

// made is how many connections were made.
func (f *fakeRedis) made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.mu.made)
}

// why is why the last one was given up.
func (f *fakeRedis) why() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.mu.fails) == 0 {
		return nil
	}
	return f.mu.fails[len(f.mu.fails)-1]
}

// last is the last one.
func (f *fakeRedis) last() *fakeConn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.made[len(f.mu.made)-1]
}

// wait lets time pass, and all that happens in it.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// step lets time pass until something is so.
func step(so func() bool) {
	for !so() {
		wait(time.Millisecond)
	}
}

var (
	one = Topic{Channels, "one"}
	two = Topic{Patterns, "two"}
)

func hear(string, []byte) {}

func TestSilentConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := runSubscriber(t)
		f.s.Subscribe(one, 1, hear)
		f.s.Subscribe(two, 1, hear)
		synctest.Wait()
		if err := f.s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		first := f.last()
		first.mu.Lock()
		pings := first.mu.pings
		first.mu.Unlock()
		if f.made() != 1 || pings < 10 {
			t.Fatalf("%d connections, %d pings, in a minute with answers", f.made(), pings)
		}
		begin := time.Now()
		f.mute.Store(true)
		step(first.ended)
		if d := time.Since(begin); d < lifeInterval || d > 3*lifeInterval {
			t.Errorf("a silent connection was given up after %s", d)
		}
		f.mute.Store(false)
		wait(time.Second)
		if why := f.why(); f.made() != 2 || !errors.Is(why, errSilent) {
			t.Fatalf("%d connections, %v", f.made(), why)
		}
		if got, want := f.last().told(), []string{"psubscribe two", "subscribe one"}; !slices.Equal(got, want) {
			t.Errorf("on the new one: %q", got)
		}
		if err := f.s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		// From the last sign of life until both were confirmed again.
		if c := f.s.Counts(); c.Breaks != 1 || c.Down < time.Since(begin)-time.Second || c.Down > time.Since(begin)+2*lifeInterval {
			t.Errorf("%+v, muted for %s", c, time.Since(begin))
		}
		was := f.s.Counts()
		wait(time.Minute)
		if c := f.s.Counts(); c != was {
			t.Errorf("a whole connection: %+v, before %+v", c, was)
		}
	})
}

func TestBrokenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := runSubscriber(t)
		f.s.Subscribe(one, 1, hear)
		f.s.Subscribe(two, 1, hear)
		synctest.Wait()
		f.mute.Store(true)
		f.last().said <- errors.New("reset")
		synctest.Wait()
		// What is asked for while there is none is done once there is.
		f.s.Subscribe(Topic{Shards, "three"}, 1, hear)
		f.s.Unsubscribe(two, 1)
		wait(time.Second)
		if got, want := f.last().told(), []string{"ssubscribe three", "subscribe one"}; f.made() != 2 || !slices.Equal(got, want) {
			t.Fatalf("%d connections; on the new one: %q", f.made(), got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.s.Ready(ctx); err == nil {
			t.Error("ready on a connection that has confirmed nothing")
		}
		// One break, which goes on, however many attempts fail.
		begin, c := time.Now(), f.s.Counts()
		if c.Breaks != 1 || c.Subscriptions != 2 || c.Down != 2*time.Second {
			t.Errorf("%+v", c)
		}
		// One attempt after the other fails: the pauses grow to a limit, so that Redis
		// is back for this server within a second of its return.
		for range 12 {
			f.last().said <- errors.New("refused")
			wait(time.Second)
		}
		if n := f.made(); n != 14 {
			t.Fatalf("%d connections", n)
		}
		f.last().said <- errors.New("refused")
		synctest.Wait()
		refused, n := time.Now(), f.made()
		step(func() bool { return f.made() > n })
		if d := time.Since(refused); d < RetryMost || d > 2*RetryMost {
			t.Errorf("the last pause was %s", d)
		}
		if down := f.s.Counts().Down - c.Down; down != time.Since(begin) {
			t.Errorf("%s more without a subscription, it were %s", down, time.Since(begin))
		}
		f.mute.Store(false)
		f.last().said <- errors.New("refused")
		wait(time.Second)
		back := f.s.Counts()
		if err := f.s.Ready(t.Context()); err != nil || back.Breaks != 1 || back.Down >= c.Down+time.Since(begin) || back.Down < c.Down+time.Since(begin)-time.Second {
			t.Errorf("%+v, %v", back, err)
		}
		// The second break, and the one who asked gives up: nobody is deaf then.
		f.mute.Store(true)
		f.last().said <- errors.New("reset")
		wait(2 * time.Second)
		f.s.Forget(1)
		wait(time.Minute)
		if c := f.s.Counts(); c.Breaks != 2 || c.Down != back.Down+2*time.Second {
			t.Errorf("%+v, before %+v", c, back)
		}
	})
}
