// Drain: clients are sent away at a pace, so that they come to other servers at that pace.

package loop

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// ErrDraining: the server is being drained already.
var ErrDraining = errors.New("loop: the server is draining")

// DrainPlan says how fast a server takes leave of its clients.
type DrainPlan struct {
	// Over is the time in which all clients go. Default: 0, at MaxRate.
	Over time.Duration
	// MaxRate is how many may go in a second, also if Over is not enough then.
	// Default: 0, without limit.
	MaxRate float64
	// Progress is told how far it is, several times a second, on the goroutine of
	// Drain. Default: nil.
	Progress func(DrainProgress)
}

// DrainProgress is how far a drain is.
type DrainProgress struct {
	Total     int     // clients that were there, and those that came since
	Remaining int     // clients that are here
	Rate      float64 // at which they go, in a second; +Inf for all at once
}

// drainTick is the time between two steps of a drain.
const drainTick = 20 * time.Millisecond

// retireTurn is how many clients of a loop are closed in one of its turns.
const retireTurn = 64

// Drain closes the transports of all clients, in random order and at the pace of
// the plan, with the reason "server shutting down". Unlike after
// [Socket.Disconnect], official clients come back by themselves, to another
// server or to the next process on this port. What was sent to a client before
// still goes out; what it has sent before is still handled. New sessions are
// refused meanwhile, with status 503.
//
// When no client is left it returns nil, the server goes on to refuse sessions,
// and [Server.Shutdown] should follow. If ctx is done before, the server is back
// in service, and the error is ctx's. A drain at the same time is [ErrDraining],
// an end of the server [ErrClosed]. An inline handler must not call it
// ([ErrOnLoop]).
func (s *Server) Drain(ctx context.Context, plan DrainPlan) error {
	if s.onLoop() {
		return ErrOnLoop
	}
	if !s.setDraining(false, true) {
		return ErrDraining
	}
	err := s.sendAway(ctx, plan)
	if err != nil {
		s.setDraining(true, false)
	}
	return err
}

// Draining reports whether the server is being drained, or was.
func (s *Server) Draining() bool { return s.draining.Load() }

// setDraining changes whether new sessions are refused.
func (s *Server) setDraining(from, to bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining.CompareAndSwap(from, to) {
		return false
	}
	s.setGates()
	return true
}

// leaver is a client that is to go.
type leaver struct {
	loop    int
	session transport.SessionRef
}

// sendAway is Drain once new sessions are refused.
func (s *Server) sendAway(ctx context.Context, plan DrainPlan) error {
	list, err := s.leavers(ctx)
	if err != nil {
		return err
	}
	p := newPace(plan, len(list), time.Now())
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	total, gone := len(list), 0
	for {
		if plan.Progress != nil {
			plan.Progress(DrainProgress{Total: total, Remaining: s.ClientsCount(), Rate: p.rate})
		}
		if gone == total {
			// Those that were about to be let in when it began.
			late, err := s.leavers(ctx)
			if err != nil || len(late) == 0 {
				return err
			}
			list, total = append(list, late...), total+len(late)
		}
		due := p.step(time.Now(), total-gone)
		if err := s.retire(ctx, list[gone:gone+due]); err != nil {
			return err
		}
		if gone += due; gone == total {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return ErrClosed
		}
	}
}

// pace says how many clients may go. Who is late because the machine was busy
// catches up, but never beyond the greatest rate: other servers take these
// clients in.
type pace struct {
	rate, most float64 // in a second; +Inf is without limit
	begun      time.Time
	last       time.Time
	gone       float64
	credit     float64 // what may go at most
}

// paceBurst is the time for which what may go is saved up.
const paceBurst = 2 * drainTick

func newPace(plan DrainPlan, clients int, now time.Time) *pace {
	p := &pace{rate: math.Inf(1), most: math.Inf(1), begun: now, last: now}
	if plan.MaxRate > 0 {
		p.most = plan.MaxRate
	}
	if plan.Over > 0 {
		p.rate = float64(clients) / plan.Over.Seconds()
	}
	p.rate = min(p.rate, p.most)
	return p
}

// step returns how many of those who are left go now.
func (p *pace) step(now time.Time, left int) int {
	n := float64(left)
	if !math.IsInf(p.rate, 1) {
		n = min(n, math.Floor(p.rate*now.Sub(p.begun).Seconds()-p.gone))
	}
	if !math.IsInf(p.most, 1) {
		p.credit = min(p.credit+p.most*now.Sub(p.last).Seconds(), max(1, p.most*paceBurst.Seconds()))
		n = min(n, math.Floor(p.credit))
		p.credit -= n
	}
	p.last = now
	p.gone += n
	return int(n)
}

// leavers are all clients, in random order.
func (s *Server) leavers(ctx context.Context) (list []leaver, err error) {
	for i, l := range s.loops {
		for next, more := uint32(0), true; more; {
			part, err := ask(ctx, l, func(l *Loop) (p []leaver) {
				at := next
				next, more = 0, false
				l.engine.SessionsFrom(at, func(n uint32, session *transport.Session) bool {
					if more = len(p) == scanTurn; more {
						next = n
						return false
					}
					p = append(p, leaver{i, session.Ref()})
					return true
				})
				return p
			})
			if err != nil {
				return nil, err
			}
			list = append(list, part...)
		}
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list, nil
}

// retire closes the transports of clients and waits until it has happened.
func (s *Server) retire(ctx context.Context, list []leaver) error {
	byLoop := make([][]transport.SessionRef, len(s.loops))
	for _, x := range list {
		byLoop[x.loop] = append(byLoop[x.loop], x.session)
	}
	for i, mine := range byLoop {
		for piece := range slices.Chunk(mine, retireTurn) {
			_, err := ask(ctx, s.loops[i], func(l *Loop) struct{} {
				for _, ref := range piece {
					if session := l.engine.Session(ref); session != nil {
						session.Retire()
					}
				}
				return struct{}{}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
