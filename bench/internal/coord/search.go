// The highest rate that keeps an objective.

package coord

import (
	"context"
	"math"

	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
)

// Search looks for the highest offered rate at which the objectives hold.
type Search struct {
	Spec Spec
	// Min and Max bound the rate, Precision is how near, as a ratio, the bounds
	// come before the search ends.
	Min, Max, Precision float64
	Objectives          []slo.Objective
	// Achieved is the part of what was due that must come within the window.
	Achieved float64
	// AcceptInvalid lets trials pass that the generator limited.
	AcceptInvalid bool
}

// Step is one trial.
type Step struct {
	Rate   float64
	Result *report.Result
	// Pass is whether all objectives held; Why names the first that did not.
	Pass bool
	Why  string
}

// Run doubles the rate until a trial fails and then halves the difference. It
// returns the best trial that passed, nil if none did. each sees every trial.
func (s *Search) Run(ctx context.Context, opt Options, each func(Step)) (*Step, error) {
	var best *Step
	low, high := 0.0, 0.0
	rate := s.Min
	for {
		step, err := s.try(ctx, rate, opt)
		if err != nil {
			return best, err
		}
		each(step)
		if step.Pass {
			best, low = &step, rate
		} else {
			high = rate
		}
		switch {
		case high == 0 && low >= s.Max:
			return best, nil
		case high == 0:
			rate = math.Min(rate*2, s.Max)
		case low == 0:
			// Even the lowest rate is too much.
			return best, nil
		case high/low <= 1+s.Precision:
			return best, nil
		default:
			rate = math.Sqrt(low * high)
		}
	}
}

// try runs one trial. What the generator limited is not passed.
func (s *Search) try(ctx context.Context, rate float64, opt Options) (Step, error) {
	spec := s.Spec
	spec.Rate = rate
	r, err := Run(ctx, spec, opt)
	if err != nil {
		return Step{}, err
	}
	step := Step{Rate: rate, Result: r, Pass: true}
	if !r.Valid.OK && !s.AcceptInvalid {
		step.Pass, step.Why = false, r.Valid.Reasons[0]
		return step, nil
	}
	for _, o := range slo.Evaluate(s.Objectives, r) {
		if !o.Pass {
			step.Pass, step.Why = false, o.Expr+" ("+o.Text+")"
			return step, nil
		}
	}
	if r.Summary.Rates.Achieved < s.Achieved {
		step.Pass, step.Why = false, "the server fell behind the rate"
	}
	return step, nil
}
