// Deadlines of connections, and the periodic look at those without progress.

package transport

import (
	"github.com/sioserver/sioserver/transport/http1"
	"github.com/sioserver/sioserver/transport/ws"
)

// watchPeriod is the time between two looks at a connection, in milliseconds.
const watchPeriod = 1000

// closingPeriod is the same while a connection sends its last bytes.
const closingPeriod = 50

// seconds is the engine's time in whole seconds from 1, for deadlines that are
// looked at once a second.
func (e *Engine) seconds() uint32 { return uint32(e.Now()/1000) + 1 }

// lookAt makes sure that the connection is looked at.
func (e *Engine) lookAt(c *Conn) {
	period := int64(watchPeriod)
	switch {
	case c.state == connClosing:
		period = closingPeriod
		c.watch = e.timers.Cancel(c.watch)
	case c.session != nil && c.session.heldFor() != nil:
		period = closingPeriod // nobody tells that the peer has read
	case c.over() != 0:
		period = min(period, e.graceLeft(c.over()))
		c.watch = e.timers.Cancel(c.watch)
	}
	if c.watch == 0 {
		c.watch = e.arm(e.Now()+period, c.index, timerWatch)
	}
}

// connWatch looks at a connection that was making no progress.
func (e *Engine) connWatch(c *Conn) {
	c.watch = 0
	now := e.seconds()
	if c.blocked {
		e.watchOutput(c, now)
	}
	if c.over() != 0 {
		e.watchBurst(c)
	}
	if s := c.session; s != nil && c.blocked && c.state == connWebSocket {
		s.release(false)
	}
	if c.message != 0 {
		e.watchMessage(c, now)
	}
	if c.in != nil && c.in.phase == readingBody {
		e.watchBody(c)
	}
	if c.state == connHandshake {
		e.watchHandshake(c)
	}
	if c.state == connClosed {
		return
	}
	if c.sentAll() {
		e.finish(c)
		return
	}
	e.depart(c)
	if c.blocked || c.message != 0 || c.in != nil && c.in.phase == readingBody {
		e.lookAt(c)
	}
}

// watchOutput cuts a peer that takes nothing of what waits for it.
func (e *Engine) watchOutput(c *Conn, now uint32) {
	left := uint32(e.net.Buffered(c))
	switch {
	case left == 0:
		e.unblock(c)
	case left < c.slow.left:
		c.slow.left = left
		c.slow.stalled = now
	case int64(now-c.slow.stalled)*1000 >= e.opts.StallTimeout:
		e.stats.Limits[LimitStall]++
		e.fail(c, ErrStalled)
	case int64(now-c.slow.stalled)*2000 >= e.opts.StallTimeout:
		if s := c.session; s != nil && c.state == connWebSocket && !s.slowTold() {
			s.tellSlow()
		}
	}
}

// watchBurst cuts a peer that lets a burst wait for too long.
func (e *Engine) watchBurst(c *Conn) {
	waiting := e.waiting(c)
	if s := c.session; s != nil {
		waiting += s.heldBytes()
	}
	switch {
	case waiting <= e.opts.OutboundBytes:
		c.overNoMore()
	case e.graceLeft(c.over()) <= 0:
		e.stats.Limits[LimitOutbound]++
		e.fail(c, ErrBacklog)
	}
}

// graceLeft is the time that a burst has left which began at a tick.
func (e *Engine) graceLeft(over uint32) int64 {
	return e.atTick(over) + e.opts.OutboundGrace - e.Now()
}

// watchMessage cuts a peer that does not complete a fragmented message.
func (e *Engine) watchMessage(c *Conn, now uint32) {
	if !c.frames.Pending() {
		c.message = 0
		return
	}
	if int64(now-c.message)*1000 >= e.opts.MessageTimeout {
		e.stats.Limits[LimitMessageTime]++
		e.closeFrames(c, ws.StatusPolicy, ErrMessageTimeout)
	}
}

// watchBody cuts a peer whose body drips.
func (e *Engine) watchBody(c *Conn) {
	in := c.in
	if in.seconds++; in.seconds < bodyWindow {
		return
	}
	if in.received < e.opts.BodyRate*bodyWindow {
		e.stats.Limits[LimitBodyRate]++
		e.discardRest(c)
		e.refuseBody(c, http1.ErrTimeout)
		return
	}
	in.seconds, in.received = 0, 0
}

// bodyWindow is the number of looks over which the pace of a body is judged.
const bodyWindow = 10

// connTimer handles the deadline of the connection's present state.
func (e *Engine) connTimer(c *Conn) {
	c.timer = 0
	switch c.state {
	case connHTTP:
		switch {
		case c.in != nil && c.in.phase == atGate:
			e.gateTimeout(c)
			return
		case c.in != nil && c.in.phase == discardingBody:
			e.stats.Limits[LimitDiscarded]++
			e.discarded(c)
			return
		case c.in != nil || c.requests == 0:
		case c.blocked:
			// It takes its last answer slowly, as connWatch sees.
			c.timer = e.arm(e.Now()+e.opts.KeepAlive, c.index, timerConn)
			return
		default:
			e.end(c)
			return
		}
		e.stats.Limits[LimitRequestTime]++
		if c.in != nil && c.in.phase == readingBody {
			e.discardRest(c)
			e.refuseBody(c, http1.ErrTimeout)
		} else {
			e.refuse(c, http1.ErrTimeout)
		}
	case connAnnounced:
		e.announcedTimeout(c)
	case connHandshake:
		e.handshakeTimeout(c)
	case connRaw:
		e.idleRaw(c)
	case connCandidate:
		e.stats.Limits[LimitUpgradeTime]++
		e.closeFrames(c, ws.StatusNone, nil)
	case connDiscarding:
		e.stats.Limits[LimitDiscarded]++
		e.discarded(c)
	case connDraining:
		e.net.Close(c)
	}
}
