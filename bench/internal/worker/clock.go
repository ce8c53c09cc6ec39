// CLOCK_MONOTONIC at the price of the vDSO, and the timer that wakes the loop.

package worker

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock turns Go's monotonic time, which has no common origin, into the
// kernel's, which all processes share.
type clock struct {
	base   time.Time
	offset int64
}

// newClock ties the two together where a reading of both took the least time.
func newClock() clock {
	var c clock
	best := time.Hour
	for range 32 {
		before := time.Now()
		var ts unix.Timespec
		// It cannot fail with a clock that every kernel has.
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		if took := time.Since(before); took < best {
			best = took
			c = clock{base: before, offset: ts.Nano() - int64(took)/2}
		}
	}
	return c
}

// now is the time in ns.
func (c *clock) now() int64 { return c.offset + int64(time.Since(c.base)) }

// Now is CLOCK_MONOTONIC in ns, for the coordinator. Any goroutine.
func Now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// alarm is a timer descriptor in the epoll set. It is edge-triggered and so
// never read: setting it anew clears it.
type alarm struct {
	fd int
	at int64
}

func newAlarm(ep int) (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return alarm{}, err
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: slotAlarm}
	return alarm{fd: fd}, unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &e)
}

// set wakes the loop at a time, unless it will wake then anyway.
func (a *alarm) set(at int64) {
	if at == a.at {
		return
	}
	a.at = at
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(at, 1))}
	// The descriptor is a timer and the time is valid.
	_ = unix.TimerfdSettime(a.fd, unix.TFD_TIMER_ABSTIME, &spec, nil)
}
