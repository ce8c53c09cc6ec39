// One HTTP request: whom it is for, and the order of the engine's checks.

package transport

import (
	"bytes"
	"slices"

	"github.com/sioserver/sioserver/transport/http1"
)

// request acts on a request whose head is complete; rest is what came behind
// the head. It returns the bytes behind the request.
func (e *Engine) request(c *Conn, head, rest []byte) []byte {
	r := &e.req
	c.timer = e.timers.Cancel(c.timer)
	if !e.room(c) {
		return nil // asks and does not read
	}
	if string(r.Path) != e.opts.Path && !e.isBarePath(r.Path) {
		return e.foreignRequest(c, head, rest)
	}
	if g := Gates(e.gates.Load()); g&gatesThatWait != 0 && e.gate(c, g, head, rest) {
		return nil
	}
	rest = e.admit(c, head, rest)
	e.verdict = nil
	return rest
}

// isBarePath reports whether a path is the engine's without its final slash,
// and meant for it.
func (e *Engine) isBarePath(path []byte) bool {
	return e.opts.BarePath && len(path)+1 == len(e.opts.Path) && string(path) == e.opts.Path[:len(path)]
}

// asksUpgrade reports whether the request at hand is an upgrade.
func (e *Engine) asksUpgrade() bool { return e.req.UpgradeRequested && e.req.UpgradeLines > 0 }

// admit acts on a request of the engine's, which is not at the gate or not any
// more. It returns the bytes behind the request.
func (e *Engine) admit(c *Conn, head, rest []byte) []byte {
	r := &e.req
	if e.asksUpgrade() {
		return e.upgradeRequest(c, head, rest)
	}
	x := e.beginExchange(c, r)
	e.keepMore(x, head)
	ref := e.ref(c, x)
	if cors := e.cors(); cors != nil && !cors.Continue && cors.Preflight(r) {
		return e.answerEarly(c, ref, answer{status: cors.PreflightStatus(), cache: true}, rest)
	}
	if v := e.verdict; v.decided() {
		return e.answerEarly(c, ref, v.answer(), rest)
	}
	e.scratch = e.query.Parse(r.RawQuery, e.scratch[:0])
	q := &e.query
	if err := e.checkQuery(q, false); err != nil {
		return e.answerEarly(c, ref, errorAnswer(err), rest)
	}
	if len(q.SID) > 0 {
		return e.sessionRequest(c, ref, x, rest)
	}
	if err := e.checkHandshake(r, q, false); err != nil {
		return e.answerEarly(c, ref, errorAnswer(err), rest)
	}
	_, after, _, ok := e.beginBody(c, rest)
	if !ok {
		return after
	}
	sid, name, refusal := e.newID()
	if refusal != nil {
		e.answer(ref, errorAnswer(refusal))
		return after
	}
	if no := e.notAdmitted(c, head, name); no != nil {
		e.answer(ref, answer{status: no.Status, contentType: no.ContentType, fields: []byte(no.Fields), body: []byte(no.Body)})
		return after
	}
	s := e.openSession(nil, sid, name)
	s.poll = e.newPolling()
	e.startSession(s)
	a := s.openAnswer()
	if k := e.opts.Cookie; k != nil {
		a.fields = slices.Concat(a.fields, k.line(s.Name()))
	}
	e.answerCoded(ref, a, e.coding())
	e.serving.session = s
	e.handler.OnOpen(s, e.hello(c, head))
	e.serving.session = nil
	return after
}

// hello describes the request at hand to the handler.
func (e *Engine) hello(c *Conn, head []byte) *Hello {
	h := &e.greeting
	*h = Hello{Request: &e.req, Head: head, Remote: c.Wire.RemoteAddr(), Local: c.Wire.LocalAddr(), Wire: c.Wire, conn: c.tls}
	if v := e.verdict; v != nil {
		h.Value = v.Value
	}
	return h
}

// checkQuery is the part of the reference's verification that needs nothing
// but the query. A control key given twice is refused, because readers in front
// of this one may have believed the other value.
func (e *Engine) checkQuery(q *http1.Query, upgrade bool) *HandshakeError {
	if q.Duplicate {
		return ErrBadRequest
	}
	switch string(q.Transport) {
	case "polling":
		if !e.opts.Polling {
			return ErrTransportUnknown
		}
		if upgrade {
			return ErrTransportHandshake
		}
	case "websocket":
		if !e.opts.WebSocket {
			return ErrTransportUnknown
		}
	default:
		return ErrTransportUnknown
	}
	if !legalOrigin(e.req.Origin) || e.req.OriginLines > 1 {
		return ErrInvalidOrigin
	}
	return nil
}

