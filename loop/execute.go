// Code of the application's on an event loop: functions and timers.

package loop

import (
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/wheel"
)

// Loops are the event loops of the server, by index. Any goroutine.
func (s *Server) Loops() []*Loop { return append([]*Loop(nil), s.loops...) }

// Loop is the event loop that the socket lives on. Any goroutine.
func (s *Socket) Loop() *Loop { return s.loop }

// Index is the number of the loop, from 0 to [Config.Loops] - 1. Any goroutine.
func (l *Loop) Index() int { return l.index }

// OnLoop reports whether the caller runs on the loop: in an inline handler of one
// of its sockets, in a function of [Loop.Execute] or [Loop.After], or in a
// [RawHandler]. Any goroutine.
func (l *Loop) OnLoop() bool { return l.engine.OnLoop() }

// Execute runs f on the loop, behind what waits for it already. Functions of one
// goroutine run in the order of its calls. It returns at once, also on the loop
// itself, where f runs behind the events at hand.
//
// What holds for inline handlers holds for f: it must not block, every client of
// the loop waits for it; and calls that wait for somebody return [ErrOnLoop]. What
// it emits goes out together, in one write for each client. A panic is logged
// with its stack, counted, and harms nobody else.
//
// Before [Server.Run] f waits for it. The error is [ErrLoopBusy] beyond
// Limits.LoopTasks, or [ErrClosed] when the server has ended; what waits at that
// moment is dropped. Any goroutine.
func (l *Loop) Execute(f func()) error {
	if err := l.admit(); err != nil {
		return err
	}
	l.engine.Post(&executeTask{l, f})
	return nil
}

// After runs f on the loop when d is over, as [Loop.Execute] does. The timer is
// one of the loop's timing wheel: it costs no goroutine and no timer of the
// runtime, and may be up to 10 ms late. Any goroutine.
func (l *Loop) After(d time.Duration, f func()) (*Timer, error) {
	if err := l.admit(); err != nil {
		return nil, err
	}
	// The engine's clock leaves fractions of a millisecond out; no timer is early.
	t := &Timer{loop: l, f: f, at: l.engine.Now() + 1 + max(0, (d+time.Millisecond-1).Milliseconds())}
	if l.engine.OnLoop() {
		t.arm()
	} else {
		l.engine.Post((*armTask)(t))
	}
	return t, nil
}

// Timer is a function that waits for its time, see [Loop.After].
type Timer struct {
	// Immutable after After.
	loop *Loop
	f    func()
	at   int64

	settled atomic.Bool // it has run, or will not

	// Owned by the loop.
	id   wheel.ID
	slot uint32 // in timers, if id is not 0
}

// Stop keeps the function from running, and reports whether it does: false says
// that it has run, is about to, or was stopped before. Any goroutine.
func (t *Timer) Stop() bool {
	if t.settled.Swap(true) {
		return false
	}
	if t.loop.engine.OnLoop() {
		t.disarm()
	} else {
		t.loop.engine.Post((*disarmTask)(t))
	}
	return true
}

// admit counts a function in, if there is room for it.
func (l *Loop) admit() error {
	select {
	case <-l.server.done:
		return ErrClosed
	default:
	}
	if l.tasks.Add(1) > int64(l.server.cfg.Limits.LoopTasks) {
		l.tasks.Add(-1)
		l.full.Add(1)
		return ErrLoopBusy
	}
	return nil
}

// refusedTasks is how many functions found no room.
func (s *Server) refusedTasks() (n uint64) {
	for _, l := range s.loops {
		n += l.full.Load()
	}
	return n
}

// call runs code of the application's on the loop, whose panic ends there.
func (l *Loop) call(what string, f func()) {
	was := l.inside
	l.inside = true
	defer func() {
		l.inside = was
		if p := recover(); p != nil {
			l.server.logPanic(what, p, "loop", l.index)
		}
	}()
	f()
}

// executeTask is a function of Execute.
type executeTask struct {
	loop *Loop
	f    func()
}

// Run implements [transport.Task].
func (t *executeTask) Run(*transport.Engine) {
	t.loop.tasks.Add(-1)
	t.loop.call("a function of Loop.Execute", t.f)
}

// armTask and disarmTask are Timers on their way to the wheel, and out of it.
type (
	armTask    Timer
	disarmTask Timer
)

// Run implements [transport.Task].
func (t *armTask) Run(*transport.Engine) { (*Timer)(t).arm() }

// Run implements [transport.Task].
func (t *disarmTask) Run(*transport.Engine) { (*Timer)(t).disarm() }

// arm gives the timer to the wheel. Loop only.
func (t *Timer) arm() {
	if t.settled.Load() {
		return // disarm counts it out
	}
	at, slot := t.loop.timers.Take()
	*at, t.slot = t, slot
	t.id = t.loop.engine.Arm(t.at, slot<<timerBits|timerUser)
}

// disarm takes a timer that is stopped from the wheel. Loop only.
func (t *Timer) disarm() {
	t.loop.tasks.Add(-1)
	if t.id != 0 {
		t.id = t.loop.engine.Disarm(t.id)
		t.release()
	}
}

// release gives the timer's record back. Loop only.
func (t *Timer) release() {
	*t.loop.timers.At(t.slot) = nil
	t.loop.timers.Give(t.slot)
}

// fire runs the timer in a slot, which is due.
func (l *Loop) fire(slot uint32) {
	t := *l.timers.At(slot)
	t.id = 0
	if t.settled.Swap(true) {
		t.release() // it is stopped, and disarm is on its way
		return
	}
	t.release()
	l.tasks.Add(-1)
	l.call("a function of Loop.After", t.f)
}
