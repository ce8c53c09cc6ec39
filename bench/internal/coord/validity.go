// Whether the numbers are the server's: the rules of bench/README.md.

package coord

import (
	"fmt"
	"time"

	"github.com/sioserver/sioserver/bench/internal/report"
)

const (
	lagLimit      = int64(time.Millisecond)
	lagShare      = 0.10 // of the measured p99
	workerLimit   = 85.0 // percent of a processor
	serverFull    = 90.0 // percent of its processors
	stealLimit    = 0.05
	achievedLimit = 0.99
	waitLimit     = 10.0 // percent of the time
	nearCeiling   = 1.5  // the ceiling divided by this is near
)

// validity looks for signs that the generator, not the server, set the numbers.
func (r *run) validity(res *report.Result) report.Validity {
	v := report.Validity{Reasons: []string{}, Warnings: []string{}}
	g, sum := &res.Generator, &res.Summary
	p99 := sum.Latency["response"].P99
	invalid := func(format string, a ...any) { v.Reasons = append(v.Reasons, fmt.Sprintf(format, a...)) }
	warn := func(format string, a ...any) { v.Warnings = append(v.Warnings, fmt.Sprintf(format, a...)) }

	if !sum.Closed && g.LagP99 > lagLimit && float64(g.LagP99) > lagShare*float64(p99) {
		invalid("generator-bound: messages left %s late at p99, against a response p99 of %s", report.TimeText(g.LagP99), report.TimeText(p99))
	}
	if r.started > 0 && g.WorkerMax > workerLimit {
		full := serverFull * float64(max(countCPUs(r.plan.Spec.ServerCPUs), len(r.pids), 1))
		switch {
		case sum.Closed && res.Server != nil && res.Server.CPUPercent >= full:
			warn("both the server and the generator used all of their processors; the rate is a bound for either")
		default:
			invalid("generator-bound: a worker used %.0f %% of a processor, %g %% is the limit; use more --procs or less load", g.WorkerMax, workerLimit)
		}
	}
	if sum.Closed && g.WaitMax > waitLimit && r.started > 0 {
		invalid("generator-bound: other programs kept a worker from its processor for %.0f %% of the time", g.WaitMax)
	}
	if sum.Unsent > 0 && sum.Connections.Dropped == 0 && res.Summary.Storm == nil {
		invalid("generator-bound: %d messages that were due were never sent", sum.Unsent)
	}
	if res.Server != nil && res.Server.Gone > 0 && r.plan.Spec.Scenario != "storm" {
		invalid("%d processes of the server ended during the run", res.Server.Gone)
	}
	r.warnings(res, warn)
	v.OK = len(v.Reasons) == 0
	return v
}

// warnings are what a reader should know.
func (r *run) warnings(res *report.Result, warn func(string, ...any)) {
	g, sum := &res.Generator, &res.Summary
	if n := sum.Latency["response"].Count; r.started > 0 && n > 0 && n < 1000 {
		warn("only %d answers were measured: p99 and above rest on a handful", n)
	}
	if a := sum.Rates.Achieved; sum.Rates.Sent > 0 && a < achievedLimit && !sum.Closed {
		warn("the server answered %.1f %% of what was due within the window", 100*a)
	}
	if c := r.opt.Ceiling; c != nil && c.Best() > 0 && sum.Rates.Answered/float64(max(g.Processes, 1)) > c.Best()/nearCeiling {
		warn("the rate is near the generator's own ceiling here, %s per process", report.RateText(c.Best()))
	}
	if s := float64(g.StealTicks) / 100; sum.WindowSeconds > 0 && s/sum.WindowSeconds > stealLimit {
		warn("other machines took %.0f %% of a processor away", 100*s/sum.WindowSeconds)
	}
	if res.Server != nil && res.Server.WaitPercent > waitLimit {
		warn("other programs kept the server's threads from their processors for %.0f %% of the time", res.Server.WaitPercent)
	}
	if sum.Stale > 0 {
		warn("%d messages came more than 64 behind the newest of their sender: late or double is not known, and they are not counted as lost", sum.Stale)
	}
	if !sum.LossCounted {
		warn("the number of receivers changed, so loss was not counted")
	}
	if res.Server == nil {
		warn("the server's processes are not known: give --server-pid or --server-cmd")
	}
}

// countCPUs is how many processors a list has, 0 for an empty one.
func countCPUs(list string) int {
	if list == "" {
		return 0
	}
	set, err := cpuSet(list)
	if err != nil {
		return 0
	}
	return set.Count()
}
