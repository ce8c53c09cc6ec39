// Handshakes: how many there may be at once, and how many may compute.

package tlsconn

import (
	"container/list"
	"runtime"
	"sync"
	"sync/atomic"
)

// evictAfter is how long a handshake may wait for its client, in milliseconds,
// while others have no place.
const evictAfter = 1000

// Handshakes lends goroutines to handshakes. All its methods may be called from
// any goroutine.
type Handshakes struct {
	// Immutable.
	most  int
	clock func() int64

	// A handshake computes for a millisecond or waits for its client for a
	// hundred. Those that compute are as many as there are processors, so that
	// event loops, which compete with them for the processors, wait for few.
	slots chan struct{}

	done, failed, evicted, queued atomic.Uint64
	spared                        atomic.Int64

	mu struct {
		sync.Mutex
		running int
		queue   list.List // those without a goroutine, oldest first
		waiting list.List // those that wait for their clients, oldest first
	}
}

// NewHandshakes makes a pool that lends at most so many goroutines. clock tells
// milliseconds.
func NewHandshakes(most int, clock func() int64) *Handshakes {
	return &Handshakes{most: most, clock: clock, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// spareRoom is how many bytes may wait for all handshakes together, beyond what
// each may let wait: clients may send at once behind their last message, and
// a handshake that has to wait for a processor cannot stop them.
const spareRoom = 64 << 20

// spare takes room for n bytes, or gives it back, and reports whether there was
// some.
func (p *Handshakes) spare(n int) bool {
	if p.spared.Add(int64(n)) <= spareRoom || n <= 0 {
		return true
	}
	p.spared.Add(int64(-n))
	return false
}

// Stats are counters of handshakes.
type Stats struct {
	Running, Waiting int    // with a goroutine now, without one
	Done, Failed     uint64 // that are over
	Queued           uint64 // that had to wait for a place
	Evicted          uint64 // that lost theirs
}

// Stats returns the counters.
func (p *Handshakes) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		Running: p.mu.running, Waiting: p.mu.queue.Len(),
		Done: p.done.Load(), Failed: p.failed.Load(), Queued: p.queued.Load(), Evicted: p.evicted.Load(),
	}
}

// start runs a handshake, or lets it wait for a place.
func (p *Handshakes) start(h *handshake) {
	p.mu.Lock()
	if p.mu.running < p.most {
		p.mu.running++
		p.mu.Unlock()
		go h.run()
		return
	}
	h.place, h.queued = p.mu.queue.PushBack(h), true
	p.queued.Add(1)
	p.mu.Unlock()
	p.Press()
}

// Press takes a place from a handshake that has been waiting for its client for
// too long, if somebody wants it. Whoever wants it calls this now and then.
func (p *Handshakes) Press() {
	p.mu.Lock()
	var idler *handshake
	if front := p.mu.waiting.Front(); front != nil && p.mu.queue.Len() > 0 {
		if h := front.Value.(*handshake); p.clock()-h.since >= evictAfter {
			idler = h
			p.mu.waiting.Remove(front)
			h.place = nil
		}
	}
	p.mu.Unlock()
	if idler != nil {
		p.evicted.Add(1)
		idler.stop(ErrEvicted)
	}
}

// end takes a goroutine back and lends it to the next in the queue.
func (p *Handshakes) end(ok bool) {
	if ok {
		p.done.Add(1)
	} else {
		p.failed.Add(1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	front := p.mu.queue.Front()
	if front == nil {
		p.mu.running--
		return
	}
	h := p.mu.queue.Remove(front).(*handshake)
	h.place, h.queued = nil, false
	go h.run()
}

// forget takes a handshake off the lists.
func (p *Handshakes) forget(h *handshake) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.place != nil {
		p.mu.queue.Remove(h.place)
		p.mu.waiting.Remove(h.place)
		h.place, h.queued = nil, false
	}
}

// waits reports whether a handshake has no place yet.
func (p *Handshakes) waits(h *handshake) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return h.queued
}

// idle notes that a handshake waits for its client, resume that it goes on.
func (p *Handshakes) idle(h *handshake) {
	p.rest()
	p.mu.Lock()
	defer p.mu.Unlock()
	h.since = p.clock()
	h.place = p.mu.waiting.PushBack(h)
}

func (p *Handshakes) resume(h *handshake) {
	p.forget(h)
	p.compute()
}

// compute waits for a part of a processor, rest gives it back.
func (p *Handshakes) compute() { p.slots <- struct{}{} }

func (p *Handshakes) rest() { <-p.slots }
