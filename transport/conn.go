// One TCP connection: input by state, output of a batch, one way to close.

package transport

import (
	"github.com/sioserver/sioserver/transport/wheel"
	"github.com/sioserver/sioserver/transport/ws"
)

// connState is what a connection does with the bytes it gets.
type connState uint8

const (
	connFree      connState = iota // is no connection
	connHTTP                       // reads requests
	connWebSocket                  // carries a session
	connCandidate                  // a websocket that asks to take a session over
	connClosing                    // sends what is left, then closes
	connDraining                   // has sent all, waits for the peer to close
	connClosed                     // is gone
)

// Conn is one connection from open to close. The exported fields are the
// network's, set between Open and the first Feed.
type Conn struct {
	Wire Wire  // the network's handle
	FD   int32 // its descriptor

	state   connState
	queued  bool // on the list of those with output
	blocked bool // the network keeps bytes that the kernel did not take
	linger  bool // the peer may still be sending: drain before closing
	final   bool // no request after those at hand
	probed  bool // a candidate has sent its probe

	loop       uint8 // the engine it belongs to
	index, gen uint32
	timer      wheel.ID // the deadline of the present state
	watch      wheel.ID // a periodic look at a connection that makes no progress
	stalled    uint32   // second at which the last byte left a blocked connection
	message    uint32   // second at which an incomplete message began, 0 for none
	left       uint32   // bytes the network kept at the last look
	requests   uint32   // read so far
	inflight   uint16   // requests without an answer

	session *Session // of a websocket, candidate or not
	first   *exchange
	unsent  *exchange // polls whose answers are not in the kernel's hands yet
	in      *inbound  // an incomplete request
	out     *buffer   // output of this batch
	shared  *Shared   // a single broadcast packet as output, not copied yet
	pongs   *ws.Pongs // of a blocked websocket that was pinged
	frames  ws.Reader
}

// Open takes a new connection in. Loop only.
func (e *Engine) Open(w Wire, fd int32) *Conn {
	c, i := e.conns.Take()
	c.index, c.loop, c.Wire, c.FD = i, e.index, w, fd
	c.state = connHTTP
	c.timer = e.arm(e.Now()+e.opts.HeaderTimeout, i, timerConn)
	e.live.conns++
	e.stats.ConnsOpened++
	return c
}

// Loop is the index of the engine the connection belongs to. Loop only.
func (c *Conn) Loop() int { return int(c.loop) }

// Feed gives the engine bytes from the connection. They are overwritten and
// not kept. Loop only.
func (e *Engine) Feed(c *Conn, p []byte) {
	e.stats.BytesIn += uint64(len(p))
	e.busy, e.feeding = true, c
	for len(p) > 0 {
		switch c.state {
		case connHTTP:
			p = e.feedHTTP(c, p)
		case connWebSocket, connCandidate:
			e.feedFrames(c, p)
			p = nil
		case connDraining:
			e.drain(c, len(p))
			p = nil
		default:
			c.linger = true // closing would reset a peer that is still sending
			p = nil
		}
	}
	e.busy, e.feeding = false, nil
	if len(e.polls)+len(e.dirty) > 1 {
		// The peer's own answer leaves at once, what it caused elsewhere goes
		// together with what the rest of the batch causes.
		e.flush(c)
		e.wakeSelf()
		return
	}
	e.settle()
}

// Closed tells the engine that the connection is gone. Loop only.
func (e *Engine) Closed(c *Conn) {
	if c.state == connClosed {
		return
	}
	was := c.state
	c.state = connClosed
	c.timer = e.timers.Cancel(c.timer)
	c.watch = e.timers.Cancel(c.watch)
	lost := c.out != nil || e.net.Buffered(c) > 0
	c.out = e.buffers.put(c.out)
	c.shared = nil
	s := c.session
	c.session = nil
	e.dropInbound(c)
	e.live.conns--
	e.stats.ConnsClosed++
	e.graves = append(e.graves, c.index)
	if !e.busy {
		e.wakeSelf()
	}
	e.dropExchanges(c)
	e.dropUnsent(c, lost)
	switch {
	case s == nil:
	case was == connCandidate:
		s.dropCandidate(c)
	default:
		s.close(TransportClose, nil)
	}
}

// output returns the buffer for what the connection sends in this batch.
func (e *Engine) output(c *Conn) *buffer {
	if c.out == nil {
		c.out = e.buffers.get()
		if c.shared != nil {
			c.out.B = append(c.out.B, c.shared.frames...)
			c.shared = nil
		}
	}
	e.mark(c)
	return c.out
}

