// Bursts: more than OutboundBytes waits for a client, for a while, up to OutboundBurst.

package transport

import (
	"bytes"
	"testing"
)

const (
	tooMuchAtOnce = "1 close transport error: slow consumer: the outbound queue is full"
	tooMuchForOne = "1 close transport error: slow consumer: the outbound queue stays too long"
)

// reader is a client that reads when it is told to.
type reader struct {
	k    *kernel
	s    *Session
	over func() bool
	// wait makes n bytes wait, in messages of which none is large.
	wait func(n int)
	// take makes the client take n of them, or all if it takes them whole.
	take       func(n int)
	soft, hard Limit
	some       bool // it can take a part
}

// pieces sends n bytes in messages that add head bytes each.
func (r *reader) pieces(n, head int) {
	r.k.t.Helper()
	for n > 0 {
		size := min(n, 1000)
		if left := n - size; left > 0 && left <= head {
			size -= head + 1
		}
		n -= size
		r.k.do(r.s, func() { r.s.Send(make([]byte, size-head)) })
	}
}

// readers runs a test with a client of each kind, none of whose bytes the kernel takes.
func readers(t *testing.T, test func(t *testing.T, r *reader)) {
	calm := func(o *Options) {
		o.OutboundBytes, o.OutboundBurst = 5_000, 20_000
		o.PingInterval, o.ConnectTimeout = 1_000_000, 0
	}
	t.Run("websocket", func(t *testing.T) {
		k := newKernel(t, 1, calm)
		w := k.socket(0)
		w.window = 0
		r := &reader{k: k, s: k.session(1), soft: LimitOutbound, hard: LimitOutboundBurst, some: true}
		r.over = func() bool { return w.over }
		r.wait = func(n int) {
			// Frames of up to 125 bytes have heads of 2 bytes, larger ones of 4; each message has its digit.
			if n < 128 {
				k.do(r.s, func() { r.s.Send(make([]byte, n-3)) })
				return
			}
			r.pieces(n, 5)
		}
		r.take = w.drain
		k.log = nil
		test(t, r)
		k.finish()
	})
	t.Run("polling", func(t *testing.T) {
		k := newKernel(t, 1, calm)
		c := k.poller(0)
		r := &reader{k: k, s: k.session(1), soft: LimitBuffered, hard: LimitBufferedBurst}
		r.over = func() bool { return k.closed > 0 }
		r.wait = func(n int) { r.pieces(n, spoolHead) }
		r.take = func(int) { c.poll(); c.get.take() }
		k.log = nil
		test(t, r)
		k.finish()
	})
}

// counted demands the hits of the two limits.
func (r *reader) counted(soft, hard uint64) {
	r.k.t.Helper()
	if l := r.k.stats().Limits; l[r.soft] != soft || l[r.hard] != hard {
		r.k.t.Errorf("limits were hit %d and %d times, want %d and %d", l[r.soft], l[r.hard], soft, hard)
	}
}

// waits demands that so much waits.
func (r *reader) waits(n int) {
	r.k.t.Helper()
	if got := r.s.Buffered(); got != n {
		r.k.t.Errorf("%d bytes wait, want %d", got, n)
	}
}

func TestBurstGrace(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		r.wait(r.k.opts.OutboundBytes)
		r.waits(r.k.opts.OutboundBytes)
		r.k.advance(3_000) // just below: as long as it likes
		r.k.told()
		r.wait(10)
		r.waits(r.k.opts.OutboundBytes + 10)
		r.k.within(r.k.opts.OutboundGrace, r.k.opts.OutboundGrace+20, "end", r.over)
		r.k.told(tooMuchForOne)
		r.counted(1, 0)
	})
}

// TestBurstJustAbove is one byte over, in the middle of a second of the watch.
func TestBurstJustAbove(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		r.wait(r.k.opts.OutboundBytes - 9)
		r.k.advance(700)
		r.wait(10)
		r.waits(r.k.opts.OutboundBytes + 1)
		r.k.advance(r.k.opts.OutboundGrace - 10)
		r.k.told()
		r.k.advance(30)
		r.k.told(tooMuchForOne)
		r.counted(1, 0)
	})
}

// TestBurstOver falls below in time: the next burst has all of the grace again.
func TestBurstOver(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		for range 3 {
			r.wait(15_000)
			r.k.advance(r.k.opts.OutboundGrace - 20)
			r.take(10_000) // to the limit itself
			r.k.advance(100)
			r.k.told()
			if !r.some {
				r.waits(0)
				continue
			}
			r.waits(5_000)
			r.take(5_000)
		}
		// The same without a look in between.
		for range 3 {
			r.wait(15_000)
			r.k.advance(r.k.opts.OutboundGrace / 2)
			r.take(15_000)
		}
		if r.some {
			// To the limit itself, and above it again.
			r.wait(15_000)
			r.k.advance(r.k.opts.OutboundGrace / 2)
			r.take(10_000)
			r.wait(1_000)
			r.k.advance(r.k.opts.OutboundGrace - 20)
			r.take(6_000)
			// A heartbeat finds that all has gone.
			r.wait(15_000)
			r.take(16_000)
			r.k.do(r.s, func() { r.s.sendPacket(2) })
			if r.s.Buffered() != 0 {
				t.Errorf("%d bytes wait", r.s.Buffered())
			}
			r.k.advance(2_000)
			r.take(-997) // what is left of the room
		}
		r.k.log = nil // it may have heard that all has gone
		r.wait(15_000)
		r.k.within(r.k.opts.OutboundGrace, r.k.opts.OutboundGrace+20, "end", r.over)
		r.counted(1, 0)
	})
}

