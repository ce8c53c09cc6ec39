// Kept: what clients can catch up on, between its way out and its return.

package redisstreams

import (
	"sync"
	"time"

	"github.com/sioserver/sioserver/rooms"
)

// kept orders what the sockets of this server get by the stream: what it sends to
// all comes back as an entry, and reaches them then, as it does on other servers.
// If it does not come back soon they get it all the same, without an offset, and
// what is sent from then on at once, until the stream answers again.
type kept struct {
	local rooms.Local
	most  time.Duration // that an event may take to come back
	early func()        // called for each event that does not
	fail  func(error)   // told what could not be sent

	mu struct {
		sync.Mutex
		seq     uint64 // of the last message for the stream
		waiting []held // in order
		timer   *time.Timer
		armed   bool

		direct bool   // the stream does not answer
		probe  uint64 // the message by which it is seen whether it does again
		since  time.Time
	}
}

// held is an event that waits for its turn, or something to do behind it.
type held struct {
	seq    uint64
	packet *rooms.Packet // nil if there is a call
	target rooms.Target
	call   func()
	at     time.Time
}

// send gives a message for the stream its number. p, if there is one, waits to
// come back. put is called with the number, in order.
func (k *kept) send(p *rooms.Packet, t rooms.Target, put func(seq uint64)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.seq++
	put(k.mu.seq)
	switch {
	case p == nil:
		return nil
	case k.mu.direct:
		if k.mu.probe == 0 {
			k.mu.probe, k.mu.since = k.mu.seq, time.Now()
		}
		k.early()
		return k.local.Broadcast(p, t)
	}
	k.mu.waiting = append(k.mu.waiting, held{seq: k.mu.seq, packet: p, target: t, at: time.Now()})
	if !k.mu.armed {
		k.arm(k.most)
	}
	return nil
}

// after calls f behind what waits.
func (k *kept) after(f func()) {
	k.mu.Lock()
	if len(k.mu.waiting) == 0 {
		k.mu.Unlock()
		f() // which may lead to another event
		return
	}
	k.mu.waiting = append(k.mu.waiting, held{seq: k.mu.seq, call: f})
	k.mu.Unlock()
}

// arm has a look after a time. The lock is held.
func (k *kept) arm(d time.Duration) {
	k.mu.armed = true
	if k.mu.timer == nil {
		k.mu.timer = time.AfterFunc(d, k.look)
		return
	}
	k.mu.timer.Reset(d)
}

// look gives the stream up if the first event waits too long.
func (k *kept) look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.armed = false; len(k.mu.waiting) == 0 {
		return
	}
	if age := time.Since(k.mu.waiting[0].at); age < k.most {
		k.arm(k.most - age)
		return
	}
	k.mu.direct, k.mu.probe = true, 0
	k.upTo(k.mu.seq + 1)
}

// upTo hands out what waits before a message, without offsets. The lock is held.
func (k *kept) upTo(seq uint64) {
	for len(k.mu.waiting) > 0 && (k.mu.waiting[0].seq < seq || k.mu.waiting[0].packet == nil) {
		h := k.mu.waiting[0]
		k.mu.waiting[0] = held{}
		k.mu.waiting = k.mu.waiting[1:]
		if h.packet == nil {
			h.call()
			continue
		}
		k.early()
		k.hand(h.packet, h.target)
	}
	if len(k.mu.waiting) == 0 {
		k.mu.waiting = nil
	}
}

func (k *kept) hand(p *rooms.Packet, t rooms.Target) {
	if err := k.local.Broadcast(p, t); err != nil {
		k.fail(err)
	}
}

// back is told of a message of this server that has come back as an entry.
func (k *kept) back(seq uint64, id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.direct {
		switch {
		case seq >= k.mu.seq:
			k.mu.direct = false // all is back
		case k.mu.probe != 0 && seq >= k.mu.probe:
			k.mu.direct = time.Since(k.mu.since) > k.most
			k.mu.probe = 0
		}
		return
	}
	k.upTo(seq)
	if len(k.mu.waiting) > 0 && k.mu.waiting[0].seq == seq {
		h := k.mu.waiting[0]
		k.mu.waiting[0] = held{}
		k.mu.waiting = k.mu.waiting[1:]
		p := *h.packet
		p.Offset = id
		k.hand(&p, h.target)
		k.upTo(seq)
	}
}

// close hands out what waits.
func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.timer != nil {
		k.mu.timer.Stop()
	}
	k.mu.direct = true
	k.upTo(k.mu.seq + 1)
}
