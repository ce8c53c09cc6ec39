// TLS in front of everything else: handshakes, records in, records out.

package transport

import (
	"crypto/tls"
	"errors"
	"io"

	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/tlsconn"
)

// plainSize is the most content that a TLS record can have.
const plainSize = 16 << 10

// Secure makes the connection one of TLS, whose handshake is to come. cfg is one
// of [tlsconn.Config]. It is called between Open and the first Feed. Loop only.
func (e *Engine) Secure(c *Conn, cfg *tls.Config) {
	c.tls = tlsconn.Server(cfg, c.Wire.RemoteAddr(), c.Wire.LocalAddr())
	c.state = connHandshake
	e.restartTimer(c, e.opts.HandshakeTimeout)
}

// Adopt makes the connection one of TLS whose handshake is over, and reads head,
// which is content of it, and then the bytes that t holds. It is called instead
// of the first Feed. Loop only.
func (e *Engine) Adopt(c *Conn, t *tlsconn.Conn, head []byte) {
	c.tls = t
	e.busy, e.feeding = true, c
	e.consume(c, head)
	if c.tls == t && c.state != connClosed {
		e.decrypt(c)
	}
	e.busy, e.feeding = false, nil
	e.settle()
}

// Detach takes the TLS state off a connection that is about to be closed here
// and opened elsewhere, nil if there is none. What it has to send goes along.
// Loop only.
func (e *Engine) Detach(c *Conn) *tlsconn.Conn {
	t := c.tls
	if t != nil {
		t.Keep()
		c.tls = nil
	}
	return t
}

// feedTLS takes bytes of a TLS connection.
func (e *Engine) feedTLS(c *Conn, p []byte) {
	switch {
	case c.deaf:
		c.linger = true // the peer is still sending
		if e.tooMuch(c, len(p)) {
			e.net.Close(c)
		}
	case c.tls.Handshaking():
		e.feedHandshake(c, p)
	default:
		c.tls.Feed(p)
		e.decrypt(c)
	}
}

// decrypt reads the content of what the connection was fed with, until there is
// no whole record left.
func (e *Engine) decrypt(c *Conn) {
	if e.plain == nil {
		e.plain = make([]byte, plainSize)
	}
	t := c.tls
	for {
		n, err := t.Decrypt(e.plain)
		if n > 0 {
			e.consume(c, e.plain[:n])
		}
		switch {
		case c.tls != t || c.state == connClosed || c.deaf: // by what it said
			return
		case err == nil:
			continue
		case errors.Is(err, io.EOF):
			e.hungUp(c)
		case !errors.Is(err, tlsconn.ErrWouldBlock):
			e.broke(c)
		}
		if t.Pending() && c.state < connDraining && (c.state >= connClosing || e.room(c)) {
			e.mark(c)
		}
		return
	}
}

// feedHandshake takes bytes of a TLS handshake.
func (e *Engine) feedHandshake(c *Conn, p []byte) {
	ready, err := c.tls.Offer(p)
	switch {
	case err != nil:
		if errors.Is(err, tlsconn.ErrTooMuch) {
			e.stats.Limits[LimitHandshakeBytes]++
		}
		e.refuseHandshake(c, err)
	case ready:
		t := &handshakeTask{conn: c.index, gen: c.gen}
		c.tls.Start(e.shaking, gateSlack+int(e.opts.MaxPayload), func() { e.Post(t) })
		if c.tls.Waiting() {
			e.lookAt(c)
		}
	}
}

// handshakeTask tells a loop that a handshake has something to send or is over.
type handshakeTask struct{ conn, gen uint32 }

func (t *handshakeTask) Run(e *Engine) {
	c := e.conns.At(t.conn)
	if c == nil || c.gen != t.gen || c.tls == nil || !c.tls.Handshaking() {
		return // it is gone, or was told before
	}
	over, err := c.tls.Progress()
	if c.tls.Pending() {
		e.mark(c)
	}
	switch {
	case !over:
	case c.state != connHandshake:
	case err != nil:
		e.refuseHandshake(c, err)
	case c.raw:
		e.openRaw(c)
		e.begin(c)
	default:
		c.state = connHTTP
		e.restartTimer(c, e.opts.HeaderTimeout)
		e.begin(c)
	}
}

