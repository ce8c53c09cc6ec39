// HTTP bytes in: heads, bodies, and what is kept of an incomplete request.

package transport

import (
	"sync"

	"github.com/sioserver/sioserver/transport/http1"
)

// phase is which part of a request is incomplete.
type phase uint8

const (
	readingHead phase = iota
	readingBody
	discardingBody // of the last request, which is refused or answered
	atGate         // the head is complete, and nothing is acted upon yet
	leaving        // likewise, and the request is served elsewhere
)

// sink is what a body is for.
type sink uint8

const (
	sinkNone    sink = iota // nobody, the body is only in the way
	sinkAnswer              // nobody, but the answer waits for it to be over
	sinkPoll                // packets of a session
	sinkRequest             // for the handler
)

// inbound is a request that has arrived in part. Connections without one, which
// is nearly all at any time, have none.
type inbound struct {
	phase    phase
	sink     sink
	head     http1.Head
	body     http1.Body
	data     *buffer // the head, or the body, as far as it came; nil of a body to discard
	ref      ExchangeRef
	poll     pollRequest
	request  []byte // the head of a request for the handler
	answer   answer
	received int // body bytes since the last judgement of the pace
	seconds  int
	room     int // bytes that may still come while nothing is acted upon

	announced *Announced // of a connection that waits for its PROXY header
}

var inbounds = sync.Pool{New: func() any { return new(inbound) }}

// hold returns the connection's record of an incomplete request.
func (e *Engine) hold(c *Conn) *inbound {
	if c.in == nil {
		c.in = inbounds.Get().(*inbound)
		c.in.data = e.buffers.get()
	}
	return c.in
}

// dropInbound forgets an incomplete request.
func (e *Engine) dropInbound(c *Conn) {
	if in := c.in; in != nil {
		if in.phase == atGate {
			e.crowd.Add(-1)
		}
		c.in = nil
		e.buffers.put(in.data)
		*in = inbound{}
		inbounds.Put(in)
	}
}

// feedHTTP takes bytes of requests and returns those behind the first request
// that is complete, to be read by the state the connection is in then.
func (e *Engine) feedHTTP(c *Conn, p []byte) (rest []byte) {
	switch {
	case c.in != nil && c.in.phase >= atGate:
		e.feedGate(c, p)
		return nil
	case c.in != nil && c.in.phase == readingBody:
		return e.feedBody(c, p)
	case c.in != nil && c.in.phase == discardingBody:
		return e.feedDiscarded(c, p)
	case c.final:
		c.linger = true
		if e.tooMuch(c, len(p)) {
			e.abandon(c)
		}
		return nil
	case c.in != nil:
		return e.resumeHead(c, p)
	}
	var head http1.Head
	n, err := head.Parse(p, &e.opts.HTTP, &e.req)
	if err != nil {
		e.refuse(c, err)
		return nil
	}
	if n == 0 {
		in := e.hold(c)
		in.head = head
		in.data.B = append(in.data.B, p...)
		if c.requests > 0 {
			e.restartTimer(c, e.opts.HeaderTimeout)
		}
		return nil
	}
	return e.request(c, p[:n], p[n:])
}

// resumeHead goes on with a head that came in part.
func (e *Engine) resumeHead(c *Conn, p []byte) (rest []byte) {
	in := c.in
	in.data.B = append(in.data.B, p...)
	n, err := in.head.Parse(in.data.B, &e.opts.HTTP, &e.req)
	if err != nil {
		e.refuse(c, err)
		return nil
	}
	if n == 0 {
		return nil
	}
	// The request's views lie in the buffer kept so far: it is taken over from
	// the connection, which may begin to keep a body.
	data := in.data
	in.data = nil
	e.dropInbound(c)
	after := data.B[n:]
	left := len(e.request(c, data.B[:n], after))
	e.buffers.put(data)
	return p[len(p)-left:]
}

