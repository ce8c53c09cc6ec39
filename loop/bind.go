// Clients over a transport of the application's own.

package loop

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/http1"
)

// EngineConn is a connection of Engine.IO's kind that the application makes: a
// transport of its own, or a client in the same process. It carries messages,
// which hold packets of Socket.IO; what Engine.IO has besides, such as
// heartbeats, is its own business. It is used off the event loops.
type EngineConn interface {
	// Send sends a message to the client, text or bytes, which are valid until it
	// returns. It is called by one goroutine at a time and may block: what follows
	// waits, and the client is cut off by the same limits as any other that does
	// not keep up. With an error the session ends, reason "transport error".
	Send(message []byte, binary bool) error
	// Close is called once, when the session has ended and what was sent before is
	// out. If the client does not keep up, or Limits.OutboundStall is over, it is
	// called while Send runs, which it should end.
	Close(reason DisconnectReason)
}

// EngineHandshake tells of a client of [Server.Bind] what the request of its
// handshake tells of others. The zero value will do.
type EngineHandshake struct {
	// Transport is the name of the transport. Default: "custom".
	Transport string
	// Protocol is the revision of Engine.IO: 4, or 3 for a client of version 2,
	// which is in "/" at once. Default: 4.
	Protocol int
	// ID is the id of the session, as of Config.GenerateID, and told by [Conn.ID].
	// Default: 20 random characters.
	ID string
	// Request is the request behind the client, for [Socket.Handshake]. It is
	// copied, without its body. Default: none.
	Request *http.Request
	// RemoteAddr is the client's address, as of http.Request, which is the
	// default.
	RemoteAddr string
}

// EngineSession is the session of a client of [Server.Bind], for what carries it.
// Its methods may be called from any goroutine.
type EngineSession struct {
	// Immutable after Bind.
	loop    *Loop
	conn    EngineConn
	carried *transport.Carried
	done    chan struct{}

	mu struct {
		sync.Mutex
		queue   []transport.Spool // to be sent
		sending bool              // a goroutine does
		broken  bool              // nothing can be sent any more
		ended   bool              // the session is closed
		reason  DisconnectReason
	}
	window  window
	closing sync.Once // of conn
}

// Bind makes a client of a connection that the application carries. The client
// is served like any other: namespaces, rooms, broadcasts, recovery. What it
// sends is handed to [EngineSession.Receive]. AllowRequest, engine middleware and
// CORS are not asked. The error tells what is wrong with the handshake, that the
// server does not run yet, or is [ErrClosed] or [ErrDraining]; the connection is
// the caller's then.
func (s *Server) Bind(c EngineConn, h EngineHandshake) (*EngineSession, error) {
	setDefault(&h.Transport, "custom")
	setDefault(&h.Protocol, 4)
	if h.Protocol != 3 && h.Protocol != 4 {
		return nil, fmt.Errorf("loop: Protocol is %d, it must be 3 or 4", h.Protocol)
	}
	if h.ID != "" {
		if err := checkSessionID(h.ID); err != nil {
			return nil, fmt.Errorf("loop: %w", err)
		}
	}
	hello, err := h.hello()
	if err != nil {
		return nil, err
	}
	select {
	case <-s.reactor.Booted():
	default:
		return nil, errors.New("loop: the server does not run: wait for Server.Listening")
	}
	if s.closing.Load() {
		return nil, ErrClosed
	}
	if s.draining.Load() {
		return nil, ErrDraining
	}
	e := &EngineSession{loop: s.bindLoop(), conn: c, done: make(chan struct{})}
	opened := make(chan error, 1)
	task := &bindTask{e, h, hello, opened}
	if e.loop.engine.OnLoop() {
		task.Run(e.loop.engine)
	} else {
		e.loop.engine.Post(task)
	}
	select {
	case err = <-opened:
		if err != nil {
			return nil, err
		}
		return e, nil
	case <-s.done:
		return nil, ErrClosed
	}
}

// bindLoop is where the next client goes: an inline handler must not wait for
// another loop.
func (s *Server) bindLoop() *Loop {
	for _, l := range s.loops {
		if l.engine.OnLoop() {
			return l
		}
	}
	return s.loops[int(s.turn.Add(1))%len(s.loops)]
}

// hello is the handshake as the engine tells it.
func (h *EngineHandshake) hello() (*transport.Hello, error) {
	var head []byte
	hello := new(transport.Hello)
	if r := h.Request; r != nil {
		head = appendHead(nil, r, true)
		setDefault(&h.RemoteAddr, r.RemoteAddr)
		hello.Wire = boundWire{origin: origin{context.WithoutCancel(r.Context()), r.TLS}}
	} else {
		head = []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	limits := http1.DefaultLimits()
	var parser http1.Head
	hello.Request = new(http1.Request)
	n, err := parser.Parse(head, &limits, hello.Request)
	if err != nil || n == 0 {
		return nil, errors.New("loop: Request is larger or odder than a handshake may be")
	}
	hello.Head, hello.Remote = head[:n], textAddr(h.RemoteAddr)
	return hello, nil
}

// boundWire has what a request of the application's knows besides its bytes.
type boundWire struct {
	transport.Wire
	origin origin
}

// Value is the origin of the request.
func (w boundWire) Value() any { return w.origin }

// bindTask opens a session on its loop.
type bindTask struct {
	session *EngineSession
	h       EngineHandshake
	hello   *transport.Hello
	opened  chan<- error
}

// Run implements [transport.Task].
func (t *bindTask) Run(e *transport.Engine) {
	s := t.session
	if s.loop.server.closing.Load() {
		t.opened <- ErrClosed
		return
	}
	k, err := e.Carry(transport.Carriage{Carrier: sessionCarrier{s}, Name: t.h.Transport, Revision: t.h.Protocol, SID: t.h.ID})
	if err == nil {
		s.carried = k
		k.Open(t.hello)
	}
	t.opened <- err
}
