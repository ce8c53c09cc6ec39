// Strands: the work of one socket, in order, on goroutines that live while there is some.

package loop

import (
	"sync"

	"github.com/sioserver/sioserver/transport"
)

// job is one piece of a socket's work: an event for its handlers, or a call.
type job struct {
	inline bool // it runs on the loop
	event  *Event
	plan   plan
	call   func()
}

// strand is the queue of a socket's jobs. It exists while it has any: the loop
// adds at the end, and one goroutine at a time, a worker or the loop itself,
// works at the front.
type strand struct {
	socket *Socket
	next   *strand // in the executor's queue

	mu struct {
		sync.Mutex
		jobs  []job
		head  int
		bytes int
		over  bool // empty, and not to be added to
	}
}

// run does a job of a socket: at once if it may run on the loop and nothing
// waits before it, else as soon as what waits is done. Loop only.
func (l *Loop) run(s *Socket, j job) {
	st := s.strand.Load()
	if st == nil && j.inline {
		s.perform(&j)
		return
	}
	if st != nil && st.add(l, j) {
		return
	}
	st = &strand{socket: s}
	st.mu.jobs = append(st.mu.jobs, j)
	if j.event != nil {
		st.mu.bytes = j.event.size()
	}
	s.strand.Store(st)
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
		if st.mu.bytes > limits.PendingBytes || len(st.mu.jobs)-st.mu.head > limits.PendingEvents {
			l.stats.limit(LimitPendingEvents)
			l.engine.Post(&overloadTask{st.socket})
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

// work does jobs from the front, on a worker if onLoop is false. It reports
// whether the strand wants another turn on a worker.
func (st *strand) work(onLoop bool) (again bool) {
	for range turn {
		st.mu.Lock()
		if st.mu.head == len(st.mu.jobs) {
			st.mu.over = true
			st.socket.strand.CompareAndSwap(st, nil)
			st.mu.Unlock()
			return false
		}
		j := st.mu.jobs[st.mu.head]
		if j.inline != onLoop {
			st.mu.Unlock()
			if onLoop {
				return true
			}
			st.socket.loop.engine.Post(st)
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
		st.socket.perform(&j)
	}
	if onLoop {
		st.socket.loop.engine.Post(st)
		return false
	}
	return true
}

// Run implements [transport.Task]: the loop's part of the work.
func (st *strand) Run(*transport.Engine) {
	if st.work(true) {
		st.socket.loop.server.workers.submit(st)
	}
}

// perform does one job.
func (s *Socket) perform(j *job) {
	if j.event == nil {
		j.call()
		return
	}
	s.handle(j.event, j.plan)
	j.event.release()
}

// workers run strands. Goroutines are started when there is work and none is
// free, up to a limit, and end when there is no more.
type workers struct {
	most int

	mu struct {
		sync.Mutex
		first, last *strand
		running     int
		idle        sync.Cond
	}
}

func newWorkers(most int) *workers {
	w := &workers{most: most}
	w.mu.idle.L = &w.mu
	return w
}

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
	w.mu.Lock()
	for w.mu.first != nil {
		st := w.mu.first
		w.mu.first = st.next
		w.mu.Unlock()
		again := st.work(false)
		w.mu.Lock()
		if again {
			w.push(st)
		}
	}
	w.mu.running--
	if w.mu.running == 0 {
		w.mu.idle.Broadcast()
	}
	w.mu.Unlock()
}

// wait returns when no handler runs and none waits.
func (w *workers) wait() {
	w.mu.Lock()
	for w.mu.running > 0 {
		w.mu.idle.Wait()
	}
	w.mu.Unlock()
}
