// Output leaves: one write for each connection and batch, many of them in one go.

package transport

// Output is what one connection sends at the end of a batch, and what became of
// it.
type Output struct {
	Conn *Conn
	Data []byte
	Sent int   // bytes that were taken
	Err  error // the connection is lost

	buf *buffer // of Data, nil if it is shared
}

// OutputBatch is how many connections are written to in one go at most. The
// network may hand them to the kernel in one call, during which the loop does
// nothing else: the last ones wait about a millisecond for the first. Larger
// batches cost no less.
const OutputBatch = 256

// Gather says when what an event causes on its own websocket is written.
type Gather uint8

// The values of Gather.
const (
	GatherAdaptive Gather = iota // with that of others while the loop is busy, else at once
	GatherNever
	GatherAlways // and none leaves but by Send
)

// Output is gathered as long as batches have gatherLeast events, which is when
// it pays for the wake-up that ends it; gatherPatience smaller ones in a row end
// it. After that every gatherProbe-th event is held back, to see whether others
// come with it.
const (
	gatherLeast    = 4
	gatherPatience = 16
	gatherProbe    = 32
)

// gathering is how an engine decides whether output waits for that of others.
type gathering struct {
	held  bool   // some does, and a task will come
	spare uint8  // small batches left until it is given up
	count uint32 // events since held was set, or since the last probe
}

// gathers reports whether the output of the event at hand waits for that of
// others, and makes sure that its wait ends. gnet has no call at the end of a
// batch; a task that is posted now runs behind the events of the next one.
func (e *Engine) gathers() bool {
	g := &e.gather
	g.count++
	switch {
	case e.opts.Gather == GatherNever:
		return false
	case g.held:
		return true
	case g.spare > 0, g.count >= gatherProbe, e.opts.Gather == GatherAlways:
		g.held, g.count = true, 1
		e.wakeSelf()
		return true
	}
	return false
}

// endGathering ends what gathers has begun, and learns from it.
func (e *Engine) endGathering() {
	g := &e.gather
	switch {
	case !g.held:
		return
	case g.count >= gatherLeast:
		g.spare = gatherPatience
	case g.spare > 0:
		g.spare--
	}
	g.held, g.count = false, 0
}

// settle writes what the batch has left behind.
func (e *Engine) settle() {
	e.handOver() // a panic may have left some
	// Writing may fail and close sessions, whose handlers may send to others:
	// the lists grow while they are walked.
	for i := 0; i < len(e.polls); i++ {
		e.polls[i].flushPoll()
	}
	clear(e.polls)
	e.polls = e.polls[:0]
	for i := 0; i < len(e.dirty); {
		if len(e.dirty)-i == 1 && e.opts.Gather != GatherAlways {
			e.flush(e.dirty[i])
			i++
			continue
		}
		i += e.take(e.dirty[i:])
		if len(e.sending) > 0 {
			e.net.Send(e.sending)
			e.handOver()
		}
	}
	clear(e.dirty)
	e.dirty = e.dirty[:0]
	e.giveBack()
	if len(e.graves)+len(e.tombs) > 0 {
		e.wakeSelf()
	}
}

// Lent hands the engine the caller's hold of a message that was sent to sessions
// in this batch: it lets go when all of that is written. Loop only.
func (e *Engine) Lent(m *Shared) { e.lent = append(e.lent, m) }

// giveBack lets go of messages, which no connection has any more.
func (e *Engine) giveBack() {
	for i, m := range e.lent {
		e.lent[i] = nil
		m.Release()
	}
	e.lent = e.lent[:0]
}

// take takes the output of connections for one call of Send and returns how
// many it has looked at. Until handOver has seen the outcome, more output for
// them has to wait.
func (e *Engine) take(list []*Conn) int {
	if cap(e.sending) == 0 {
		e.sending = make([]Output, 0, OutputBatch)
	}
	for i, c := range list {
		if len(e.sending) == OutputBatch {
			return i
		}
		if !c.queued {
			continue // written since
		}
		c.queued = false
		if c.state == connClosed {
			continue
		}
		if c.tls != nil {
			e.seal(c)
		}
		e.sending = append(e.sending, Output{Conn: c, Data: c.gathered(), buf: c.out})
		c.out, c.shared, c.sending = nil, nil, true
	}
	return len(list)
}

// handOver acts on what Send has done. Handlers may run in here and panic; the
// rest is seen to later then.
func (e *Engine) handOver() {
	for e.sent < len(e.sending) {
		o := e.sending[e.sent]
		e.sending[e.sent] = Output{}
		e.sent++
		e.written(&o)
	}
	e.sending, e.sent = e.sending[:0], 0
}

// sentWhole reports whether all that a connection has with the network was
// taken.
func (e *Engine) sentWhole(c *Conn) bool {
	for i := range e.sending[e.sent:] {
		if o := &e.sending[e.sent+i]; o.Conn == c {
			return o.Sent == len(o.Data)
		}
	}
	return false
}

// written sees to the end of a write: what is left of it, and what follows.
func (e *Engine) written(o *Output) {
	c, n, err := o.Conn, len(o.Data), o.Err
	if err == nil && o.Sent < n && c.state != connClosed {
		c.sending = true
		err = e.net.Write(c, o.Data[o.Sent:])
	}
	if o.Err != nil {
		e.buffers.drop(o.buf) // the kernel may read it still
		clear(e.lent)
		e.lent = e.lent[:0]
	} else {
		e.buffers.put(o.buf)
	}
	if c.state == connClosed {
		c.sending = false
		return
	}
	if n > 0 {
		e.stats.BytesOut += uint64(n)
		e.stats.Writes++
		if err != nil {
			c.sending = true // it is lost, Closed is to know
			e.fail(c, ErrWrite)
			return
		}
		c.sending = false
		e.afterWrite(c, n)
	}
	c.sending = false
	if c.sentAll() {
		e.finish(c)
	}
	e.depart(c)
}

// flush writes the output of one connection.
func (e *Engine) flush(c *Conn) {
	if !c.queued {
		return
	}
	c.queued = false
	if c.tls != nil && c.state != connClosed {
		e.seal(c)
	}
	o := Output{Conn: c, Data: c.gathered(), buf: c.out}
	c.out, c.shared = nil, nil
	e.written(&o)
}

// LastWrite writes what waits for a connection whose peer has ended its side,
// which may read still. The network calls it before Closed. Loop only.
func (e *Engine) LastWrite(c *Conn) {
	if !c.queued || c.state == connClosed {
		return
	}
	c.queued = false
	if c.tls != nil {
		e.seal(c)
	}
	p := c.gathered()
	if e.net.Write(c, p) == nil {
		e.stats.BytesOut += uint64(len(p))
		e.stats.Writes++
		c.out, c.shared = e.buffers.put(c.out), nil
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
		c.slowly().stalled = e.seconds()
		e.lookAt(c)
	case left < int(c.slow.left)+n:
		c.slow.stalled = e.seconds()
	}
	c.slow.left = uint32(left)
}

// unblock notes that all that waited has been sent.
func (e *Engine) unblock(c *Conn) {
	e.dropUnsent(c, false)
	if !c.blocked {
		return
	}
	p := c.slow.pongs
	c.blocked, c.slow = false, nil
	if p != nil {
		if c.state == connWebSocket || c.state == connCandidate {
			out := e.output(c)
			out.B = p.Written(out.B)
		}
	}
	if s := c.session; s != nil && c.state == connWebSocket && (s.heldFor() == nil || s.flow()) {
		e.handler.OnDrain(s)
	}
}
