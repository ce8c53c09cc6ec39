// Conn: the Engine.IO session behind a socket.

package loop

import (
	"context"

	"github.com/sioserver/sioserver/transport"
)

// Conn is an Engine.IO session, the client as a whole: all its sockets share it.
// It comes from one of them ([Socket.Conn]), or from the server, for clients that
// are in no namespace yet ([Server.OnEngineConnection], [Server.Clients]). Its
// methods may be called from any goroutine.
//
// What is registered on it is called like handlers: those of the socket it was
// had from, else those of the client, one after the other. It costs memory for
// that client alone.
type Conn struct {
	socket *Socket     // it was had from, or
	client *engineConn // from the server
}

// Conn is the Engine.IO session of the socket's client.
func (s *Socket) Conn() Conn { return Conn{socket: s} }

// ID is the id of the session. It is a secret of the client: who knows it can
// take part in a polling session.
func (c Conn) ID() string {
	if c.socket != nil {
		return c.socket.sessionID()
	}
	return c.client.id
}

// Protocol is the revision of Engine.IO that the client speaks: 4, or 3 of a
// client of version 2.
func (c Conn) Protocol() int {
	if c.socket != nil && c.socket.revision3 || c.client != nil && c.client.revision3 {
		return 3
	}
	return 4
}

// Transport is [Socket.Transport].
func (c Conn) Transport() string {
	if c.socket != nil {
		return c.socket.Transport()
	}
	return transportName(c.client.via.Load(), c.client.extra)
}

// Upgrading reports whether the client is going over from polling to websocket:
// it has tried the websocket, and not yet sent that it goes on there.
func (c Conn) Upgrading() bool {
	if c.socket != nil {
		return c.socket.via.Load() == viaUpgrading
	}
	return c.client.via.Load() == viaUpgrading
}

// ReadyState is "open" while the session is open, of a Conn from a socket while
// that has not disconnected; else "closed".
func (c Conn) ReadyState() string {
	if c.over() {
		return "closed"
	}
	return "open"
}

func (c Conn) over() bool {
	if c.socket != nil {
		return c.socket.state.Load() >= stateGone
	}
	return c.client.closed.Load()
}

// Handshake tells how the client connected. It has no auth payload, which belongs
// to namespaces.
func (c Conn) Handshake() *Handshake {
	if c.socket != nil {
		return &Handshake{request: c.socket.Handshake().request}
	}
	return &Handshake{request: c.client.request}
}

// Send sends a message of Engine.IO, text, beside those of Socket.IO: for clients
// that know what to do with it. Official ones of Socket.IO take it for a packet.
// The error is [ErrDisconnected].
func (c Conn) Send(text string) error {
	return c.send(func(s *transport.Session) { s.Send([]byte(text)) })
}

// SendBinary is Send of bytes. They are copied.
func (c Conn) SendBinary(data []byte) error {
	data = clone(data)
	return c.send(func(s *transport.Session) { s.SendBinary(data) })
}

func (c Conn) send(f func(*transport.Session)) error {
	if c.over() {
		return ErrDisconnected
	}
	c.do(func(_ *Loop, s *transport.Session) { f(s) })
	return nil
}

// Close closes the client's connection, with all its sockets. With discard what
// waits to be sent is dropped, else it still goes out. The client does not take
// it as a disconnect by the server and comes back, unlike after
// [Socket.Disconnect].
func (c Conn) Close(discard bool) {
	c.do(func(l *Loop, s *transport.Session) {
		if discard {
			s.Discard(transport.ForcedClose, nil)
			return
		}
		s.Close()
	})
}

// Sockets are the client's sockets, one for each namespace it is in. It waits for
// the loop, so an inline handler must not call it ([ErrOnLoop]). If the socket it
// was had from is gone there are none.
func (c Conn) Sockets(ctx context.Context) ([]*Socket, error) {
	srv := c.actor().loop.server
	if srv.onLoop() {
		return nil, ErrOnLoop
	}
	answer := make(chan []*Socket, 1)
	c.actor().loop.engine.Post(&connTask{c, func(l *Loop, s *transport.Session) {
		var list []*Socket
		if s != nil {
			list = l.socketsOf(s)
		}
		answer <- list
	}})
	select {
	case list := <-answer:
		return list, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-srv.done:
		return nil, ErrClosed
	}
}

// socketsOf are the connected sockets of a client.
func (l *Loop) socketsOf(s *transport.Session) (list []*Socket) {
	for at := l.client(s).first; at != 0; {
		x := l.sockets.At(at - 1)
		if x.state == socketConnected {
			list = append(list, l.handle(x, at-1))
		}
		at = x.next
	}
	return list
}

// actor is who runs what is registered on the Conn.
func (c Conn) actor() *actor {
	if c.socket != nil {
		return &c.socket.actor
	}
	return &c.client.actor
}

// protect calls a callback. A panic ends the socket, or the client, it is of.
func (c Conn) protect(call func()) {
	const what = "callback of a connection"
	if c.socket != nil {
		c.socket.protect(what, call)
		return
	}
	c.client.protect(what, call)
}

// do does something with the session on its loop, unless it is gone: at once if
// that is where the caller is.
func (c Conn) do(f func(*Loop, *transport.Session)) {
	l := c.actor().loop
	t := &connTask{c, func(l *Loop, s *transport.Session) {
		if s != nil {
			f(l, s)
		}
	}}
	if l.direct() {
		t.Run(l.engine)
		return
	}
	l.engine.Post(t)
}

// connTask brings work for a session to its loop; it gets nil if the session is
// gone.
type connTask struct {
	conn Conn
	run  func(*Loop, *transport.Session)
}

// Run implements [transport.Task].
func (t *connTask) Run(*transport.Engine) {
	l := t.conn.actor().loop
	var s *transport.Session
	if sock := t.conn.socket; sock != nil {
		if e := l.find(sock.ref); e != nil {
			s = e.session
		}
	} else if !t.conn.client.closed.Load() {
		s = t.conn.client.session
	}
	t.run(l, s)
}

// The transports that a client may be on.
const (
	viaPolling uint32 = iota
	viaUpgrading
	viaWebSocket
	viaOther // of the application's: see [Server.Bind]
)

// sessionExtra is what few sessions have.
type sessionExtra struct {
	sid       string // of Config.GenerateID
	transport string // of Server.Bind
}

func extraOf(s *transport.Session) *sessionExtra {
	var x sessionExtra
	if s.Chosen() {
		x.sid = s.Name()
	}
	if x.transport = s.Carried(); x == (sessionExtra{}) {
		return nil
	}
	return &x
}

func viaOf(s *transport.Session) uint32 {
	switch {
	case s.WebSocket():
		return viaWebSocket
	case s.Carried() != "":
		return viaOther
	case s.Upgrading():
		return viaUpgrading
	}
	return viaPolling
}

func transportName(via uint32, x *sessionExtra) string {
	switch via {
	case viaWebSocket:
		return WebSocket
	case viaOther:
		return x.transport
	}
	return Polling
}
