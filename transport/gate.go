// The gate: requests that wait until the layer above has said what becomes of them.

package transport

import (
	"github.com/sioserver/sioserver/transport/http1"
)

// Gates says which requests of the engine wait at the gate, and what the layer
// above wants to hear of. Without any of them no request waits.
type Gates uint32

// The gates.
const (
	GateHandshakes Gates = 1 << iota // handshakes that pass the engine's checks
	GateRequests                     // every request, preflight requests only with CORS.Continue
	GateOrigins                      // every request with an Origin field
	TellRefusals                     // [Handler.OnRefuse] is called
	AskAdmission                     // [Admitter.Admit] is called

	gatesThatWait = GateHandshakes | GateRequests | GateOrigins
)

// SetGates changes the gates; requests read from then on go by them. Any
// goroutine.
func (e *Engine) SetGates(g Gates) { e.gates.Store(uint32(g)) }

// Question is a request at the gate. It and all its slices are views, valid
// during the call that hands it over.
type Question struct {
	Hello
	Refused   *HandshakeError // what the engine will refuse it with anyhow, as far as is known; nil if nothing
	Handshake bool            // it asks for a new session
	Preflight bool            // it asks for permission by CORS, and will be answered
	Foreign   bool            // unless Verdict.Origin is set, its origin is not allowed
}

// Verdict is what becomes of a request. The zero Verdict lets it through to the
// engine's checks.
type Verdict struct {
	Origin  bool // its origin is allowed, whatever the rules of CORS say
	Ruled   bool // CORS, which may be nil, holds for it in place of the options'
	CORS    *CORS
	Fields  []byte          // field lines for its answer, whatever that is
	Granted []byte          // field lines for its answer unless that is an error
	Refusal *HandshakeError // it is refused with this
	Status  int             // if not 0, the request is answered with this, and with
	Body    []byte          // this; Fields hold its Content-Type
	Value   any             // handed on in [Hello.Value]
	SID     string          // the id of the session it opens, of characters that are plain in JSON, queries and cookies
}

// GateRef names a request at the gate. It stays harmless when the connection is
// gone or the request has waited for too long.
type GateRef struct {
	engine         *Engine
	conn, gen, seq uint32
}

// Resume lets a request go on. The Verdict's slices are not to be changed
// afterwards. Any goroutine.
func (ref GateRef) Resume(v Verdict) { ref.engine.Post(&resumeTask{ref, v}) }

type resumeTask struct {
	ref     GateRef
	verdict Verdict
}

func (t *resumeTask) Run(e *Engine) {
	c := e.conns.Find(t.ref.conn)
	if c != nil && c.gen == t.ref.gen && c.requests == t.ref.seq && c.in != nil && c.in.phase == atGate {
		e.letIn(c, &t.verdict)
	}
}

// What a request is told for which there is no place at the gate, or which
// waited there for too long.
var busyVerdict = Verdict{Status: 503}

// originVerdict allows a request its origin, as long as nobody knows better.
var originVerdict = Verdict{Origin: true}

// gateSlack is how many bytes a peer may send behind a request at the gate,
// besides its body.
const gateSlack = 64 << 10

// gate makes the request at hand wait if it is one that does, and reports
// whether it waits. Nothing but the request's head has been acted upon then.
func (e *Engine) gate(c *Conn, gates Gates, head, rest []byte) bool {
	r, cors := &e.req, e.opts.CORS
	q := &e.question
	*q = Question{}
	wait := gates&GateRequests != 0 || gates&GateOrigins != 0 && r.Origin != nil
	if q.Preflight = cors != nil && !cors.Continue && cors.Preflight(r); q.Preflight {
		wait = gates&GateOrigins != 0 && r.Origin != nil
	} else {
		q.Foreign = !e.originAllowed(r)
		q.Refused = e.foresee(c, q.Foreign)
		q.Handshake = len(e.query.SID) == 0
		wait = wait || gates&GateHandshakes != 0 && q.Handshake && q.Refused == nil
	}
	if !wait || !q.Preflight && q.Refused == nil && e.moves() {
		return false
	}
	if e.crowd.Add(1) > int64(e.opts.Gated) {
		e.crowd.Add(-1)
		e.stats.Limits[LimitGated]++
		e.verdict = &busyVerdict
		return false
	}
	in := e.hold(c)
	in.phase = atGate
	in.data.B = append(append(in.data.B, head...), rest...)
	in.room = gateSlack
	if r.HasBody() {
		in.room += int(e.opts.MaxPayload)
	}
	e.restartTimer(c, e.opts.GateTimeout)
	q.Hello = *e.hello(c, head)
	e.handler.OnGate(GateRef{e, c.index, c.gen, c.requests}, q)
	return true
}

