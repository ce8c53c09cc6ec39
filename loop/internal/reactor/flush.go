// flush: output of many connections, through io_uring where it can be had and pays.

package reactor

import (
	"fmt"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// Ring says whether the loops use io_uring.
type Ring uint8

// The values of Ring.
const (
	RingIfAble Ring = iota
	RingAlways      // New fails without it
	RingNever
)

// ringLeast is how many writes make a trip through the ring pay.
const ringLeast = 4

// FlushStats count what became of output that left many at a time.
type FlushStats struct {
	Ring      bool   // io_uring is in use on all loops
	Submits   uint64 // system calls for it
	Sends     uint64 // writes by it
	Short     uint64 // of these, those that did not take all
	Fallbacks uint64 // writes it was given and had no room for
}

// flushCounts are the counters of one loop.
type flushCounts struct{ submits, sends, short, fallbacks atomic.Uint64 }

// Flush returns the sum over all loops. Any goroutine.
func (r *Reactor) Flush() (s FlushStats) {
	s.Ring = true
	for _, l := range r.loops {
		s.Ring = s.Ring && l.ringUp.Load()
		s.Submits += l.flushed.submits.Load()
		s.Sends += l.flushed.sends.Load()
		s.Short += l.flushed.short.Load()
		s.Fallbacks += l.flushed.fallbacks.Load()
	}
	return s
}

// setUpRings gives each loop a ring, or none to any.
func (r *Reactor) setUpRings() error {
	if r.cfg.Ring == RingNever {
		return nil
	}
	for _, l := range r.loops {
		var err error
		if l.uring, err = newRing(&l.flushed); err != nil {
			r.takeDownRings()
			if r.cfg.Ring == RingAlways {
				return fmt.Errorf("reactor: io_uring is demanded and cannot be had: %w: "+
					"allow it (kernel.io_uring_disabled, the sandbox's list of system calls, ulimit -l), or do not demand it", err)
			}
			r.cfg.Logger.Debug("io_uring cannot be had; output is sent without it", "error", err)
			return nil
		}
		l.ringUp.Store(true)
	}
	return nil
}

// takeDownRings closes the rings. No loop runs.
func (r *Reactor) takeDownRings() {
	for _, l := range r.loops {
		if l.uring != nil {
			l.ringUp.Store(false)
			l.uring.close()
			l.uring = nil
		}
	}
}

// Send implements transport.Network.
func (l *loop) Send(batch []transport.Output) {
	if l.uring == nil || l.uring.broken != nil || len(batch) < l.reactor.cfg.Least {
		for i := range batch {
			if o := &batch[i]; sendable(o) {
				o.Sent, o.Err = send(o.Conn.FD, o.Data)
			}
		}
		return
	}
	for i := range batch {
		if o := &batch[i]; sendable(o) {
			l.uring.add(i, o)
		}
	}
	l.uring.submit(batch)
	if err := l.uring.broken; err != nil {
		l.ringUp.Store(false)
		l.reactor.cfg.Logger.Error("io_uring has failed; output is sent without it from now on", "loop", l.engine.Index(), "error", err)
	}
}

// sendable reports whether there is something to send by a descriptor, and
// nothing before it that gnet holds back.
func sendable(o *transport.Output) bool {
	return len(o.Data) > 0 && o.Conn.FD != noFD && o.Conn.Wire.(gnet.Conn).OutboundBuffered() == 0
}