// checkHandshake is the part that concerns new sessions.
func (e *Engine) checkHandshake(r *http1.Request, q *http1.Query, upgrade bool) *HandshakeError {
	if string(r.Method) != "GET" {
		return ErrBadHandshakeMethod
	}
	if !upgrade && string(q.Transport) != "polling" {
		return ErrTransportHandshake
	}
	if !e.originAllowed(r) {
		return ErrForbidden
	}
	if revision(q) == 3 && !e.opts.AllowEIO3 {
		return ErrUnsupportedProtocol
	}
	if len(q.J) > mostIndex && e.opts.AllowEIO3 {
		return ErrTransportHandshake
	}
	return nil
}

// answerEarly answers a request without looking at its body, which is read over
// if there is one. The answer waits for the end of the body, which may turn out
// to be worse than the request.
func (e *Engine) answerEarly(c *Conn, ref ExchangeRef, a answer, rest []byte) []byte {
	_, after, complete, ok := e.beginBody(c, rest)
	switch {
	case !ok:
	case complete:
		e.answer(ref, a)
	default:
		c.in.sink, c.in.ref, c.in.answer = sinkAnswer, ref, a
	}
	return after
}

// sessionRequest is a polling request of an existing session.
func (e *Engine) sessionRequest(c *Conn, ref ExchangeRef, x *exchange, rest []byte) []byte {
	r, q := &e.req, &e.query
	sid, ok := e.find(q.SID)
	if !ok {
		return e.answerEarly(c, ref, errorAnswer(ErrSessionUnknown), rest)
	}
	p := pollRequest{ref: ref, sid: sid, revision: revision(q), mismatch: string(q.Transport) != "polling"}
	switch string(r.Method) {
	case "GET":
		p.kind, p.coding = pollGet, e.coding()
	case "POST":
		if !isIdentity(r.ContentEncoding) {
			return e.answerEarly(c, ref, statusAnswer(415), rest)
		}
		p.kind = pollPost
		p.octets = isOctetStream(r.ContentType)
	default:
		return e.answerEarly(c, ref, methodAnswer(), rest)
	}
	x.sid, x.wait = sid, p.kind
	if p.kind == pollGet {
		// A body of a GET means nothing and is read over.
		_, after, _, ok := e.beginBody(c, rest)
		if ok {
			e.deliverPoll(p)
		}
		return after
	}
	return e.postRequest(c, p, rest)
}

// postRequest reads the body of a POST, whole or as it comes.
func (e *Engine) postRequest(c *Conn, p pollRequest, rest []byte) []byte {
	body, after, complete, ok := e.beginBody(c, rest)
	if !ok {
		return after
	}
	if complete {
		p.body = e.buffers.get()
		p.body.B = append(p.body.B, body...)
		e.deliverPoll(p)
		return after
	}
	c.in.sink, c.in.poll, c.in.ref = sinkPoll, p, p.ref
	// The session is told that a data request has begun: a second one at the
	// same time is an error, and so is one that breaks off.
	begun := p
	begun.kind = pollPostBegun
	e.deliverPoll(begun)
	if c.state == connHTTP && c.in == nil {
		return nil
	}
	return after
}

// isOctetStream reports whether a content type is application/octet-stream,
// parameters and case aside.
func isOctetStream(contentType []byte) bool {
	kind, _, _ := bytes.Cut(contentType, []byte(";"))
	return bytes.EqualFold(bytes.TrimSpace(kind), []byte("application/octet-stream"))
}

// isIdentity reports whether a body is as it is named, not compressed.
func isIdentity(contentEncoding []byte) bool {
	return len(contentEncoding) == 0 || bytes.EqualFold(contentEncoding, []byte("identity"))
}

// foreignRequest hands a request outside the engine's path to the handler, or
// lets its connection go.
func (e *Engine) foreignRequest(c *Conn, head, rest []byte) []byte {
	if e.handler.OnForeign(e.hello(c, head)) {
		e.leave(c, head, rest)
		return nil
	}
	x := e.beginExchange(c, &e.req)
	ref := e.ref(c, x)
	body, after, complete, ok := e.beginBody(c, rest)
	switch {
	case !ok:
		return after
	case complete:
		e.handler.OnRequest(ref, e.hello(c, head), body)
		return after
	}
	c.in.sink, c.in.ref = sinkRequest, ref
	c.in.request = append([]byte(nil), head...)
	return after
}

// deliverRequest hands up a request whose body came in pieces.
func (e *Engine) deliverRequest(c *Conn, ref ExchangeRef, head, body []byte) {
	var h http1.Head
	_, _ = h.Parse(head, &e.opts.HTTP, &e.req) // it parsed before
	e.handler.OnRequest(ref, e.hello(c, head), body)
}
