// Connections that speak a protocol of somebody else's.

package transport

import "crypto/tls"

// Raw is what the bytes of such a connection go to. It is called on the loop.
type Raw interface {
	// Data takes bytes, a view, and returns how many of them it has used. As long
	// as it uses some it is called again with the rest; what it leaves comes again
	// with what follows, up to [Options.RawInput]. With an error the connection
	// ends, behind what was written before.
	Data(p []byte) (used int, err error)
	// Closed tells that the connection is gone: with the error that Data or
	// [RawRef.Close] gave, that of a limit, or nil if the peer has closed it.
	Closed(err error)
}

// raw is such a connection's record.
type raw struct {
	handler Raw // nil before it is open
	open    func(RawRef) Raw
	rest    []byte // that was not used yet
	err     error  // why it ends
	idle    int64  // how long nothing may come, in milliseconds, 0 for no limit
	heard   int64  // when something came, if there is one
}

// RawRef refers to such a connection. It stays harmless when that is gone. Its
// methods belong to the loop.
type RawRef struct {
	engine     *Engine
	index, gen uint32
}

// Speak makes the connection one of another protocol. open is called when bytes
// can be exchanged, at once or behind the handshake of TLS, and returns what takes
// them, nil to close the connection. Speak is called behind Open, Await or Secure
// and before the first Feed. Loop only.
func (e *Engine) Speak(c *Conn, open func(RawRef) Raw) {
	if e.raws == nil {
		e.raws = map[uint32]*raw{}
	}
	e.raws[c.index] = &raw{open: open}
	c.raw = true
	if c.state == connHTTP {
		e.openRaw(c)
	}
}

// openRaw opens the connection to its protocol, if it has one.
func (e *Engine) openRaw(c *Conn) {
	if !c.raw {
		return
	}
	c.timer = e.timers.Cancel(c.timer)
	c.state = connRaw
	ref := RawRef{e, c.index, c.gen}
	r := e.raws[c.index]
	h := r.open(ref)
	switch {
	case h == nil:
		ref.Close(nil)
	case c.state == connClosed: // meanwhile
		h.Closed(ErrWrite)
	default:
		r.handler = h
	}
}

// feedRaw gives bytes to the protocol.
func (e *Engine) feedRaw(c *Conn, p []byte) {
	r := e.raws[c.index]
	if r.idle > 0 {
		r.heard = e.Now()
	}
	if len(r.rest) > 0 {
		r.rest = append(r.rest, p...)
		p = r.rest
	}
	for len(p) > 0 && c.state == connRaw {
		n, err := r.handler.Data(p)
		if err != nil {
			e.endRaw(c, err)
			return
		}
		if n <= 0 {
			break
		}
		p = p[min(n, len(p)):]
	}
	switch {
	case c.state != connRaw: // nothing more is wanted
	case len(p) == 0:
		r.rest = nil
	case len(p) > e.opts.RawInput:
		e.stats.Limits[LimitRawInput]++
		e.endRaw(c, ErrRawInput)
	default:
		r.rest = append(r.rest[:0], p...)
	}
}

// endRaw ends the connection behind what was written, for a reason.
func (e *Engine) endRaw(c *Conn, err error) {
	if c.state != connRaw {
		return
	}
	r := e.raws[c.index]
	r.rest, r.err = nil, err
	e.endLingering(c)
}

// closedRaw tells the protocol that the connection is gone.
func (e *Engine) closedRaw(c *Conn) {
	r := e.raws[c.index]
	h, err := r.handler, r.err
	if delete(e.raws, c.index); len(e.raws) == 0 {
		e.raws = nil // a map does not shrink
	}
	if h != nil {
		h.Closed(err)
	}
}

// idleRaw looks whether something has come in time.
func (e *Engine) idleRaw(c *Conn) {
	r := e.raws[c.index]
	left := r.heard + r.idle - e.Now()
	if left <= 0 {
		e.stats.Limits[LimitRawIdle]++
		e.endRaw(c, ErrRawIdle)
		return
	}
	e.restartTimer(c, left)
}

// conn is the connection, nil if nothing can be said on it any more.
func (r RawRef) conn() *Conn {
	if c := r.engine.conns.Find(r.index); c != nil && c.gen == r.gen && c.state == connRaw {
		return c
	}
	return nil
}

// Write sends bytes, which are copied, with the rest of the batch. What the peer
// does not take waits, within the limits of every connection. It reports whether
// the connection is open.
func (r RawRef) Write(p []byte) bool {
	c := r.conn()
	if c == nil || !r.engine.roomFor(c, len(p)) {
		return false
	}
	out := r.engine.output(c)
	out.B = append(out.B, p...)
	return true
}

// Buffered is how many bytes wait for the peer to take what came before.
func (r RawRef) Buffered() int {
	if c := r.conn(); c != nil {
		return r.engine.waiting(c)
	}
	return 0
}

// Close ends the connection behind what was written.
func (r RawRef) Close(err error) {
	if c := r.conn(); c != nil {
		r.engine.endRaw(c, err)
	}
}

// SetIdle ends the connection when nothing has come for a time in milliseconds, 0
// for never.
func (r RawRef) SetIdle(ms int64) {
	c := r.conn()
	if c == nil {
		return
	}
	e := r.engine
	record := e.raws[c.index]
	record.idle, record.heard = ms, e.Now()
	if ms == 0 {
		c.timer = e.timers.Cancel(c.timer)
		return
	}
	e.restartTimer(c, ms)
}

// Wire is the network's side of the connection, nil when it is gone.
func (r RawRef) Wire() Wire {
	if c := r.conn(); c != nil {
		return c.Wire
	}
	return nil
}

// TLS is the state of its TLS, nil without.
func (r RawRef) TLS() *tls.ConnectionState {
	c := r.conn()
	if c == nil || c.tls == nil {
		return nil
	}
	s := c.tls.State()
	return &s
}
