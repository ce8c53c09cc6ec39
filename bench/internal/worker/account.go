// What goes into a report: counters, histograms, the worker's own cost.

package worker

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/job"
)

// collect brings the report up to date.
func (w *Worker) collect(event, fault string) {
	c := &w.count
	c.Event, c.Error, c.Worker = event, fault, w.job.Worker
	c.AtNs = w.clock.now()
	c.Connecting = w.pending
	c.Streams = c.Streams[:0]
	for _, s := range w.streams {
		c.Streams = append(c.Streams, s.count)
	}
	for name, h := range w.hists {
		if h.Count() == 0 {
			continue
		}
		if c.Hists == nil {
			c.Hists = map[string]string{}
		}
		c.Hists[name] = string(h.Drain(nil))
	}
	var ru unix.Rusage
	// It cannot fail for oneself.
	_ = unix.Getrusage(unix.RUSAGE_SELF, &ru)
	c.CPUNs = ru.Utime.Nano() + ru.Stime.Nano()
	if b, err := os.ReadFile("/proc/thread-self/schedstat"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			c.WaitNs, _ = strconv.ParseInt(string(f[1]), 10, 64)
		}
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
			c.RSSBytes = pages * int64(os.Getpagesize())
		}
	}
}

// fault counts an error by its kind. The kinds come from the kernel and from
// this package, and what a server may add to them is cut short and bounded.
func (w *Worker) fault(kind string) {
	const kinds, longest = 64, 160
	if len(kind) > longest {
		kind = kind[:longest]
	}
	if _, known := w.count.Errors[kind]; !known && len(w.count.Errors) >= kinds {
		kind = "other"
	}
	w.count.Errors[kind]++
}

// settleAccounts counts, at the end of a run, what never came.
func (w *Worker) settleAccounts() {
	for id, s := range w.streams {
		if s.selfEcho() {
			s.count.Lost = 0
			for i := range s.next {
				s.count.Lost += uint64(s.next[i] - s.track[i].Unique())
			}
			// What came too late to be told from a duplicate did come.
			s.count.Lost -= min(s.count.Lost, s.count.Stale)
			continue
		}
		if s.fansOut() {
			w.countReceivers(id, s)
		}
		for at, l := range s.lasts {
			w.count.Lasts = append(w.count.Lasts, job.Last{Stream: id, Sender: at.sender, Seq: at.seq, Ns: l.ns})
		}
		clear(s.lasts)
	}
}

// countReceivers reports, for each sender of a stream, what it sent and what the
// receivers that were there all the time have got of it.
func (w *Worker) countReceivers(id int, s *stream) {
	by := map[uint32]*job.Sender{}
	of := func(sender uint32) *job.Sender {
		r := by[sender]
		if r == nil {
			r = &job.Sender{Stream: id, Sender: sender}
			by[sender] = r
		}
		return r
	}
	for n, seq := range s.next {
		if sender, ok := s.senderAt(w, n); ok && seq > 0 {
			of(sender).Sent += uint64(seq) - s.refusedBy(n)
		}
	}
	for i := range w.sessions {
		v := &w.sessions[i]
		if v.state != stateUp || v.is(flagSlow|flagBroken) {
			continue
		}
		for slot, sender := range s.sendersTo(w, i) {
			r := of(sender)
			r.Receivers++
			r.Unique += uint64(s.track[slot].Unique())
		}
	}
	for _, r := range by {
		w.count.Senders = append(w.count.Senders, *r)
	}
}
