// Sessions that leave, storm, or stop reading.

package worker

import (
	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

// leave ends a session by our own will: fin closes the connection, rst resets
// it, packet says good-bye in all three protocols first.
func (w *Worker) leave(i int, mode string) {
	v := &w.sessions[i]
	v.flags |= flagGoing
	if v.state == stateWait {
		w.waiting--
		v.state = stateNone
		return
	}
	if v.state == stateNone {
		return
	}
	switch {
	case mode == "rst":
		for k := range v.links {
			if fd := v.links[k].fd; fd >= 0 {
				_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			}
		}
	case mode == "packet" && v.state == stateUp && !v.is(flagPolling):
		space := append(append([]byte("41"), w.requests.spaceName...), ',')
		if len(w.requests.spaceName) == 0 {
			space = space[:2]
		}
		w.obuf = w.obuf[:0]
		w.enqueue(i, v, space)
		w.obuf = wire.AppendFrame(w.obuf, wire.OpClose, false, []byte{0x03, 0xe8}, true, w.mask())
		w.send(i, v)
	}
	if v.state != stateNone && v.state != stateWait {
		w.tearDown(i, v)
	}
}

// churnOne replaces a session that is up. It is drawn: in turn, the sessions that
// leave could be just those that have sent a moment ago.
func (w *Worker) churnOne() {
	first := w.rng.IntN(len(w.sessions))
	for n := range w.sessions {
		i := (first + n) % len(w.sessions)
		if w.sessions[i].state != stateUp {
			continue
		}
		w.leave(i, w.job.Churn.Mode)
		w.count.Churned++
		w.begin(i, w.now)
		return
	}
}

// dropAll ends all sessions at once and lets them return.
func (w *Worker) dropAll() {
	for i := range w.sessions {
		v := &w.sessions[i]
		if v.state != stateUp {
			continue
		}
		w.leave(i, "rst")
		w.count.Churned++
		v.flags &^= flagGoing
		w.waitToReturn(v)
	}
}

// senders is how many sessions broadcast, the first ones, 0 if all do.
func (w *Worker) senders() (n uint32) {
	for _, s := range w.job.Streams {
		if (&stream{Stream: s}).fansOut() {
			n = max(n, uint32(s.Senders))
		}
	}
	return n
}

// address is where a session connects to.
func (w *Worker) address(i int) unix.Sockaddr {
	if !w.job.Target.Across {
		return w.addrs[i%len(w.addrs)]
	}
	g, first := w.number(i), w.senders()
	if g < first {
		return w.addrs[0]
	}
	return w.addrs[1+int(g-first)%(len(w.addrs)-1)]
}

// slowDown lets one session in so many stop reading. Senders of streams with
// few senders are spared.
func (w *Worker) slowDown() {
	w.nextTrickle = never
	spared := w.senders()
	for i := range w.sessions {
		v := &w.sessions[i]
		g := w.number(i)
		if v.state != stateUp || g < spared || int(g)%w.job.Slow.Every != w.job.Slow.Every-1 {
			continue
		}
		v.flags |= flagSlow
		w.count.Slow++
		// The end of the connection is still told.
		w.arm(i, int(v.main), unix.EPOLLRDHUP)
		if w.job.Slow.ReadRate > 0 {
			w.nextTrickle = w.now
		}
	}
}

// trickleNs is how often slow sessions read if they read at all.
const trickleNs = 100e6

// trickle reads the little that slow sessions read, and throws it away.
func (w *Worker) trickle() {
	w.nextTrickle = w.now + trickleNs
	n := min(max(w.job.Slow.ReadRate*trickleNs/1e9, 1), len(w.rbuf))
	for i := range w.sessions {
		v := &w.sessions[i]
		if v.state == stateUp && v.is(flagSlow) {
			got, _ := unix.Read(int(v.links[v.main].fd), w.rbuf[:n])
			w.count.BytesIn += uint64(max(got, 0))
		}
	}
}
