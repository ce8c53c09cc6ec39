// Code of the application's on the loops: order, timers, panics, limits, state.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// onLoop runs a function on a loop and waits for it.
func onLoop(t testing.TB, l *loop.Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if err := l.Execute(func() { defer close(done); f() }); err != nil {
		t.Fatal(err)
	}
	within(t, "a function on the loop", done)
}

func TestExecute(t *testing.T) {
	s := newServer(t, loop.Config{Loops: 3})
	loops := s.Loops()
	if len(loops) != 3 {
		t.Fatalf("%d loops", len(loops))
	}
	early := make(chan int, 3)
	for i, l := range loops {
		if l.Index() != i || l.OnLoop() {
			t.Errorf("loop %d has number %d", i, l.Index())
		}
		if err := l.Execute(func() { early <- i }); err != nil {
			t.Errorf("before Run: %v", err)
		}
	}
	select {
	case <-early:
		t.Error("a function runs before the server")
	default:
	}
	s.start(t)
	for range loops {
		within(t, "a function of before Run", early)
	}
	// In order, and on its loop; from a loop to itself behind what runs.
	var list []int
	for i := range 1000 {
		_ = loops[1].Execute(func() {
			if !loops[1].OnLoop() || loops[2].OnLoop() {
				t.Error("on another loop")
			}
			list = append(list, i)
			if i == 999 {
				_ = loops[1].Execute(func() { list = append(list, 1001) })
				list = append(list, 1000)
			}
		})
	}
	onLoop(t, loops[1], func() {})
	onLoop(t, loops[1], func() {})
	if len(list) != 1002 || !slices.IsSorted(list) {
		t.Errorf("order %v", list[max(0, len(list)-5):])
	}
	// What waits for somebody says that it must not.
	onLoop(t, loops[0], func() {
		if _, err := s.Stats(context.Background()); err != loop.ErrOnLoop {
			t.Errorf("Stats on a loop: %v", err)
		}
		if err := s.Shutdown(context.Background()); err != loop.ErrOnLoop {
			t.Errorf("Shutdown on a loop: %v", err)
		}
	})
	s.stop(t)
	if err := loops[0].Execute(func() {}); err != loop.ErrClosed {
		t.Errorf("behind the end: %v", err)
	}
	if _, err := loops[0].After(0, func() {}); err != loop.ErrClosed {
		t.Errorf("behind the end: %v", err)
	}
}

// TestExecuteEmits: from a loop, to clients of every transport and loop, and in
// the order of what the handlers send.
func TestExecuteEmits(t *testing.T) {
	s, sockets := connected(t, loop.Config{Loops: 2}, onSync)
	for _, transport := range []string{"websocket", "polling"} {
		c, _ := s.connect(t, transport)
		sock := within(t, "the connection", sockets)
		for _, l := range s.Loops() {
			onLoop(t, l, func() {
				_ = sock.Emit("one", l.Index())
				_ = s.Emit("all", l.Index())
			})
			c.expect(t, fmt.Sprintf(`2["one",%d]`, l.Index()), fmt.Sprintf(`2["all",%d]`, l.Index()))
		}
		onLoop(t, sock.Loop(), func() { sock.Disconnect(true) })
		c.expectEnd(t)
	}
}

