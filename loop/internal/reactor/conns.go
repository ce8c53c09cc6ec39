// Connections: what gnet tells of them, from open to close.

package reactor

import (
	"errors"
	"io"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// OnOpen is gnet's call for a new connection.
func (r *Reactor) OnOpen(gc gnet.Conn) (_ []byte, action gnet.Action) {
	switch from := gc.Context().(type) {
	case greeting:
		if r.loopOf(gc.EventLoop()) != nil && from.stays {
			return nil, gnet.None
		}
		return nil, gnet.Close
	case *moving:
		from.arrived.Store(true)
		gc.SetSafeContext(nil) // else gnet keeps the head and the rest of it
		l := r.loopOf(gc.EventLoop())
		if l == nil {
			return nil, gnet.Close
		}
		if from.by != nil {
			return nil, l.receive(gc, from.by)
		}
		wire := transport.Wire(gc)
		if from.remote != nil || from.value != nil {
			wire = &adopted{gc, from.remote, from.value}
		}
		c := l.open(gc, wire)
		defer l.guard(c)
		if from.tls != nil {
			l.engine.Adopt(c, from.tls, from.head)
		} else {
			l.engine.Feed(c, from.head)
		}
		return nil, gnet.None
	}
	n := r.conns.Add(1)
	if r.ceasing.Load() {
		unfilter(gc.Fd())
	}
	if stopping := r.stopping.Load(); stopping || n > int64(r.cfg.MaxConns) {
		r.tellRefused(stopping)
		return nil, gnet.Close
	}
	l := r.loopOf(gc.EventLoop())
	if l == nil {
		return nil, gnet.Close
	}
	by := l.listener(gc.LocalAddr())
	if by == nil {
		r.cfg.Logger.Error("a connection has come by an address that is not listened on", "address", gc.LocalAddr())
		return nil, gnet.Close
	}
	return nil, l.receive(gc, by)
}

// receive takes a connection in that has come by a listener.
func (l *loop) receive(gc gnet.Conn, by *Listener) gnet.Action {
	wire := transport.Wire(gc)
	if by.Trusted {
		wire = &adopted{gc, &Peer{Addr: gc.RemoteAddr(), Trusted: true}, nil}
	}
	announced := by.Proxy != ProxyOff && by.believes(gc.RemoteAddr())
	if by.Proxy == ProxyRequired && !announced {
		l.reactor.tellUntrusted(gc.RemoteAddr())
		return gnet.Close
	}
	c := l.open(gc, wire)
	switch {
	case announced:
		l.engine.Await(c, by.announced)
	case by.TLS != nil:
		l.engine.Secure(c, by.TLS)
	}
	if by.Raw != nil {
		defer l.guard(c)
		l.engine.Speak(c, func(ref transport.RawRef) transport.Raw { return by.Raw(l.engine.Index(), ref) })
	}
	return gnet.None
}

// tellRefused counts a connection that is refused.
func (r *Reactor) tellRefused(stopping bool) {
	refused := r.refused.Add(1)
	if !stopping && r.full.allows(time.Now()) {
		r.cfg.Logger.Warn("connections are refused: MaxConnections are open", "max", r.cfg.MaxConns, "refused", refused)
	}
}

// open takes a connection in.
func (l *loop) open(gc gnet.Conn, wire transport.Wire) *transport.Conn {
	l.engine.Enter()
	c := l.engine.Open(wire, int32(gc.Fd()))
	gc.SetContext(c)
	return c
}

// OnTraffic is gnet's call for bytes that have arrived.
func (r *Reactor) OnTraffic(gc gnet.Conn) gnet.Action {
	c, ok := gc.Context().(*transport.Conn)
	if !ok {
		return gnet.None
	}
	p, err := gc.Next(-1)
	if err != nil || len(p) == 0 {
		return gnet.None
	}
	l := r.loops[c.Loop()]
	defer l.guard(c)
	l.engine.Feed(c, p)
	return gnet.None
}

// OnClose is gnet's call for a connection that is gone.
func (r *Reactor) OnClose(gc gnet.Conn, err error) gnet.Action {
	switch c := gc.Context().(type) {
	case greeting:
		return gnet.None
	case *transport.Conn:
		r.loops[c.Loop()].closed(c, errors.Is(err, io.EOF))
	}
	r.gone()
	return gnet.None
}

// closed tells the engine of a connection that is gone, or about to go if its
// peer has ended its side.
func (l *loop) closed(c *transport.Conn, byPeer bool) {
	defer l.guardTask()
	if l.ended {
		// The loop closes what is left on its way out.
		l.engine.Enter()
		defer l.engine.Leave()
	}
	if byPeer {
		l.engine.LastWrite(c)
	}
	l.engine.Closed(c)
}

// gone counts a connection out.
func (r *Reactor) gone() {
	if r.conns.Add(-1) == 0 {
		r.quiet.tell()
	}
}
