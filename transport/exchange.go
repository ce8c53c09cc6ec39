// Requests without an answer yet, and answers in the order of the requests.

package transport

import (
	"strconv"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/coding"
	"github.com/sioserver/sioserver/transport/http1"
)

// exchange is one request of a connection until its answer is written. A
// connection may have several (pipelining); they are linked in order.
type exchange struct {
	next  *exchange
	seq   uint32
	minor uint8
	keep  bool // the connection goes on after the answer
	head  bool // HEAD: no body in the answer
	done  bool // the answer waits in held for those before it
	wait  pollKind
	sid   id.ID // of the session that wait concerns
	held  *buffer
	more  *exchangeMore // nil for most
}

// exchangeMore is what is kept of a request for its answer.
type exchangeMore struct {
	extra  []byte // field lines decided when the request came
	always int    // bytes of them that an error has too
	asked  []byte // the request's head, kept for Handler.OnRefuse
}

// ExchangeRef names a request from anywhere; it stays harmless when the
// connection is gone or the answer given.
type ExchangeRef struct {
	engine         *Engine
	conn, gen, seq uint32
}

// answer is what a request is told.
type answer struct {
	status      int
	contentType string
	cache       bool // the answer may be stored
	close       bool
	fields      []byte // further field lines
	body        []byte
	coding      coding.Coding
	packets     bool // of session sid are in the body
	sid         id.ID
	refusal     *HandshakeError // what it tells, if it is one
}

// beginExchange registers the request just read on c.
func (e *Engine) beginExchange(c *Conn, r *http1.Request) *exchange {
	x := e.exchanges
	if x != nil {
		e.exchanges = x.next
		*x = exchange{more: x.more}
	} else {
		x = new(exchange)
	}
	c.requests++
	c.inflight++
	e.stats.Requests++
	x.seq, x.minor, x.keep = c.requests, uint8(r.Minor), r.KeepAlive
	x.head = string(r.Method) == "HEAD"
	if last := c.last(); last != nil {
		last.next = x
	} else {
		c.first = x
	}
	if int(c.requests) >= e.opts.MaxRequests {
		e.stats.Limits[LimitRequests]++
		c.final = true
	}
	if int(c.inflight) >= e.opts.MaxPipelined {
		e.stats.Limits[LimitPipelined]++
		c.final = true
	}
	if c.final || !x.keep {
		c.final, x.keep = true, false
	}
	return x
}

// keepMore keeps of the request at hand what its answer will want.
func (e *Engine) keepMore(x *exchange, head []byte) {
	extra, always := e.appendExtra(e.extra[:0])
	e.extra = extra[:0]
	if len(extra) > 0 || e.tells() {
		if x.more == nil {
			x.more = new(exchangeMore)
		}
		x.more.extra, x.more.always = append(x.more.extra[:0], extra...), always
		if e.tells() {
			x.more.asked = append([]byte(nil), head...)
		}
		return
	}
	x.more = nil
}

// extra is the field lines kept for an answer with a status.
func (x *exchange) extra(status int) []byte {
	switch {
	case x.more == nil:
		return nil
	case status < 300:
		return x.more.extra
	}
	return x.more.extra[:x.more.always]
}

// last is the exchange of the request last read, nil if that is over.
func (c *Conn) last() *exchange {
	x := c.first
	for x != nil && x.next != nil {
		x = x.next
	}
	return x
}

func (e *Engine) ref(c *Conn, x *exchange) ExchangeRef {
	return ExchangeRef{e, c.index, c.gen, x.seq}
}

// exchange finds what a reference names, nil if it is over. The engine is the
// one of the reference.
func (e *Engine) exchange(ref ExchangeRef) (*Conn, *exchange) {
	c := e.conns.Find(ref.conn)
	if c == nil || c.gen != ref.gen || c.state != connHTTP {
		return nil, nil
	}
	for x := c.first; x != nil; x = x.next {
		if x.seq == ref.seq && !x.done {
			return c, x
		}
	}
	return nil, nil
}

// answer answers a request of this or another engine.
func (e *Engine) answer(ref ExchangeRef, a answer) {
	if ref.engine != e {
		t := &answerTask{ref: ref, answer: a}
		t.answer.body = append([]byte(nil), a.body...)
		t.answer.fields = append([]byte(nil), a.fields...)
		ref.engine.Post(t)
		return
	}
	switch c, x := e.exchange(ref); {
	case x != nil:
		e.reply(c, x, a)
	case a.packets:
		// The connection went while the answer came from another loop.
		e.tellHome(abortTask{sid: a.sid, ref: ref, kind: pollAnswered})
	}
}

// answerTask carries an answer to the loop of the connection.
type answerTask struct {
	ref    ExchangeRef
	answer answer
}

func (t *answerTask) Run(e *Engine) { e.answer(t.ref, t.answer) }

// Respond answers a request handed up by [Handler.OnRequest]. fields are
// complete field lines, each ended by CRLF and checked by the caller;
// Content-Length, Date and Connection are added. The slices are not kept. Any
// goroutine.
func (ref ExchangeRef) Respond(status int, fields, body []byte) {
	a := answer{status: status, cache: true, fields: fields, body: body}
	if ref.engine.OnLoop() {
		ref.engine.answer(ref, a)
		return
	}
	t := &answerTask{ref: ref, answer: a}
	t.answer.fields = append([]byte(nil), fields...)
	t.answer.body = append([]byte(nil), body...)
	ref.engine.Post(t)
}

