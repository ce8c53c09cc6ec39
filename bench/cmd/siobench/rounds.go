// The subcommand rounds: what a server keeps when its clients have gone.

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
)

func newRounds() *cobra.Command {
	var spec coord.Spec
	var out output
	var n int
	var rest time.Duration
	var allowed float64
	c := &cobra.Command{
		Use:   "rounds SCENARIO [URL...]",
		Short: "Run a scenario again and again on one server: what does it keep when all have gone?",
		Long: `Run a scenario again and again on one server, and look at its memory and its
descriptors when all sessions have gone. Cost of opening and of closing is that of
each round, and the median.

  siobench rounds connect -n 18000 --connect-rate 20000 --rounds 10 --server-cmd '...'
  siobench rounds echo -n 200 --size 65536 --closed --rounds 3 --server-cmd '...'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec.Scenario, spec.URLs = args[0], args[1:]
			if !slices.Contains(coord.Scenarios, spec.Scenario) {
				return &usageError{fmt.Errorf("there is no scenario %q; there are %s", spec.Scenario, strings.Join(coord.Scenarios, ", "))}
			}
			if n < 1 {
				return &usageError{fmt.Errorf("--rounds is %d, at least 1 is needed", n)}
			}
			opt, err := options(&out, c.ErrOrStderr())
			if err != nil {
				return err
			}
			view := newView(out.progress, c.ErrOrStderr())
			opt.Observer = view
			rounds, err := coord.RunRounds(c.Context(), spec, opt, n, rest)
			view.end()
			if rounds != nil {
				rounds.Text(c.OutOrStdout())
			}
			if err != nil {
				return err
			}
			for _, r := range rounds.Rounds {
				if err := coord.Judge(r.Result, out.acceptInvalid); err != nil {
					return err
				}
			}
			return rounds.Judge(allowed)
		},
	}
	specFlags(c, &spec)
	f := c.Flags()
	f.IntVar(&n, "rounds", 10, "how often")
	f.DurationVar(&rest, "rest", 6*time.Second, "wait this long after each round before the server's memory is read")
	f.Float64Var(&allowed, "allow", 20, "percent of memory that the server may hold more than before the first round")
	f.StringVar(&out.progress, "progress", "auto", "auto, live, plain or none")
	f.BoolVar(&out.acceptInvalid, "accept-invalid", false, "do not fail when the generator limited a run")
	return c
}
