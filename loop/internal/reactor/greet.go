// Greeting: how the reactor gets to know gnet's loops before clients come.

package reactor

import (
	"context"
	"net"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// greeting marks a connection of the reactor's own, to nobody. gnet names the
// loop of a connection and has no other way to a loop. Without it a loop would
// have to wait for its first client before it could run tasks and timers: a
// request forwarded to it, a question about its counters.
type greeting struct{ stays bool }

// greet sends each loop a greeting. gnet hands connections from this side to
// its loops in turn, and there are no others until all have been seen. Failing,
// it leaves the rest of the loops to their first clients.
func (r *Reactor) greet(engine gnet.Engine, down <-chan struct{}) {
	r.mu.Lock()
	client := r.mu.client
	r.mu.Unlock()
	if client != nil {
		if err := r.greetAlone(client); err != nil {
			r.cfg.Logger.Error("an event loop could not be greeted and will not run", "error", err)
		}
		return
	}
	if r.hosted != nil {
		r.greetHosted(engine, down)
		return
	}
	for range r.loops {
		if err := greetNext(engine, down); err != nil {
			r.cfg.Logger.Warn("an event loop could not be greeted and begins with its first connection", "error", err)
			return
		}
	}
}

func greetNext(engine gnet.Engine, down <-chan struct{}) error {
	nc, end, err := pair()
	if err != nil {
		return err
	}
	defer closeAll([]int{end})
	ctx := gnet.NewNetConnContext(gnet.NewContext(context.Background(), greeting{}), nc)
	result, err := engine.Register(ctx)
	if err != nil {
		_ = nc.Close()
		return err
	}
	select {
	case r := <-result:
		return r.Err
	case <-down:
		return errNotRunning
	}
}

// pair makes a connection and the descriptor of its other end.
func pair() (nc net.Conn, end int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, -1, err
	}
	if nc, err = fileConn(fds[0]); err != nil {
		_ = unix.Close(fds[1])
		return nil, -1, err
	}
	return nc, fds[1], nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
