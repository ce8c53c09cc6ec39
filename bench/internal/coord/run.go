// The course of a run.

package coord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
	"github.com/sioserver/sioserver/bench/internal/worker"
)

// Observer is told what happens, from the goroutine that called Run.
type Observer interface {
	Plan(p *Plan)
	Progress(p Progress)
}

// Progress is the state of a run for people.
type Progress struct {
	Phase string
	// Done is the part of the run that is over, from 0 to 1, Elapsed the time.
	Done    float64
	Elapsed time.Duration
	Point   report.Point
	Asked   int
	Failed  int64
	Dropped int64
	Errors  int64
}

// Options are what a run needs beside its Spec.
type Options struct {
	// Exe is this program, to be started as a worker.
	Exe      string
	Observer Observer
	// Dump gets the bytes of the first handshake.
	Dump     io.Writer
	Revision string
	Command  string
	// NoFile overrides the limit of open files.
	NoFile uint64
	// Ceiling is what the generator can do here, nil if that is not known.
	Ceiling *Ceiling
}

// noFile is the limit of open files that a run counts with.
func noFile(o *Options) uint64 {
	if o.NoFile == 0 {
		o.NoFile = proc.NoFile()
	}
	return o.NoFile
}

// errInterrupted is the end that the user asked for.
var errInterrupted = &Error{ExitInterrupt, "interrupted"}

// Run does what a Spec says. The Result is there as soon as there was something
// to see, also beside an error. One run at a time uses the fleet of processes; any
// goroutine may call.
func Run(ctx context.Context, spec Spec, opt Options) (*report.Result, error) {
	if err := spec.Complete(); err != nil {
		return nil, err
	}
	plan, err := MakePlan(spec, noFile(&opt))
	if err != nil {
		return nil, err
	}
	if err := plan.memoryFits(proc.Available()); err != nil {
		return nil, err
	}
	objectives, err := slo.Parse(spec.SLO)
	if err != nil {
		return nil, usage("%v", err)
	}
	if opt.Observer != nil {
		opt.Observer.Plan(plan)
	}
	r := newRun(plan, opt, objectives)
	if spec.ServerCmd != "" {
		if r.target, err = startTargets(spec.ServerCmd, spec.ServerCPUs, plan.Target.Addrs); err != nil {
			return nil, err
		}
		defer func() { r.target.stop(syscall.SIGTERM) }()
	}
	if err := probe(&plan.Target, opt.Dump); err != nil {
		return nil, err
	}
	r.pids = serverPIDs(plan, r.target)
	plan.Spec.ServerPIDs = r.pids
	if err := plan.serverLimits(); err != nil {
		return nil, err
	}
	if r.fleet, err = launch(opt.Exe, plan.jobs(), spec.ClientCPUs); err != nil {
		return nil, err
	}
	err = r.course(ctx)
	return r.finish(err)
}

// course leads the workers through the run.
func (r *run) course(ctx context.Context) error {
	s := &r.plan.Spec
	if err := r.wait(ctx, 30*time.Second, func() bool { return r.ready == len(r.fleet.members) }); err != nil {
		return err
	}
	r.mark("base", true)
	at := worker.Now() + 100e6
	if s.Scenario == "upgrade" {
		r.runAt(at)
	}
	r.connectFrom = at
	r.phase = "connecting"
	r.fleet.order("connect", at)
	limit := s.ConnectTimeout.std() + 30*time.Second
	if s.ConnectRate > 0 {
		limit += time.Duration(float64(s.N) / s.ConnectRate * 1e9)
	}
	if err := r.wait(ctx, limit, func() bool { return r.connected == len(r.fleet.members) }); err != nil {
		return err
	}
	r.connectUntil = worker.Now()
	if s.Transport == job.Upgrade && s.Scenario != "upgrade" {
		// A probe that fails leaves its session on polling, so this may not come.
		settled := func() bool { return r.sum.Upgraded >= uint64(r.sum.Up) }
		if err := r.wait(ctx, 10*time.Second, settled); err != nil && !errors.Is(err, errLate) {
			return err
		}
	}
	r.mark("up", false)
	if s.Scenario != "upgrade" {
		if err := r.connectedEnough(); err != nil {
			return err
		}
	}
	r.phase = "settling"
	if err := r.pause(ctx, s.Settle.std()); err != nil {
		return err
	}
	if s.Hold > 0 {
		r.phase = "holding"
		r.mark("hold", true)
		r.window(worker.Now(), worker.Now()+int64(s.Hold))
		if err := r.pause(ctx, s.Hold.std()); err != nil {
			return err
		}
		r.mark("held", true)
	} else {
		r.mark("hold", true)
	}
	switch s.Scenario {
	case "connect", "idle":
		return nil
	case "upgrade":
	default:
		r.runAt(worker.Now() + 100e6)
	}
	return r.measure(ctx)
}

// connectedEnough refuses to measure with too few sessions.
func (r *run) connectedEnough() error {
	s := &r.plan.Spec
	if up := 100 * float64(r.sum.Up) / float64(s.N); up < s.MinConnected {
		return unreachable("only %d of %d sessions came up (%.2f %%, --min-connected is %g %%): %s", r.sum.Up, s.N, up, s.MinConnected, r.commonest())
	}
	return nil
}

