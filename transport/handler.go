// The two borders of the transport: what is told upwards, what is asked of the network.

package transport

import (
	"crypto/tls"
	"net"

	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// Handler is told what happens on the sessions of one engine. Its methods run
// on the engine's loop, must not block, and may call any method of the session
// and of the engine. Byte slices given to them are views of a buffer that is
// overwritten as soon as the method returns.
type Handler interface {
	// OnOpen announces a new session, whose open packet is on its way. r is the
	// request of the handshake.
	OnOpen(s *Session, r *Hello)
	// OnMessage delivers a message: text, or raw bytes if binary is true. data
	// may be overwritten by the handler.
	OnMessage(s *Session, data []byte, binary bool)
	// OnUpgrading tells that the client has tried a websocket and is about to go
	// over to it, or with on false that this has come to nothing.
	OnUpgrading(s *Session, on bool)
	// OnUpgrade tells that the session goes on over websocket.
	OnUpgrade(s *Session)
	// OnDrain tells that all that waited for a slow client has been sent.
	OnDrain(s *Session)
	// OnSlow tells that much waits for a client, more than SlowBytes, that it
	// takes nothing for half of StallTimeout, or that something is dropped for it:
	// once until all that waits has been sent.
	// It must not call the session's methods that change anything, nor the
	// engine's.
	OnSlow(s *Session)
	// OnClose ends the life of a session; nothing can be sent any more. It is
	// called once for each OnOpen. err describes a transport error, else nil.
	OnClose(s *Session, reason CloseReason, err error)
	// OnForeign asks about a request that is not for the engine and of which only
	// the head is there. If it reports true the connection leaves, see
	// [Network.Leave]; else the request goes to OnRequest.
	OnForeign(r *Hello) bool
	// OnRequest delivers an HTTP request that is not for the engine, its body
	// complete. It is answered through ref, now or later; the request and the
	// body are views.
	OnRequest(ref ExchangeRef, r *Hello, body []byte)
	// OnGate hands up a request that waits at the gate, see [Engine.SetGates].
	// It goes on by [GateRef.Resume].
	OnGate(ref GateRef, q *Question)
	// OnRefuse tells of an engine request that is refused, if [TellRefusals] is
	// set. It must not call the engine.
	OnRefuse(r *Hello, err *HandshakeError)
	// OnTLSFailure tells of a handshake of TLS that failed: with an error of
	// crypto/tls, of package tlsconn, of a callback, or [ErrHandshakeTimeout].
	OnTLSFailure(remote net.Addr, err error)
	// OnTimer tells that a timer of [Engine.Arm] is due.
	OnTimer(owner uint32)
}

// Hello is a request as the layer above sees it. It and all its slices are
// views, valid during the call that hands it over.
type Hello struct {
	Request *http1.Request
	Head    []byte // request line and fields as they came
	Remote  net.Addr
	Local   net.Addr
	Wire    Wire
	Value   any // of the Verdict, for requests that waited at the gate

	conn *tlsconn.Conn
}

// TLS is the state of the request's connection, nil without TLS. It is the
// caller's.
func (h *Hello) TLS() *tls.ConnectionState {
	if h.conn == nil {
		return nil
	}
	s := h.conn.State()
	return &s
}

// Network is what an engine asks of the event loop it runs on. All methods but
// Wake are called on the loop.
type Network interface {
	// Write sends p, keeps what the kernel does not take and sends it as soon as
	// it does. An error means that the connection is lost; [Engine.Closed] has
	// been called for it or will be.
	Write(c *Conn, p []byte) error
	// Send writes for many connections at once, as far as the kernel takes it,
	// and notes in each Output what became of it. It does not call the engine,
	// and keeps nothing: the engine gives the rest to Write. For a connection
	// with bytes kept by Write it does nothing.
	Send(batch []Output)
	// Buffered is the number of bytes kept by Write and not sent yet.
	Buffered(c *Conn) int
	// Shutdown ends the sending half, after all that was written.
	Shutdown(c *Conn)
	// Close ends the connection now; [Engine.Closed] is called for it.
	Close(c *Conn)
	// Move hands the connection over to another engine's loop, which is to read
	// head before anything else; if [Engine.Detach] has something for it, by
	// [Engine.Adopt]. The connection is closed here. It reports whether that could
	// be started.
	Move(c *Conn, to *Engine, head []byte) bool
	// Leave takes the connection away from the engines for good, to be served by
	// somebody who reads unread before anything else; unread is not kept. Nothing
	// waits to be sent. The connection is closed here. It reports whether that
	// could be done.
	Leave(c *Conn, unread []byte) bool
	// Wake makes the loop call [Engine.RunTasks] soon. Any goroutine.
	Wake()
	// Alarm makes the loop call [Engine.Advance] at time at or soon after, in
	// milliseconds of the engine's clock. A later call replaces an earlier one.
	Alarm(at int64)
}

// Wire is the part of a connection that an engine asks for facts. The
// reactor's connections satisfy it.
type Wire interface {
	RemoteAddr() net.Addr
	LocalAddr() net.Addr
}
