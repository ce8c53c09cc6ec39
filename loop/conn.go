// Conn: the Engine.IO session behind a socket.

package loop

import (
	"context"

	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport"
)

// Conn is the Engine.IO session of a socket's client, which all sockets of the
// client share. Its methods may be called from any goroutine. What is registered
// on it is called like the handlers of the socket it was had from, and costs
// memory for that client alone.
type Conn struct{ socket *Socket }

// Conn is the Engine.IO session of the socket's client.
func (s *Socket) Conn() Conn { return Conn{s} }

// ID is the id of the session. It is a secret of the client: who knows it can
// take part in a polling session.
func (c Conn) ID() string { return c.socket.sessionID() }

// Protocol is the revision of Engine.IO that the client speaks: 4, or 3 of a
// client of version 2.
func (c Conn) Protocol() int {
	if c.socket.revision3 {
		return 3
	}
	return 4
}

// Transport is [Socket.Transport].
func (c Conn) Transport() string { return c.socket.Transport() }

// ReadyState is "open" while the socket has not disconnected, else "closed".
func (c Conn) ReadyState() string {
	if c.socket.state.Load() >= stateGone {
		return "closed"
	}
	return "open"
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

// ConnPacket is an Engine.IO packet. Type is its official name: "open", "close",
// "ping", "pong", "message", "upgrade" or "noop".
type ConnPacket struct {
	Type   string
	Data   []byte // of a message; the receiver's for good
	Binary bool
}

// watchers are the callbacks of a Conn.
type watchers struct {
	upgrade, drain, heartbeat []watcher[func()]
	close                     []watcher[func(DisconnectReason, error)]
	packet, create            []watcher[func(ConnPacket)]
}

// watcher is a callback and the socket whose handlers it is one of.
type watcher[F any] struct {
	socket *Socket
	run    F
}

// OnUpgrade adds a callback for the change from polling to websocket.
func (c Conn) OnUpgrade(f func()) {
	c.watch(func(w *watchers) { w.upgrade = append(w.upgrade, watcher[func()]{c.socket, f}) })
}

// OnDrain adds a callback for the moment when all that waited for a slow client
// has been sent.
func (c Conn) OnDrain(f func()) {
	c.watch(func(w *watchers) { w.drain = append(w.drain, watcher[func()]{c.socket, f}) })
}

// OnHeartbeat adds a callback for the heartbeats of the client: its pongs, or the
// pings of one of version 2.
func (c Conn) OnHeartbeat(f func()) {
	c.watch(func(w *watchers) { w.heartbeat = append(w.heartbeat, watcher[func()]{c.socket, f}) })
}

// OnClose adds a callback for the end of the connection.
func (c Conn) OnClose(f func(reason DisconnectReason, err error)) {
	c.watch(func(w *watchers) {
		w.close = append(w.close, watcher[func(DisconnectReason, error)]{c.socket, f})
	})
}

// OnPacket adds a callback for every packet that comes from the client.
func (c Conn) OnPacket(f func(ConnPacket)) {
	c.watch(func(w *watchers) { w.packet = append(w.packet, watcher[func(ConnPacket)]{c.socket, f}) })
}

// OnPacketCreate adds a callback for every packet that is sent to the client.
func (c Conn) OnPacketCreate(f func(ConnPacket)) {
	c.watch(func(w *watchers) { w.create = append(w.create, watcher[func(ConnPacket)]{c.socket, f}) })
}

// Sockets are the client's sockets, one for each namespace it is in. It waits for
// the loop, so an inline handler must not call it ([ErrOnLoop]). If the socket it
// was had from is gone there are none.
func (c Conn) Sockets(ctx context.Context) ([]*Socket, error) {
	srv := c.socket.ns.server
	if srv.onLoop() {
		return nil, ErrOnLoop
	}
	answer := make(chan []*Socket, 1)
	c.socket.loop.engine.Post(&socketsTask{c.socket, answer})
	select {
	case list := <-answer:
		return list, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-srv.done:
		return nil, ErrClosed
	}
}

// socketsTask lists the sockets of a client on its loop.
type socketsTask struct {
	socket *Socket
	answer chan<- []*Socket
}

// Run implements [transport.Task].
func (t *socketsTask) Run(*transport.Engine) {
	l := t.socket.loop
	var list []*Socket
	if e := l.find(t.socket.ref); e != nil {
		for at := l.client(e.session).first; at != 0; {
			x := l.sockets.At(at - 1)
			if x.state == socketConnected {
				list = append(list, l.handle(x, at-1))
			}
			at = x.next
		}
	}
	t.answer <- list
}

// do does something with the session on its loop, unless the socket is gone.
func (c Conn) do(f func(*Loop, *transport.Session)) { c.socket.do(&connTask{c.socket, f}) }

func (c Conn) watch(add func(*watchers)) {
	c.do(func(l *Loop, s *transport.Session) {
		k := l.client(s).keep()
		if k.watchers == nil {
			k.watchers = new(watchers)
		}
		add(k.watchers)
		w := k.watchers
		s.Observe(len(w.packet)+len(w.create)+len(w.heartbeat) > 0)
	})
}

type connTask struct {
	socket *Socket
	run    func(*Loop, *transport.Session)
}

// Run implements [transport.Task].
func (t *connTask) Run(*transport.Engine) {
	if e := t.socket.loop.find(t.socket.ref); e != nil {
		t.run(t.socket.loop, e.session)
	}
}

// notify calls callbacks behind the events of their sockets.
func notify[F any](l *Loop, list []watcher[F], call func(F)) {
	for _, w := range list {
		l.run(w.socket, job{call: func() { w.socket.protect("callback of a connection", func() { call(w.run) }) }})
	}
}

// watched returns the callbacks of a session's Conn, nil if there are none.
func (l *Loop) watched(s *transport.Session) *watchers {
	if k := l.client(s).kept; k != nil {
		return k.watchers
	}
	return nil
}

// OnPacket implements [transport.Observer].
func (l *Loop) OnPacket(s *transport.Session, p engineio.Packet, sent bool) {
	w := l.watched(s)
	if w == nil {
		return
	}
	list := w.packet
	if sent {
		list = w.create
	} else if p.Type == engineio.Pong || p.Type == engineio.Ping {
		notify(l, w.heartbeat, func(f func()) { f() })
	}
	if len(list) > 0 {
		packet := ConnPacket{Type: p.Type.String(), Data: clone(p.Data), Binary: p.Binary}
		notify(l, list, func(f func(ConnPacket)) { f(packet) })
	}
}
