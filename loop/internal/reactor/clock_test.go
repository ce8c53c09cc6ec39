// The clock and the loops it wakes, without gnet.

package reactor

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// fakeLoop is a gnet loop that notes what it is asked to do.
type fakeLoop struct{ asked chan gnet.Runnable }

func newFakeLoop() *fakeLoop { return &fakeLoop{make(chan gnet.Runnable, 10_000)} }

func (f *fakeLoop) Execute(_ context.Context, r gnet.Runnable) error { f.asked <- r; return nil }
func (*fakeLoop) Register(context.Context, net.Addr) (<-chan gnet.RegisteredResult, error) {
	return nil, errors.ErrUnsupported
}

func (*fakeLoop) Enroll(context.Context, net.Conn) (<-chan gnet.RegisteredResult, error) {
	return nil, errors.ErrUnsupported
}

func (*fakeLoop) Schedule(context.Context, gnet.Runnable, time.Duration) error {
	return errors.ErrUnsupported
}
func (*fakeLoop) Close(gnet.Conn) error { return nil }

// timed is a clock with loops on fake gnet loops.
type timed struct {
	*clock
	loops []*loop
	fakes []*fakeLoop
}

func newTimed(t *testing.T, n int) *timed {
	begin := time.Now()
	c := &timed{clock: newClock(func() int64 { return time.Since(begin).Milliseconds() })}
	r := &Reactor{clock: c.clock}
	o := transport.Defaults()
	for _, e := range transport.NewGroup(n, &o, c.now) {
		l := &loop{reactor: r, engine: e}
		l.wake.loop, l.tick.loop = l, l
		f := newFakeLoop()
		l.start(f)
		if first := <-f.asked; first != gnet.Runnable(&l.tick) {
			t.Errorf("a loop that starts is asked for %T first", first)
		}
		c.loops, c.fakes = append(c.loops, l), append(c.fakes, f)
	}
	go c.run(c.loops)
	t.Cleanup(c.stop)
	return c
}

// rung waits until a loop's alarm goes off and returns when that was.
func (c *timed) rung(t *testing.T, i int) int64 {
	t.Helper()
	if r := within(t, "the alarm", c.fakes[i].asked); r != gnet.Runnable(&c.loops[i].tick) {
		t.Errorf("the loop is asked for %T", r)
	}
	return c.now()
}

func TestAlarms(t *testing.T) {
	c := newTimed(t, 1)
	l := c.loops[0]
	for _, test := range []struct {
		name   string
		alarms []int64 // from now
		want   int64
	}{
		{"one", []int64{20}, 20},
		{"an earlier one", []int64{60_000, 20}, 20},
		{"a later one instead", []int64{10, 40}, 40},
		{"passed already", []int64{-5}, 0},
		{"called off and set again", []int64{15, 0, 30}, 30},
	} {
		now := c.now()
		for _, at := range test.alarms {
			if at != 0 {
				at += now
			}
			l.Alarm(at)
		}
		if at := c.rung(t, 0); at < now+test.want {
			t.Errorf("%s: rung after %d ms, want %d", test.name, at-now, test.want)
		}
		if len(c.fakes[0].asked) != 0 {
			t.Errorf("%s: rung twice", test.name)
		}
	}
	l.Alarm(c.now() + 10)
	l.Alarm(0)
	other := newTimed(t, 1)
	other.loops[0].Alarm(other.now() + 30)
	other.rung(t, 0)
	if len(c.fakes[0].asked) != 0 {
		t.Error("an alarm that was called off rings")
	}
}

func TestManyLoops(t *testing.T) {
	const n = 64
	c := newTimed(t, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		due := make([]int64, n)
		for _, i := range rng.Perm(n) {
			due[i] = c.now() + 1 + rng.Int64N(50)
			c.loops[i].Alarm(due[i])
		}
		for i := range n {
			if at := c.rung(t, i); at < due[i] {
				t.Errorf("loop %d: rung %d ms early", i, due[i]-at)
			}
		}
	}
}

// TestAlarmWithoutLoop: an alarm that goes off while gnet is down is not lost:
// the loop begins with it.
func TestAlarmWithoutLoop(t *testing.T) {
	c := newTimed(t, 2)
	l, f := c.loops[0], c.fakes[0]
	l.stop()
	if r := <-f.asked; r != gnet.Runnable(leaveTask{l}) {
		t.Errorf("a loop that ends is asked for %T", r)
	}
	l.stop() // does nothing
	l.Alarm(c.now() + 5)
	c.loops[1].Alarm(c.now() + 20)
	c.rung(t, 1)
	l.Wake()
	if len(f.asked) != 0 {
		t.Error("a loop that has ended is asked for something")
	}
	next := newFakeLoop()
	l.start(next)
	l.start(newFakeLoop()) // does nothing
	if !l.runs(next) || l.runs(f) || !l.runs(nil) {
		t.Error("the loop does not know where it runs")
	}
	got := []gnet.Runnable{<-next.asked, <-next.asked}
	if !slices.Equal(got, []gnet.Runnable{&l.tick, &l.wake}) {
		t.Errorf("the loop begins with %v", got)
	}
	l.Wake()
	if r := <-next.asked; r != gnet.Runnable(&l.wake) {
		t.Errorf("Wake asks for %T", r)
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	got := ""
	for _, after := range []time.Duration{0, 1, 999 * time.Millisecond, time.Second, time.Second + 1, 5 * time.Second, 5500 * time.Millisecond} {
		if p.allows(now.Add(after)) {
			got += "x"
		} else {
			got += "-"
		}
	}
	if got != "x--x-x-" {
		t.Error(got)
	}
}

// TestGnetLogger: news at debug level, complaints at their own, but not many.
func TestGnetLogger(t *testing.T) {
	var j journal
	g := &gnetLogger{log: slog.New(slog.NewTextHandler(&j, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	g.Debugf("one %d\n", 1)
	g.Infof("two")
	g.Warnf("three %s", "x")
	g.Errorf("four")
	g.Fatalf("five")
	g.pace = pace{}
	g.Errorf("six")
	g.pace = pace{}
	g.Fatalf("seven")
	var got []string
	for line := range strings.Lines(j.String()) {
		_, line, _ = strings.Cut(line, "level=")
		got = append(got, strings.TrimSpace(line))
	}
	want := []string{
		`DEBUG msg="gnet: one 1"`, `DEBUG msg="gnet: two"`, `WARN msg="gnet: three x"`, `DEBUG msg="gnet: four"`, `DEBUG msg="gnet: five"`,
		`ERROR msg="gnet: six"`, `ERROR msg="gnet: seven"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
