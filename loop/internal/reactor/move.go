// Connections that come to a loop from another one, or from package net.

package reactor

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// ErrFull says that as many connections are open as may be, or that the reactor
// is ending.
var ErrFull = errors.New("reactor: no more connections are taken")

// moving is a connection on its way to a loop, and what it has sent so far.
type moving struct {
	by      *Listener     // by which it has just come, nil of one that has moved
	tls     *tlsconn.Conn // nil without TLS
	head    []byte        // not encrypted
	remote  net.Addr      // whom it is from, if that is not the other end
	value   any
	arrived atomic.Bool
}

// adopted is a connection about which more is known than gnet knows.
type adopted struct {
	gnet.Conn
	remote net.Addr
	value  any
}

// RemoteAddr implements [transport.Wire].
func (a *adopted) RemoteAddr() net.Addr {
	if a.remote == nil {
		return a.Conn.RemoteAddr()
	}
	return a.remote
}

// Value is what [Reactor.Adopt] was given, nil after Forget.
func (a *adopted) Value() any { return a.value }

// Forget gives up the value.
func (a *adopted) Forget() { a.value = nil }

// polled is gnet's own connection.
func polled(w transport.Wire) gnet.Conn {
	if a, ok := w.(*adopted); ok {
		return a.Conn
	}
	return w.(gnet.Conn)
}

// Move implements transport.Network. gnet takes over connections of package
// net only, so the descriptor is dressed up as one.
func (l *loop) Move(c *transport.Conn, to *transport.Engine, head []byte) bool {
	r, m := l.reactor, &moving{head: head}
	if c.FD == noFD || !r.loops[to.Index()].runs(nil) {
		return false
	}
	if a, ok := c.Wire.(*adopted); ok {
		m.remote, m.value = a.remote, a.value
	}
	nc, err := netConn(c.Wire.(gnet.Conn))
	if err != nil {
		r.cfg.Logger.Warn("a connection could not be moved to the loop of its session", "error", err)
		return false
	}
	m.tls = l.engine.Detach(c)
	// On its way it counts as open: those who wait for the last one wait for it.
	r.conns.Add(1)
	// Closing comes first: as long as this loop polls the socket it would read
	// from it. The duplicate keeps the connection open.
	l.Close(c)
	if r.enroll(nc, to.Index(), m) != nil {
		_ = nc.Close()
	}
	return true
}

// Full reports whether a connection would be refused now.
func (r *Reactor) Full() bool {
	return r.stopping.Load() || r.conns.Load() >= int64(r.cfg.MaxConns)
}

// Adopt takes a *net.TCPConn or *net.UnixConn, to be polled by loop i, which
// reads head before anything else. t is its TLS, as [tlsconn.Conn.Release] has
// left it, and nil without; head is content then. remote is whom it is from if
// that is not its other end, and value is for whoever asks the engine's Wire. With
// an error the connection stays the caller's.
func (r *Reactor) Adopt(nc net.Conn, t *tlsconn.Conn, i int, head []byte, remote net.Addr, value any) error {
	if !r.enter() {
		return ErrFull
	}
	return r.enroll(nc, i, &moving{tls: t, head: head, remote: remote, value: value})
}

// enter counts a connection in if there is room for it.
func (r *Reactor) enter() bool {
	n := r.conns.Add(1)
	stopping := r.stopping.Load()
	if !stopping && n <= int64(r.cfg.MaxConns) {
		return true
	}
	r.gone()
	r.tellRefused(stopping)
	return false
}

// enroll hands a connection that is counted in to loop i, and counts it out if
// it does not arrive.
func (r *Reactor) enroll(nc net.Conn, i int, m *moving) error {
	result, err := r.loops[i].enroll(nc, m)
	if err != nil {
		r.gone()
		return err
	}
	go func() {
		<-result
		if !m.arrived.Load() {
			r.gone()
		}
	}()
	return nil
}

// enroll hands a connection of package net to gnet. Its value reaches OnOpen.
func (l *loop) enroll(nc net.Conn, value any) (<-chan gnet.RegisteredResult, error) {
	// gnet recycles the memory of zones, which those of package net share.
	for _, a := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
		if t, ok := a.(*net.TCPAddr); ok {
			t.Zone = strings.Clone(t.Zone)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events == nil {
		return nil, errNotRunning
	}
	return l.mu.events.Enroll(gnet.NewContext(context.Background(), value), nc)
}

// netConn returns a connection of package net for a duplicate of gc's
// descriptor.
func netConn(gc gnet.Conn) (net.Conn, error) {
	fd, err := gc.Dup()
	if err != nil {
		return nil, err
	}
	return fileConn(fd)
}

// fileConn returns a connection of package net for a descriptor, which it
// takes over.
func fileConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "connection")
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}