// reply writes an answer, or holds it until the answers before it are written.
func (e *Engine) reply(c *Conn, x *exchange, a answer) {
	if a.packets {
		x.wait = pollAnswered
	} else {
		x.wait = pollNone
	}
	if a.close {
		x.keep, c.final = false, true
	}
	if a.refusal != nil && x.more != nil && x.more.asked != nil {
		e.tellRefused(c, x, a.refusal)
	}
	if x != c.first {
		x.held = e.buffers.get()
		x.held.B = e.appendAnswer(x.held.B, x, &a)
		x.done = true
		return
	}
	out := e.output(c)
	out.B = e.appendAnswer(out.B, x, &a)
	e.retire(c)
}

// retire drops the first exchange, whose answer is written, and writes the
// answers behind it that are ready.
func (e *Engine) retire(c *Conn) {
	for {
		x := c.first
		keep := x.keep
		c.first = x.next
		c.inflight--
		if x.wait == pollAnswered {
			x.held = e.buffers.put(x.held)
			x.next, c.unsent = c.unsent, x
		} else {
			e.recycle(x)
		}
		if !keep {
			e.discardRest(c) // the answer was faster than the body
			e.end(c)
			e.dropExchanges(c)
			return
		}
		next := c.first
		if next == nil {
			e.idle(c)
			return
		}
		if !next.done {
			return
		}
		out := e.output(c)
		out.B = append(out.B, next.held.B...)
	}
}

// idle starts the time a connection may be without a request.
func (e *Engine) idle(c *Conn) {
	if c.state == connHTTP && c.in == nil {
		e.timers.Cancel(c.timer)
		c.timer = e.arm(e.Now()+e.opts.KeepAlive+keepAliveGrace, c.index, timerConn)
	}
}

// keepAliveGrace is how much longer than announced a connection is kept, in
// milliseconds: a request that its client sends at the last moment is on its way
// then.
const keepAliveGrace = 1_000

func (e *Engine) recycle(x *exchange) {
	x.held = e.buffers.put(x.held)
	if m := x.more; m != nil {
		if m.asked = nil; cap(m.extra) > extraKeep {
			m.extra = nil
		}
		m.extra, m.always = m.extra[:0], 0
	}
	x.next = e.exchanges
	e.exchanges = x
}

// extraKeep is the capacity in bytes up to which a free exchange keeps its
// memory for field lines.
const extraKeep = 512

// dropExchanges forgets the requests of a connection that will answer no more,
// and tells the sessions that wait on them.
func (e *Engine) dropExchanges(c *Conn) {
	for c.first != nil {
		x := c.first
		c.first = x.next
		c.inflight--
		e.drop(c, x)
	}
}

// dropUnsent forgets the polls that wait for their answers to be sent. If the
// answers are lost, so are packets of their sessions, which are told.
func (e *Engine) dropUnsent(c *Conn, lost bool) {
	for c.unsent != nil {
		x := c.unsent
		c.unsent = x.next
		if !lost {
			x.wait = pollNone
		}
		e.drop(c, x)
	}
}

func (e *Engine) drop(c *Conn, x *exchange) {
	if x.wait != pollNone {
		e.tellHome(abortTask{sid: x.sid, ref: e.ref(c, x), kind: x.wait})
	}
	e.recycle(x)
}

// appendAnswer appends a whole answer.
func (e *Engine) appendAnswer(dst []byte, x *exchange, a *answer) []byte {
	dst = http1.AppendStatus(dst, a.status)
	if a.contentType != "" {
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, a.contentType...)
		dst = append(dst, "\r\n"...)
	}
	if !a.cache {
		dst = append(dst, "Cache-Control: no-store\r\n"...)
	}
	dst = append(dst, a.fields...)
	if a.coding != coding.Identity {
		dst = append(append(append(dst, "Content-Encoding: "...), a.coding.String()...), "\r\n"...)
	}
	dst = append(dst, x.extra(a.status)...)
	dst = http1.AppendDate(dst, e.date.now())
	dst = http1.AppendConnection(dst, int(x.minor), x.keep)
	if x.keep {
		dst = http1.AppendKeepAlive(dst, e.opts.KeepAlive/1000)
	}
	return http1.AppendBody(dst, a.status, x.head, a.body)
}

// The answers of Engine.IO.

func okAnswer() answer {
	return answer{status: 200, contentType: "text/html", body: okBody}
}

func payloadAnswer(payload []byte) answer {
	return answer{status: 200, contentType: "text/plain; charset=UTF-8", body: payload}
}

func errorAnswer(err *HandshakeError) answer {
	body := append([]byte(`{"code":`), strconv.Itoa(err.Code)...)
	body = appendText(append(body, `,"message":`...), err.Message)
	return answer{status: err.Status, contentType: "application/json", body: append(body, '}'), refusal: err}
}

func statusAnswer(status int) answer { return answer{status: status} }

// methodAnswer is for methods a session has no use for.
func methodAnswer() answer { return answer{status: 405, fields: allowField} }

var (
	okBody     = []byte("ok")
	allowField = []byte("Allow: GET, POST\r\n")
)
