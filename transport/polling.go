// Long polling: GET waits for packets, POST delivers them, one of each at a time.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/coding"
)

// polling is what a session has while it polls.
type polling struct {
	get       ExchangeRef   // the open poll; the zero reference is none
	post      *ExchangeRef  // the data request whose body is still coming
	candidate *Conn         // a websocket that wants to take over
	spool     *buffer       // packets for the next poll, nil when there are none
	over      uint32        // tick at which a burst in it began, 0 for none
	base64    bool          // the candidate's client cannot read bytes
	carried   bool          // the session does not poll, see Engine.Carry
	ready     bool          // its carrier takes messages
	told      bool          // the handler knows that the client is slow
	coding    coding.Coding // that the open GET wants its answer in
	jsonp     *jsonp        // of a client that polls by JSONP, else nil
}

// open reports whether a GET waits, or the carrier does.
func (p *polling) open() bool { return p.get.engine != nil || p.ready }

// probed reports whether the client is about to switch over.
func (p *polling) probed() bool { return p.candidate != nil && p.candidate.probed }

// newPolling begins the polling side of a session for the request at hand.
func (e *Engine) newPolling() *polling {
	p := new(polling)
	if e.opts.AllowEIO3 {
		p.jsonp = jsonpOf(&e.query)
	}
	return p
}

// dropPolling ends the polling side of a session.