// foresee returns what the engine's checks will say of the request at hand, as
// far as the request alone tells. A foreign origin that may be allowed still is
// no obstacle.
func (e *Engine) foresee(c *Conn, foreign bool) *HandshakeError {
	r, q, upgrade := &e.req, &e.query, e.asksUpgrade()
	e.scratch = q.Parse(r.RawQuery, e.scratch[:0])
	if foreign && e.opts.CORS != nil && e.opts.CORS.Ask {
		e.verdict = &originVerdict
		defer func() { e.verdict = nil }()
	}
	if err := e.checkQuery(q, upgrade); err != nil {
		return err
	}
	if upgrade && (c.first != nil || string(r.Method) != "GET") {
		return ErrBadHandshakeMethod
	}
	if len(q.SID) == 0 {
		return e.checkHandshake(r, q, upgrade)
	}
	return nil
}

// moves reports whether the request at hand moves to another loop first, where
// it comes to the gate again.
func (e *Engine) moves() bool {
	home := e.Home(e.query.SID)
	return e.asksUpgrade() && home != nil && home != e
}

// feedGate keeps what comes behind a request at the gate, or one that leaves.
func (e *Engine) feedGate(c *Conn, p []byte) {
	in := c.in
	if in.room -= len(p); in.room < 0 {
		e.stats.Limits[LimitGateBytes]++
		e.dropInbound(c)
		e.endLingering(c)
		e.dropExchanges(c)
		return
	}
	in.data.B = append(in.data.B, p...)
}

// gateTimeout answers a request that the layer above takes too long over.
func (e *Engine) gateTimeout(c *Conn) {
	e.stats.Limits[LimitGateTime]++
	e.letIn(c, &busyVerdict)
}

// letIn acts on the request at the gate, and on what came behind it.
func (e *Engine) letIn(c *Conn, v *Verdict) {
	data := c.in.data
	c.in.data = nil
	e.dropInbound(c)
	c.timer = e.timers.Cancel(c.timer)
	done := false
	defer func() {
		e.buffers.put(data)
		e.verdict = nil
		if !done { // a panic of the handler, which goes on to the network
			e.broken(c)
		}
	}()
	var h http1.Head
	n, _ := h.Parse(data.B, &e.opts.HTTP, &e.req) // it parsed before
	e.verdict, e.feeding = v, c
	if rest := data.B[n:]; e.room(c) {
		e.consume(c, e.admit(c, data.B[:n], rest))
	}
	e.feeding = nil
	done = true
}

// decided acts on a verdict that leaves nothing to check, and reports whether
// it was one.
func (v *Verdict) decided() bool { return v != nil && (v.Status != 0 || v.Refusal != nil) }

// answer is what a decided verdict says to a polling request.
func (v *Verdict) answer() answer {
	if v.Refusal != nil {
		return errorAnswer(v.Refusal)
	}
	return answer{status: v.Status, cache: true, body: v.Body}
}

// appendExtra appends the field lines that the answer to the request at hand
// has besides its own, and returns how many bytes of them an error has too.
func (e *Engine) appendExtra(dst []byte) (grown []byte, always int) {
	v := e.verdict
	if c := e.cors(); c != nil {
		dst = c.AppendFields(dst, &e.req, v != nil && v.Origin)
	}
	if v == nil {
		return dst, len(dst)
	}
	dst = append(dst, v.Fields...)
	return append(dst, v.Granted...), len(dst)
}

// tellRefused is refused for a request whose answer is being given.
func (e *Engine) tellRefused(c *Conn, x *exchange, err *HandshakeError) {
	var h http1.Head
	var r http1.Request
	_, _ = h.Parse(x.more.asked, &e.opts.HTTP, &r) // it parsed before
	e.refused(c, &r, x.more.asked, err)
}

// tells reports whether the handler wants to hear of refusals.
func (e *Engine) tells() bool { return Gates(e.gates.Load())&TellRefusals != 0 }

// refused tells the handler of a request that is refused.
func (e *Engine) refused(c *Conn, r *http1.Request, head []byte, err *HandshakeError) {
	if e.tells() {
		e.handler.OnRefuse(&Hello{Request: r, Head: head, Remote: c.Wire.RemoteAddr(), Local: c.Wire.LocalAddr(), Wire: c.Wire, conn: c.tls}, err)
	}
}
