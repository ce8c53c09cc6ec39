// Drainer: the steps by which a node takes leave of its clients.

// Package drain takes a node out of service without hurting anybody: balancers
// are told first, then clients are closed at a pace at which others can take them
// in, and what is due goes out.
package drain

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/control"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// The states of a drain.
const (
	Serving = "serving"
	PreStop = "pre_stop" // /readyz fails, everything else goes on
	Closing = "closing"  // no new sessions, clients are closed
	Drained = "drained"  // nobody is left, or the time was over
)

// ErrCancelled: somebody has put the node back into service.
var ErrCancelled = errors.New("the drain was cancelled")

// drainingEvent is what clients are told, with the time until the last is closed.
const drainingEvent = "$server:draining"

// Drainer drains a node. It is a [node.Part]; its methods may be called from any
// goroutine.
type Drainer struct {
	node *node.Node
	ctx  context.Context // of the node

	mu     sync.Mutex
	status control.DrainStatus
	now    *under // the last drain, nil before the first
	late   bool   // the port is given up: there is no way back
}

// under is a drain that is under way, or over.
type under struct {
	cancel context.CancelCauseFunc
	done   chan struct{} // closed when it is over
	err    error         // then
}

// New makes a drainer.
func New() *Drainer { return &Drainer{status: control.DrainStatus{State: Serving}} }

// Start implements [node.Part].
func (d *Drainer) Start(ctx context.Context, n *node.Node) error {
	d.node, d.ctx = n, ctx
	return nil
}

// Prepare implements [node.Part]: a drain reads the configuration when it begins.
func (d *Drainer) Prepare(*config.Config) (func(), error) { return nil, nil }

// Stop implements [node.Part].
func (d *Drainer) Stop(context.Context) error { return nil }

// Status implements [control.Drainer].
func (d *Drainer) Status() control.DrainStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.status
	if s.Rate > 0 {
		s.ETA = math.Ceil(float64(s.Remaining) / s.Rate)
	}
	return s
}

// Ready tells whether balancers may send clients here.
func (d *Drainer) Ready() (bool, string) {
	s := d.Status()
	return s.State == Serving, s.State
}

// Begin implements [control.Drainer]: when the drain is over, the process ends.
func (d *Drainer) Begin(over time.Duration, rate float64) bool {
	u, begun := d.begin(over, rate)
	if !begun {
		return false
	}
	go func() {
		if <-u.done; u.err == nil {
			d.node.Quit()
		}
	}()
	return true
}

// Drain implements [node.Drainer]: it drains as configured, or waits for the
// drain that is under way, until ctx is done.
func (d *Drainer) Drain(ctx context.Context) error {
	u, _ := d.begin(0, 0)
	select {
	case <-u.done:
		return u.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Cancel implements [control.Drainer].
func (d *Drainer) Cancel() bool {
	d.mu.Lock()
	u, late := d.now, d.late
	d.mu.Unlock()
	if u == nil || late {
		return false
	}
	u.cancel(ErrCancelled)
	<-u.done
	return errors.Is(u.err, ErrCancelled) && d.Status().State == Serving
}

// begin starts a drain, unless there is one, and returns the one there is.
func (d *Drainer) begin(over time.Duration, rate float64) (u *under, begun bool) {
	c := d.node.Config().Drain
	if over == 0 && rate == 0 {
		over = time.Duration(c.Over)
	}
	if rate == 0 {
		rate = float64(c.MaxRate)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status.State != Serving {
		return d.now, false
	}
	ctx, cancel := context.WithCancelCause(d.ctx)
	d.now = &under{cancel: cancel, done: make(chan struct{})}
	d.status = control.DrainStatus{State: PreStop, Since: time.Now(), Total: d.node.Server.ClientsCount(), Remaining: d.node.Server.ClientsCount()}
	go d.run(ctx, d.now, c, loop.DrainPlan{Over: over, MaxRate: rate, Progress: d.progress})
	return d.now, true
}

// run goes through the states.
func (d *Drainer) run(ctx context.Context, u *under, c config.Drain, plan loop.DrainPlan) {
	limited, stop := context.WithTimeoutCause(ctx, time.Duration(c.PreStop)+time.Duration(c.Timeout), context.DeadlineExceeded)
	defer stop()
	err := d.steps(limited, c, plan)
	cancelled := errors.Is(context.Cause(ctx), ErrCancelled)
	d.mu.Lock()
	defer d.mu.Unlock()
	defer close(u.done)
	switch {
	case cancelled && err != nil:
		u.err = ErrCancelled
		d.status = control.DrainStatus{State: Serving}
		d.node.Log.Info("the drain was cancelled, the server is back in service", "clients", d.node.Server.ClientsCount())
	case err != nil:
		d.status.State = Drained
		d.node.Log.Warn("the drain did not end in its time", "clients", d.node.Server.ClientsCount(), "error", err)
	default:
		d.status.State = Drained
		d.node.Log.Info("all clients have gone", "took", time.Since(d.status.Since).Round(time.Millisecond).String())
	}
}

// steps drains until ctx is done.
func (d *Drainer) steps(ctx context.Context, c config.Drain, plan loop.DrainPlan) error {
	d.node.Log.Info("the server is draining", "clients", d.node.Server.ClientsCount(), "pre_stop", time.Duration(c.PreStop).String(), "over", plan.Over.String(), "max_rate", plan.MaxRate)
	yes := true
	d.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.NodeDraining, Draining: &yes})
	if c.PreStop > 0 {
		select {
		case <-time.After(time.Duration(c.PreStop)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	shared := d.node.Config().Server.ReusePort
	d.mu.Lock()
	if ctx.Err() != nil {
		d.mu.Unlock()
		return context.Cause(ctx)
	}
	d.status.State, d.late = Closing, shared
	d.mu.Unlock()
	if c.Notify {
		d.notify(plan)
	}
	if shared {
		// Whoever shares the port gets the clients that come from now on.
		if err := d.node.Server.StopAccepting(ctx); err != nil {
			return err
		}
	}
	return d.node.Server.Drain(ctx, plan)
}

// notify tells the clients, each of which is closed in so many milliseconds at
// the latest.
func (d *Drainer) notify(plan loop.DrainPlan) {
	in := plan.Over
	if n := d.node.Server.ClientsCount(); plan.MaxRate > 0 {
		in = max(in, time.Duration(float64(n)/plan.MaxRate*float64(time.Second)))
	}
	for _, n := range d.node.Config().Namespaces {
		err := d.node.Server.Of(n.Name).Local().Emit(drainingEvent, map[string]int64{"in_ms": in.Milliseconds()})
		if err != nil {
			d.node.Log.Error("clients were not told of the drain", "namespace", n.Name, "error", err)
		}
	}
}

// progress is told by the server.
func (d *Drainer) progress(p loop.DrainProgress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.Total, d.status.Remaining, d.status.Rate = p.Total, p.Remaining, p.Rate
	if math.IsInf(p.Rate, 1) {
		d.status.Rate = 0
	}
}
