// Joining and leaving a namespace.

package loop

import (
	"errors"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// connect acts on a CONNECT packet.
func (l *Loop) connect(s *transport.Session, c *client, p *socketio.Packet) {
	if s.Revision() < 4 && !l.splitRevision3(p) {
		s.Fail(errNamespaceURL)
		return
	}
	n := (*l.server.namespaces.Load())[string(p.Namespace)]
	if n == nil && !l.server.mayExist(p.Namespace) {
		l.refuse(s, c, nil, string(p.Namespace), errInvalidNamespace)
		return
	}
	if e, _ := l.in(c, p.Namespace); e != nil || c.searching(string(p.Namespace)) {
		// A second CONNECT while the first is in middleware would make two
		// sockets of one; it is refused like one that comes later.
		s.Fail(errJoinedTwice)
		return
	}
	if c.namespaces() >= l.server.cfg.Limits.Namespaces {
		l.stats.limit(limitNamespaces)
		s.Fail(errNamespaces)
		return
	}
	if n == nil || !n.open.Load() || !c.announced() || !n.enter() {
		l.search(s, c, string(p.Namespace), l.auth(p))
		return
	}
	l.join(s, c, n, l.auth(p))
}

// auth is the payload of a CONNECT packet as JSON, nil if nobody will ask.
func (l *Loop) auth(p *socketio.Packet) []byte {
	if len(p.Payload) == 0 {
		return nil
	}
	if f := l.server.form; f != formJSON {
		raw, _ := Args{raw: p.Payload, n: 1, form: f}.json()
		return raw
	}
	return clone(p.Payload)
}

// join begins a client's membership in a namespace, which it has entered.
func (l *Loop) join(s *transport.Session, c *client, n *Namespace, auth []byte) {
	if n.recovery == nil || s.Revision() < 4 {
		l.joinAs(s, c, n, auth, nil)
		return
	}
	ret := &returning{}
	if asked, ok := wishOf(auth); ok {
		if n.recovery.keeper != nil {
			l.restore(s, c, n, auth, asked)
			return
		}
		ret = n.recovery.take(asked)
	}
	l.joinAs(s, c, n, auth, ret)
}

// joinAs is join for a client that is known to be new, or to have come back.
func (l *Loop) joinAs(s *transport.Session, c *client, n *Namespace, auth []byte, ret *returning) {
	sid := l.newID(s)
	switch {
	case ret == nil:
	case ret.recovered:
		sid = ret.was.id
	default:
		pid := l.ids.New(uint8(l.index))
		ret.pid = pid.String()
	}
	e, slot := l.sockets.Take()
	l.joins = max(l.joins+1, 1)
	*e = entry{ns: n, session: s, gen: l.joins, next: c.first, state: socketJoining, id: sid}
	c.first = slot + 1
	c.sockets++
	alias := ""
	if l.sharesID(s) && (n.name != "/" || s.Chosen()) {
		alias = revision3ID(n, s.Name())
	}
	e.member = n.shards[l.index].AddAs(e.id, alias, makeRef(slot, e.gen))

	hooks := n.hooks.Load()
	if len(hooks.middleware)+len(hooks.connection) > 0 || !l.server.cfg.DropHandshake {
		l.handle(e, slot).handshake.Store(&Handshake{request: c.request, auth: auth})
	}
	if ret != nil {
		sock := l.handle(e, slot)
		sock.returning = ret
		if ret.recovered {
			sock.data.Store(ret.was.data)
		}
	}
	if len(hooks.middleware) == 0 || ret != nil && ret.recovered && n.recovery.cfg.SkipMiddlewares.or(true) {
		l.accept(e, slot)
		return
	}
	sock := e.handle
	l.run(&sock.actor, job{call: func() {
		err := sock.admit(hooks.middleware)
		l.engine.Post(&admission{sock, err})
	}})
}

// newID is the id of a new socket: one of its own, or for a client of version 2
// and one without Socket.IO the session's.
func (l *Loop) newID(s *transport.Session) id.ID {
	if l.sharesID(s) {
		return s.ID()
	}
	return l.ids.New(uint8(l.index))
}

// sharesID reports whether the sockets of a session have its id.
func (l *Loop) sharesID(s *transport.Session) bool {
	return s.Revision() < 4 || l.server.cfg.EngineOnly
}

// admit runs the middleware for a socket.
func (s *Socket) admit(chain []Middleware) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked("middleware", p)
			err = &Error{Message: "internal server error"}
		}
	}()
	for _, m := range chain {
		if err := m(s); err != nil {
			return err
		}
	}
	return nil
}

// admission brings the verdict of the middleware to the loop.
type admission struct {
	socket *Socket
	err    error
}

// Run implements [transport.Task].
func (a *admission) Run(*transport.Engine) {
	l := a.socket.loop
	e := l.find(a.socket.ref)
	if e == nil || e.state != socketJoining {
		return // the client has gone meanwhile
	}
	if a.err == nil {
		l.accept(e, a.socket.ref.slot())
		return
	}
	s, c := e.session, l.client(e.session)
	name := e.ns.name
	l.drop(e, a.socket.ref.slot(), false)
	l.refuse(s, c, a.socket, name, a.err)
}