// TestExecutePanics: a panic is logged and counted, and the loop goes on.
func TestExecutePanics(t *testing.T) {
	s, _ := connected(t, loop.Config{Loops: 1}, onSync)
	c, _ := s.connect(t, "websocket")
	l := s.Loops()[0]
	_ = l.Execute(func() { panic("one") })
	if _, err := l.After(time.Millisecond, func() { panic("two") }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two panics", func() bool { return s.stats(t).Panics == 2 })
	for _, text := range []string{"panic in a function of Loop.Execute", "panic in a function of Loop.After"} {
		if n := s.log.count(text); n != 1 {
			t.Errorf("%d lines with %q in the log", n, text)
		}
	}
	c.sync(t)
	onLoop(t, l, func() {})
}

func TestAfter(t *testing.T) {
	s := serve(t, loop.Config{Loops: 2}, nil)
	l := s.Loops()[1]
	fired := make(chan int, 10)
	begin := time.Now()
	after := func(d time.Duration, i int) *loop.Timer {
		t.Helper()
		timer, err := l.After(d, func() {
			if !l.OnLoop() {
				t.Error("a timer fires elsewhere")
			}
			fired <- i
		})
		if err != nil {
			t.Fatal(err)
		}
		return timer
	}
	second := after(600*time.Millisecond, 2)
	first := after(20*time.Millisecond, 1)
	never := after(time.Hour, 9)
	after(-time.Second, 0)
	stopped := after(time.Hour, 8)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop says the wrong thing")
	}
	for want := range 3 {
		if got := within(t, "a timer", fired); got != want {
			t.Errorf("timer %d, want %d", got, want)
		}
	}
	if d := time.Since(begin); d < 600*time.Millisecond {
		t.Errorf("the last one fired after %s", d)
	}
	if first.Stop() || second.Stop() {
		t.Error("a timer that has fired was stopped")
	}
	// On the loop: armed, stopped, and armed again by what it fires.
	onLoop(t, l, func() {
		x := after(time.Millisecond, 7)
		if !x.Stop() || !never.Stop() {
			t.Error("not stopped")
		}
		_, _ = l.After(time.Millisecond, func() { after(time.Millisecond, 3) })
	})
	if got := within(t, "a timer of a timer", fired); got != 3 {
		t.Errorf("timer %d", got)
	}
	eventually(t, "nothing waits", func() bool { return s.Waiting() == 0 })
	select {
	case i := <-fired:
		t.Errorf("timer %d has fired", i)
	default:
	}
}

// TestLoopTasks: as many functions as the limit wait, and no more.
func TestLoopTasks(t *testing.T) {
	s := serve(t, loop.Config{Loops: 1, Limits: loop.Limits{LoopTasks: 10}}, nil)
	l := s.Loops()[0]
	blocked, release := make(chan struct{}), make(chan struct{})
	_ = l.Execute(func() { close(blocked); <-release })
	within(t, "the loop", blocked)
	var ran atomic.Int32
	timer, err := l.After(time.Hour, func() {})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if err := l.Execute(func() { ran.Add(1) }); err != nil {
			t.Fatalf("function %d: %v", i, err)
		}
	}
	if err := l.Execute(func() { ran.Add(1) }); err != loop.ErrLoopBusy {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := l.After(0, func() { ran.Add(1) }); err != loop.ErrLoopBusy {
		t.Errorf("beyond the limit: %v", err)
	}
	close(release)
	eventually(t, "nine have run", func() bool { return ran.Load() == 9 })
	if n := s.stats(t).LimitHits["loop_tasks"]; n != 2 {
		t.Errorf("%d hits are counted", n)
	}
	if !timer.Stop() {
		t.Error("not stopped")
	}
	eventually(t, "nothing waits", func() bool { return s.Waiting() == 0 })
	onLoop(t, l, func() {})
}

func TestPerLoop(t *testing.T) {
	var counts *loop.PerLoop[map[string]int]
	s, _ := connected(t, loop.Config{Loops: 2}, func(s *loop.Server) {
		counts = loop.NewPerLoop(s, func(*loop.Loop) map[string]int { return map[string]int{} })
		s.On("count", func(s *loop.Socket, e *loop.Event) {
			m := *counts.Of(s.Loop())
			m[s.ID()]++
			_ = e.Ack(m[s.ID()])
		}, loop.Inline())
	})
	for range 4 {
		c, _ := s.connect(t, "websocket")
		for i := range 3 {
			c.mustWrite(t, `21["count"]`)
			c.expect(t, fmt.Sprintf("31[%d]", i+1))
		}
		c.drop()
	}
	sums := make(chan int, 2)
	if err := counts.Each(func(_ *loop.Loop, m *map[string]int) {
		sum := 0
		for _, n := range *m {
			sum += n
		}
		sums <- sum
	}); err != nil {
		t.Fatal(err)
	}
	if sum := within(t, "a sum", sums) + within(t, "a sum", sums); sum != 12 {
		t.Errorf("%d counted", sum)
	}
	panics := func(want string, f func()) {
		t.Helper()
		defer func() {
			if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
				t.Errorf("panic %q, want %q", p, want)
			}
		}()
		f()
	}
	other := newServer(t, loop.Config{})
	defer func() { _ = other.Shutdown(context.Background()) }()
	panics("away from loop 1", func() { counts.Of(s.Loops()[1]) })
	panics("another server", func() { counts.Of(other.Loops()[0]) })
	s.stop(t)
	if err := counts.Each(func(*loop.Loop, *map[string]int) {}); !errors.Is(err, loop.ErrClosed) {
		t.Errorf("Each behind the end: %v", err)
	}
}
