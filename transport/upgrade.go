// From polling to websocket: probe, switch, flush, and what can go wrong.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// candidateRequest is an upgrade request that names a session. If the session
// lives on another loop, the connection goes there and the request is read
// again: from then on all that the session does happens on one loop.
func (e *Engine) candidateRequest(c *Conn, head, rest []byte) []byte {
	sid, ok := e.find(e.query.SID)
	if !ok {
		return e.refuseUpgrade(c, head, rest, ErrSessionUnknown)
	}
	if home := e.peers[sid.Tag()]; home != e {
		all := append(append(make([]byte, 0, len(head)+len(rest)), head...), rest...)
		if !e.net.Move(c, home, all) {
			e.refuseWith(c, 503, "Service unavailable", htmlField)
			return rest
		}
		return nil
	}
	s := e.lookup(&sid)
	if s == nil || s.state != sessionOpen {
		return e.refuseUpgrade(c, head, rest, ErrSessionUnknown)
	}
	if int(revision(&e.query)) != s.Revision() {
		return e.refuseUpgrade(c, head, rest, errRevision[s.Revision()])
	}
	if !e.accept(c, head) {
		return rest
	}
	c.state = connCandidate
	if s.poll == nil || s.poll.candidate != nil {
		// The session has a websocket, or one that asks already.
		e.endFrames(c, ws.StatusNone)
		return nil
	}
	c.session, s.poll.candidate = s, c
	s.poll.base64 = dialectOf(&e.query)&inBase64 != 0
	c.timer = e.arm(e.Now()+e.opts.UpgradeTimeout, c.index, timerConn)
	return rest
}

// probe acts on a message of a candidate: first "2probe", then "5". Anything
// else ends the candidate and leaves the session where it is.
func (s *Session) probe(c *Conn, payload []byte, binary bool) {
	e := s.engine
	switch {
	case !binary && string(payload) == string(probePing):
		if !e.room(c) {
			return
		}
		first := !c.probed
		c.probed = true
		out := e.output(c)
		out.B = ws.AppendFrame(out.B, ws.OpText, probePong)
		if p := s.poll; p.open() && p.spool == nil {
			s.sendPacket(engineio.Noop)
			s.flushPoll()
		}
		if first && s.state == sessionOpen {
			e.handler.OnUpgrading(s, true)
		}
	case !binary && c.probed && len(payload) == 1 && payload[0] == '0'+byte(engineio.Upgrade):
		s.upgrade(c)
	default:
		e.closeFrames(c, ws.StatusNone, nil)
	}
}

// dropCandidate forgets a candidate that is over.
func (s *Session) dropCandidate(c *Conn) {
	if s.poll != nil && s.poll.candidate == c {
		s.poll.candidate = nil
		s.notUpgrading(c)
	}
}

// endCandidate closes a candidate that the session has no more use for.
func (s *Session) endCandidate() {
	if c := s.poll.candidate; c != nil {
		s.poll.candidate, c.session = nil, nil
		s.engine.endFrames(c, ws.StatusNone)
		s.notUpgrading(c)
	}
}

// notUpgrading tells that nothing comes of an upgrade that was told.
func (s *Session) notUpgrading(c *Conn) {
	if c.probed && s.state == sessionOpen {
		s.engine.handler.OnUpgrading(s, false)
	}
}

// upgrade switches the session over to the websocket. What the polling side
// has not sent goes out as frames, in order.
func (s *Session) upgrade(c *Conn) {
	e, p := s.engine, s.poll
	if s.dialect &^= inBase64; p.base64 {
		s.dialect |= inBase64
	}
	if spool := p.spool; spool != nil {
		p.spool = nil
		out := e.output(c)
		out.B = s.appendSpooledFrames(out.B, spool.B)
		e.buffers.put(spool)
	}
	if s.state == sessionLingering {
		// Closed while the client was on its way: here is where it learns of it.
		s.bury()
		return
	}
	c.timer = e.timers.Cancel(c.timer)
	c.state = connWebSocket
	p.candidate = nil
	if p.open() {
		// A client that follows the protocol has none open.
		s.answerGet(closeTail)
	}
	e.dropPolling(s)
	s.conn = c
	if s.heldFor() != nil {
		s.flow()
	}
	e.stats.Upgrades++
	e.handler.OnUpgrade(s)
}