// commonest is the most frequent error.
func (r *run) commonest() string {
	best, text := uint64(0), "no error was seen; they may need more time"
	for kind, n := range r.sum.Errors {
		if n > best {
			best, text = n, fmt.Sprintf("%s (%d times)", kind, n)
		}
	}
	return text
}

// runAt orders the run.
func (r *run) runAt(at int64) {
	s := &r.plan.Spec
	r.phase = "running"
	r.started = at
	r.window(at+int64(s.Warmup), at+int64(s.Warmup)+int64(s.Duration))
	r.fleet.order("run", at)
}

// measure waits until the run is over, and reads the server where the window
// begins and ends.
func (r *run) measure(ctx context.Context) error {
	s := &r.plan.Spec
	if err := r.until(ctx, r.from); err != nil {
		return err
	}
	if s.Scenario == "upgrade" {
		// What is measured began with the first connection.
		r.marks["from"] = r.marks["base"]
	} else {
		r.mark("from", false)
	}
	if s.Scenario == "storm" && r.target != nil && s.Cause != "client-drop" {
		if err := r.strike(ctx); err != nil {
			return err
		}
	}
	over := func() bool { return worker.Now() >= r.to || r.drained == len(r.fleet.members) }
	if err := r.wait(ctx, time.Duration(r.to-worker.Now())+time.Minute, over); err != nil {
		return err
	}
	// Streams that end by themselves end the window.
	r.to = min(r.to, worker.Now())
	r.mark("until", true)
	r.phase = "draining"
	return r.wait(ctx, s.Drain.std()+10*time.Second, r.drain())
}

// drainLook is how often the workers are asked while the last answers come.
const drainLook = 100 * time.Millisecond

// drain returns what tells that all workers are done. A worker cannot know what
// the others sent to everybody, so it is told when all of that has come.
func (r *run) drain() func() bool {
	looked, settled := time.Now(), false
	return func() bool {
		if r.fansOut() && !settled && time.Since(looked) >= drainLook {
			looked = time.Now()
			if settled = r.allCame(); settled {
				r.fleet.order("settle", 0)
			} else {
				r.fleet.order("report", 0)
			}
		}
		return r.drained == len(r.fleet.members)
	}
}

// allCame reports whether every stream's messages have reached everybody that
// they should reach.
func (r *run) allCame() bool {
	for i, f := range r.plan.Spec.streams() {
		c := &r.sum.Streams[i]
		expected := c.Sent - c.Abandoned
		switch f.Kind {
		case job.Sink:
			continue
		case job.Bcast, job.API:
			expected = (c.Sent - c.Refused) * uint64(r.sum.Up-int(r.sum.Slow-r.sum.Cut))
		case job.Room:
			expected = c.Sent * uint64(r.plan.Spec.roomSize())
		}
		if c.Unique < expected {
			return false
		}
	}
	return true
}

// strike ends the server and starts it again.
func (r *run) strike(ctx context.Context) error {
	sig := syscall.SIGKILL
	if r.plan.Spec.Cause == "server-drain" {
		sig = syscall.SIGTERM
	}
	restarted := make(chan error, 1)
	go func() {
		r.target.stop(sig)
		restarted <- r.target.start(r.plan.Target.Addrs)
	}()
	var failed error
	back := false
	err := r.wait(ctx, startWithin+endWithin, func() bool {
		select {
		case failed = <-restarted:
			back = true
		default:
		}
		return back
	})
	if err != nil {
		return err
	}
	r.pids = r.target.pids()
	// The counters of the new process begin at zero.
	r.mark("from", false)
	return failed
}

// until waits until a time.
func (r *run) until(ctx context.Context, at int64) error {
	return r.pause(ctx, time.Duration(at-worker.Now()))
}

// pause waits for a time.
func (r *run) pause(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	return r.wait(ctx, d+time.Minute, func() bool { return !time.Now().Before(end) })
}

// errLate is a condition that did not come in its time.
var errLate = internal("the workers did not answer in time")

// wait takes reports and readings until a condition holds.
func (r *run) wait(ctx context.Context, limit time.Duration, done func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.Now().Add(limit)
	for !done() {
		select {
		case rep, ok := <-r.fleet.reports:
			if !ok {
				return r.lostWorkers()
			}
			r.take(rep)
			if rep.Event == job.Fault {
				return internal("worker %d: %s", rep.Worker, rep.Error)
			}
		case now := <-tick.C:
			if now.After(late) {
				return errLate
			}
			if r.pointDue() {
				r.point()
				if err := r.memoryShort(proc.Available()); err != nil {
					return err
				}
				if r.abort() {
					return &Error{ExitSLO, "stopped early: an objective was missed for " + r.plan.Spec.AbortOnFail.std().String()}
				}
			}
		case <-ctx.Done():
			return errInterrupted
		}
	}
	return nil
}

// memoryShort ends a large run before the machine has no memory left.
func (r *run) memoryShort(available int64) error {
	if here, kernel := r.plan.memory(); available == 0 || here+kernel < memoryLeft/8 || available >= memoryLeft {
		return nil
	}
	return usage("stopped at %d sessions: %s of memory are left, %s are meant for others", r.sum.Up, bytesText(float64(available)), bytesText(memoryLeft))
}

// lostWorkers says why the workers are gone.
func (r *run) lostWorkers() error {
	if err := r.fleet.wait(time.Second); err != nil {
		return err
	}
	return internal("the workers ended before the run did")
}
