// Session: one Engine.IO client from handshake to close.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/wheel"
	"github.com/sioserver/sioserver/transport/ws"
)

// sessionState is the life of a session.
type sessionState uint8

const (
	sessionFree sessionState = iota
	sessionOpen
	sessionLingering // closed above, waiting for a poll to say so
	sessionClosed
)

// Session is one Engine.IO session. It lives on one loop from handshake to
// close, whichever connections carry it. Its methods belong to that loop unless
// they say otherwise.
type Session struct {
	engine *Engine
	conn   *Conn    // its websocket, nil while it polls
	poll   *polling // its polling side, nil once it is a websocket

	id         id.ID
	state      sessionState
	index, gen uint32
	timer      wheel.ID
	due        uint32 // when the next ping or the pong, in revision 3 any packet, is due; as a stamp
	connectBy  uint32 // when a namespace must be joined; 0 for no limit

	awaiting bool // a ping is out
	alive    bool // a packet came since the ping
	extended bool // the wait for the pong was extended once
	queued   bool // on the list of those with packets for their open request
	observed bool
	stray    uint8
	dialect  dialect // of its packets
	was      Kind    // when it closed
	owner    uint32  // the handler's number for it
}

// Owner is the number that SetOwner has given, 0 before. Loop only.
func (s *Session) Owner() uint32 { return s.owner }

// SetOwner keeps a number for the handler, by which it finds what it knows of
// the session. Loop only.
func (s *Session) SetOwner(n uint32) { s.owner = n }

// EachSession calls f for every open session. Loop only.
func (e *Engine) EachSession(f func(*Session)) {
	e.sessions.Each(func(s *Session) {
		if s.state == sessionOpen {
			f(s)
		}
	})
}

// SessionsFrom calls f for the open sessions with number i and above, in the order
// of their numbers, until f reports false. f must not close them. Loop only.
func (e *Engine) SessionsFrom(i uint32, f func(i uint32, s *Session) bool) {
	e.sessions.EachFrom(i, func(i uint32, s *Session) bool { return s.state != sessionOpen || f(i, s) })
}

// SessionRef names a session within its engine. It stays harmless when the
// session is gone.
type SessionRef struct{ index, gen uint32 }

// Ref names the session. Loop only.
func (s *Session) Ref() SessionRef { return SessionRef{s.index, s.gen} }

// Session is the open session that ref names, nil if it is gone. Loop only.
func (e *Engine) Session(ref SessionRef) *Session {
	if s := e.sessions.Find(ref.index); s != nil && s.gen == ref.gen && s.state == sessionOpen {
		return s
	}
	return nil
}

// ID is the engine's id of the session, which is the client's too unless
// [Session.Name] is another one. Loop only.
func (s *Session) ID() id.ID { return s.id }

// Engine is the engine on whose loop the session lives. Any goroutine.
func (s *Session) Engine() *Engine { return s.engine }

// WebSocket reports whether the session goes over websocket now. Loop only.
func (s *Session) WebSocket() bool { return s.conn != nil }

// Wired is the descriptor of the connection over which the session goes at
// present, its websocket's or that of a poll that is open on this loop; -1 if
// there is none. Loop only.
func (s *Session) Wired() (fd int32, websocket bool) {
	switch {
	case s.conn != nil:
		return s.conn.FD, true
	case s.poll != nil && s.poll.get.engine == s.engine:
		if c, x := s.engine.exchange(s.poll.get); x != nil {
			return c.FD, false
		}
	}
	return -1, false
}

// Kind is what carries a session.
type Kind uint8

// The kinds of sessions.
const (
	KindPolling Kind = iota
	KindWebSocket
	KindCarried // see [Engine.Carry]
	Kinds       // how many there are
)

// Kind is what carries the session: of one that is closed, what did last. Loop
// only.
func (s *Session) Kind() Kind {
	switch {
	case s.conn != nil:
		return KindWebSocket
	case s.poll != nil && s.poll.carried:
		return KindCarried
	}
	return s.was
}

// Revision is the Engine.IO revision of the client. Loop only.
func (s *Session) Revision() int {
	if s.dialect.revision3() {
		return 3
	}
	return 4
}

func (s *Session) codec() engineio.Codec { return s.dialect.codec() }

// openSession makes a session for the request at hand; conn is its websocket,
// nil for polling.
func (e *Engine) openSession(conn *Conn, sid id.ID, name string) *Session {
	s, i := e.sessions.Take()
	s.engine, s.index, s.gen, s.conn = e, i, e.generation(), conn
	s.state, s.dialect = sessionOpen, dialectOf(&e.query)
	s.id = sid
	e.sids.Insert(i)
	e.named(s, name)
	e.live.sessions++
	e.stats.SessionsOpened++
	return s
}

