// The look at memory and event loops, once a second.

package gate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// How often is looked, and how far a value must fall below its limit before
// connections are let in again.
const (
	watchPeriod = time.Second
	slack       = 0.05 // of memory; the delay of loops must be half
)

// The clients that are closed in one look at critical memory, and how much must
// wait for one.
const (
	shedClients = 16
	shedBytes   = 64 << 10
)

// overload is whether connections are refused, and why.
type overload struct {
	reason atomic.Pointer[string]
	shed   atomic.Uint64
	memory bool // the watch alone
	lag    bool
}

// why is why connections are refused, "" if they are not.
func (o *overload) why() string {
	if p := o.reason.Load(); p != nil {
		return *p
	}
	return ""
}

// Overloaded is why connections are refused at present, "" if they are not.
func (g *Gate) Overloaded() string { return g.overload.why() }

// Shed is how many clients were closed because memory was at its end.
func (g *Gate) Shed() uint64 { return g.overload.shed.Load() }

// Memory is how much of the memory there is for the process is in use, from 0 to
// 1, and what tells so.
func (g *Gate) Memory() (share float64, source string) { return g.memory.Last() }

// watch looks until ctx is done.
func (g *Gate) watch(ctx context.Context) {
	defer close(g.ended)
	tick := time.NewTicker(watchPeriod)
	defer tick.Stop()
	for {
		g.pulse.beat(time.Now())
		g.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look judges what memory and loops are like.
func (g *Gate) look(ctx context.Context) {
	o, l := &g.overload, g.limits.Load().overload
	share, source := g.memory.Read()
	lag := g.pulse.worst(time.Now())
	high, lagHigh := float64(l.MemoryHigh), time.Duration(l.LoopLagHigh)
	o.memory = over(o.memory, share, high, high-slack)
	o.lag = over(o.lag, lag.Seconds(), lagHigh.Seconds(), lagHigh.Seconds()/2)
	reason := ""
	switch {
	case o.memory:
		reason = fmt.Sprintf("%.0f %% of the memory is in use (%s)", 100*share, source)
	case o.lag:
		reason = fmt.Sprintf("the event loops are %s behind", lag.Round(time.Millisecond))
	}
	if was := o.why(); (was == "") != (reason == "") {
		if reason == "" {
			g.node.Log.Info("connections are let in again")
		} else {
			g.node.Log.Warn("connections are refused", "limit", LimitOverload, "reason", reason)
		}
	}
	o.reason.Store(&reason)
	if critical := float64(l.MemoryCritical); critical > 0 && share >= critical {
		g.shed(ctx)
	}
}

// over reports whether a value is too high: from high on, until it is below low.
// A high of 0 is no limit.
func over(was bool, v, high, low float64) bool {
	if high <= 0 {
		return false
	}
	return v >= high || was && v >= low
}

// shed closes the clients for which most waits.
func (g *Gate) shed(ctx context.Context) {
	q, err := g.node.Server.Queues(ctx, shedClients)
	if err != nil {
		return // the server ends
	}
	for _, s := range q.Longest {
		if s.Buffered < shedBytes {
			return
		}
		s.Socket.Conn().Close(true)
		g.overload.shed.Add(1)
		g.node.Log.Warn("a client was closed to free memory", "sid", s.Socket.ID(), "bytes", s.Buffered)
	}
}

// pulse is how promptly the event loops do what they are asked.
type pulse struct {
	server []*loop.Loop
	loops  []beat
}

// beat is a loop's.
type beat struct {
	asked atomic.Int64 // Unix nanoseconds; 0 if it has answered
	lag   atomic.Int64 // of the last answer, in nanoseconds
	at    atomic.Int64 // of the last answer
}

func (p *pulse) init(s *loop.Server) {
	p.server = s.Loops()
	p.loops = make([]beat, len(p.server))
	for i := range p.loops {
		p.loops[i].at.Store(time.Now().UnixNano())
	}
}

// beat asks each loop that has answered before.
func (p *pulse) beat(now time.Time) {
	for i := range p.loops {
		b := &p.loops[i]
		if !b.asked.CompareAndSwap(0, now.UnixNano()) {
			continue
		}
		err := p.server[i].Execute(func() {
			at := time.Now().UnixNano()
			b.lag.Store(at - b.asked.Load())
			b.at.Store(at)
			b.asked.Store(0)
		})
		if err != nil {
			b.asked.Store(0) // the server has not begun, or ends, or too much waits: then it is late as it is
		}
	}
}

// lagOf is how far a loop is behind: what it took to answer last, or for how long
// it owes an answer if that is more.
func (p *pulse) lagOf(i int, now time.Time) time.Duration {
	b := &p.loops[i]
	lag := b.lag.Load()
	if asked := b.asked.Load(); asked != 0 {
		lag = max(lag, now.UnixNano()-asked)
	}
	return time.Duration(lag)
}

// worst is the largest of them.
func (p *pulse) worst(now time.Time) (worst time.Duration) {
	for i := range p.loops {
		worst = max(worst, p.lagOf(i, now))
	}
	return worst
}

// Lags are how far each event loop is behind.
func (g *Gate) Lags() []time.Duration {
	now := time.Now()
	list := make([]time.Duration, len(g.pulse.loops))
	for i := range list {
		list[i] = g.pulse.lagOf(i, now)
	}
	return list
}
