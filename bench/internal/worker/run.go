// The run: sending what is due, and knowing when all has come.

package worker

import (
	"math/rand/v2"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/stamp"
)

// burst is how many due messages are sent before the kernel is asked again for
// what has arrived.
const burst = 256

// beginRun fixes the times of the run and starts the schedules.
func (w *Worker) beginRun(at int64) {
	j := &w.job
	w.running, w.start = true, at
	w.from, w.until = at+j.WarmupNs, at+j.WarmupNs+j.DurationNs
	w.stopAt = w.until + j.DrainNs
	w.stormAt, w.slowAt, w.nextTrickle, w.churn.next = never, never, never, never
	phase := float64(j.Worker) / float64(j.Workers)
	for id, s := range w.streams {
		if s.Closed {
			s.due.next = never
			if !s.AtOnce {
				w.fillAll(s)
			}
			continue
		}
		mine, all := w.sendersOf(s)
		if mine == 0 {
			s.due.next = never
			continue
		}
		var rng *rand.Rand
		if s.Poisson {
			rng = rand.New(rand.NewPCG(j.Seed+uint64(id), uint64(j.Worker)))
		}
		s.due = newSchedule(at, s.Rate/float64(s.Turn)*float64(mine)/float64(all), phase, rng)
	}
	if j.Churn != nil {
		w.churn = newSchedule(at, j.Churn.Rate*float64(len(w.sessions))/float64(j.Total), phase, nil)
	}
	if j.Storm != nil && j.Storm.Drop {
		w.stormAt = at + j.Storm.AfterNs
	}
	if j.Slow != nil {
		w.slowAt = at + j.Slow.AfterNs
	}
}

// sendersOf is how many senders of a stream are at this worker, and at all.
func (w *Worker) sendersOf(s *stream) (mine, all int) {
	j := &w.job
	switch s.Kind {
	case job.API:
		return 1, j.Workers
	case job.Bcast:
		return len(s.next), s.Senders
	case job.Room:
		for g := 0; g < j.Total; g++ {
			if w.roomSender(uint32(g)) != uint32(g) {
				continue
			}
			all++
			if g%j.Workers == j.Worker {
				mine++
			}
		}
		return mine, all
	}
	return len(w.sessions), j.Total
}

// advanceRun does what the run has due.
func (w *Worker) advanceRun() {
	w.pump()
	if w.now >= w.stormAt {
		w.stormAt = never
		w.dropAll()
	}
	if w.now >= w.slowAt {
		w.slowAt = never
		w.slowDown()
	}
	if w.now >= w.nextTrickle {
		w.trickle()
	}
	for w.now >= w.churn.next && w.churn.next < w.until && !w.stopping {
		w.churn.step()
		w.churnOne()
	}
	if !w.drained && w.now < w.until && w.exhausted() {
		w.until = w.now
	}
	if !w.drained && w.now >= w.until && (w.complete() || w.now >= w.stopAt) {
		w.drained = true
		w.settleAccounts()
		w.report(job.Drained, "")
	}
}

// runDeadline is when advanceRun has something to do next.
func (w *Worker) runDeadline() int64 {
	at := min(w.nextDue(), w.stormAt, w.slowAt, w.nextTrickle)
	if w.churn.next < w.until {
		at = min(at, w.churn.next)
	}
	if !w.drained {
		if w.now < w.until && !w.limited() {
			return min(at, w.until)
		}
		// Completeness is looked at now and then; nothing else waits for it.
		return min(at, w.stopAt, w.now+5e6)
	}
	return at
}

// stop ends the run early: what is due no longer counts.
func (w *Worker) stop() {
	w.stopping = true
	if !w.running {
		w.settleAccounts()
		w.report(job.Drained, "")
		return
	}
	w.until = min(w.until, w.now)
	w.stopAt = min(w.stopAt, w.now+min(w.job.DrainNs, 1e9))
}

// limited reports whether all streams end by themselves.
func (w *Worker) limited() bool {
	for _, s := range w.streams {
		if s.Limit == 0 {
			return false
		}
	}
	return len(w.streams) > 0
}

