// One TCP connection: input by state, output of a batch, one way to close.

package transport

import (
	"github.com/sioserver/sioserver/transport/tlsconn"
	"github.com/sioserver/sioserver/transport/wheel"
	"github.com/sioserver/sioserver/transport/ws"
)

// connState is what a connection does with the bytes it gets.
type connState uint8

const (
	connFree       connState = iota // is no connection
	connAnnounced                   // waits for a PROXY header
	connHandshake                   // of TLS
	connHTTP                        // reads requests
	connWebSocket                   // carries a session
	connCandidate                   // a websocket that asks to take a session over
	connRaw                         // speaks a protocol of somebody else's
	connClosing                     // sends what is left, then closes
	connDiscarding                  // has sent all, waits for the end of a body
	connDraining                    // has said that nothing more comes, waits for the peer to close
	connClosed                      // is gone
)

// Conn is one connection from open to close. The exported fields are the
// network's, set between Open and the first Feed.
type Conn struct {
	Wire Wire  // the network's handle
	FD   int32 // its descriptor

	state   connState
	queued  bool // on the list of those with output
	sending bool // output is with the network, the outcome is not seen to yet
	blocked bool // the network keeps bytes that the kernel did not take
	linger  bool // the peer may still be sending: drain before closing
	final   bool // no request after those at hand
	probed  bool // a candidate has sent its probe
	deaf    bool // what comes is not decrypted any more

	loop       uint8     // the engine it belongs to
	deflate    deflation // what was agreed about compression
	raw        bool      // speaks another protocol, and has a record in raws
	index, gen uint32
	timer      wheel.ID // the deadline of the present state
	watch      wheel.ID // a periodic look at a connection that makes no progress
	message    uint32   // second at which an incomplete message began, 0 for none
	dropped    uint32   // bytes that came when nothing was wanted any more
	requests   uint32   // read so far
	inflight   uint16   // requests without an answer

	tls     *tlsconn.Conn // of a connection with TLS
	session *Session      // of a websocket, candidate or not
	first   *exchange
	unsent  *exchange // polls whose answers are not in the kernel's hands yet
	in      *inbound  // an incomplete request
	out     *buffer   // output of this batch
	shared  *Shared   // a single broadcast packet as output, not copied yet
	slow    *slowness // nil of one that takes what is written
	frames  ws.Reader
}

// slowness is what is known of a connection whose peer does not take what is
// written, or did not. Few have it at any time.
type slowness struct {
	stalled uint32    // second at which the last byte left
	left    uint32    // bytes the network kept at the last look
	over    uint32    // tick at which a burst began, 0 for none
	told    bool      // the handler knows
	pongs   *ws.Pongs // of a websocket that was pinged
}

// slowly returns the connection's slowness, made if there is none.
func (c *Conn) slowly() *slowness {
	if c.slow == nil {
		c.slow = new(slowness)
	}
	return c.slow
}

// over is the tick at which a burst began, 0 for none.
func (c *Conn) over() uint32 {
	if c.slow == nil {
		return 0
	}
	return c.slow.over
}

// overNoMore ends a burst.
func (c *Conn) overNoMore() {
	if c.slow != nil {
		c.slow.over = 0
	}
}

// Open takes a new connection in. Loop only.
func (e *Engine) Open(w Wire, fd int32) *Conn {
	c, i := e.conns.Take()
	c.index, c.gen, c.loop, c.Wire, c.FD = i, e.generation(), e.index, w, fd
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
	switch {
	case c.tls != nil:
		e.feedTLS(c, p)
	case c.state == connWebSocket: // BenchmarkEcho/20: 94 to 86 ns, best of 30
		e.feedFrames(c, p)
	default:
		e.consume(c, p)
	}
	e.busy, e.feeding = false, nil
	if c.state == connWebSocket && c.queued && e.gathers() {
		if len(e.dirty) >= OutputBatch {
			e.settle()
		}
		return
	}
	if len(e.polls)+len(e.dirty) > 1 {
		// The peer's own answer leaves at once, what it caused elsewhere goes
		// together with what the rest of the batch causes.
		e.flush(c)
		e.wakeSelf()
		return
	}
	e.settle()
}

