// Two servers under the same load, in turns.

package coord

import (
	"context"

	"github.com/sioserver/sioserver/bench/internal/report"
)

// Duel measures two servers, each started afresh for every round.
type Duel struct {
	// A and B are commands that start the servers.
	A, B string
	// Specs are the runs of a round.
	Specs  []Spec
	Rounds int
}

// Run does the rounds in the order A B, B A, A B and so on, so that a drift of
// the machine hits both alike. The results are told as they come.
func (d *Duel) Run(ctx context.Context, opt Options, each func(round int, side string, r *report.Result)) (a, b []*report.Result, err error) {
	for round := range d.Rounds {
		order := []string{"a", "b"}
		if round%2 == 1 {
			order = []string{"b", "a"}
		}
		for _, side := range order {
			for _, spec := range d.Specs {
				if spec.ServerCmd = d.A; side == "b" {
					spec.ServerCmd = d.B
				}
				r, err := Run(ctx, spec, opt)
				if err != nil {
					return a, b, err
				}
				each(round, side, r)
				if side == "a" {
					a = append(a, r)
				} else {
					b = append(b, r)
				}
			}
		}
	}
	return a, b, nil
}