// mark puts the connection on the list of those to flush.
func (e *Engine) mark(c *Conn) {
	if c.queued {
		return
	}
	c.queued = true
	e.dirty = append(e.dirty, c)
	if !e.busy {
		e.wakeSelf()
	}
}

// room reports whether the connection may be given another packet, and cuts it
// off if it lets too much wait. One packet always fits, however large.
func (e *Engine) room(c *Conn) bool {
	if c.state >= connClosing {
		return false
	}
	if c.out != nil && len(c.out.B) >= e.opts.OutboundIntact && !c.blocked {
		e.flush(c)
	}
	if !c.blocked {
		return c.state < connClosing
	}
	waiting := e.net.Buffered(c)
	if c.out != nil {
		waiting += len(c.out.B)
	}
	if waiting < e.opts.MaxOutbound {
		return true
	}
	e.stats.Limits[LimitOutbound]++
	e.fail(c, ErrSlowConsumer)
	return false
}

// flush writes the output of the batch.
func (e *Engine) flush(c *Conn) {
	c.queued = false
	if c.state == connClosed {
		c.out = e.buffers.put(c.out)
		return
	}
	var p []byte
	switch {
	case c.out != nil:
		p = c.out.B
	case c.shared != nil:
		p = c.shared.frames
	}
	if len(p) > 0 {
		err := e.net.Write(c, p)
		e.stats.BytesOut += uint64(len(p))
		e.stats.Writes++
		if err != nil {
			e.fail(c, ErrWrite)
			return
		}
	}
	c.shared = nil
	c.out = e.buffers.put(c.out)
	if len(p) > 0 {
		e.afterWrite(c, len(p))
	}
	if c.sentAll() {
		e.finish(c)
	}
}

// afterWrite notes whether the peer keeps up, n bytes having been written.
func (e *Engine) afterWrite(c *Conn, n int) {
	left := e.net.Buffered(c)
	switch {
	case left == 0:
		e.unblock(c)
		return
	case !c.blocked:
		c.blocked = true
		c.stalled = e.seconds()
		e.lookAt(c)
	case left < int(c.left)+n:
		c.stalled = e.seconds()
	}
	c.left = uint32(left)
}

// unblock notes that all that waited has been sent.
func (e *Engine) unblock(c *Conn) {
	e.dropUnsent(c, false)
	if !c.blocked {
		return
	}
	c.blocked = false
	if p := c.pongs; p != nil {
		c.pongs = nil
		if c.state == connWebSocket || c.state == connCandidate {
			out := e.output(c)
			out.B = p.Written(out.B)
		}
	}
	if s := c.session; s != nil && c.state == connWebSocket {
		e.handler.OnDrain(s)
	}
}

// end closes the connection when everything has been sent.
func (e *Engine) end(c *Conn) {
	if c.state >= connClosing {
		return
	}
	c.state = connClosing
	// Half a body means that the peer is still sending.
	c.linger = c.linger || c.in != nil
	c.timer = e.timers.Cancel(c.timer)
	e.dropInbound(c)
	e.mark(c)
	if c.blocked {
		e.lookAt(c) // and soon; if the last write is what blocks, flush does this
	}
}

// endLingering is end for a peer that may still be sending: closing a socket
// with unread bytes resets the connection and may destroy the last answer
// before the peer has read it.
func (e *Engine) endLingering(c *Conn) {
	c.linger = true
	e.end(c)
}

// sentAll reports whether a connection that is closing can be closed.
func (c *Conn) sentAll() bool {
	return c.state == connClosing && !c.blocked && c.out == nil && c.shared == nil
}

// finish closes a connection that has sent everything.
func (e *Engine) finish(c *Conn) {
	if !c.linger {
		e.net.Close(c)
		return
	}
	c.state = connDraining
	c.left = 0
	e.net.Shutdown(c)
	c.timer = e.arm(e.Now()+e.opts.LingerTimeout, c.index, timerConn)
}

// drain discards what still comes after the last answer.
func (e *Engine) drain(c *Conn, n int) {
	c.left += uint32(n)
	if int(c.left) > e.opts.LingerBytes {
		e.net.Close(c)
	}
}

// fail ends a connection that is of no use any more; what waits is dropped.
func (e *Engine) fail(c *Conn, err error) {
	if c.state == connClosed {
		return
	}
	if s := c.session; s != nil && c.state == connWebSocket {
		c.session = nil
		s.close(TransportError, err)
	}
	if c.state != connClosed {
		e.net.Close(c)
	}
}