func (e *Engine) restartTimer(c *Conn, ms int64) {
	e.timers.Cancel(c.timer)
	c.timer = e.arm(e.Now()+ms, c.index, timerConn)
}

// beginBody prepares for the body of the request just read, which rest begins
// with. It returns the body if it has no more to come, or sets the connection
// to gather it. If ok is false the request has been refused, and after is for
// the state that the connection is in then.
func (e *Engine) beginBody(c *Conn, rest []byte) (body, after []byte, complete, ok bool) {
	var b http1.Body
	if err := b.Begin(&e.req, &e.opts.HTTP); err != nil {
		if !e.req.ExpectContinue || len(rest) > 0 { // else it does not come
			e.discardBody(c)
		}
		e.refuseBody(c, err)
		return nil, rest, false, false
	}
	if body, ok := b.View(rest); ok {
		return body, rest[len(body):], true, true
	}
	in := e.hold(c)
	in.phase, in.body = readingBody, b
	if e.req.ExpectContinue && len(rest) == 0 && c.inflight == 1 {
		out := e.output(c)
		out.B = http1.AppendContinue(out.B)
	}
	e.restartTimer(c, e.opts.BodyTimeout)
	e.lookAt(c)
	return nil, rest, false, true
}

// feedBody gathers a body and acts on it once it is complete.
func (e *Engine) feedBody(c *Conn, p []byte) (rest []byte) {
	in := c.in
	n, grown, done, err := in.body.Feed(p, in.data.B)
	in.data.B = grown
	in.received += n
	if in.sink <= sinkAnswer {
		in.data.B = in.data.B[:0]
	}
	if err != nil {
		e.discardRest(c)
		e.refuseBody(c, err)
		return p[n:]
	}
	if !done {
		return nil
	}
	c.timer = e.timers.Cancel(c.timer)
	data := in.data
	in.data = nil
	was := *in
	e.dropInbound(c)
	switch was.sink {
	case sinkPoll:
		was.poll.body, data = data, nil
		e.deliverPoll(was.poll)
	case sinkRequest:
		e.deliverRequest(c, was.ref, was.request, data.B)
	case sinkAnswer:
		e.answer(was.ref, was.answer)
	}
	e.buffers.put(data)
	if c.first == nil && c.timer == 0 {
		e.idle(c) // the answer was faster than the body
	}
	return p[n:]
}

// refuse answers a head that HTTP does not allow and ends the connection.
func (e *Engine) refuse(c *Conn, err error) {
	fault := e.faultOf(err)
	if c.first == nil { // else others' answers are due before
		out := e.output(c)
		out.B = http1.AppendError(out.B, fault)
	}
	e.endLingering(c)
	e.dropExchanges(c)
}

// refuseBody answers the request last read, whose body HTTP does not allow, and
// ends the connection behind the answers that are due before, and behind the
// body if that is being discarded.
func (e *Engine) refuseBody(c *Conn, err error) {
	fault := e.faultOf(err)
	if c.in == nil {
		c.timer = e.timers.Cancel(c.timer)
	}
	c.linger, c.final = true, true
	x := c.last()
	switch {
	case x == nil: // answered before its body came
		e.end(c)
	case x.done:
		x.keep = false
	default:
		ref := e.ref(c, x)
		if x.wait != pollNone {
			// A body that is too large or malformed does not harm the session,
			// one that stops coming does.
			e.tellHome(abortTask{sid: x.sid, ref: ref, kind: x.wait, refused: fault != http1.ErrTimeout})
		}
		e.answer(ref, answer{status: fault.Status, close: true})
	}
}

// faultOf is the fault behind an error of package http1, counted if it is a
// limit.
func (e *Engine) faultOf(err error) *http1.Error {
	fault := err.(*http1.Error) // it always is
	if fault.Limit != "" {
		e.stats.Limits[LimitRequest]++
	}
	return fault
}
