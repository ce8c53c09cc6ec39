// Sessions from nothing to up, and to their end.

package worker

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/hist"
	"github.com/sioserver/sioserver/bench/internal/job"
)

// connectDue begins the sessions whose time has come.
func (w *Worker) connectDue() {
	for w.nextConnect() <= w.now {
		at := w.now
		if w.job.ConnectRate > 0 {
			at = w.nextConnect()
		}
		i := w.begun
		w.begun++
		w.begin(i, at)
	}
	if (w.begun == len(w.sessions) || w.stopping) && w.pending == 0 && w.waiting == 0 && !w.settled {
		w.settled = true
		w.report(job.Connected, "")
	}
}

// nextConnect is when the next session is due.
func (w *Worker) nextConnect() int64 {
	j := &w.job
	switch {
	case w.begun == len(w.sessions) || w.stopping:
		return never
	case j.PendingMax > 0 && w.pending >= j.PendingMax:
		return never
	case j.ConnectRate <= 0:
		return w.connectAt
	}
	gap := 1e9 / j.ConnectRate
	return w.connectAt + int64(gap*float64(w.number(w.begun)))
}

// begin starts an attempt to connect that was due at a time.
func (w *Worker) begin(i int, due int64) {
	v := &w.sessions[i]
	v.state, v.main = stateTCP, linkMain
	v.flags &= flagSlow | flagBroken | flagStorm
	if t := w.job.Target.Transport; t == job.Polling || t == job.Upgrade {
		v.flags |= flagPolling
	}
	v.began, v.phase = due, w.clock.now()
	v.lastPing = 0
	w.pending++
	w.dial(i, linkMain)
}

// dial opens a link. A failure ends the session.
func (w *Worker) dial(i, k int) {
	v := &w.sessions[i]
	fd, err := w.socket(i)
	if err != nil {
		w.end(i, errorText("socket", err))
		return
	}
	v.links[k] = link{fd: int32(fd)}
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP, Fd: int32(i), Pad: tag(v, k)}
	if err := unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		w.end(i, errorText("epoll", err))
		return
	}
	err = unix.Connect(fd, w.address(i))
	if err != nil && err != unix.EINPROGRESS {
		w.end(i, errorText(phaseNames[stateTCP], err))
	}
}

// socket makes a socket bound to the session's source address.
func (w *Worker) socket(i int) (fd int, err error) {
	fd, err = unix.Socket(w.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	// A message must not wait for the acknowledgement of the one before.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if len(w.sources) > 0 {
		// The port is chosen when connecting, for the pair of addresses; without
		// this all connections of an address would share one set of ports.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err = unix.Bind(fd, w.sources[i%len(w.sources)]); err != nil {
			_ = unix.Close(fd)
			return -1, err
		}
	}
	return fd, nil
}

// tag marks the events of a link, so that those of an earlier life are known.
func tag(v *session, k int) int32 { return int32(k) | int32(v.generation)<<8 }

// errorText is a kind of error for the report.
func errorText(where string, err error) string {
	switch err {
	case unix.EMFILE, unix.ENFILE:
		return "out of descriptors (" + where + ")"
	case unix.EADDRNOTAVAIL:
		return "out of ports: use more source addresses (" + where + ")"
	}
	return where + ": " + err.Error()
}

// handle takes an event of a link.
func (w *Worker) handle(e unix.EpollEvent) {
	i, k := int(e.Fd), int(e.Pad&0xff)
	v := &w.sessions[i]
	if uint16(e.Pad>>8) != v.generation || v.links[k].fd < 0 {
		return
	}
	l := &v.links[k]
	if !l.up {
		if e.Events&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) == 0 {
			return
		}
		w.now = w.clock.now()
		if code, err := unix.GetsockoptInt(int(l.fd), unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			w.broken(i, k, phaseNames[stateTCP]+": "+unix.Errno(code).Error())
			return
		}
		l.up = true
		w.arm(i, k, unix.EPOLLIN|unix.EPOLLRDHUP)
		w.established(i, v, k)
		return
	}
	if e.Events&unix.EPOLLOUT != 0 && l.out != 0 && !w.flush(i, k) {
		return
	}
	if e.Events&^unix.EPOLLOUT != 0 {
		w.read(i, v, k, e.Events)
	}
}

// arm sets the events that a link waits for.
func (w *Worker) arm(i, k int, events uint32) {
	v := &w.sessions[i]
	e := unix.EpollEvent{Events: events, Fd: int32(i), Pad: tag(v, k)}
	// The descriptor is in the set as long as the link is open.
	_ = unix.EpollCtl(w.ep, unix.EPOLL_CTL_MOD, int(v.links[k].fd), &e)
}

// established goes on when a link has connected.
func (w *Worker) established(i int, v *session, k int) {
	switch {
	case k == linkPost:
		w.post(i, v)
	case k == linkProbe:
		w.sendProbe(i, v)
	case v.state != stateTCP:
		w.poll(i, v)
	case w.job.Target.Transport == job.RawTCP:
		w.phase(v, w.rec.tcp)
		w.up(i, v)
	default:
		w.phase(v, w.rec.tcp)
		v.state = stateHTTP
		v.flags |= flagGetBusy
		w.count.Requests++
		w.write(i, k, w.requests.open)
	}
}

