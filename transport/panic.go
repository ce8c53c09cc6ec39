// After a panic of the handler: what it belongs to ends, the rest goes on.

package transport

import "github.com/sioserver/sioserver/transport/ws"

// served is a session whose polled packets are being handed up, and the request
// that brought them.
type served struct {
	session *Session
	post    ExchangeRef
}

// Panicked ends a connection in whose handling the program panicked, and the
// session it carries: with close code 1011, as far as that still works. The
// handler, which may panic again, hears of it later, or from inside a Closed
// that the network guards like every call. Loop only.
func (e *Engine) Panicked(c *Conn) {
	e.broken(c)
	e.Recovered()
}

// broken ends a connection whose handling was broken off.
func (e *Engine) broken(c *Conn) {
	if e.feeding == c && c.tls != nil {
		c.deaf = true // the rest of the input is lost
	}
	switch {
	case e.feeding != c: // its input was read, the panic came while others were written to
	case c.state == connWebSocket:
		e.endFrames(c, ws.StatusInternalError)
		e.Post(&faultTask{session: c.session, gen: c.session.gen})
	default:
		e.fail(c, ErrInternal)
	}
	e.feeding = nil
}

// Recovered readies the engine for work after a panic outside the handling of a
// connection. Loop only.
func (e *Engine) Recovered() {
	e.stats.Panics++
	e.busy = false
	e.verdict = nil
	if s := e.serving.session; s != nil {
		e.Post(&faultTask{s, s.gen, e.serving.post})
		e.serving = served{}
	}
	// The work that was broken off goes on in RunTasks; timers that are due
	// already need a new alarm.
	e.alarm = 0
	e.setAlarm()
	e.inbox.mu.Lock()
	e.inbox.mu.woken = true
	e.inbox.mu.Unlock()
	e.net.Wake() // in any case: RunTasks may have been broken off with the flag set
}

// faultTask ends a session whose handler has panicked.
type faultTask struct {
	session *Session
	gen     uint32
	post    ExchangeRef // gets no answer any more
}

func (t *faultTask) Run(e *Engine) {
	if s := t.session; s.gen == t.gen {
		if t.post.engine != nil {
			e.cut(t.post)
		}
		s.close(TransportError, ErrInternal)
	}
}