// accept completes a join: the socket becomes visible, the client is told, the
// connection handlers run.
func (l *Loop) accept(e *entry, slot uint32) {
	n, s := e.ns, e.session
	e.state = socketConnected
	var missed []*transport.Shared
	pid := ""
	if e.handle != nil && e.handle.returning != nil {
		var ok bool
		if missed, ok = n.recovery.show(n, l, e, e.handle); !ok {
			s.Fail(errMissedTooMuch)
			return
		}
		pid = e.handle.returning.pid
	} else {
		n.shards[l.index].Show(e.member)
	}
	s.Joined()
	l.stats.connects++
	n.connects.Add(1)
	if n.parent != nil {
		n.parent.connects.Add(1)
	}
	hooks := n.hooks.Load()
	if e.handle != nil {
		e.handle.state.CompareAndSwap(stateJoining, stateConnected)
	}
	drop := l.server.cfg.DropHandshake
	if drop {
		l.client(s).request = nil
	}
	ref := makeRef(slot, e.gen)
	sid := e.id.String()
	for _, m := range missed {
		s.SendShared(m)
	}
	l.sendConnect(s, n.name, sid, pid)
	// Sending may have found the client gone.
	if e = l.connected(ref); e == nil {
		return
	}
	if len(hooks.connection) == 0 {
		if drop && e.handle != nil {
			e.handle.handshake.Store(nil)
		}
		return
	}
	sock := l.handle(e, slot)
	l.run(&sock.actor, job{inline: allInline(hooks.connection), call: func() {
		for _, h := range hooks.connection {
			sock.protect("connection handler", func() { h.run(sock) })
		}
		if drop {
			sock.handshake.Store(nil)
		}
	}})
}

// refuse tells a client that it may not join a namespace.
func (l *Loop) refuse(s *transport.Session, c *client, sock *Socket, name string, err error) {
	e := refusal(err)
	l.stats.refusals++
	if c.refused++; int(c.refused) > l.server.cfg.Limits.RefusedNamespaces {
		l.stats.limit(limitRefusedNamespaces)
		s.Fail(errRefused)
		return
	}
	if err := l.sendConnectError(s, name, e); err != nil {
		l.server.fail(sock, err)
	}
}

// refusal is what a client is told of a middleware's error.
func refusal(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Message: err.Error()}
}

// disconnect ends a socket, and tells its handlers.
func (l *Loop) disconnect(e *entry, slot uint32, reason DisconnectReason, err error) {
	sock, n, was := e.handle, e.ns, e.state
	hooks := n.hooks.Load()
	if was == socketConnected {
		l.stats.disconnects++
	}
	if sock == nil && was == socketConnected && len(hooks.disconnecting)+len(hooks.disconnect) > 0 {
		sock = l.handle(e, slot)
	}
	left := l.drop(e, slot, reason == ServerNamespaceDisconnect || err == ErrPendingEvents)
	if sock == nil || was != socketConnected {
		return
	}
	if sock.returning != nil && mayReturn(reason) {
		n.recovery.save(n, sock, left)
	}
	sock.left.Store(&left)
	l.runDisconnect(sock, hooks, reason, err)
}

// runDisconnect queues the handlers of a disconnect behind the socket's events.
func (l *Loop) runDisconnect(sock *Socket, hooks *hooks, reason DisconnectReason, err error) {
	disconnecting, disconnect := hooks.disconnecting, hooks.disconnect
	if own := sock.handlers.Load(); own != nil {
		disconnecting = concat(disconnecting, own.disconnecting)
		disconnect = concat(disconnect, own.disconnect)
	}
	if len(disconnecting)+len(disconnect) == 0 {
		sock.left.Store(nil)
		return
	}
	l.run(&sock.actor, job{inline: allInline(disconnecting) && allInline(disconnect), call: func() {
		for _, h := range disconnecting {
			sock.protect("disconnecting handler", func() { h.run(sock, reason, err) })
		}
		sock.left.Store(nil)
		for _, h := range disconnect {
			sock.protect("disconnect handler", func() { h.run(sock, reason, err) })
		}
	}})
}

// concat joins two lists without writing into either.
func concat[T any](a, b []T) []T {
	if len(b) == 0 {
		return a
	}
	return append(a[:len(a):len(a)], b...)
}

// drop takes a socket out of its namespace and its client, and frees its entry.
// It returns the rooms the socket was in.
func (l *Loop) drop(e *entry, slot uint32, expelled bool) (left []string) {
	left = e.ns.shards[l.index].Remove(e.member)
	e.ns.leave()
	c := l.client(e.session)
	at := &c.first
	for *at != slot+1 {
		at = &l.sockets.At(*at - 1).next
	}
	*at = e.next
	c.sockets--
	sock := e.handle
	*e = entry{}
	l.sockets.Give(slot)
	if sock != nil {
		sock.gone(expelled)
		l.failAcks(sock)
	}
	return left
}
