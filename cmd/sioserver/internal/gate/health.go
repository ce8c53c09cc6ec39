// How the node is: alive, and ready for traffic.

package gate

import (
	"fmt"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/loop"
)

// aliveTime is how long an event loop may not answer.
const aliveTime = 5 * time.Second

// checks are what readiness consists of.
type checks struct {
	mu   sync.Mutex
	list []check
}

type check struct {
	name string
	ok   func() (ok bool, detail string)
}

// Check adds a condition of readiness. f must not block.
func (g *Gate) Check(name string, f func() (ok bool, detail string)) {
	g.checks.mu.Lock()
	defer g.checks.mu.Unlock()
	g.checks.list = append(g.checks.list, check{name, f})
}

// readiness adds the conditions that are the server's.
func (g *Gate) readiness(s *loop.Server) {
	g.Check("started", func() (bool, string) {
		select {
		case <-s.Listening():
			return true, ""
		default:
			return false, "the server does not listen yet"
		}
	})
	g.Check("overload", func() (bool, string) {
		why := g.overload.why()
		return why == "", why
	})
	g.Check("max_connections", func() (bool, string) {
		open, most := s.Connections(), g.node.MaxConnections()
		return open < most, fmt.Sprintf("%d of %d", open, most)
	})
}

// Live implements [control.Health]: every loop has answered lately.
func (g *Gate) Live() (list []control.Check) {
	now := time.Now()
	for i := range g.pulse.loops {
		silent := time.Duration(now.UnixNano() - g.pulse.loops[i].at.Load())
		list = append(list, control.Check{
			Name: fmt.Sprintf("loop_%d", i), OK: silent < aliveTime, Detail: fmt.Sprintf("answered %s ago", silent.Round(time.Millisecond)),
		})
	}
	return list
}

// Ready implements [control.Health].
func (g *Gate) Ready() (list []control.Check) {
	g.checks.mu.Lock()
	all := g.checks.list
	g.checks.mu.Unlock()
	for _, c := range all {
		ok, detail := c.ok()
		list = append(list, control.Check{Name: c.name, OK: ok, Detail: detail})
	}
	return list
}
