// The end of a run, and the verdict on it.

package coord

import (
	"context"
	"strings"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
	"github.com/sioserver/sioserver/bench/internal/worker"
)

// finish ends the workers, also if the course did not go through, and writes
// up what there is.
func (r *run) finish(course error) (*report.Result, error) {
	if course != nil {
		r.fleet.order("stop", 0)
		ctx := context.Background()
		_ = r.wait(ctx, 3*time.Second, func() bool { return r.drained == len(r.fleet.members) })
	}
	if r.to == 0 || r.to > worker.Now() {
		r.cutWindow()
	}
	r.fleet.order("finish", 0)
	for rep := range r.reportsUntil(endWithin) {
		r.take(rep)
	}
	ended := r.fleet.wait(endWithin)
	r.mark("after", false)
	switch r.plan.Spec.Scenario {
	case "churn", "connect", "idle":
		r.awaitClosed()
	}
	result := r.result(true)
	result.Complete = course == nil
	result.SLO = slo.Evaluate(r.objectives, result)
	if course == nil && ended != nil {
		course = ended
	}
	return result, course
}

// awaitClosed gives the server the time to notice that all have gone, before what
// it has open is called a leak.
func (r *run) awaitClosed() {
	for end := time.Now().Add(closeWithin); time.Now().Before(end); r.mark("after", false) {
		if r.marks["after"].server.Descriptors <= r.marks["base"].server.Descriptors {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// reportsUntil yields what the workers still say, for some time at most.
func (r *run) reportsUntil(d time.Duration) func(yield func(job.Report) bool) {
	return func(yield func(job.Report) bool) {
		end := time.After(d)
		for {
			select {
			case rep, ok := <-r.fleet.reports:
				if !ok || !yield(rep) {
					return
				}
			case <-end:
				return
			}
		}
	}
}

// Judge is the verdict of a finished run as an error: nil, or what was wrong
// with the exit code for it.
func Judge(r *report.Result, acceptInvalid bool) error {
	if !r.Valid.OK && !acceptInvalid {
		return &Error{ExitInvalid, "INVALID: " + strings.Join(r.Valid.Reasons, "; ")}
	}
	for _, s := range r.SLO {
		if !s.Pass {
			return &Error{ExitSLO, "objective missed: " + s.Expr + " (" + s.Text + ")"}
		}
	}
	return nil
}
