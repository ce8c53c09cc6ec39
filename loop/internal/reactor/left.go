// Connections that have left their loop: as ones of package net, and back.

package reactor

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// Left is a connection of a listener of the reactor's that is served off the
// loops. Until it is closed it counts as one of the reactor's. It reads first
// what the loop had read already.
type Left struct {
	net.Conn           // a *net.TCPConn or a *net.UnixConn
	tls      *tls.Conn // on it, nil without TLS
	reactor  *Reactor
	unread   []byte   // owned by the reader
	remote   net.Addr // whom it is from, nil for its other end
	once     sync.Once

	mu struct {
		sync.Mutex
		stall    time.Duration // how long a piece of what is written may take, 0 for no limit
		deadline bool          // somebody has set one for writing
	}
}

// Leave implements transport.Network.
func (l *loop) Leave(c *transport.Conn, unread []byte) bool {
	if c.FD == noFD {
		return false
	}
	r := l.reactor
	fd, err := c.Wire.(gnet.Conn).Dup()
	if err != nil {
		r.cfg.Logger.Warn("a connection could not leave its event loop for a request that is not the engine's", "error", err)
		return false
	}
	own, remote := append([]byte(nil), unread...), remoteOf(c.Wire)
	secure := l.engine.Detach(c)
	// On its way and afterwards it counts as open.
	r.conns.Add(1)
	l.Close(c)
	go func() {
		nc, err := fileConn(fd)
		if err != nil {
			r.gone()
			r.cfg.Logger.Warn("a connection that left its event loop is lost", "error", err)
			return
		}
		left := &Left{Conn: nc, reactor: r, unread: own, remote: remote}
		left.mu.stall = r.cfg.LeftStall
		if secure != nil {
			left.tls = secure.Lend(nc)
		}
		r.cfg.Left(left)
	}()
	return true
}

// Read implements [net.Conn].
func (c *Left) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		if c.unread = c.unread[n:]; len(c.unread) == 0 {
			c.unread = nil
		}
		return n, nil
	}
	return c.stream().Read(p)
}

// stream is the content of the connection behind what is unread.
func (c *Left) stream() net.Conn {
	if c.tls != nil {
		return c.tls
	}
	return c.Conn
}

// TLS is the state of the connection's TLS, nil without.
func (c *Left) TLS() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	s := c.tls.ConnectionState()
	return &s
}

// leftPiece is how much is written at a time, in bytes, if there is a limit on
// the time it takes.
const leftPiece = 16 << 10

// Write implements [net.Conn]. As long as nobody has set a deadline, a peer that
// takes nothing for the time of the Config's LeftStall fails it.
func (c *Left) Write(p []byte) (n int, err error) {
	for {
		c.mu.Lock()
		stall := c.mu.stall
		if stall == 0 || c.mu.deadline {
			c.mu.Unlock()
			m, err := c.stream().Write(p[n:])
			return n + m, err
		}
		err := c.Conn.SetWriteDeadline(time.Now().Add(stall))
		c.mu.Unlock()
		if err != nil {
			return n, err
		}
		m, err := c.stream().Write(p[n:min(len(p), n+leftPiece)])
		if n += m; err != nil || n == len(p) {
			return n, err
		}
	}
}

// SetDeadline implements [net.Conn].
func (c *Left) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetWriteDeadline implements [net.Conn].
func (c *Left) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.deadline = !t.IsZero()
	return c.Conn.SetWriteDeadline(t)
}

// Free takes the limit on the time that writing takes away: whoever has the
// connection now sets deadlines of their own.
func (c *Left) Free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.stall = 0
	if !c.mu.deadline {
		_ = c.Conn.SetWriteDeadline(time.Time{})
	}
}

// NetConn returns the connection beneath, for options of the socket. Reading
// from it would miss what the loop had read.
func (c *Left) NetConn() net.Conn { return c.Conn }

// CloseWrite ends the sending half.
func (c *Left) CloseWrite() error {
	if c.tls != nil {
		if err := c.tls.CloseWrite(); err != nil {
			return err
		}
	}
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// Close implements [net.Conn].
func (c *Left) Close() error {
	err := c.stream().Close()
	c.once.Do(c.reactor.gone)
	return err
}

// Back hands the connection to loop i, which reads head before anything else;
// what was not read comes behind. With an error the connection stays the
// caller's.
func (c *Left) Back(i int, head []byte) error {
	head = append(head, c.unread...)
	// It stays counted all the time, whoever counts it.
	c.reactor.conns.Add(1)
	m := &moving{head: head, remote: c.remote}
	if c.tls != nil {
		m.tls = c.tls.NetConn().(*tlsconn.Conn)
		m.tls.Release(c.tls)
	}
	err := c.reactor.enroll(c.Conn, i, m)
	switch {
	case err == nil:
		c.once.Do(c.reactor.gone)
	case m.tls != nil:
		m.tls.Lend(c.Conn)
	}
	return err
}
