// Long polling: GET waits for packets, POST delivers them, one of each at a time.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/ws"
)

// polling is what a session has while it polls.
type polling struct {
	get, post ExchangeRef // the open requests; the zero reference is none
	candidate *Conn       // a websocket that wants to take over
	spool     *buffer     // packets for the next poll, nil when there are none
}

// open reports whether a GET waits.
func (p *polling) open() bool { return p.get.engine != nil }

// newPolling and dropPolling begin and end the polling side of a session.
func (e *Engine) newPolling() *polling { return new(polling) }

func (e *Engine) dropPolling(s *Session) {
	if s.poll != nil {
		s.poll.spool = e.buffers.put(s.poll.spool)
		s.poll = nil
	}
}

// pollKind is what a polling request wants.
type pollKind uint8

const (
	pollNone pollKind = iota
	pollGet
	pollPost
	pollPostBegun // the head of a POST whose body is still coming
)

// pollRequest is a polling request on its way to the loop of its session.
type pollRequest struct {
	ref      ExchangeRef
	sid      id.ID
	kind     pollKind
	revision uint8
	mismatch bool // the request names another transport
	octets   bool // the body is said to be binary
	body     *buffer
}

// pollTask carries a polling request to another loop.
type pollTask struct{ request pollRequest }

func (t *pollTask) Run(e *Engine) { e.servePoll(t.request) }

// deliverPoll brings a polling request to its session.
func (e *Engine) deliverPoll(p pollRequest) {
	if home := e.peers[p.sid.Tag()]; home != e {
		home.Post(&pollTask{p})
		return
	}
	e.servePoll(p)
}

// lookup finds a session that can still be polled.
func (e *Engine) lookup(sid *id.ID) *Session {
	if i, ok := e.sids.Find(sid); ok {
		return e.sessions.At(i)
	}
	return nil
}

// servePoll acts on a polling request of a session of this loop.
func (e *Engine) servePoll(p pollRequest) {
	s := e.lookup(&p.sid)
	switch {
	case s == nil:
		e.answer(p.ref, errorAnswer(ErrSessionUnknown))
	case p.mismatch || s.poll == nil || int(p.revision) != s.Revision():
		e.answer(p.ref, errorAnswer(ErrBadRequest))
	case s.state == sessionLingering:
		s.answerLingering(p)
	case p.kind == pollGet:
		s.pollGet(p.ref)
	case p.kind == pollPostBegun:
		s.beginPost(p.ref)
	default:
		s.finishPost(&p)
	}
	e.buffers.put(p.body)
}

// pollGet takes a GET: it is answered with what waits, or waits itself.
func (s *Session) pollGet(ref ExchangeRef) {
	e, p := s.engine, s.poll
	if p.open() {
		e.answer(ref, statusAnswer(400))
		s.close(TransportError, ErrOverlap)
		return
	}
	p.get = ref
	switch {
	case p.spool != nil:
		s.flushPoll()
	case p.candidate != nil && p.candidate.probed:
		// The client waits for its poll to end before it switches over.
		s.sendPacket(engineio.Noop)
		s.flushPoll()
	}
}

// flushPoll answers the open GET with all that waits.
func (s *Session) flushPoll() {
	s.queued = false
	p := s.poll
	if s.state == sessionOpen && p != nil && p.open() && p.spool != nil {
		s.answerGet(nil)
	}
}

// answerGet answers the open GET with the spool and the packets in tail.
func (s *Session) answerGet(tail []byte) {
	e, p := s.engine, s.poll
	ref := p.get
	p.get = ExchangeRef{}
	e.scratch = e.scratch[:0]
	if p.spool != nil {
		e.scratch = s.appendSpooledPayload(e.scratch, p.spool.B)
		p.spool = e.buffers.put(p.spool)
		if len(tail) > 0 {
			e.scratch = append(e.scratch, engineio.Separator)
		}
	}
	e.scratch = append(e.scratch, tail...)
	e.answer(ref, payloadAnswer(e.scratch))
}

// beginPost notes that a data request has begun.
func (s *Session) beginPost(ref ExchangeRef) {
	if s.poll.post.engine == nil {
		s.poll.post = ref
		return
	}
	s.postOverlap(ref)
}

// postOverlap ends a session whose client sends two data requests at once: the
// second is told so, the first is cut off.
func (s *Session) postOverlap(ref ExchangeRef) {
	e := s.engine
	first := s.poll.post
	s.poll.post = ExchangeRef{}
	e.answer(ref, statusAnswer(400))
	e.cut(first)
	s.close(TransportError, ErrDataOverlap)
}