// exhausted reports whether all streams have ended by themselves.
func (w *Worker) exhausted() bool {
	if !w.limited() || !w.settled || w.count.Up == 0 {
		return false
	}
	if w.job.Target.Transport == job.Upgrade && w.count.Upgraded+w.probesFailed < uint64(w.count.Up) {
		return false
	}
	for _, s := range w.streams {
		if s.count.Unique+s.count.Abandoned < uint64(s.Limit)*uint64(w.count.Up) {
			return false
		}
	}
	return true
}

// complete reports whether every answer that may come has come.
func (w *Worker) complete() bool {
	for _, s := range w.streams {
		if s.selfEcho() && s.count.Unique+s.count.Abandoned < s.count.Sent {
			return false
		}
		if s.fansOut() {
			// What others sent is known to the coordinator only: quiet is not enough.
			return w.now >= w.stopAt
		}
	}
	return len(w.publishers.queue) == 0
}

// nextDue is when the next message is due, never if nobody could send it.
func (w *Worker) nextDue() int64 {
	at := int64(never)
	for _, s := range w.streams {
		if s.due.next < w.until && (w.count.Up > 0 || s.Kind == job.API) {
			at = min(at, s.due.next)
		}
	}
	return at
}

// pump sends what is due, a burst at most.
func (w *Worker) pump() {
	for range burst {
		s := w.earliest()
		if s == nil || !w.sendDue(s) {
			return
		}
	}
}

// earliest is the stream whose message is due the longest, nil if none is.
func (w *Worker) earliest() (first *stream) {
	for _, s := range w.streams {
		if s.due.next > w.now || s.due.next >= w.until {
			continue
		}
		if first == nil || s.due.next < first.due.next {
			first = s
		}
	}
	return first
}

// sendDue sends one turn of a stream. It reports false if no sender is up: then
// the message stays due, and its lateness will count.
func (w *Worker) sendDue(s *stream) bool {
	if s.Kind == job.API {
		due := s.due.next
		s.due.step()
		for range s.Turn {
			w.publish(s, due)
		}
		return true
	}
	for range s.next {
		i := s.cursor
		if s.cursor++; s.cursor == len(s.next) {
			s.cursor = 0
		}
		if v := &w.sessions[i]; v.state != stateUp || v.is(flagSlow) {
			continue
		}
		if s.Kind == job.Room && w.roomSender(w.number(i)) != w.number(i) {
			continue
		}
		due := s.due.next
		s.due.step()
		w.emit(i, s, due, s.Turn)
		return true
	}
	return false
}

// emit sends n messages of a session in one write. With due 0 they are due as
// they leave.
func (w *Worker) emit(i int, s *stream, due int64, n int) {
	sent := w.clock.now()
	if due == 0 {
		due = sent
	}
	m := stamp.Stamp{Sender: w.number(i), Stream: s.id, DueNs: due, SentNs: sent}
	w.obuf = w.obuf[:0]
	v := &w.sessions[i]
	room := uint32(0)
	if s.Kind == job.Room {
		room = m.Sender / uint32(w.job.RoomSize)
	}
	for range n {
		m.Seq = s.next[i]
		s.next[i]++
		w.pbuf = s.appendMessage(w.pbuf[:0], m, room)
		w.enqueue(i, v, w.pbuf)
	}
	s.count.Sent += uint64(n)
	if due >= w.from && due < w.until {
		s.count.Measured += uint64(n)
		if !s.Closed {
			w.rec.lag.Record(sent - due)
		}
	}
	w.send(i, v)
}

// fillAll starts a closed stream on all sessions that are up.
func (w *Worker) fillAll(s *stream) {
	for i := range s.next {
		if w.sessions[i].state == stateUp {
			w.fill(i, s, s.Depth)
		}
	}
}

// fill sends the next n messages of a closed stream, as far as its limit and
// the run allow.
func (w *Worker) fill(i int, s *stream, n int) {
	if w.running && (w.now >= w.until || w.stopping) || !w.running && !s.AtOnce {
		return
	}
	if s.Limit > 0 {
		n = min(n, s.Limit-int(s.next[i]))
	}
	if n > 0 {
		w.emit(i, s, 0, n)
	}
}

// beginStreams starts what begins when a session is up.
func (w *Worker) beginStreams(i int) {
	for _, s := range w.streams {
		if !s.Closed || !s.AtOnce && !w.running {
			continue
		}
		if s.selfEcho() {
			w.fill(i, s, s.Depth)
		}
	}
}
