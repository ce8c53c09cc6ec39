// loop: one gnet event loop as the network of one engine.

package reactor

import (
	"context"
	"net"
	"os"
	"sync/atomic"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// loop implements transport.Network for the engine that runs on it.
type loop struct {
	// Immutable after New.
	reactor *Reactor
	engine  *transport.Engine

	// Any goroutine.
	events atomic.Pointer[gnet.EventLoop] // nil until the first connection
	asked  atomic.Bool                    // a wake came before that
	alarm  atomic.Int64                   // when Advance is wanted, 0 for never

	// The two things that are run on the loop, made once.
	wake wakeTask
	tick tickTask
}

// wakeTask and tickTask are what gnet runs on the loop.
type (
	wakeTask struct{ loop *loop }
	tickTask struct{ loop *loop }
)

// Run drains the engine's inbox.
func (t *wakeTask) Run(context.Context) error {
	l := t.loop
	defer l.guardTask()
	l.engine.Enter()
	l.engine.RunTasks()
	return nil
}

// Run fires the engine's timers.
func (t *tickTask) Run(context.Context) error {
	l := t.loop
	defer l.guardTask()
	l.engine.Enter()
	l.engine.Advance()
	return nil
}

// start makes up for wakes and alarms from before the loop was known.
func (l *loop) start() {
	if l.asked.Swap(false) {
		l.Wake()
	}
	if l.alarm.Load() != 0 {
		l.reactor.clock.kick()
	}
}

// forget readies the loop for another run of gnet.
func (l *loop) forget() {
	l.events.Store(nil)
	l.asked.Store(true)
}

// Wake implements transport.Network.
func (l *loop) Wake() {
	el := l.events.Load()
	if el == nil {
		// No connection has come yet: there is nobody to send to, and start
		// will see to it.
		l.asked.Store(true)
		if el = l.events.Load(); el == nil || !l.asked.Swap(false) {
			return
		}
	}
	// The error says that gnet is ending; Run starts it again or returns.
	_ = (*el).Execute(context.Background(), &l.wake)
}

// Alarm implements transport.Network.
func (l *loop) Alarm(at int64) {
	l.alarm.Store(at)
	if at != 0 {
		l.reactor.clock.alarm(at)
	}
}

// Write implements transport.Network. The kernel is asked directly while gnet
// holds nothing back, which costs less than gnet's own write; what it does not
// take goes through gnet, which waits for the socket to drain.
func (l *loop) Write(c *transport.Conn, p []byte) error {
	gc := c.Wire.(gnet.Conn)
	if gc.OutboundBuffered() == 0 {
		n, err := send(c.FD, p)
		if err != nil || n == len(p) {
			return err
		}
		p = p[n:]
	}
	_, err := gc.Write(p)
	return err
}

// Buffered implements transport.Network.
func (l *loop) Buffered(c *transport.Conn) int { return c.Wire.(gnet.Conn).OutboundBuffered() }

// Shutdown implements transport.Network.
func (l *loop) Shutdown(c *transport.Conn) { shutdownWrite(c.FD) }

// Close implements transport.Network.
func (l *loop) Close(c *transport.Conn) {
	gc := c.Wire.(gnet.Conn)
	// The error tells of a descriptor that was closed already.
	_ = gc.EventLoop().Close(gc)
}

// moving is a connection on its way to another loop, and what it sent so far.
type moving struct{ head []byte }

// Move implements transport.Network. gnet takes over connections of package
// net only, so the descriptor is dressed up as one.
func (l *loop) Move(c *transport.Conn, to *transport.Engine, head []byte) bool {
	el := l.reactor.loops[to.Index()].events.Load()
	if el == nil {
		return false
	}
	nc, err := netConn(c.Wire.(gnet.Conn))
	if err != nil {
		l.reactor.cfg.Logger.Warn("a connection could not be moved to the loop of its session", "error", err)
		return false
	}
	// Closing comes first: as long as this loop polls the socket it would read
	// from it. The duplicate keeps the connection open.
	l.Close(c)
	if _, err := (*el).Enroll(gnet.NewContext(context.Background(), &moving{head}), nc); err != nil {
		_ = nc.Close()
	}
	return true
}

// netConn returns a connection of package net for a duplicate of gc's
// descriptor.
func netConn(gc gnet.Conn) (net.Conn, error) {
	fd, err := gc.Dup()
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "moving")
	defer func() { _ = f.Close() }()
	return net.FileConn(f)
}