// TestBurstNotOver falls, but not below, or only for a moment that nobody could see.
func TestBurstNotOver(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		if !r.some {
			return // polls take all
		}
		r.wait(15_000)
		r.k.advance(500)
		r.take(9_999)
		r.wait(100)
		r.k.advance(r.k.opts.OutboundGrace - 500 + 20)
		r.k.told(tooMuchForOne)
		r.counted(1, 0)
	})
}

func TestBurstLimit(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		most := r.k.opts.OutboundBurst
		r.wait(most - 1)
		r.waits(most - 1)
		r.wait(100) // the last message may pass the limit, however far
		r.waits(most + 99)
		r.k.told()
		r.wait(100)
		r.k.told(tooMuchAtOnce)
		r.counted(0, 1)
	})
}

// TestBurstInOneBatch does not wait for the end of a batch to count.
func TestBurstInOneBatch(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		taken := 0
		r.wait(100) // blocked
		r.k.do(r.s, func() {
			for r.s.SendShared(NewShared(make([]byte, 995), nil)) {
				taken++
			}
		})
		if taken < 19 || taken > 20 {
			t.Errorf("%d messages of 1000 bytes were taken, want 20", taken)
		}
		r.k.told(tooMuchAtOnce)
		r.counted(0, 1)
	})
}

// TestLargeMessage: one that is over all limits is taken and has all the time it needs while it makes progress, heartbeats
// included, until others join it.
func TestLargeMessage(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		r.k.do(r.s, func() {
			if !r.s.Send(make([]byte, 50_000)) {
				t.Error("refused")
			}
			r.s.sendPacket(2)
		})
		for range 20 {
			r.k.advance(1000)
			if r.some {
				r.take(2_000)
			}
		}
		r.k.told()
		r.counted(0, 0)
		if !r.some {
			return
		}
		r.wait(100)
		r.k.told()
		r.k.within(r.k.opts.OutboundGrace, r.k.opts.OutboundGrace+20, "end", r.over)
		r.k.told(tooMuchForOne)
		r.counted(1, 0)
	})
}

// TestLargeAttachment comes behind a small text.
func TestLargeAttachment(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		r.k.do(r.s, func() {
			if !r.s.Send([]byte("51-[]")) || !r.s.SendBinary(make([]byte, 50_000)) {
				t.Error("refused")
			}
		})
		r.k.advance(4_000)
		r.k.told()
		r.counted(0, 0)
	})
}

// TestSlowEnd takes a burst to the end of a session: what closes is judged by its progress.
func TestSlowEnd(t *testing.T) {
	readers(t, func(t *testing.T, r *reader) {
		r.wait(15_000)
		r.k.do(r.s, r.s.Close)
		r.k.log = nil
		r.k.advance(2 * r.k.opts.OutboundGrace)
		if r.some && r.over() {
			t.Error("cut while it said good-bye")
		}
		r.counted(0, 0)
	})
}

// TestBurstUpgrade takes a burst from the spool to a websocket.
func TestBurstUpgrade(t *testing.T) {
	k := newKernel(t, 1, bounds(5_000, 20_000))
	c := k.poller(0)
	k.session(1).Joined()
	s := k.session(1)
	w := c.candidate(0)
	w.text("2probe")
	w.want("3probe")
	k.do(s, func() {
		for range 15 {
			s.Send(bytes.Repeat([]byte("x"), 1000))
		}
	})
	k.advance(k.opts.OutboundGrace - 20)
	w.text("5")
	k.advance(2_000)
	if got := w.frames(); len(got) != 15 {
		t.Errorf("%d frames", len(got))
	}
	k.told("1 open", "1 upgrade")
	k.finish()
}

// TestPollsOfBursts fetches far more than OutboundBytes, poll by poll.
func TestPollsOfBursts(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	s := k.session(1)
	for range 5 {
		k.do(s, func() {
			for range 40 {
				s.Send(make([]byte, 100_000))
			}
		})
		c.poll()
		if r := c.get.responses(); len(r) != 1 || len(r[0].body) != 40*100_002-1 {
			t.Fatalf("%d responses", len(r))
		}
	}
	if n := cap(k.loops[0].engine.scratch); n > scratchKeep {
		t.Errorf("%d bytes are kept for the next payload", n)
	}
	k.told("1 open")
	k.finish()
}
