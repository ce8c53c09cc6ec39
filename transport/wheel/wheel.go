// The wheel: slots, arming, cancelling, expiry.

// Package wheel is a hierarchical timing wheel for one event loop. It keeps no
// clock and starts nothing: the owner tells it the time and is told what is
// due. All timers of a loop live in one table and are linked by index, so a
// timer costs 20 bytes, arming and cancelling touch two neighbours, and the
// garbage collector has nothing to look at.
//
// Its methods belong to the goroutine that owns the loop.
package wheel

import (
	"math/bits"

	"github.com/sioserver/sioserver/transport/slab"
)

// Tick is the resolution of a wheel in milliseconds. Timers fire at the first
// tick at or after their deadline, never before it.
const Tick = 10

// A wheel has three levels of 256 slots: 2.56 s at one tick each, 11 min at
// 2.56 s, and 46 h at 11 min. Later deadlines wait in the last slot and are
// filed again when it comes round.
const (
	slotBits = 8
	slots    = 1 << slotBits
	slotMask = slots - 1
	levels   = 3
)

// reach is how far behind the clock, with the time of a timer on top, a wheel
// without timers may stand, in ticks. It is 248 days.
const reach = 1<<31 - 1

// ID names an armed timer. The zero ID is no timer.
type ID uint32

// Timer is what a wheel hands back at expiry: the words given to Arm.
type Timer struct {
	Owner uint32
	Kind  uint8
}

// node is one timer.
type node struct {
	next, prev uint32
	due        uint32 // the lower bits of the tick
	owner      uint32
	kind       uint8
	level      uint8
	slot       uint8
}

// Wheel is a timing wheel. The zero Wheel is empty and stands at time 0.
type Wheel struct {
	nodes slab.Slab[node] // links and IDs are an index + 1, 0 for none
	tick  uint64          // every tick up to this one has fired
	heads [levels][slots]uint32
	used  [levels][slots / 64]uint64
}

// Len is the number of armed timers. Loop only.
func (w *Wheel) Len() int { return w.nodes.Len() }

// Arm sets a timer that is due at time at, in milliseconds since the wheel's
// origin; a time that has passed is due at the next tick. Loop only.
func (w *Wheel) Arm(at int64, owner uint32, kind uint8) ID {
	due := max(uint64((at+Tick-1)/Tick), w.tick+1)
	if due-w.tick > reach && w.nodes.Len() == 0 {
		w.tick = due - reach // the wheel stood still for months
	}
	n, i := w.nodes.Take()
	n.due, n.owner, n.kind = uint32(due), owner, kind
	w.link(i + 1)
	return ID(i + 1)
}

// Cancel disarms the timer and returns the zero ID, for the caller to store in
// place of the old one. The zero ID is ignored. Loop only.
func (w *Wheel) Cancel(id ID) ID {
	if id != 0 {
		w.unlink(uint32(id))
		w.nodes.Give(uint32(id) - 1)
	}
	return 0
}

// Advance moves the wheel to time now, in milliseconds, and calls fire for each
// timer that is due, in the order of their ticks. The timer is gone before fire
// runs, which may arm and cancel others. Loop only.
func (w *Wheel) Advance(now int64, fire func(Timer)) {
	w.expire(fire) // what a panic in fire has left behind
	target := uint64(now / Tick)
	for target > w.tick {
		if w.nodes.Len() == 0 {
			w.tick = target
			return
		}
		w.tick = w.skip(target)
		w.cascade()
		w.expire(fire)
	}
}

// Next is the time in milliseconds of the next tick at which Advance has work,
// which is at or before the earliest deadline; ok is false when no timer is
// armed. Loop only.
func (w *Wheel) Next() (at int64, ok bool) {
	if w.nodes.Len() == 0 {
		return 0, false
	}
	return int64(w.nextTick()) * Tick, true
}

// skip returns the next tick with work, or target if that comes first.
func (w *Wheel) skip(target uint64) uint64 { return min(w.nextTick(), target) }

// nextTick finds the first tick after the present one at which a slot of the
// lowest level fires or a slot of a higher level is filed anew.
func (w *Wheel) nextTick() uint64 {
	if w.heads[0][uint8(w.tick)] != 0 {
		return w.tick
	}
	best := w.tick + 1<<(slotBits*levels)
	for level := range w.heads {
		shift := uint(level) * slotBits
		if d := w.distance(level, uint8(w.tick>>shift)); d > 0 {
			at := (w.tick>>shift + d) << shift
			best = min(best, at)
		}
	}
	return best
}

// distance is the number of slots from the one behind pos to the next one in
// use, going round once; 0 means that the level is empty.
func (w *Wheel) distance(level int, pos uint8) uint64 {
	used := &w.used[level]
	from := uint64(pos) + 1
	for scanned := uint64(0); scanned < slots; {
		at := (from + scanned) & slotMask
		word := used[at/64] >> (at % 64)
		if word != 0 {
			d := scanned + uint64(bits.TrailingZeros64(word)) + 1
			if d <= slots {
				return d
			}
			return 0
		}
		scanned += 64 - at%64
	}
	return 0
}

// cascade files the timers of the higher levels whose slot begins now.
func (w *Wheel) cascade() {
	for level := 1; level < levels; level++ {
		shift := uint(level) * slotBits
		if w.tick&(1<<shift-1) != 0 {
			return
		}
		slot := uint8(w.tick >> shift)
		i := w.heads[level][slot]
		w.clear(level, slot)
		for i != 0 {
			next := w.node(i).next
			w.link(i)
			i = next
		}
	}
}

// expire fires the slot of the present tick. Each timer is unlinked on its own,
// because fire may cancel its neighbours.
func (w *Wheel) expire(fire func(Timer)) {
	slot := uint8(w.tick)
	for i := w.heads[0][slot]; i != 0; i = w.heads[0][slot] {
		t := Timer{w.node(i).owner, w.node(i).kind}
		w.unlink(i)
		w.nodes.Give(i - 1)
		fire(t)
	}
}

// node returns the node that a link names.
func (w *Wheel) node(i uint32) *node { return w.nodes.At(i - 1) }

// link files a node by the distance of its deadline.
func (w *Wheel) link(i uint32) {
	n := w.node(i)
	now := uint32(w.tick)
	level, at := 0, n.due
	switch d := n.due - now; {
	case d < slots:
	case d < 1<<(2*slotBits):
		level = 1
	case d < 1<<(3*slotBits):
		level = 2
	default:
		level, at = 2, now+1<<(3*slotBits)-1<<(2*slotBits)
	}
	slot := uint8(at >> (uint(level) * slotBits))
	n.level, n.slot = uint8(level), slot
	head := w.heads[level][slot]
	n.prev, n.next = 0, head
	if head != 0 {
		w.node(head).prev = i
	}
	w.heads[level][slot] = i
	w.used[level][slot/64] |= 1 << (slot % 64)
}

func (w *Wheel) unlink(i uint32) {
	n := w.node(i)
	if n.next != 0 {
		w.node(n.next).prev = n.prev
	}
	if n.prev != 0 {
		w.node(n.prev).next = n.next
		return
	}
	w.heads[n.level][n.slot] = n.next
	if n.next == 0 {
		w.clear(int(n.level), n.slot)
	}
}

func (w *Wheel) clear(level int, slot uint8) {
	w.heads[level][slot] = 0
	w.used[level][slot/64] &^= 1 << (slot % 64)
}
