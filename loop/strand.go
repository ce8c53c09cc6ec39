// Strands: the work of one socket or client, in order, on goroutines that live while there is some.

package loop

import (
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/transport"
)

// job is one piece of a socket's work: an event for its handlers, or a call.
// Which handlers an event has, and whether they want to run on the loop, is
// decided when it is its turn: the work before it may register some.
type job struct {
	inline bool // the call runs on the loop
	event  *Event
	call   func()
}

// actor is somebody whose jobs run one after the other: a socket, or a client as
// a whole.
type actor struct {
	loop   *Loop
	strand atomic.Pointer[strand] // its work that waits, or runs
}

// strand is the queue of an actor's jobs. It exists while it has any: the loop
// adds at the end, and one goroutine at a time, a worker or the loop itself,
// works at the front.
type strand struct {
	actor *actor  // nil for work that belongs to none
	next  *strand // in the executor's queue

	mu struct {
		sync.Mutex
		jobs  []job
		head  int
		bytes int
		over  bool // empty, and not to be added to
	}
}

// elsewhere takes the place of a strand that a worker has finished. What its
// handlers have sent may still be on the way to the loop, and what an inline
// handler sends must not overtake it: the next one comes as a task behind it.
var elsewhere = new(strand)

// busy reports whether work of the actor waits or runs.
func (a *actor) busy() bool {
	st := a.strand.Load()
	return st != nil && st != elsewhere
}

// run does a job of an actor: at once if it may run on the loop and nothing
// waits before it, else as soon as what waits is done. Loop only.
func (l *Loop) run(a *actor, j job) {
	st := a.strand.Load()
	if st == nil && j.inline && !l.inside {
		l.inside = true
		j.call()
		l.inside = false
		return
	}
	if a.busy() && st.add(l, j) {
		return
	}
	st = l.spent.take()
	st.actor = a
	st.mu.jobs = append(st.mu.jobs, j)
	if j.event != nil {
		st.mu.bytes = j.event.size()
		var p plan
		j.event.socket.plan(&p, j.event.name)
		j.inline = p.inline(j.event.name, true)
	}
	a.strand.Store(st)
	l.server.strands.add()
	if j.inline {
		// Behind what is on its way; and what a handler causes, such as the
		// disconnect of a client it sends to, must not run inside it, because
		// both may want the same lock.
		l.engine.Post(st)
		return
	}
	l.server.workers.submit(st)
}

// add appends a job unless the strand has just run dry.
func (st *strand) add(l *Loop, j job) bool {
	limits := &l.server.cfg.Limits
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.mu.over {
		return false
	}
	if j.event != nil {
		if st.mu.bytes >= limits.PendingBytes || len(st.mu.jobs)-st.mu.head >= limits.PendingEvents {
			l.stats.limit(limitPendingEvents)
			l.engine.Post(&overloadTask{j.event.socket})
			j.event.release()
			return true
		}
		st.mu.bytes += j.event.size()
	}
	st.mu.jobs = append(st.mu.jobs, j)
	return true
}

// overloadTask cuts a client whose events come faster than its handlers work.
// It comes as a task because the client's packet is still being read.
type overloadTask struct{ socket *Socket }

// Run implements [transport.Task].
func (t *overloadTask) Run(*transport.Engine) {
	if e := t.socket.loop.find(t.socket.ref); e != nil {
		e.session.Discard(transport.TransportError, ErrPendingEvents)
	}
}

// turn is how many jobs of one socket a worker does before it looks after
// others.
const turn = 64

// spent are strands that have run dry, for the actors of one loop to come. One may
// be known still as an actor's, but to the loop alone, which looks before it takes
// another: nobody adds to a strand in here.
type spent struct {
	mu struct {
		sync.Mutex
		list []*strand
	}
}

// A strand that has had a place for more than strandKeep jobs, and those beyond
// spentKeep, are left to the garbage collector.
const (
	strandKeep = 64
	spentKeep  = 256
)

// take returns a strand without jobs. Loop only.
func (s *spent) take() *strand {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.mu.list)
	if n == 0 {
		return new(strand)
	}
	st := s.mu.list[n-1]
	s.mu.list[n-1] = nil
	s.mu.list = s.mu.list[:n-1]
	st.mu.over = false
	return st
}

