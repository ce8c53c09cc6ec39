// loop: one gnet event loop as the network of one engine.

package reactor

import (
	"context"
	"net"
	"sync"
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
	alarm   atomic.Int64 // when Advance is wanted, 0 for never
	ringUp  atomic.Bool  // uring is in use
	flushed flushCounts
	mu      struct {
		// Held while gnet is asked for something: once its loop has ended, the
		// descriptor it is woken by belongs to somebody else.
		sync.Mutex
		events gnet.EventLoop // nil while none runs
		asked  bool           // a wake came meanwhile
	}

	// Owned by the loop.
	ended     bool                   // leaveTask has run
	listeners map[net.Addr]*Listener // by gnet's address of them, once a connection has come
	bridges   map[*Bridge]struct{}   // those that are open
	uring     *uring                 // nil without

	// The two things that are run on the loop, made once.
	wake wakeTask
	tick tickTask
}

// wakeTask, tickTask and leaveTask are what gnet runs on the loop.
type (
	wakeTask  struct{ loop *loop }
	tickTask  struct{ loop *loop }
	leaveTask struct{ loop *loop }
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

// Run is the last thing that runs on a loop that ends: its goroutine's
// identity may soon be another's.
func (t leaveTask) Run(context.Context) error {
	t.loop.ended = true
	t.loop.engine.Leave()
	return nil
}

// start gives the loop its gnet loop, and makes up for wakes and alarms from
// before. It is called on it.
func (l *loop) start(el gnet.EventLoop) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events != nil {
		return
	}
	l.mu.events = el
	l.ended = false
	l.listeners = map[net.Addr]*Listener{}
	l.execute(&l.tick)
	if l.mu.asked {
		l.mu.asked = false
		l.execute(&l.wake)
	}
}

// stop takes the gnet loop away, which is about to end. What is asked from now
// on waits for another.
func (l *loop) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events != nil {
		l.execute(leaveTask{l})
		l.mu.events = nil
	}
	// A task that waits in the old loop may never run there.
	l.mu.asked = true
}

// runs reports whether this is the loop that runs on el, or, without el,
// whether it runs at all.
func (l *loop) runs(el gnet.EventLoop) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.events != nil && (el == nil || l.mu.events == el)
}

// execute hands a task to gnet. The error says that gnet is ending, after which
// it runs again or not at all. The lock is held.
func (l *loop) execute(task gnet.Runnable) {
	_ = l.mu.events.Execute(context.Background(), task)
}

// Wake implements transport.Network.
func (l *loop) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events == nil {
		l.mu.asked = true
		return
	}
	l.execute(&l.wake)
}

// ring is Wake for the alarm.
func (l *loop) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.events != nil {
		l.execute(&l.tick)
	}
}

// Alarm implements transport.Network.
func (l *loop) Alarm(at int64) {
	l.alarm.Store(at)
	if at != 0 {
		l.reactor.clock.kick()
	}
}

// Write implements transport.Network. The kernel is asked directly while gnet
// holds nothing back, which costs less than gnet's own write; what it does not
// take goes through gnet, which waits for the socket to drain.
func (l *loop) Write(c *transport.Conn, p []byte) error {
	if c.FD == noFD {
		return c.Wire.(*Bridge).write(p)
	}
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
func (l *loop) Buffered(c *transport.Conn) int {
	if c.FD == noFD {
		return c.Wire.(*Bridge).buffered()
	}
	return c.Wire.(gnet.Conn).OutboundBuffered()
}

// Shutdown implements transport.Network.
func (l *loop) Shutdown(c *transport.Conn) {
	if c.FD == noFD {
		c.Wire.(*Bridge).shut()
		return
	}
	shutdownWrite(c.FD)
}

// Close implements transport.Network.
func (l *loop) Close(c *transport.Conn) {
	if c.FD == noFD {
		c.Wire.(*Bridge).closed()
		return
	}
	gc := polled(c.Wire)
	// The error tells of a descriptor that was closed already.
	_ = gc.EventLoop().Close(gc)
}

// listener finds the listener that a connection has come by. gnet gives all
// connections of one of its listeners, of which each loop has its own, the same
// address.
func (l *loop) listener(local net.Addr) *Listener {
	if l.reactor.hosted != nil {
		return l.reactor.hosted
	}
	claims := l.reactor.claims
	if len(claims) == 1 {
		return &claims[0].Listener
	}
	found := l.listeners[local]
	if found == nil {
		for i := range claims {
			if claims[i].local == local.String() {
				found = &claims[i].Listener
			}
		}
		l.listeners[local] = found
	}
	return found
}