// finishPost delivers the packets of a data request.
func (s *Session) finishPost(p *pollRequest) {
	e := s.engine
	if s.poll.post.engine != nil && s.poll.post != p.ref {
		s.postOverlap(p.ref)
		return
	}
	s.poll.post = ExchangeRef{}
	if p.octets {
		e.answer(p.ref, statusAnswer(400))
		s.close(TransportError, ErrInvalidContent)
		return
	}
	s.receivePayload(p.body.B)
	e.answer(p.ref, okAnswer())
}

// receivePayload acts on the packets of a payload, one after the other; those
// in front of a malformed one have been delivered.
func (s *Session) receivePayload(payload []byte) {
	if !ws.ValidUTF8(payload) {
		s.close(ParseError, ErrText)
		return
	}
	codec := s.codec()
	for n := 1; payload != nil; n++ {
		if n > s.engine.opts.PayloadPackets {
			s.engine.stats.Limits[LimitPayloadPackets]++
			s.close(ParseError, ErrTooManyPackets)
			return
		}
		p, rest, err := codec.NextPacket(payload, false)
		if err != nil {
			s.close(ParseError, err)
			return
		}
		if !s.receive(p) {
			return
		}
		payload = rest
	}
}

// clientClose acts on a close packet: the open poll ends with a noop.
func (s *Session) clientClose() {
	if s.poll != nil && s.poll.open() {
		s.answerGet(noopPacket)
	}
	s.close(TransportClose, nil)
}

// closePolling ends the polling side of a session that is closing. A close of
// ours that finds no open request waits for the next one.
func (s *Session) closePolling(reason CloseReason) {
	e, p := s.engine, s.poll
	if c := p.candidate; c != nil {
		p.candidate, c.session = nil, nil
		e.endFrames(c, ws.StatusNone)
	}
	switch {
	case p.open():
		s.answerGet(closePacket)
	case reason == ForcedServerClose:
		s.state = sessionLingering
		s.timer = e.arm(e.Now()+e.opts.SessionLinger, s.index, timerSession)
	}
}

// answerLingering tells a client that polls after the close what happened.
func (s *Session) answerLingering(p pollRequest) {
	if p.kind != pollGet {
		s.engine.answer(p.ref, errorAnswer(ErrSessionUnknown))
		return
	}
	s.poll.get = p.ref
	tail := closePacket
	if s.poll.spool == nil {
		tail = noopAndClose
	}
	s.answerGet(tail)
	s.bury()
}

var (
	closePacket  = []byte("1")
	noopPacket   = []byte("6")
	noopAndClose = []byte("6\x1e1")
)

// abortTask tells a session on another loop that a request of it is over.
type abortTask struct {
	sid     id.ID
	ref     ExchangeRef
	kind    pollKind
	refused bool
}

func (t *abortTask) Run(e *Engine) { e.endPoll(t) }

// pollAborted tells the session that the connection of its request is gone.
func (e *Engine) pollAborted(sid id.ID, ref ExchangeRef, kind pollKind) {
	e.tellHome(abortTask{sid: sid, ref: ref, kind: kind})
}

// pollRefused tells the session that HTTP has refused its data request, which
// does not harm it.
func (e *Engine) pollRefused(p pollRequest) {
	e.tellHome(abortTask{sid: p.sid, ref: p.ref, kind: pollPost, refused: true})
}

func (e *Engine) tellHome(t abortTask) {
	if home := e.peers[t.sid.Tag()]; home != e {
		home.Post(&t)
		return
	}
	e.endPoll(&t)
}

// endPoll forgets a request of a session.
func (e *Engine) endPoll(t *abortTask) {
	s := e.lookup(&t.sid)
	if s == nil || s.state != sessionOpen || s.poll == nil {
		return
	}
	switch {
	case t.kind == pollGet && s.poll.get == t.ref:
		s.poll.get = ExchangeRef{}
		s.close(TransportError, ErrPollAborted)
	case t.kind == pollPost && s.poll.post == t.ref:
		s.poll.post = ExchangeRef{}
		if !t.refused {
			s.close(TransportError, ErrDataAborted)
		}
	}
}

// cutTask cuts a connection of another loop.
type cutTask struct{ ref ExchangeRef }

func (t *cutTask) Run(e *Engine) { e.cut(t.ref) }

// cut ends the connection of a request without an answer.
func (e *Engine) cut(ref ExchangeRef) {
	if ref.engine != e {
		ref.engine.Post(&cutTask{ref})
		return
	}
	if c, x := e.exchange(ref); x != nil {
		x.wait = pollNone
		e.fail(c, ErrDataOverlap)
	}
}