// give takes a strand that has run dry, which its caller uses no more. Any
// goroutine.
func (s *spent) give(st *strand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.list) < spentKeep && cap(st.mu.jobs) <= strandKeep {
		st.actor, st.next = nil, nil
		s.mu.list = append(s.mu.list, st)
	}
}

// work does jobs from the front, on a worker if onLoop is false. It reports
// whether the strand wants another turn on a worker.
func (st *strand) work(onLoop bool) (again bool) {
	a := st.actor
	if a == nil {
		// Taken off first: a call that ends its goroutine must not come again.
		if call := st.mu.jobs[0].call; call != nil {
			st.mu.jobs[0] = job{}
			call()
		}
		return false
	}
	for range turn {
		st.mu.Lock()
		if st.mu.head == len(st.mu.jobs) {
			st.mu.over = true
			if onLoop {
				a.strand.CompareAndSwap(st, nil)
			} else {
				a.strand.CompareAndSwap(st, elsewhere)
			}
			st.mu.Unlock()
			a.loop.server.strands.done()
			a.loop.spent.give(st)
			return false
		}
		j := st.mu.jobs[st.mu.head]
		inline, p := j.inline, plan{}
		if j.event != nil {
			j.event.socket.plan(&p, j.event.name)
			inline = p.inline(j.event.name, onLoop)
		}
		if inline != onLoop {
			st.mu.Unlock()
			if onLoop {
				return true
			}
			a.loop.engine.Post(st)
			return false
		}
		st.mu.jobs[st.mu.head] = job{}
		if st.mu.head++; st.mu.head == len(st.mu.jobs) {
			st.mu.jobs, st.mu.head = st.mu.jobs[:0], 0
		}
		if j.event != nil {
			st.mu.bytes -= j.event.size()
		}
		st.mu.Unlock()
		if j.event == nil {
			j.call()
			continue
		}
		j.event.socket.handle(j.event, &p)
		j.event.release()
	}
	if onLoop {
		a.loop.engine.Post(st)
		return false
	}
	return true
}

// Run implements [transport.Task]: the loop's part of the work.
func (st *strand) Run(*transport.Engine) {
	l := st.actor.loop
	l.inside = true
	again := st.work(true)
	l.inside = false
	if again {
		l.server.workers.submit(st)
	}
}

// workers run strands. Goroutines are started when there is work and fewer than
// the limit run, and end when there is no more.
type workers struct {
	most int

	mu struct {
		sync.Mutex
		first, last *strand
		running     int
	}
}

func newWorkers(most int) *workers { return &workers{most: most} }

// submit hands a strand to the workers. Any goroutine.
func (w *workers) submit(st *strand) {
	w.mu.Lock()
	w.push(st)
	start := w.mu.running < w.most
	if start {
		w.mu.running++
	}
	w.mu.Unlock()
	if start {
		go w.run()
	}
}

// do runs f on a worker. f must not panic. Any goroutine.
func (w *workers) do(s *Server, f func()) {
	st := new(strand)
	s.strands.add()
	st.mu.jobs = []job{{call: func() {
		defer s.strands.done()
		f()
	}}}
	w.submit(st)
}

func (w *workers) push(st *strand) {
	st.next = nil
	if w.mu.first == nil {
		w.mu.first = st
	} else {
		w.mu.last.next = st
	}
	w.mu.last = st
}

// run works until there is nothing left to do.
func (w *workers) run() {
	var st *strand
	defer func() {
		if st != nil {
			// A handler has ended its goroutine, as a test that fails does; what
			// waits behind it must not.
			w.mu.Lock()
			w.push(st)
			w.mu.Unlock()
			go w.run()
		}
	}()
	w.mu.Lock()
	for w.mu.first != nil {
		st = w.mu.first
		w.mu.first = st.next
		w.mu.Unlock()
		again := st.work(false)
		w.mu.Lock()
		if again {
			w.push(st)
		}
		st = nil
	}
	w.mu.running--
	w.mu.Unlock()
}
