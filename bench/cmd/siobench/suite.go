// siobench run: a suite.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/suite"
)

// override is what the command line says over a suite.
type override struct {
	urls       []string
	only       []string
	cmd        string
	servers    int
	serverCPUs string
	clientCPUs string
	labels     map[string]string
}

func (o *override) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.urls, "url", nil, "the server")
	f.StringSliceVar(&o.only, "only", nil, "only runs with these names or scenarios")
	f.StringVar(&o.cmd, "server-cmd", "", "start this server for every run; {listen} becomes its address")
	f.IntVar(&o.servers, "servers", 0, "start so many")
	f.StringVar(&o.serverCPUs, "server-cpus", "", "processors for the server")
	f.StringVar(&o.clientCPUs, "client-cpus", "", "processors for the workers")
	f.StringToStringVar(&o.labels, "label", nil, "k=v, kept in the results; target and version name the server")
}

// apply changes the runs of a suite.
func (o *override) apply(runs []coord.Spec) ([]coord.Spec, error) {
	var out []coord.Spec
	for _, s := range runs {
		if len(o.only) > 0 && !slices.Contains(o.only, s.Name) && !slices.Contains(o.only, s.Scenario) {
			continue
		}
		if len(o.urls) > 0 {
			s.URLs = o.urls
		}
		if o.cmd != "" {
			s.ServerCmd = o.cmd
		}
		if o.servers > 0 {
			s.Servers = o.servers
		}
		if o.serverCPUs != "" {
			s.ServerCPUs = o.serverCPUs
		}
		if o.clientCPUs != "" {
			s.ClientCPUs = o.clientCPUs
		}
		if len(o.labels) > 0 {
			s.Labels = o.labels
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, &usageError{fmt.Errorf("no run is called %s", strings.Join(o.only, " or "))}
	}
	return out, nil
}

func newSuite() *cobra.Command {
	var out output
	var over override
	var dir string
	c := &cobra.Command{
		Use:   "run SUITE.yaml",
		Short: "Run a suite: see bench/suites",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := suite.Load(args[0])
			if err != nil {
				return &usageError{err}
			}
			if s.Runs, err = over.apply(s.Runs); err != nil {
				return err
			}
			return runSuite(c.Context(), s, &out, dir, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	over.flags(c)
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "write JSON and HTML of every run into this `directory`")
	f.StringVar(&out.progress, "progress", "auto", "auto, live, plain or none")
	f.BoolVar(&out.acceptInvalid, "accept-invalid", false, "do not fail when the generator limited a run")
	return c
}

// runSuite runs all runs, also behind one that failed, and ends with the worst.
func runSuite(ctx context.Context, s *suite.Suite, out *output, dir string, stdout, stderr io.Writer) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	var failed []string
	var worst error
	for i, spec := range s.Runs {
		err := ctx.Err()
		if err != nil {
			break
		}
		o := *out
		if dir != "" {
			base := filepath.Join(dir, fmt.Sprintf("%02d-%s", i+1, fileName(spec.Name)))
			o.json, o.html = base+".json", base+".html"
		}
		if err = runOne(ctx, spec, &o, stdout, stderr); err == nil {
			continue
		}
		fmt.Fprintf(stderr, "siobench: %s: %v\n", spec.Name, err)
		failed = append(failed, spec.Name)
		worst = worse(worst, err)
		var e *coord.Error
		if errors.As(err, &e) && e.Code == coord.ExitInterrupt {
			break
		}
	}
	fmt.Fprintf(stdout, "\n%s: %d of %d runs passed\n", s.Name, len(s.Runs)-len(failed), len(s.Runs))
	if worst == nil {
		return ctx.Err()
	}
	return fmt.Errorf("failed: %s: %w", strings.Join(failed, ", "), worst)
}

// gravity orders the exit codes.
var gravity = []int{coord.ExitInvalid, coord.ExitSLO, coord.ExitTarget, coord.ExitUsage, coord.ExitInternal, coord.ExitInterrupt}

// worse is the graver of two errors, the first of equals.
func worse(a, b error) error {
	if a == nil || slices.Index(gravity, coord.CodeOf(b)) > slices.Index(gravity, coord.CodeOf(a)) {
		return b
	}
	return a
}

// fileName is a name that every file system takes.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, s)
}

func newReport() *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:   "report RESULT.json",
		Short: "Show a result again, as text or as a page",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := report.Load(args[0])
			if err != nil {
				return &usageError{err}
			}
			return write(r, &output{html: html}, c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&html, "html", "o", "", "write a page of HTML to this `file`")
	return c
}