// startSession starts the clocks of a session.
func (e *Engine) startSession(s *Session) {
	now := e.Now()
	if e.opts.ConnectTimeout > 0 {
		s.connectBy = max(1, stamp(now+e.opts.ConnectTimeout))
	}
	s.due = e.heartbeat(now + e.opts.PingInterval)
	if s.dialect.revision3() {
		s.heard()
	}
	s.armTimer()
}

// appendOpen appends the open packet.
func (s *Session) appendOpen(dst []byte) []byte {
	o := s.engine.opts
	h := engineio.Handshake{
		SID: s.Name(), PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, MaxPayload: o.MaxPayload,
	}
	if s.conn == nil && o.AllowUpgrades && o.WebSocket {
		h.Upgrades = upgrades
	}
	return engineio.AppendOpen(dst, &h)
}

var upgrades = []string{"websocket"}

// receive acts on a packet from the client and reports whether the session is
// open still.
func (s *Session) receive(p engineio.Packet) bool {
	e := s.engine
	if s.observed {
		s.seen(p, false)
	}
	s.alive = true
	if s.dialect.revision3() {
		s.heard()
	}
	switch p.Type {
	case engineio.Message:
		e.stats.MessagesIn++
		e.handler.OnMessage(s, p.Data, p.Binary)
	case engineio.Pong:
		s.pong()
	case engineio.Ping:
		s.ping()
	case engineio.Close:
		s.clientClose()
	default:
		// Open, upgrade and noop go from the server to the client, or belong to
		// a candidate. Nothing sends them here but a fault.
		s.close(ParseError, ErrPacketType)
	}
	return s.state == sessionOpen
}

// Fail is Close for a fault of the client, which err describes. Loop only.
func (s *Session) Fail(err error) {
	if s.state == sessionOpen {
		s.closeForced(err)
	}
}

// Close ends the session from this side, reason "forced close". What was sent
// before still goes out. A polling client without an open request learns of it
// by its next one, and the reason is "forced server close". Loop only.
func (s *Session) Close() {
	if s.state == sessionOpen {
		s.closeForced(nil)
	}
}

// Retire is Close because the server ends, reason "server shutting down". Loop
// only.
func (s *Session) Retire() {
	if s.state == sessionOpen {
		s.close(ServerShuttingDown, nil)
	}
}

// closeForced closes the session from this side; err says why.
func (s *Session) closeForced(err error) {
	reason := ForcedClose
	if s.conn == nil && !s.poll.carried && !s.poll.open() && !s.poll.probed() {
		reason = ForcedServerClose
	}
	s.close(reason, err)
}

// Discard ends the session at once for a reason of the caller's, which is not
// one of the forced ones; what waits to be sent is dropped if the client is not
// ready for it. Loop only.
func (s *Session) Discard(reason CloseReason, err error) {
	c := s.conn
	s.close(reason, err)
	// A peer that takes nothing would keep what waits for it until it is found to
	// be stalled, or for ever if it takes a byte now and then. At the end of the
	// server it has the server's time to take it.
	if c != nil && c.state == connClosing && reason != ServerShuttingDown && s.engine.net.Buffered(c) > 0 {
		s.engine.fail(c, err)
	}
}

// close ends the session, releases its transports and tells the handler.
func (s *Session) close(reason CloseReason, err error) {
	if s.state == sessionLingering {
		s.bury()
		return
	}
	if s.state != sessionOpen {
		return
	}
	e := s.engine
	if s.heldFor() != nil {
		switch reason {
		case TransportError, TransportClose, PingTimeout:
			s.forgetHeld()
		default:
			s.release(true) // what was sent before a close of this side still goes out
		}
	}
	s.was = s.Kind()
	s.state = sessionClosed
	s.timer = e.timers.Cancel(s.timer)
	e.live.sessions--
	e.stats.SessionsClosed++
	if c := s.conn; c != nil {
		s.conn = nil
		c.session = nil
		e.endFrames(c, ws.StatusNone)
	}
	switch {
	case s.poll == nil:
	case s.poll.carried:
		s.endCarrier(reason, err)
	default:
		s.closePolling(reason)
	}
	if s.state != sessionLingering {
		s.bury()
	}
	// Last, so that nothing is left undone if the handler panics.
	e.handler.OnClose(s, reason, err)
}

// bury takes the session out of the table; its record is free once the batch is
// over.
func (s *Session) bury() {
	e := s.engine
	s.state = sessionClosed
	s.timer = e.timers.Cancel(s.timer)
	e.dropPolling(s)
	e.sids.Remove(s.index)
	e.unname(s)
	e.tombs = append(e.tombs, s.index)
	if !e.busy {
		e.wakeSelf()
	}
}

// Joined tells that a namespace was joined, which connectTimeout waits for.
// Loop only.
func (s *Session) Joined() { s.connectBy = 0 }