func (e *Engine) dropPolling(s *Session) {
	if s.poll != nil {
		s.endCandidate()
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
	pollAnswered  // a GET whose answer is on its way
)

// pollRequest is a polling request on its way to the loop of its session.
type pollRequest struct {
	ref      ExchangeRef
	sid      id.ID
	kind     pollKind
	revision uint8
	mismatch bool // the request names another transport
	octets   bool // the body is said to be binary
	coding   coding.Coding
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
	if s != nil {
		s.expire()
		s = e.lookup(&p.sid)
	}
	switch {
	case s == nil:
		e.answer(p.ref, errorAnswer(ErrSessionUnknown))
	case s.poll == nil:
		e.answer(p.ref, errorAnswer(errNotPolling))
	case p.mismatch:
		e.answer(p.ref, errorAnswer(errNotWebSocket))
	case int(p.revision) != s.Revision():
		e.answer(p.ref, errorAnswer(errRevision[s.Revision()]))
	case s.state == sessionLingering:
		s.answerLingering(p)
	case p.kind == pollGet:
		s.pollGet(&p)
	case p.kind == pollPostBegun:
		s.beginPost(p.ref)
	default:
		s.finishPost(&p)
	}
	e.buffers.put(p.body)
}

// pollGet takes a GET: it is answered with what waits, or waits itself.
func (s *Session) pollGet(r *pollRequest) {
	e, p := s.engine, s.poll
	if p.open() {
		e.answer(r.ref, statusAnswer(400))
		s.close(TransportError, ErrOverlap)
		return
	}
	p.get, p.coding = r.ref, r.coding
	switch {
	case p.spool != nil:
		s.flushPoll()
	case p.probed():
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
		if p.carried {
			s.handOver()
			return
		}
		s.answerGet(nil)
	}
}

// answerGet answers the open GET with the spool and the packets in tail.
func (s *Session) answerGet(tail []engineio.PacketType) {
	e, p := s.engine, s.poll
	ref, c := p.get, p.coding
	p.get = ExchangeRef{}
	var spool []byte
	if p.spool != nil {
		spool = p.spool.B
	}
	a := s.payload(spool, tail)
	if c != coding.Identity && !compressible(spool) {
		c = coding.Identity
	}
	p.spool, p.over = e.buffers.put(p.spool), 0
	a.packets, a.sid = true, s.id
	e.answerCoded(ref, a, c)
	if p.told = s.heldFor() != nil; p.told && s.state == sessionOpen {
		s.release(false) // for the next one
	}
	e.trimScratch()
}

// trimScratch gives up a scratch buffer that has grown large.
func (e *Engine) trimScratch() {
	if cap(e.scratch) > scratchKeep {
		e.scratch = nil
	}
}

// scratchKeep is the capacity in bytes up to which the engine keeps the buffer
// that payloads are put together in; a burst can make it many times that.
const scratchKeep = 1 << 20

// beginPost notes that a data request has begun.
func (s *Session) beginPost(ref ExchangeRef) {
	if s.poll.post == nil {
		s.poll.post = &ref
		return
	}
	s.postOverlap(ref)
}

// postOverlap ends a session whose client sends two data requests at once: the
// second is told so, the first is cut off.
func (s *Session) postOverlap(ref ExchangeRef) {
	e := s.engine
	first := *s.poll.post
	s.poll.post = nil
	e.answer(ref, statusAnswer(400))
	s.close(TransportError, ErrDataOverlap)
	e.cut(first)
}

// finishPost delivers the packets of a data request.
func (s *Session) finishPost(p *pollRequest) {
	e := s.engine
	if post := s.poll.post; post != nil && *post != p.ref {
		s.postOverlap(p.ref)
		return
	}
	s.poll.post = nil
	if p.octets && !s.takesOctets() {
		e.answer(p.ref, statusAnswer(400))
		s.close(TransportError, ErrInvalidContent)
		return
	}
	e.serving = served{s, p.ref}
	s.receiveBody(p.body.B, p.octets)
	e.serving = served{}
	e.answer(p.ref, okAnswer())
}

// clientClose acts on a close packet: the open poll ends with a noop.
func (s *Session) clientClose() {
	if s.poll != nil && s.poll.open() {
		s.answerGet(noopTail)
	}
	s.close(TransportClose, nil)
}

// closePolling ends the polling side of a session that is closing. A close of
// ours that finds no open request waits for the next one, or for a client that
// is about to switch over to do so.
func (s *Session) closePolling(reason CloseReason) {
	e, p := s.engine, s.poll
	p.post = nil
	forced := reason == ForcedClose || reason == ForcedServerClose || reason == ServerShuttingDown && !e.closing
	switch {
	case p.open() && (p.spool == nil || !forced):
		s.answerGet(closeTail)
	case forced:
		if p.open() {
			s.answerGet(nil) // and the close with the next one: see answerLingering
		}
		s.state = sessionLingering
		s.timer = e.arm(e.Now()+e.opts.SessionLinger, s.index, timerSession)
		if !p.probed() {
			s.endCandidate()
		}
	}
}

// answerLingering tells a client that polls after the close what happened, in a
// payload of its own: clients act on a close at once and on messages a little
// later, and a close in front of its announcement looks like a failure. What
// the client sends is dropped and no error, which would make it give up before
// it has fetched what was sent to it.
func (s *Session) answerLingering(p pollRequest) {
	switch p.kind {
	case pollPostBegun:
		return
	case pollPost:
		s.engine.answer(p.ref, okAnswer())
		return
	}
	s.poll.get, s.poll.coding = p.ref, p.coding
	if s.poll.spool != nil {
		s.answerGet(nil)
		return
	}
	s.answerGet(noopAndCloseTail)
	s.bury()
}

// abortTask tells a session that a request of it is over: the connection is
// gone, perhaps with an answer, or HTTP has refused the body.
type abortTask struct {
	sid     id.ID
	ref     ExchangeRef
	kind    pollKind
	refused bool
}

func (t *abortTask) Run(e *Engine) { e.endPoll(t) }

// tellHome tells a session that a request of it will not go on.
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
	case t.kind == pollAnswered:
		s.close(TransportError, ErrPollAborted)
	case t.kind == pollGet && s.poll.get == t.ref:
		s.poll.get = ExchangeRef{}
		s.close(TransportError, ErrPollAborted)
	case t.kind == pollPost && s.poll.post != nil && *s.poll.post == t.ref:
		s.poll.post = nil
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
