// siobench compare: two servers, or two sets of results.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/suite"
)

// comparison is what the command line asks for.
type comparison struct {
	a, b, nameA, nameB string
	suite, scenario    string
	rounds             int
	regress            float64
	json, html, dir    string
	progress           string
	acceptInvalid      bool
	only               []string
	serverCPUs         string
	clientCPUs         string
}

func newCompare() *cobra.Command {
	var o comparison
	c := &cobra.Command{
		Use:   "compare [A.json[,A2.json...] B.json[,B2.json...]]",
		Short: "Compare two servers in turns, or results of earlier runs",
		Long: `Compare two servers in turns, or results of earlier runs.

  siobench compare --a 'bin/sioserver --dev --listen {listen}' \
                   --b 'node server.mjs --listen {listen}' --suite bench/suites/laptop.yaml

Each round starts both servers afresh, in the order A B, B A, A B. Exit code 6
says that B is worse than A beyond --regress with confidence.`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), args, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.a, "a", "", "command of server A; {listen} becomes its address")
	f.StringVar(&o.b, "b", "", "command of server B")
	f.StringVar(&o.nameA, "name-a", "", "what to call A")
	f.StringVar(&o.nameB, "name-b", "", "what to call B")
	f.StringVar(&o.suite, "suite", "", "suite to run")
	f.StringSliceVar(&o.only, "only", nil, "only runs with these names or scenarios")
	f.StringVar(&o.scenario, "scenario", "echo", "one scenario with its defaults, if there is no suite")
	f.IntVar(&o.rounds, "rounds", 5, "rounds; below 3 nothing is called a difference")
	f.Float64Var(&o.regress, "regress", 5, "percent that B may be worse")
	f.StringVar(&o.json, "json", "", "write the comparison as JSON to this `file`")
	f.StringVar(&o.html, "html", "", "write it as a page of HTML to this `file`")
	f.StringVar(&o.dir, "dir", "", "write the result of every run into this `directory`")
	f.StringVar(&o.progress, "progress", "none", "auto, live, plain or none")
	f.BoolVar(&o.acceptInvalid, "accept-invalid", false, "use runs that the generator limited")
	f.StringVar(&o.serverCPUs, "server-cpus", "", "processors for the servers")
	f.StringVar(&o.clientCPUs, "client-cpus", "", "processors for the workers")
	return c
}

// run compares files if there are any, otherwise servers.
func (o *comparison) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var a, b []*report.Result
	var err error
	switch {
	case len(args) == 2:
		if a, err = loadAll(args[0]); err == nil {
			b, err = loadAll(args[1])
		}
		if err != nil {
			return &usageError{err}
		}
	case len(args) == 1 || o.a == "" || o.b == "":
		return &usageError{fmt.Errorf("two results, or --a and --b, are needed")}
	default:
		if a, b, err = o.duel(ctx, stdout, stderr); err != nil {
			return err
		}
	}
	c, err := report.Compare(a, b, o.acceptInvalid)
	if err != nil {
		return &usageError{err}
	}
	if err := c.Text(stdout); err != nil {
		return err
	}
	if o.json != "" {
		if err := c.Save(o.json); err != nil {
			return err
		}
	}
	if o.html != "" {
		if err := c.SaveHTML(o.html); err != nil {
			return err
		}
	}
	if len(c.Rows) == 0 {
		return &coord.Error{Code: coord.ExitInvalid, Text: "every run was limited by the generator: there is nothing to compare"}
	}
	if row, worse := c.Regressed(o.regress / 100); worse {
		return &coord.Error{Code: coord.ExitRegress, Text: fmt.Sprintf("B is worse: %s of %s is %.3f times that of A (%.3f to %.3f)", row.Metric, row.Title, row.Ratio, row.Low, row.High)}
	}
	return nil
}

// duel runs both servers.
func (o *comparison) duel(ctx context.Context, stdout, stderr io.Writer) (a, b []*report.Result, err error) {
	specs := []coord.Spec{{Scenario: o.scenario}}
	if o.suite != "" {
		s, err := suite.Load(o.suite)
		if err != nil {
			return nil, nil, &usageError{err}
		}
		specs = s.Runs
	}
	addr, err := coord.FreeAddress(1)
	if err != nil {
		return nil, nil, err
	}
	over := override{urls: []string{"http://" + addr}, only: o.only, serverCPUs: o.serverCPUs, clientCPUs: o.clientCPUs}
	if specs, err = over.apply(specs); err != nil {
		return nil, nil, err
	}
	opt, err := options(new(output), stderr)
	if err != nil {
		return nil, nil, err
	}
	view := newView(o.progress, stderr)
	opt.Observer = view
	if o.dir != "" {
		if err := os.MkdirAll(o.dir, 0o755); err != nil {
			return nil, nil, err
		}
	}
	d := coord.Duel{A: o.a, B: o.b, Specs: specs, Rounds: o.rounds}
	return d.Run(ctx, opt, func(round int, side string, r *report.Result) {
		view.end()
		if r.Target.Name = o.nameA; side == "b" {
			r.Target.Name = o.nameB
		}
		fmt.Fprintf(stdout, "round %d %s  %-24s %-8s p99 %-8s %s\n", round+1, strings.ToUpper(side), r.Title, report.Verdict(r), report.TimeText(r.Summary.Latency["response"].P99),
			serverCost(r))
		if o.dir != "" {
			path := filepath.Join(o.dir, fmt.Sprintf("%02d-%s-%s.json", round+1, side, fileName(r.Title)))
			if err := r.Save(path); err != nil {
				fmt.Fprintln(stderr, "siobench:", err)
			}
		}
	})
}

func serverCost(r *report.Result) string {
	if r.Server == nil {
		return ""
	}
	return fmt.Sprintf("%.2f us/message, %.0f B/connection", r.Server.CPUUsPerMsg, r.Server.RSSPerConn)
}

// loadAll reads results from a list of files.
func loadAll(list string) ([]*report.Result, error) {
	var all []*report.Result
	for _, path := range strings.Split(list, ",") {
		r, err := report.Load(path)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}
