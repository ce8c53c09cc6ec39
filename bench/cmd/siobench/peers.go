// siobench peers: several servers side by side.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/peers"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/suite"
)

// lineUp is what the command line asks for.
type lineUp struct {
	suite, dir, out        string
	own, ownName           string
	targets, only          []string
	rounds                 int
	serverCPUs, clientCPUs string
}

func newPeers() *cobra.Command {
	var o lineUp
	c := &cobra.Command{
		Use:   "peers",
		Short: "Measure this server and others side by side",
		Long: `Measure this server and others side by side, and write the table as JSON and
Markdown.

  siobench peers --own 'bin/sioserver --dev --listen {listen}' --server-cpus 0 --client-cpus 1

The others are those of bench/targets. Each is started afresh for every run; what
cannot be built here is skipped by name. Runs that do not fit a server, such as
rooms for a TCP echo, are left out of its row.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.suite, "suite", "bench/suites/peers.yaml", "suite to run")
	f.StringVar(&o.dir, "targets", "bench/targets", "`directory` of the other servers, with targets.json in it")
	f.StringVar(&o.out, "out", "", "write to this name with .json and .md behind it (default bench/results/peers-DATE)")
	f.StringVar(&o.own, "own", "", "command of this server; {listen} becomes its address")
	f.StringVar(&o.ownName, "own-name", "sioserver", "what to call it")
	f.StringSliceVar(&o.targets, "target", nil, "only these servers")
	f.StringSliceVar(&o.only, "only", nil, "only runs with these names or scenarios")
	f.IntVar(&o.rounds, "rounds", 1, "rounds, every other one in reverse; the table has medians")
	f.StringVar(&o.serverCPUs, "server-cpus", "", "processors for the servers")
	f.StringVar(&o.clientCPUs, "client-cpus", "", "processors for the workers")
	return c
}

// run builds, measures and writes.
func (o *lineUp) run(ctx context.Context, stdout, stderr io.Writer) error {
	targets, err := o.choose()
	if err != nil {
		return &usageError{err}
	}
	s, err := suite.Load(o.suite)
	if err != nil {
		return &usageError{err}
	}
	over := override{only: o.only, serverCPUs: o.serverCPUs, clientCPUs: o.clientCPUs}
	if s.Runs, err = over.apply(s.Runs); err != nil {
		return err
	}
	table, err := peers.NewTable(s.Name, s.Runs, o.rounds, revision(), o.serverCPUs, o.clientCPUs)
	if err != nil {
		return &usageError{err}
	}
	if targets, err = o.prepare(ctx, table, targets, stderr); err != nil {
		return err
	}
	err = o.rotate(ctx, table, targets, s.Runs, stdout, stderr)
	table.Complete = err == nil
	if o.out == "" {
		o.out = filepath.Join("bench", "results", "peers-"+time.Now().UTC().Format("2006-01-02"))
	}
	if werr := table.Save(o.out); werr != nil {
		return errors.Join(err, werr)
	}
	fmt.Fprintf(stdout, "written %s.json and %s.md\n", o.out, o.out)
	if err != nil {
		return err
	}
	return failed(table)
}

// failed is an error if a server could not be measured at all.
func failed(table *peers.Table) error {
	var names []string
	measured := false
	for i := range table.Targets {
		row := &table.Targets[i]
		good := slices.ContainsFunc(row.Cells, func(c peers.Cell) bool { return c.Failed == "" })
		if measured = measured || good; !good && row.Skipped == "" {
			names = append(names, row.Name)
		}
	}
	switch {
	case len(names) > 0:
		return &coord.Error{Code: coord.ExitTarget, Text: "not measured: " + strings.Join(names, ", ")}
	case !measured:
		return &coord.Error{Code: coord.ExitTarget, Text: "every server was skipped"}
	}
	return nil
}

// choose reads the list of servers, our own first.
func (o *lineUp) choose() ([]peers.Target, error) {
	if o.rounds < 1 {
		return nil, errors.New("--rounds is at least 1")
	}
	all, err := peers.Load(o.dir)
	if err != nil {
		return nil, err
	}
	if o.own != "" {
		all = slices.Insert(all, 0, peers.Target{Name: o.ownName, Kind: peers.SocketIO, Cmd: o.own, Version: revision()})
	}
	if len(o.targets) == 0 {
		return all, nil
	}
	var some []peers.Target
	for _, name := range o.targets {
		i := slices.IndexFunc(all, func(t peers.Target) bool { return t.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no server is called %s", name)
		}
		some = append(some, all[i])
	}
	return some, nil
}

// prepare builds the targets and leaves out those that cannot be had.
func (o *lineUp) prepare(ctx context.Context, table *peers.Table, targets []peers.Target, stderr io.Writer) ([]peers.Target, error) {
	var ready []peers.Target
	for i := range targets {
		t := &targets[i]
		row := table.Row(t)
		fmt.Fprintf(stderr, "building %s\n", t.Name)
		err := t.Prepare(ctx)
		var skip *peers.SkipError
		switch {
		case err == nil:
			ready = append(ready, *t)
		case ctx.Err() != nil:
			return nil, &coord.Error{Code: coord.ExitInterrupt, Text: "interrupted"}
		case errors.As(err, &skip):
			row.Skipped = skip.Why
			fmt.Fprintf(stderr, "%s is skipped: %s\n", t.Name, skip.Why)
		default:
			// A target that is broken is no reason to lose the others.
			row.Skipped = "it could not be built"
			fmt.Fprintf(stderr, "siobench: %v\n", err)
		}
	}
	return ready, nil
}

// rotate does the rounds, every other one in reverse, so that a drift of the
// machine hits all alike. It ends early only when it is interrupted.
func (o *lineUp) rotate(ctx context.Context, table *peers.Table, targets []peers.Target, runs []coord.Spec, stdout, stderr io.Writer) error {
	opt, err := options(new(output), stderr)
	if err != nil {
		return err
	}
	for range o.rounds {
		for i := range targets {
			t := &targets[i]
			for _, run := range runs {
				addr, err := coord.FreeAddress(1)
				if err != nil {
					return err
				}
				spec, ok := t.Fit(run, addr)
				if !ok {
					continue
				}
				res, err := coord.Run(ctx, spec, opt)
				if coord.CodeOf(err) == coord.ExitInterrupt {
					return err
				}
				table.Add(t, run.Name, res, err)
				fmt.Fprintln(stdout, outcome(t.Name, run.Name, res, err))
			}
		}
		slices.Reverse(targets)
	}
	return nil
}

// outcome is a run in a line.
func outcome(name, title string, r *report.Result, err error) string {
	line := fmt.Sprintf("%-16s %-26s ", name, title)
	if err != nil {
		return line + "failed: " + err.Error()
	}
	line += fmt.Sprintf("%-8s %9s  p99 %-8s %s", report.Verdict(r), report.RateText(r.Summary.Rates.Answered), report.TimeText(r.Summary.Latency["response"].P99), serverCost(r))
	if n := r.Summary.Loss; n > 0 {
		line += fmt.Sprintf(", %d lost", n)
	}
	return line
}
