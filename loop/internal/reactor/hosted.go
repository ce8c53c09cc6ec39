// A reactor on the event loops of a host that runs gnet itself.

package reactor

import (
	"context"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// refused marks a connection that was refused when it came: nothing else says
// whose it was.
type refused struct{}

// Host makes the reactor one that uses the loops of a host's engine. The host
// hands it the events of gnet: all of OnBoot, OnTick and OnShutdown, and of
// connections HostOpen, OnTraffic and OnClose for those it owns. Run only waits
// for Stop then. Before Run.
func (r *Reactor) Host() {
	if r.hosted == nil {
		r.hosted = new(Listener)
	}
}

// Owns reports whether a connection is one of the reactor's, or on its way to it.
// Loop only.
func (r *Reactor) Owns(gc gnet.Conn) bool {
	switch gc.Context().(type) {
	case greeting, *moving, *transport.Conn, refused:
		return true
	}
	return false
}

// HostOpen is OnOpen for a connection that the host hands over.
func (r *Reactor) HostOpen(gc gnet.Conn) ([]byte, gnet.Action) {
	out, action := r.OnOpen(gc)
	if action == gnet.Close && gc.Context() == nil {
		gc.SetContext(refused{})
	}
	return out, action
}

// serveHosted waits for Stop, or for the end of the host's engine, and gives the
// loops back.
func (r *Reactor) serveHosted() {
	<-r.ended
	r.greeting.Lock() // nobody is greeted any more
	defer r.greeting.Unlock()
	r.mu.Lock()
	engine, down := r.mu.engine, r.mu.down
	r.mu.Unlock()
	for _, l := range r.loops {
		l.giveBack(down)
	}
	select {
	case <-down:
		// gnet does not say when its loops have ended, but knows.
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for engine.Validate() == nil {
			<-tick.C
		}
	default:
	}
}

// giveBack ends all that there is on the loop, which stays the host's.
func (l *loop) giveBack(down <-chan struct{}) {
	t := giveBackTask{l, make(chan struct{})}
	l.mu.Lock()
	running := l.mu.events != nil
	if running {
		l.execute(t)
		l.mu.events = nil // nothing is asked of it behind this
	}
	l.mu.Unlock()
	if running {
		select {
		case <-t.done:
		case <-down:
		}
	}
}

// giveBackTask runs on the loop.
type giveBackTask struct {
	loop *loop
	done chan struct{}
}

// Run implements gnet's Runnable.
func (t giveBackTask) Run(context.Context) error {
	l := t.loop
	defer close(t.done)
	defer l.guardTask()
	l.engine.Enter()
	l.engine.Cut()
	l.ended = true
	l.engine.Leave()
	return nil
}

// greetHosted is greet for the loops of a host, which may enroll connections of its
// own meanwhile and change whose turn it is: it goes on until all loops were seen.
func (r *Reactor) greetHosted(engine gnet.Engine, down <-chan struct{}) {
	const rounds = 16
	for range rounds * len(r.loops) {
		if r.allRun() {
			return
		}
		if err := greetNext(engine, down); err != nil {
			r.cfg.Logger.Warn("an event loop could not be greeted and begins with its first connection", "error", err)
			return
		}
	}
	if !r.allRun() {
		r.cfg.Logger.Warn("not all event loops of the host have shown themselves; those that are left begin with their first connection: "+
			"let Loops be the number of the host's event loops, and leave gnet's load balancing at RoundRobin", "loops", len(r.loops))
	}
}

// allRun reports whether every loop runs.
func (r *Reactor) allRun() bool {
	for i := range r.loops {
		if !r.Running(i) {
			return false
		}
	}
	return true
}
