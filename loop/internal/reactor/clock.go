// The clock: one goroutine that wakes each loop when a timer of it is due.

package reactor

import "time"

// clock sleeps until the earliest alarm of any loop. A server has one, and its
// one time.Timer; an idle server without timers does not wake at all.
type clock struct {
	now   func() int64 // milliseconds
	kicks chan struct{}
	done  chan struct{}
	ended chan struct{}
}

func newClock(now func() int64) *clock {
	return &clock{now: now, kicks: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
}

// kick makes the clock look at the alarms again.
func (c *clock) kick() {
	select {
	case c.kicks <- struct{}{}:
	default:
	}
}

// run serves the alarms of the loops until stop.
func (c *clock) run(loops []*loop) {
	defer close(c.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if wait, ok := c.ring(loops); ok {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-c.kicks:
		case <-c.done:
			return
		}
	}
}

// ring wakes the loops whose alarm is due and returns the time to the next.
func (c *clock) ring(loops []*loop) (wait time.Duration, ok bool) {
	now := c.now()
	next := int64(0)
	for _, l := range loops {
		at := l.alarm.Load()
		if at == 0 {
			continue
		}
		if at > now {
			if next == 0 || at < next {
				next = at
			}
			continue
		}
		// The loop sets its next alarm when it has served this one; one that does
		// not run begins with that.
		if l.alarm.CompareAndSwap(at, 0) {
			l.ring()
		}
	}
	return time.Duration(next-now) * time.Millisecond, next != 0
}

// stop ends run.
func (c *clock) stop() {
	close(c.done)
	<-c.ended
}
