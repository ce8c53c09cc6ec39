// Raw connections: protocols of the application's, on listeners of the server's.

package loop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// Protocol is what the connections of a [Listener] speak in place of HTTP and
// Socket.IO: bytes in, bytes out, on the event loops. It shares with the rest of
// the server the loops, TLS, Config.MaxConnections, the limits of what may wait
// for a peer that does not read, and the shutdown.
//
// Its methods and those of [RawHandler] run on the event loop of the connection.
// They must not block; what takes time belongs on a goroutine, which comes back
// by [RawConn.Write] or [Loop.Execute]. A panic closes the connection, is logged
// and counted, and harms nobody else.
type Protocol interface {
	// OnOpen tells of a new connection, with TLS behind its handshake. It returns
	// what the connection's bytes go to, or nil to close it. Loop only.
	OnOpen(c *RawConn) RawHandler
}

// RawHandler takes the bytes of one connection, see [Protocol].
type RawHandler interface {
	// OnData delivers bytes, which are valid until it returns, and returns how
	// many of them it has used. As long as it uses some and some are left it is
	// called again; what it leaves comes again in front of what follows, as far as
	// Limits.RawInput allows. So one call may deal with one message, and half a
	// message is left alone. An error closes the connection, behind what has been
	// written. Loop only.
	OnData(c *RawConn, p []byte) (used int, err error)
	// OnClose tells that the connection is gone, once. err is nil if the peer has
	// closed it or [RawConn.Close] was called, [ErrClosed] if the server ends, what
	// OnData returned, or tells which limit was met. Loop only.
	OnClose(c *RawConn, err error)
}

// ProtocolFunc is a function as a [Protocol].
type ProtocolFunc func(c *RawConn) RawHandler

// OnOpen implements [Protocol]. Loop only.
func (f ProtocolFunc) OnOpen(c *RawConn) RawHandler { return f(c) }

// RawConn is a connection with a [Protocol].
type RawConn struct {
	// Immutable.
	loop          *Loop
	ref           transport.RawRef
	remote, local net.Addr
	tls           *tls.ConnectionState

	closed atomic.Bool
}

// Loop is the event loop that the connection lives on. Any goroutine.
func (c *RawConn) Loop() *Loop { return c.loop }

// RemoteAddr is the address of the peer. Any goroutine.
func (c *RawConn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr is the address that the peer has connected to. Any goroutine.
func (c *RawConn) LocalAddr() net.Addr { return c.local }

// TLS is the state of the connection's TLS, nil without. Any goroutine.
func (c *RawConn) TLS() *tls.ConnectionState { return c.tls }

// Write sends bytes, which are copied. It does not wait: what the peer does not
// take is kept, and a peer that lets more than Limits.OutboundBytes wait for
// Limits.OutboundGrace, or Limits.OutboundBurst at all, or that takes nothing for
// Limits.OutboundStall, is cut off. The error is [ErrDisconnected] when the
// connection is gone. Any goroutine.
func (c *RawConn) Write(p []byte) (int, error) {
	switch {
	case c.closed.Load():
		return 0, ErrDisconnected
	case !c.loop.engine.OnLoop():
		c.loop.engine.Post(&rawTask{c, append([]byte(nil), p...), false})
	case !c.ref.Write(p):
		return 0, ErrDisconnected
	}
	return len(p), nil
}

// Close ends the connection when what has been written is sent. Any goroutine.
func (c *RawConn) Close() error {
	if !c.loop.engine.OnLoop() {
		c.loop.engine.Post(&rawTask{c, nil, true})
		return nil
	}
	c.ref.Close(nil)
	return nil
}

// rawTask is a call from another goroutine.
type rawTask struct {
	conn  *RawConn
	data  []byte
	close bool
}

// Run implements [transport.Task].
func (t *rawTask) Run(*transport.Engine) {
	if t.close {
		t.conn.ref.Close(nil)
		return
	}
	t.conn.ref.Write(t.data)
}

// Buffered is how many bytes wait for the peer. It is 0 away from the loop. Loop
// only.
func (c *RawConn) Buffered() int {
	if c.loop.engine.OffLoop() {
		return 0
	}
	return c.ref.Buffered()
}

// SetIdleTimeout closes the connection when nothing has come for d, from now on;
// 0 is no limit, which is the default: a peer that has vanished then stays until
// something is written to it. Any goroutine.
func (c *RawConn) SetIdleTimeout(d time.Duration) {
	set := func() { c.ref.SetIdle(max(d, 0).Milliseconds()) }
	if c.loop.engine.OnLoop() {
		set()
		return
	}
	c.loop.engine.Post(taskFunc(set))
}

// taskFunc is a function as a task.
type taskFunc func()

// Run implements [transport.Task].
func (f taskFunc) Run(*transport.Engine) { f() }

// errRawPanic closes a connection whose handler has panicked.
var errRawPanic = errors.New("loop: a panic in the handler of the connection")

// speak is a Protocol as the reactor wants it: what opens a connection on a loop.
func (s *Server) speak(p Protocol) func(loop int, ref transport.RawRef) transport.Raw {
	if p == nil {
		return nil
	}
	return func(loop int, ref transport.RawRef) transport.Raw {
		c := &RawConn{loop: s.loops[loop], ref: ref, tls: ref.TLS()}
		if w := ref.Wire(); w != nil {
			c.remote, c.local = w.RemoteAddr(), w.LocalAddr()
		}
		h := &rawUpcalls{conn: c}
		c.loop.call("Protocol.OnOpen", func() { h.handler = p.OnOpen(c) })
		if h.handler == nil {
			c.closed.Store(true)
			return nil
		}
		return h
	}
}

// rawUpcalls implements [transport.Raw].
type rawUpcalls struct {
	conn    *RawConn
	handler RawHandler
}

// Data implements [transport.Raw].
func (h *rawUpcalls) Data(p []byte) (used int, err error) {
	err = errRawPanic
	h.conn.loop.call("RawHandler.OnData", func() { used, err = h.handler.OnData(h.conn, p) })
	if err == nil && (used < 0 || used > len(p)) {
		err = fmt.Errorf("loop: RawHandler.OnData says that it has used %d of %d bytes", used, len(p))
	}
	return used, err
}

// Closed implements [transport.Raw].
func (h *rawUpcalls) Closed(err error) {
	h.conn.closed.Store(true)
	if errors.Is(err, transport.ErrEnding) {
		err = ErrClosed
	}
	h.conn.loop.call("RawHandler.OnClose", func() { h.handler.OnClose(h.conn, err) })
}
