// Publishers: HTTP connections that publish what a stream of the kind API has due.

package worker

import (
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/stamp"
	"github.com/sioserver/sioserver/bench/internal/wire"
)

// publishers are the connections and what waits for one.
type publishers struct {
	addr  unix.Sockaddr
	fam   int
	head  []byte
	links []publisher
	idle  []int
	queue []publication
}

// publication is a message that is due.
type publication struct {
	stream *stream
	due    int64
}

// publisher is one connection, with the publication that it waits for.
type publisher struct {
	fd      int
	up      bool
	now     publication
	sent    int64
	in, out []byte
}

// preparePublishers opens the connections.
func (w *Worker) preparePublishers() error {
	p := w.job.Publish
	if p == nil {
		return nil
	}
	ap, err := netip.ParseAddrPort(p.Addr)
	if err != nil {
		return fmt.Errorf("worker: address of the API %q: %w", p.Addr, err)
	}
	w.publishers.addr, w.publishers.fam = sockaddr(ap)
	head := "POST " + p.Path + " HTTP/1.1\r\nHost: " + p.Host + "\r\nContent-Type: application/json\r\n"
	if p.Key != "" {
		head += "Authorization: Bearer " + p.Key + "\r\n"
	}
	w.publishers.head = []byte(head + "Content-Length: ")
	w.publishers.links = make([]publisher, p.Links)
	for n := range w.publishers.links {
		w.publishers.links[n].fd = -1
		w.openPublisher(n)
	}
	return nil
}

// openPublisher connects a publisher.
func (w *Worker) openPublisher(n int) {
	p := &w.publishers.links[n]
	fd, err := unix.Socket(w.publishers.fam, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		w.fault(errorText("publisher", err))
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	*p = publisher{fd: fd}
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET, Fd: int32(slotPublisher - n)}
	err = unix.EpollCtl(w.ep, unix.EPOLL_CTL_ADD, fd, &e)
	if err == nil {
		err = unix.Connect(fd, w.publishers.addr)
	}
	if err != nil && err != unix.EINPROGRESS {
		w.fault(errorText("publisher", err))
		_ = unix.Close(fd)
		p.fd = -1
	}
}

// publish sends a publication, or lets it wait for a connection.
func (w *Worker) publish(s *stream, due int64) {
	w.publishers.queue = append(w.publishers.queue, publication{s, due})
	w.publishNext()
}

// publishNext gives what waits to who is idle.
func (w *Worker) publishNext() {
	p := &w.publishers
	for len(p.queue) > 0 && len(p.idle) > 0 {
		n := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		next := p.queue[0]
		p.queue = p.queue[1:]
		w.request(n, next)
	}
}

// request sends one publication.
func (w *Worker) request(n int, next publication) {
	l := &w.publishers.links[n]
	s := next.stream
	l.now, l.sent = next, w.clock.now()
	m := stamp.Stamp{Sender: uint32(w.job.Worker), Stream: s.id, Seq: s.next[0], DueNs: next.due, SentNs: l.sent}
	s.next[0]++
	s.count.Sent++
	if next.due >= w.from && next.due < w.until {
		s.count.Measured++
		w.rec.lag.Record(l.sent - next.due)
	}
	w.count.Requests++
	w.pbuf = s.appendMessage(w.pbuf[:0], m, 0)
	l.out = append(l.out[:0], w.publishers.head...)
	l.out = strconv.AppendInt(l.out, int64(len(w.pbuf)), 10)
	l.out = append(l.out, "\r\n\r\n"...)
	l.out = append(l.out, w.pbuf...)
	w.writePublisher(n)
}

// writePublisher writes what is left of a request.
func (w *Worker) writePublisher(n int) {
	l := &w.publishers.links[n]
	for len(l.out) > 0 {
		got, err := unix.Write(l.fd, l.out)
		if err == unix.EAGAIN {
			return
		}
		if err != nil {
			w.losePublisher(n, err.Error())
			return
		}
		w.count.BytesOut += uint64(got)
		l.out = l.out[got:]
	}
}

// losePublisher closes a connection; what it carried is refused, and another is
// opened while the run goes on.
func (w *Worker) losePublisher(n int, why string) {
	l := &w.publishers.links[n]
	w.fault("publisher: " + why)
	if l.now.stream != nil {
		l.now.stream.refuse()
	}
	_ = unix.Close(l.fd)
	wasUp := l.up
	*l = publisher{fd: -1}
	if wasUp && !w.finished && w.now < w.until {
		w.openPublisher(n)
	}
}

// refuse notes a publication that the server did not take.
func (s *stream) refuse() {
	s.refused++
	s.count.Refused++
}

// handlePublisher takes an event of a publisher.
func (w *Worker) handlePublisher(n int, events uint32) {
	l := &w.publishers.links[n]
	if l.fd < 0 {
		return
	}
	w.now = w.clock.now()
	if !l.up {
		if code, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			w.losePublisher(n, unix.Errno(code).Error())
			return
		}
		if events&unix.EPOLLOUT == 0 {
			return
		}
		l.up = true
		w.publishers.idle = append(w.publishers.idle, n)
		w.publishNext()
		return
	}
	w.writePublisher(n)
	for l.fd >= 0 && l.up {
		got, err := unix.Read(l.fd, w.rbuf)
		if err == unix.EAGAIN {
			return
		}
		if err != nil || got == 0 {
			w.idleWithout(n)
			w.losePublisher(n, "the server closed the connection")
			return
		}
		w.count.BytesIn += uint64(got)
		l.in = append(l.in, w.rbuf[:got]...)
		w.published(n)
	}
}

// idleWithout takes a publisher off the list of those at rest.
func (w *Worker) idleWithout(n int) {
	for at, i := range w.publishers.idle {
		if i == n {
			w.publishers.idle = append(w.publishers.idle[:at], w.publishers.idle[at+1:]...)
			return
		}
	}
}

// published takes the answers that have arrived.
func (w *Worker) published(n int) {
	l := &w.publishers.links[n]
	for {
		m, size, err := wire.ParseResponse(l.in, messageLimit)
		if err != nil {
			w.losePublisher(n, err.Error())
			return
		}
		if size == 0 {
			return
		}
		if l.now.stream == nil {
			w.losePublisher(n, "an answer came that was not asked for")
			return
		}
		w.now = w.clock.now()
		if m.Status/100 == 2 {
			if l.now.due >= w.from && l.now.due < w.until {
				w.hist("publish").Record(w.now - l.now.due)
			}
		} else {
			w.fault("publisher: " + statusText(m))
			l.now.stream.refuse()
		}
		l.in = l.in[:copy(l.in, l.in[size:])]
		l.now = publication{}
		w.publishers.idle = append(w.publishers.idle, n)
		w.publishNext()
		if l.fd < 0 {
			return
		}
	}
}

// closePublishers closes all.
func (w *Worker) closePublishers() {
	for n := range w.publishers.links {
		if fd := w.publishers.links[n].fd; fd >= 0 {
			_ = unix.Close(fd)
			w.publishers.links[n].fd = -1
		}
	}
}
