// Bodies that nobody wants: read over and dropped, within limits, before their connection ends.

package transport

import "github.com/sioserver/sioserver/transport/http1"

// Clients look for an answer when they have sent their request. One that finds
// the connection ended while it is still sending may report that, and never
// read the answer that came before; so the last answer of a connection is
// followed by its end only when the body of its request is over too (RFC 9112
// 9.6).

// discardBody prepares to read over the body of the request just read.
func (e *Engine) discardBody(c *Conn) {
	var b http1.Body
	_ = b.Begin(&e.req, &e.opts.HTTP) // its one error is no obstacle
	e.holdDiscarded(c, b)
}

// discardRest makes what is left of the body at hand one to be read over, if
// it has an end that can be found.
func (e *Engine) discardRest(c *Conn) {
	if in := c.in; in != nil && in.phase == readingBody {
		b := in.body
		c.linger = true
		e.dropInbound(c)
		e.holdDiscarded(c, b)
	}
}

func (e *Engine) holdDiscarded(c *Conn, b http1.Body) {
	if !b.Skip() {
		return
	}
	in := e.hold(c)
	in.data = e.buffers.put(in.data) // nothing is kept
	in.phase, in.body = discardingBody, b
	c.linger, c.final = true, true
	e.restartTimer(c, e.opts.LingerTimeout)
}

// feedDiscarded reads over a body that nobody wants and returns what is behind
// it.
func (e *Engine) feedDiscarded(c *Conn, p []byte) (rest []byte) {
	n, _, done, err := c.in.body.Feed(p, nil)
	switch much := e.tooMuch(c, n); {
	case much && c.state == connHTTP:
		e.abandon(c)
	case much:
		e.stats.Limits[LimitDiscarded]++
		e.discarded(c)
	case done || err != nil:
		e.discarded(c)
	}
	return p[n:]
}

// discarded ends the wait for the end of a body.
func (e *Engine) discarded(c *Conn) {
	e.dropInbound(c)
	switch c.state {
	case connHTTP: // answers that are due before are not given yet
		c.timer = e.timers.Cancel(c.timer)
	case connDiscarding:
		e.shut(c)
	}
}

// abandon ends a connection whose peer sends on and on behind its last request
// instead of waiting for the answers.
func (e *Engine) abandon(c *Conn) {
	e.stats.Limits[LimitDiscarded]++
	e.dropInbound(c)
	e.endLingering(c)
	e.dropExchanges(c)
}

// tooMuch counts bytes that are dropped, and reports whether the peer has sent
// more of them than a connection is given.
func (e *Engine) tooMuch(c *Conn, n int) bool {
	c.dropped += uint32(n)
	return int(c.dropped) > e.opts.LingerBytes
}
