// Connections: reading, telling protocols apart, writing, closing.

package server

import (
	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

// conn is a TCP connection.
type conn struct {
	fd      int
	kind    int
	in, out []byte
	dirty   bool
	armed   bool
	closing bool // when out is empty
	closed  bool
	deflate bool
	fanOut  bool // a websocket of the path that sends to all who are on it
	part    []byte
	session *session
}

// The kinds of connections.
const (
	kindNew = iota
	kindHTTP
	kindTCP
	kindWS    // a session's websocket
	kindRawWS // a websocket without Engine.IO
)

// handle takes an event of a connection.
func (s *Server) handle(fd int, events uint32) {
	c := s.conns[fd]
	if c == nil {
		return
	}
	if events&unix.EPOLLOUT != 0 {
		s.mark(c)
	}
	if events&^unix.EPOLLOUT == 0 {
		return
	}
	kept := copy(s.rbuf, c.in)
	n, err := unix.Read(fd, s.rbuf[kept:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 {
		s.close(c)
		return
	}
	s.stats.BytesIn += uint64(n)
	c.in = c.in[:0]
	data := s.rbuf[:kept+n]
	used := s.consume(c, data)
	if c.closed {
		return
	}
	if used < len(data) {
		c.in = append(c.in, data[used:]...)
	} else if cap(c.in) > 4096 {
		c.in = nil
	}
	if len(data) == len(s.rbuf) && used == 0 {
		s.rbuf = make([]byte, 2*len(s.rbuf))
	}
}

// consume takes what is complete in data.
func (s *Server) consume(c *conn, data []byte) (n int) {
	if c.kind == kindNew {
		// The generator's raw messages begin with a tilde, HTTP with a method.
		if c.kind = kindHTTP; data[0] == '~' {
			c.kind = kindTCP
		}
	}
	if c.kind == kindTCP {
		s.raw(c, func(to *conn) {
			to.out = append(to.out, data...)
			s.mark(to)
		})
		return len(data)
	}
	for n < len(data) && c.kind == kindHTTP {
		m, size, err := wire.ParseRequest(data[n:], messageLimit)
		if err != nil {
			s.answer(c, 400, "text/plain", []byte(err.Error()))
			c.closing = true
			return len(data)
		}
		if size == 0 {
			return n
		}
		n += size
		s.request(c, m)
		if c.closed || c.closing {
			return len(data)
		}
	}
	for n < len(data) && !c.closed {
		f, size, err := wire.ParseFrame(data[n:], messageLimit)
		if err != nil {
			s.close(c)
			return n
		}
		if size == 0 {
			return n
		}
		n += size
		s.frame(c, f)
	}
	return n
}

// raw sends what a raw connection said back to it, or to all of its kind. One
// that has said nothing yet may be of TCP.
func (s *Server) raw(c *conn, send func(to *conn)) {
	s.stats.Received++
	if !c.fanOut && !s.cfg.FanOut {
		s.stats.Sent++
		send(c)
		return
	}
	for _, to := range s.conns {
		if to != nil && to.fanOut == c.fanOut && (to.kind == c.kind || to.kind == kindNew && c.kind == kindTCP) {
			s.stats.Sent++
			send(to)
		}
	}
}

// mark notes that a connection has something to write.
func (s *Server) mark(c *conn) {
	if !c.dirty && !c.closed {
		c.dirty = true
		s.dirty = append(s.dirty, c)
	}
}

// settle writes what the batch produced.
func (s *Server) settle() {
	for i := 0; i < len(s.dirty); i++ {
		c := s.dirty[i]
		c.dirty = false
		if !c.closed {
			s.flush(c)
		}
	}
	clear(s.dirty)
	s.dirty = s.dirty[:0]
}

// flush writes to one connection.
func (s *Server) flush(c *conn) {
	if len(c.out) > 0 {
		n, err := unix.Write(c.fd, c.out)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			s.close(c)
			return
		}
		n = max(n, 0)
		s.stats.BytesOut += uint64(n)
		c.out = c.out[:copy(c.out, c.out[n:])]
	}
	want := len(c.out) > 0
	if want != c.armed {
		c.armed = want
		events := uint32(unix.EPOLLIN)
		if want {
			events |= unix.EPOLLOUT
		}
		_ = unix.EpollCtl(s.ep, unix.EPOLL_CTL_MOD, c.fd, &unix.EpollEvent{Events: events, Fd: int32(c.fd)})
	}
	switch {
	case len(c.out) > outLimit, c.closing && !want:
		s.close(c)
	case !want && cap(c.out) > 4096:
		c.out = nil
	}
}

// close ends a connection, and its session unless that lives elsewhere.
func (s *Server) close(c *conn) {
	if c.closed {
		return
	}
	c.closed = true
	s.conns[c.fd] = nil
	_ = unix.Close(c.fd)
	s.stats.Open--
	if v := c.session; v != nil && (v.ws == c || v.poll == c) {
		s.endSession(v)
	}
	if s.paused {
		s.paused = false
		_ = s.watch(s.listener)
	}
}
