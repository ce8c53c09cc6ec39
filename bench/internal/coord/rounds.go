// Rounds: the same scenario again and again on one server, and what stays.

package coord

import (
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// Round is one round, and the server when all its sessions had gone.
type Round struct {
	Result                    *report.Result
	RSSBytes, Descriptors     int64
	CPUUsPerOpen, CPUUsPerEnd float64
}

// Rounds are all of them, and the server before the first.
type Rounds struct {
	RSSBytes, Descriptors int64
	Rounds                []Round
}

// RunRounds runs a scenario n times on one server. After each round it waits
// until the server has closed all connections, and then for rest, in which the
// server may give memory back.
func RunRounds(ctx context.Context, spec Spec, opt Options, n int, rest time.Duration) (*Rounds, error) {
	if err := spec.Complete(); err != nil {
		return nil, err
	}
	plan, err := MakePlan(spec, noFile(&opt))
	if err != nil {
		return nil, err
	}
	var started targets
	if spec.ServerCmd != "" {
		if started, err = startTargets(spec.ServerCmd, spec.ServerCPUs, plan.Target.Addrs); err != nil {
			return nil, err
		}
		defer func() { started.stop(syscall.SIGTERM) }()
	}
	if err := probe(&plan.Target, nil); err != nil {
		return nil, err
	}
	pids := serverPIDs(plan, started)
	if len(pids) == 0 {
		return nil, usage("rounds look at the server's memory, but its processes are not known: give --server-cmd or --server-pid")
	}
	spec.ServerCmd, spec.ServerPIDs = "", pids
	before, _ := proc.ReadAll(pids, false)
	all := &Rounds{RSSBytes: before.RSSBytes, Descriptors: before.Descriptors}
	for range n {
		result, err := Run(ctx, spec, opt)
		if err != nil {
			return all, err
		}
		round := Round{Result: result}
		if s := result.Server; s != nil {
			round.CPUUsPerOpen, round.CPUUsPerEnd = s.CPUUsPerOpen, s.CPUUsPerClose
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return all, errInterrupted
		}
		after, _ := proc.ReadAll(pids, false)
		round.RSSBytes, round.Descriptors = after.RSSBytes, after.Descriptors
		all.Rounds = append(all.Rounds, round)
	}
	return all, nil
}

// Left is how much more memory the server holds behind the last round than
// before the first, in percent.
func (r *Rounds) Left() float64 {
	if len(r.Rounds) == 0 || r.RSSBytes == 0 {
		return 0
	}
	return 100 * (float64(r.Rounds[len(r.Rounds)-1].RSSBytes)/float64(r.RSSBytes) - 1)
}

// Text writes the rounds as a table.
func (r *Rounds) Text(w io.Writer) {
	const mb = 1 << 20
	fmt.Fprintf(w, "before     rss %.1f MiB, %d descriptors\n", float64(r.RSSBytes)/mb, r.Descriptors)
	var opens, ends []float64
	for i, x := range r.Rounds {
		held, each := 0.0, 0.0
		if s := x.Result.Server; s != nil {
			held, each = float64(s.RSSHold)/mb, float64(s.RSSHold-r.RSSBytes)/float64(max(x.Result.Summary.Connections.Up, 1))
		}
		fmt.Fprintf(w, "round %-4d %d sessions, rss %.1f MiB held (%.0f B each), %.1f MiB after, %d descriptors; %.1f us/open, %.1f us/close\n",
			i+1, x.Result.Summary.Connections.Up, held, each, float64(x.RSSBytes)/mb, x.Descriptors, x.CPUUsPerOpen, x.CPUUsPerEnd)
		opens, ends = append(opens, x.CPUUsPerOpen), append(ends, x.CPUUsPerEnd)
	}
	fmt.Fprintf(w, "after      rss %+.1f %%, %+d descriptors; medians %.1f us/open, %.1f us/close\n",
		r.Left(), r.left(), median(opens), median(ends))
}

// left is how many more descriptors the server holds behind the last round than
// behind the first, in which it may have opened some for good.
func (r *Rounds) left() int64 {
	if len(r.Rounds) == 0 {
		return 0
	}
	return r.Rounds[len(r.Rounds)-1].Descriptors - r.Rounds[0].Descriptors
}

// Judge is what was asked of the rounds, as an error: at most so many percent
// of memory more than before, no descriptor more than behind the first.
func (r *Rounds) Judge(percent float64) error {
	switch {
	case r.left() > 0:
		return &Error{ExitSLO, fmt.Sprintf("the server holds %d descriptors more than after the first round", r.left())}
	case r.Left() > percent:
		return &Error{ExitSLO, fmt.Sprintf("the server holds %.1f %% more memory than before the rounds, %g %% are allowed", r.Left(), percent)}
	}
	return nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