// phase ends a phase of connecting.
func (w *Worker) phase(v *session, h *hist.Recorder) {
	h.Record(w.now - v.phase)
	v.phase = w.now
}

// up notes that a session is ready.
func (w *Worker) up(i int, v *session) {
	v.state = stateUp
	v.tries = 0
	w.pending--
	w.count.Up++
	w.count.Opened++
	w.rec.connect.Record(w.now - v.began)
	if v.is(flagStorm) {
		v.flags &^= flagStorm
		w.hist("back").Record(w.now - v.lost)
	}
	if w.running {
		v.flags |= flagBroken
	}
	if w.job.Target.Transport == job.Upgrade {
		w.beginUpgrade(i, v)
	}
	if v.state == stateUp {
		w.beginStreams(i)
	}
}

// broken deals with the end of one link.
func (w *Worker) broken(i, k int, why string) {
	v := &w.sessions[i]
	switch {
	case k == linkPost && !v.is(flagPostBusy) && v.links[k].used && v.state != stateNone:
		// A server may close a connection that rests between two requests.
		w.closeLink(v, k)
	case k == linkProbe && v.main != linkProbe:
		w.closeLink(v, k)
		w.probeFailed(i, v, why)
	default:
		w.end(i, why)
	}
}

// end closes a session, counts why, and plans its return if it shall return.
func (w *Worker) end(i int, why string) {
	v := &w.sessions[i]
	if v.state == stateNone || v.state == stateWait {
		return
	}
	wasUp := v.state == stateUp
	asked := v.is(flagGoing)
	w.tearDown(i, v)
	switch {
	case asked:
	case wasUp:
		w.count.Dropped++
		w.fault("dropped: " + why)
	default:
		w.count.Failed++
		w.fault(why)
	}
	if wasUp && v.is(flagSlow) && !asked {
		w.count.Cut++
		w.hist("cut").Record(w.now - (w.start + w.job.Slow.AfterNs))
	}
	if w.job.Reconnect && !w.stopping && !w.finished {
		w.waitToReturn(v)
	}
}

// tearDown closes all of a session and settles what was on its way.
func (w *Worker) tearDown(i int, v *session) {
	if v.state == stateUp {
		w.count.Up--
		v.lost = w.now
	} else {
		w.pending--
	}
	for k := range v.links {
		w.closeLink(v, k)
	}
	w.spills.drop(&v.queue)
	w.spills.drop(&v.part)
	delete(w.windows, int32(i))
	v.generation++
	v.state = stateNone
	if w.running {
		v.flags |= flagBroken
	}
	for _, s := range w.streams {
		// Behind the end of the run, what never came is lost and stays it.
		if s.selfEcho() && !w.drained {
			s.count.Abandoned += uint64(s.next[i] - s.track[i].Unique())
			s.track[i].Restart(s.next[i])
		}
	}
}

// closeLink closes a link if it is open.
func (w *Worker) closeLink(v *session, k int) {
	l := &v.links[k]
	if l.fd < 0 {
		return
	}
	// Closing takes it out of the epoll set.
	_ = unix.Close(int(l.fd))
	w.spills.drop(&l.in)
	w.spills.drop(&l.out)
	*l = link{fd: -1}
}

// closeAll ends every session in good order.
func (w *Worker) closeAll() {
	w.stopping = true
	for i := range w.sessions {
		if w.sessions[i].state != stateNone {
			w.leave(i, "fin")
		}
	}
	w.closePublishers()
}

// The official client's pauses: 1 s, doubled up to 5 s, half of it at random.
const (
	backoffNs    = 1e9
	backoffMaxNs = 5e9
	backoffSpan  = 0.5
)

// waitToReturn plans the next attempt of a session.
func (w *Worker) waitToReturn(v *session) {
	pause := math.Min(backoffNs*math.Pow(2, float64(v.tries)), backoffMaxNs)
	pause *= 1 + backoffSpan*(2*w.rng.Float64()-1)
	if v.tries < 16 {
		v.tries++
	}
	v.state = stateWait
	v.retry = w.now + int64(pause)
	v.flags |= flagStorm
	w.waiting++
	w.nextScan = min(w.nextScan, w.now+scanFastNs)
}

const (
	scanFastNs = 10e6
	scanSlowNs = 250e6
)

// scan looks at all sessions for those that waited too long or long enough.
func (w *Worker) scan() {
	w.nextScan = w.now + scanSlowNs
	pings := w.job.Target.Revision == 3 && w.count.Up > 0
	if w.pending == 0 && w.waiting == 0 && !pings {
		return
	}
	for i := range w.sessions {
		v := &w.sessions[i]
		switch {
		case v.state == stateWait:
			if w.now >= v.retry && !w.stopping {
				w.waiting--
				w.begin(i, w.now)
			}
		case v.state != stateNone && v.state != stateUp:
			if w.now-v.began > w.job.ConnectTimeoutNs {
				w.end(i, fmt.Sprintf("timeout waiting for %s", phaseNames[v.state]))
			}
		case v.state == stateUp && pings && w.now >= v.lastPing:
			v.lastPing += w.requests.pingNs
			w.sendPacket(i, v, []byte{'2'})
		}
	}
	if w.waiting > 0 {
		w.nextScan = w.now + scanFastNs
	}
}
