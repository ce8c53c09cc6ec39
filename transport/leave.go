// Leaving: a connection whose next request is served elsewhere, off the loops.

package transport

import "github.com/sioserver/sioserver/transport/http1"

// leave lets the connection go, with the request at hand and what came behind
// it unread. Answers to requests before it are given here, in order; until then
// the connection reads on and acts upon nothing.
func (e *Engine) leave(c *Conn, head, rest []byte) {
	e.stats.Requests++
	in := e.hold(c)
	in.phase = leaving
	in.data.B = append(append(in.data.B, head...), rest...)
	in.room = gateSlack
	if e.req.HasBody() {
		in.room += int(e.opts.MaxPayload)
	}
	if c.first == nil && c.out != nil {
		e.flush(c) // which goes on with depart
		return
	}
	e.depart(c)
}

// depart hands over a connection that is leaving, once all its answers are in
// the kernel's hands.
func (e *Engine) depart(c *Conn) {
	if c.in == nil || c.in.phase != leaving || c.state != connHTTP || c.first != nil || c.out != nil || c.blocked {
		return
	}
	if e.net.Leave(c, c.in.data.B) {
		return
	}
	data := c.in.data
	c.in.data = nil
	e.dropInbound(c)
	var h http1.Head
	n, _ := h.Parse(data.B, &e.opts.HTTP, &e.req) // it parsed before
	e.refuseWith(c, 503, "Service unavailable", htmlField)
	e.consume(c, data.B[n:])
	e.buffers.put(data)
}
