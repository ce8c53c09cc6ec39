// Accepting where there is one socket for all loops: connections are handed to the loops in turn.

package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// acceptor is a listening socket of package net.
type acceptor interface {
	net.Listener
	SetDeadline(time.Time) error
}

// claimGiven claims a listener that somebody has made. It is the reactor's from
// then on.
func claimGiven(l net.Listener) (claim, error) {
	switch ln := l.(type) {
	case *net.TCPListener:
		return claim{ln: ln, addr: ln.Addr().String()}, nil
	case *net.UnixListener:
		return claim{ln: ln, addr: "unix:" + ln.Addr().String()}, nil
	}
	return claim{}, fmt.Errorf("reactor: a listener of type %T cannot be served, its connections have no descriptor to wait for: "+
		"give the *net.TCPListener or *net.UnixListener beneath it, or serve it with an http.Server and the Handler", l)
}

// acceptGiven begins to accept where gnet does not.
func (r *Reactor) acceptGiven() {
	for i := range r.claims {
		if c := &r.claims[i]; c.ln != nil {
			r.accepts.Add(1)
			go r.accept(c)
		}
	}
}

// acceptDelay is the pause after a failure to accept, doubled up to the limit
// while it goes on.
const (
	acceptDelay    = 5 * time.Millisecond
	acceptDelayMax = time.Second
)

// accept accepts until the listener is closed or its deadline has passed. A
// goroutine does this, and gnet's worker passes the connection on, so that it
// costs more than where each loop has a socket of its own: see decision 0029.
func (r *Reactor) accept(c *claim) {
	defer r.accepts.Done()
	delay := acceptDelay
	for {
		nc, err := c.ln.Accept()
		switch {
		case err == nil:
			delay = acceptDelay
			r.arrived(nc, &c.Listener)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, os.ErrDeadlineExceeded): // see cease
			if !c.passed {
				r.acceptWaiting(c)
			}
			_ = c.ln.Close()
			return
		default: // too many open files, or a network that is gone
			if r.troubled.allows(time.Now()) {
				r.cfg.Logger.Warn("a connection cannot be accepted, which is tried again", "address", c.addr, "error", err, "delay", delay)
			}
			select {
			case <-time.After(delay):
			case <-r.ended:
			}
			delay = min(2*delay, acceptDelayMax)
		}
	}
}

// arrived hands a new connection to a loop.
func (r *Reactor) arrived(nc net.Conn, by *Listener) {
	if !r.enter() || r.enroll(nc, r.nextLoop(), &moving{by: by}) != nil {
		_ = nc.Close()
	}
}

// nextLoop is the loop whose turn it is, of those that run.
func (r *Reactor) nextLoop() int {
	n := len(r.loops)
	first := int(r.turn.Add(1)) % n
	for i := range n {
		if at := (first + i) % n; r.loops[at].runs(nil) {
			return at
		}
	}
	return first
}
