// Sessions that no connection of the engine carries, but something of the layer above.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// Carrier takes what is sent to a session of [Engine.Carry]. It is called on the
// session's loop and must not block.
type Carrier interface {
	// Deliver hands over messages, which are the carrier's for good. It is not
	// called again before [Carried.Ready].
	Deliver(s Spool)
	// Closed ends the session; nothing is called after it. rest is what waits to
	// be sent still, if that is worth it.
	Closed(rest Spool, reason CloseReason, err error)
}

// Spool is a list of messages.
type Spool []byte

// Next takes the first message off. Its bytes are the list's. ok is false if
// there is none. Any goroutine.
func (s *Spool) Next() (message []byte, binary, ok bool) {
	for len(*s) > 0 {
		var p engineio.Packet
		if p, *s = nextSpooled(*s); p.Type == engineio.Message {
			return p.Data, p.Binary, true
		}
	}
	return nil, false, false
}

// Carried is the carrier's side of a session. Its methods, but for Open, may be
// called from any goroutine, also when the session is closed.
type Carried struct {
	session *Session
	gen     uint32
	engine  *Engine
}

// Carriage says what is carried.
type Carriage struct {
	Carrier  Carrier
	Name     string // of the transport
	Revision int    // of Engine.IO, 3 or 4
	SID      string // if not "", the id of the session, as [Verdict.SID]
}

// carried is what such a session has, in a table of its engine.
type carried struct {
	carrier Carrier
	name    string // of the transport
}

// never is longer than a session lives between two looks, in milliseconds.
const never = 30 * 24 * 60 * 60 * 1000

// Carry makes a session for a carrier. Requests do not find it by its id. The
// error is [ErrNameTaken]. [Carried.Open] must follow. Loop only.
func (e *Engine) Carry(c Carriage) (*Carried, error) {
	sid := e.ids.New(e.index)
	if c.SID != "" && !e.names.add(c.SID, sid) {
		return nil, ErrNameTaken
	}
	s, i := e.sessions.Take()
	s.engine, s.index, s.gen, s.id, s.state = e, i, e.generation(), sid, sessionOpen
	if c.Revision == 3 {
		s.dialect = inRevision3
	}
	e.named(s, c.SID)
	s.poll = &polling{carried: true, ready: true}
	if e.carried == nil {
		e.carried = map[uint32]carried{}
	}
	e.carried[i] = carried{c.Carrier, c.Name}
	e.live.sessions++
	e.stats.SessionsOpened++
	if e.opts.ConnectTimeout > 0 {
		s.connectBy = ticks(e.Now() + e.opts.ConnectTimeout)
	}
	s.due = ticks(e.Now() + never)
	s.armTimer()
	return &Carried{s, s.gen, e}, nil
}

// Open announces the session to the handler. Loop only.
func (k *Carried) Open(h *Hello) { k.engine.handler.OnOpen(k.session, h) }

// Carried is the name of the transport of a session of [Engine.Carry], else "".
// Loop only.
func (s *Session) Carried() string {
	if s.poll == nil || !s.poll.carried {
		return ""
	}
	return s.engine.carried[s.index].name
}

// Upgrading reports whether the client has tried a websocket, to which it is
// about to go over. Loop only.
func (s *Session) Upgrading() bool { return s.poll != nil && s.poll.probed() }

// handOver gives the carrier what waits.
func (s *Session) handOver() {
	p := s.poll
	rest := p.takeSpool()
	p.over, p.ready = 0, false
	s.engine.carried[s.index].carrier.Deliver(rest)
}

// takeSpool takes out what waits.
func (p *polling) takeSpool() Spool {
	if p.spool == nil {
		return nil
	}
	s := Spool(p.spool.B)
	p.spool = nil // the buffer goes with what is in it
	return s
}

// endCarrier ends the carrier's part of a session that is closed.
func (s *Session) endCarrier(reason CloseReason, err error) {
	p := s.poll
	rest := p.takeSpool()
	switch reason {
	case TransportError, TransportClose, PingTimeout:
		rest = nil // there is nobody, or nobody who keeps up
	}
	p.ready = false
	e := s.engine
	c := e.carried[s.index].carrier
	if delete(e.carried, s.index); len(e.carried) == 0 {
		e.carried = nil // a map does not shrink
	}
	c.Closed(rest, reason, err)
}

// carriedTask does something with a session unless it is closed.
type carriedTask struct {
	carried *Carried
	run     func(*Session)
	done    func() // in any case
}

func (t *carriedTask) Run(*Engine) {
	if s := t.carried.session; s.gen == t.carried.gen && s.state == sessionOpen {
		t.run(s)
	}
	if t.done != nil {
		t.done()
	}
}

// Receive delivers a message of the client, which is the session's for good; done
// is called on the loop behind it, in any case.
func (k *Carried) Receive(message []byte, binary bool, done func()) {
	k.engine.Post(&carriedTask{k, func(s *Session) {
		switch {
		case int64(len(message)) > s.engine.opts.MaxPayload:
			s.engine.stats.Limits[LimitMessage]++
			s.close(TransportError, ErrMessageSize)
		case !binary && !ws.ValidUTF8(message):
			s.close(ParseError, ErrText)
		default:
			s.receive(engineio.Packet{Type: engineio.Message, Data: message, Binary: binary})
		}
	}, done})
}

// Ready says that what was delivered has been sent.
func (k *Carried) Ready() {
	k.engine.Post(&carriedTask{k, func(s *Session) {
		s.poll.ready = true
		if s.poll.spool != nil {
			s.handOver()
			return
		}
		s.engine.handler.OnDrain(s)
	}, nil})
}

// Close ends the session: the client has gone, or what carries it has failed,
// with err.
func (k *Carried) Close(reason CloseReason, err error) {
	k.engine.Post(&carriedTask{k, func(s *Session) { s.close(reason, err) }, nil})
}
