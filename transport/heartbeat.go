// Heartbeats and the other clocks of a session.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/wheel"
)

// coarse is the grid, in milliseconds, on which long heartbeats fall: pings of
// many sessions then share one wake-up of their loop.
const coarse = 100

// strayPongs is how many pongs nobody asked for a client may send between two
// pings.
const strayPongs = 10

// stamp is a time of the engine's clock as sessions keep it, in milliseconds; it
// starts again after 49 days.
func stamp(ms int64) uint32 { return uint32(ms) }

// atStamp is the time of a stamp near the present.
func (e *Engine) atStamp(at uint32) int64 {
	now := e.Now()
	return now + int64(int32(at-stamp(now)))
}

// ticks is a time of the engine's clock in ticks of the wheel; it starts again
// after 497 days.
func ticks(ms int64) uint32 { return uint32((ms + wheel.Tick - 1) / wheel.Tick) }

// atTick is the time at which a tick near the present one begins.
func (e *Engine) atTick(tick uint32) int64 {
	now := e.Now() / wheel.Tick
	return (now + int64(int32(tick-uint32(now)))) * wheel.Tick
}

// tick is the present in ticks, never 0.
func (e *Engine) tick() uint32 { return max(1, ticks(e.Now())) }

// heartbeat puts a heartbeat's time on the grid.
func (e *Engine) heartbeat(at int64) uint32 {
	if e.opts.PingInterval >= 50*coarse {
		at = (at + coarse - 1) / coarse * coarse
	}
	return stamp(at)
}

// armTimer sets the session's one timer to the nearest of its deadlines.
func (s *Session) armTimer() {
	at := s.due
	if s.connectBy != 0 && int32(s.connectBy-at) < 0 {
		at = s.connectBy
	}
	e := s.engine
	if p := s.poll; p != nil && p.over != 0 {
		if by := stamp(e.atTick(p.over) + e.opts.OutboundGrace); int32(by-at) < 0 {
			at = by
		}
	}
	e.timers.Cancel(s.timer)
	s.timer = e.arm(e.atStamp(at), s.index, timerSession)
}

// sessionTimer acts on what is due.
func (e *Engine) sessionTimer(s *Session) {
	s.timer = 0
	if s.state == sessionLingering {
		s.bury()
		return
	}
	now := e.Now()
	if s.connectBy != 0 && int32(s.connectBy-stamp(now)) <= 0 {
		e.stats.Limits[LimitConnectTime]++
		s.closeForced(ErrConnectTimeout)
		return
	}
	if p := s.poll; p != nil && p.over != 0 && e.graceLeft(p.over) <= 0 {
		e.stats.Limits[LimitBuffered]++
		s.close(TransportError, ErrBacklog)
		return
	}
	if int32(s.due-stamp(now)) <= 0 && !s.beat(now) {
		return
	}
	s.armTimer()
}

// beat sends the ping that is due, or judges the wait for a pong. It reports
// whether the session goes on.
func (s *Session) beat(now int64) bool {
	e := s.engine
	if s.poll != nil && s.poll.carried {
		s.due = ticks(now + never) // heartbeats are the carrier's business
		return true
	}
	if s.dialect.revision3() {
		s.close(PingTimeout, nil)
		return false
	}
	if !s.awaiting {
		s.awaiting, s.alive, s.extended = true, false, false
		s.stray = 0
		// The resolution of the timers is not added to the wait for the pong.
		late := min(int64(int32(stamp(now)-s.due)), 2*wheel.Tick)
		s.due = stamp(now - late + e.opts.PingTimeout)
		s.sendPacket(engineio.Ping)
		return true
	}
	if s.alive && !s.extended {
		// The client is sending, its pong may stand behind a long message: the
		// reference extends the wait once.
		s.extended = true
		s.due = stamp(now + e.opts.PingTimeout)
		return true
	}
	s.close(PingTimeout, nil)
	return false
}

// expire ends a session that has missed its heartbeat when its client polls
// again, though the timer, with its resolution, has not come yet.
func (s *Session) expire() {
	if s.state != sessionOpen || !s.awaiting && !s.dialect.revision3() {
		return
	}
	if now := s.engine.Now(); int32(s.due-stamp(now)) <= 0 && s.beat(now) {
		s.armTimer()
	}
}

// pong takes the client's answer to a ping.
func (s *Session) pong() {
	e := s.engine
	if s.dialect.revision3() {
		s.close(TransportError, ErrHeartbeat)
		return
	}
	if !s.awaiting {
		if s.stray++; s.stray > strayPongs {
			e.stats.Limits[LimitPongs]++
			s.close(ParseError, ErrPongFlood)
		}
		return
	}
	s.awaiting = false
	s.due = e.heartbeat(e.Now() + e.opts.PingInterval)
	s.armTimer()
}
