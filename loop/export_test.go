// What the tests see of the inside.

package loop

import (
	"context"

	"github.com/sioserver/sioserver/transport"
)

// Spy is told of the sessions of a server. It is called on the loops.
type Spy struct {
	Open  func(sid, query string)
	Close func(sid, reason string, err error)
}

type spied struct {
	upcalls
	spy Spy
}

func (s spied) OnOpen(session *transport.Session, h *transport.Hello) {
	s.spy.Open(session.ID().String(), string(h.Request.RawQuery))
	s.upcalls.OnOpen(session, h)
}

func (s spied) OnClose(session *transport.Session, reason transport.CloseReason, err error) {
	s.upcalls.OnClose(session, reason, err)
	s.spy.Close(session.ID().String(), reason.String(), err)
}

// SpyOn attaches a spy. Before Run.
func (s *Server) SpyOn(spy Spy) {
	for i, e := range s.engines {
		e.Attach(spied{upcalls{s.loops[i]}, spy}, s.reactor.Network(i))
	}
}

// SetSessionLinger changes how long a closed polling session waits for its
// client to ask, in milliseconds. Before Run.
func (s *Server) SetSessionLinger(ms int64) { s.engines[0].Options().SessionLinger = ms }

// Leftovers is what a server holds on behalf of clients. All of it is zero when
// none is connected.
type Leftovers struct {
	Conns, Sessions, Timers, Sockets, Clients, Acks, Rooms, Members, Strands int
	Polls                                                                    int // open requests of polling clients
}

// Leftovers asks every loop.
func (s *Server) Leftovers(ctx context.Context) (sum Leftovers, err error) {
	answers := make(chan Leftovers, len(s.loops))
	for _, l := range s.loops {
		l.engine.Post(leftoversTask{l, answers})
	}
	for range s.loops {
		select {
		case a := <-answers:
			sum.Conns += a.Conns
			sum.Sessions += a.Sessions
			sum.Timers += a.Timers
			sum.Sockets += a.Sockets
			sum.Clients += a.Clients
			sum.Acks += a.Acks
			sum.Polls += a.Polls
		case <-ctx.Done():
			return sum, ctx.Err()
		}
	}
	for _, n := range *s.namespaces.Load() {
		sum.Rooms += len(n.Rooms())
		sum.Members += n.ConnectedSockets()
	}
	s.strands.mu.Lock()
	sum.Strands = s.strands.mu.n
	s.strands.mu.Unlock()
	return sum, nil
}

type leftoversTask struct {
	loop    *Loop
	answers chan<- Leftovers
}

func (t leftoversTask) Run(e *transport.Engine) {
	l, st := t.loop, e.Stats()
	a := Leftovers{Conns: st.Conns, Sessions: st.Sessions, Timers: st.Timers}
	l.sockets.Each(func(x *entry) {
		if x.state != socketFree {
			a.Sockets++
		}
	})
	e.EachSession(func(s *transport.Session) {
		if !s.WebSocket() && s.Writable() {
			a.Polls++
		}
	})
	a.Clients = l.clients.Len()
	l.waiting.Each(func(p *pendingAck) {
		if p.socket != nil {
			a.Acks++
		}
	})
	t.answers <- a
}

// WithDefaults is the Config as a server uses it.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// Away is the number of clients that may come back.
func (n *Namespace) Away() int {
	n.recovery.mu.Lock()
	defer n.recovery.mu.Unlock()
	return len(n.recovery.mu.sessions)
}

// IsAway reports whether a client may come back.
func (n *Namespace) IsAway(pid string) bool {
	n.recovery.mu.Lock()
	defer n.recovery.mu.Unlock()
	return n.recovery.mu.sessions[pid] != nil
}

// RefusalQueue is how many refusals may wait to be told.
const RefusalQueue = refusalQueue

// WebConnections is the number of connections that have left the loops.
func (s *Server) WebConnections() int { return int(s.web.open.Load()) }

// Carried is the number of connections that goroutines carry.
func (s *Server) Carried() int { return int(s.carried.Load()) }

// Waiting is how many functions of the application's wait for the loops.
func (s *Server) Waiting() (n int) {
	for _, l := range s.loops {
		n += int(l.tasks.Load())
	}
	return n
}