// consume reads bytes from the connection by the state it is in.
func (e *Engine) consume(c *Conn, p []byte) {
	for len(p) > 0 {
		switch c.state {
		case connHTTP:
			p = e.feedHTTP(c, p)
		case connWebSocket, connCandidate:
			e.feedFrames(c, p)
			p = nil
		case connAnnounced:
			e.feedAnnounced(c, p)
			p = nil
		case connRaw:
			e.feedRaw(c, p)
			p = nil
		case connDraining:
			if e.tooMuch(c, len(p)) {
				e.net.Close(c)
			}
			p = nil
		default:
			if c.in != nil {
				p = e.feedDiscarded(c, p)
				continue
			}
			c.linger = true // closing would reset a peer that is still sending
			p = nil
		}
	}
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
	c.overNoMore()
	e.endDeflate(c)
	lost := c.out != nil || c.sending && !e.sentWhole(c) || e.net.Buffered(c) > 0
	c.out = e.buffers.put(c.out)
	c.shared = nil
	s := c.session
	c.session = nil
	if c.tls != nil {
		c.tls.Abandon()
	}
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
	case c.raw:
		e.closedRaw(c)
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

// flows reports whether the connection takes output, and whether it does so
// without keeping any. What a batch has gathered is written if it is much.
func (e *Engine) flows(c *Conn) (open, free bool) {
	if c.state >= connClosing {
		return false, false
	}
	if c.out != nil && len(c.out.B) >= e.opts.OutboundIntact && !c.blocked && !c.sending {
		e.flush(c)
	}
	return c.state < connClosing, !c.blocked && !c.sending
}

// waiting is the number of bytes that wait for a blocked connection.
func (e *Engine) waiting(c *Conn) int {
	return e.net.Buffered(c) + len(c.gathered())
}

// room reports whether the connection may be given an answer, and cuts it off
// if it asks and does not read: bursts are for what it did not ask for.
func (e *Engine) room(c *Conn) bool {
	open, free := e.flows(c)
	if !open || free || e.waiting(c) < e.opts.OutboundBytes {
		return open
	}
	e.stats.Limits[LimitOutbound]++
	e.fail(c, ErrSlowConsumer)
	return false
}

// roomFor reports whether the connection may be given frames of n bytes, and
// cuts it off if it lets too much wait. A websocket may not if a policy that drops
// is to decide: hold takes the message. A message is taken however large it
// is, unless OutboundBurst wait already. From OutboundBytes on a burst has
// OutboundGrace to fall below, which connWatch looks at.
func (e *Engine) roomFor(c *Conn, n int) bool {
	open, free := e.flows(c)
	if !open || free {
		return open
	}
	waiting := e.waiting(c)
	if s := c.session; s != nil && c.blocked && c.state == connWebSocket {
		if e.opts.SlowPolicy != SlowClose {
			return s.passes(n)
		}
		s.noteSlow(waiting + n)
	}
	if waiting >= e.opts.OutboundBurst {
		e.stats.Limits[LimitOutboundBurst]++
		e.fail(c, ErrSlowConsumer)
		return false
	}
	if waiting <= e.opts.OutboundBytes {
		c.overNoMore()
	}
	if c.over() == 0 && e.opts.bursts(waiting, n) {
		c.slowly().over = e.tick()
		e.lookAt(c)
	}
	return true
}

// roomForPong is roomFor for the answer to a ping, which no policy holds back.
func (e *Engine) roomForPong(c *Conn, n int) bool {
	if e.roomFor(c, n) {
		return true
	}
	s := c.session
	if s == nil || s.conn != c || !s.holds() {
		return false
	}
	if e.waiting(c) < e.opts.OutboundBurst {
		return true
	}
	e.stats.Limits[LimitOutboundBurst]++
	e.fail(c, ErrSlowConsumer)
	return false
}

// gathered is what the connection sends in this batch.
func (c *Conn) gathered() []byte {
	switch {
	case c.out != nil:
		return c.out.B
	case c.shared != nil:
		return c.shared.frames
	}
	return nil
}

// end closes the connection when everything has been sent, and when a body that
// is being discarded is over.
func (e *Engine) end(c *Conn) {
	if c.state >= connClosing {
		return
	}
	c.state = connClosing
	c.overNoMore()
	// Half a body means that the peer is still sending.
	c.linger = c.linger || c.in != nil
	c.timer = e.timers.Cancel(c.timer)
	if c.in != nil && c.in.phase != discardingBody {
		e.dropInbound(c)
	}
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
	return c.state == connClosing && !c.blocked && !c.sending && c.out == nil && c.shared == nil
}

// finish closes a connection that has sent everything, or waits for its peer.
func (e *Engine) finish(c *Conn) {
	switch {
	case c.in == nil && c.tls != nil && !c.tls.Notified():
		e.mark(c) // flush comes back here
	case c.in != nil:
		c.state = connDiscarding
		e.restartTimer(c, e.opts.LingerTimeout)
	case c.linger:
		e.shut(c)
	default:
		e.net.Close(c)
	}
}

// shut tells the peer that nothing more comes, and waits for it to close.
func (e *Engine) shut(c *Conn) {
	if c.tls != nil && !c.tls.Notified() {
		c.state = connClosing
		e.mark(c) // flush comes back here
		return
	}
	c.state = connDraining
	e.net.Shutdown(c)
	e.restartTimer(c, e.opts.LingerTimeout)
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
	if c.state == connRaw {
		e.raws[c.index].err = err
	}
	if c.state != connClosed {
		e.net.Close(c)
	}
}