// begin reads what came behind a handshake.
func (e *Engine) begin(c *Conn) {
	done := false
	defer func() {
		if !done { // a panic of the handler, which goes on to the network
			e.broken(c)
		}
	}()
	e.feeding = c
	e.decrypt(c)
	e.feeding = nil
	done = true
}

// refuseHandshake ends a connection whose handshake has failed. What crypto/tls
// has to say about it goes out.
func (e *Engine) refuseHandshake(c *Conn, err error) {
	e.handler.OnTLSFailure(c.Wire.RemoteAddr(), err)
	c.tls.Abandon() // if it goes on still
	if errors.Is(err, tlsconn.ErrHTTP) {
		c.tls = nil
		out := e.output(c)
		out.B = http1.AppendStatus(out.B, 400)
		out.B = http1.AppendConnection(out.B, 1, false)
		out.B = http1.AppendBody(out.B, 400, false, "Client sent an HTTP request to an HTTPS server.\n")
	}
	c.deaf = true
	e.endLingering(c)
}

// handshakeTimeout ends a handshake that takes too long.
func (e *Engine) handshakeTimeout(c *Conn) {
	e.stats.Limits[LimitHandshakeTime]++
	e.handler.OnTLSFailure(c.Wire.RemoteAddr(), ErrHandshakeTimeout)
	e.net.Close(c)
}

// watchHandshake looks after a handshake that has no place.
func (e *Engine) watchHandshake(c *Conn) {
	if c.tls.Waiting() {
		e.shaking.Press()
		e.lookAt(c)
	}
}

// hungUp acts on the peer's announcement that nothing more comes from it. As
// with the end of a connection without TLS, that ends what the connection is
// for; but requests that are being answered get their answers.
func (e *Engine) hungUp(c *Conn) {
	c.deaf, c.linger = true, false
	e.dropInbound(c)
	if c.state >= connClosing {
		if c.state > connClosing {
			e.net.Close(c)
		}
		return
	}
	e.endSession(c, TransportClose, nil)
	if x := c.last(); x != nil && !c.polls() {
		c.final, x.keep = true, false
		return
	}
	e.end(c)
	e.dropExchanges(c)
}

// polls reports whether a request that waits for its answer is one of a session.
func (c *Conn) polls() bool {
	for x := c.first; x != nil; x = x.next {
		if x.wait != pollNone {
			return true
		}
	}
	return false
}

// broke ends a connection whose records cannot be read any more.
func (e *Engine) broke(c *Conn) {
	e.stats.TLSFaults++
	c.deaf = true
	e.dropInbound(c)
	if c.state == connRaw {
		e.endRaw(c, ErrTLS)
		return
	}
	if c.state > connClosing {
		e.net.Close(c) // all has been said
		return
	}
	e.endSession(c, TransportError, ErrTLS)
	e.endLingering(c)
	e.dropExchanges(c)
}

// endSession ends the session of a websocket whose connection is over, without
// a close frame.
func (e *Engine) endSession(c *Conn, reason CloseReason, err error) {
	s, candidate := c.session, c.state == connCandidate
	c.session = nil
	switch {
	case s == nil:
	case candidate:
		s.dropCandidate(c)
	default:
		s.conn = nil
		s.close(reason, err)
	}
}

// seal turns the output of a batch into records.
func (e *Engine) seal(c *Conn) {
	p := c.gathered()
	last := c.state == connClosing && c.in == nil && !c.tls.Notified()
	if len(p) == 0 && !last && !c.tls.Pending() {
		return
	}
	b := e.buffers.get()
	b.B, _ = c.tls.Encrypt(b.B, p) // after a fault nothing is, the connection ends
	if last {
		b.B = c.tls.Notify(b.B)
	}
	c.shared = nil
	e.buffers.put(c.out)
	c.out = b
}
