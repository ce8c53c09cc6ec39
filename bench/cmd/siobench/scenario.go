// The subcommands that run one scenario.

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
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// abouts say what each scenario shows.
var abouts = map[string]string{
	"connect":   "Open sessions at a rate, hold them, close them",
	"idle":      "Hold sessions that send nothing: memory and processor time of each",
	"echo":      "Send events and take them back, at a rate or as fast as answers come",
	"broadcast": "Send to everybody: delivery times up to the last receiver",
	"rooms":     "Send to the members of many rooms",
	"polling":   "Echo over HTTP long polling",
	"upgrade":   "Go from polling to websocket with messages on their way",
	"deflate":   "Echo with permessage-deflate",
	"churn":     "Replace sessions at a rate and look for leaks",
	"storm":     "End all sessions at once and watch them return",
	"slow":      "Let some sessions stop reading and watch the others",
	"mix":       "Several kinds of traffic at once",
	"api":       "Publish over HTTP: time to publish and time to deliver",
}

func newScenario(name string) *cobra.Command {
	spec := coord.Spec{Scenario: name}
	var out output
	c := &cobra.Command{
		Use:   name + " URL...",
		Short: abouts[name],
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			spec.URLs = args
			return runOne(c.Context(), spec, &out, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	specFlags(c, &spec)
	out.flags(c)
	return c
}

// options are what every run of this program shares.
func options(out *output, stderr io.Writer) (coord.Options, error) {
	exe, err := os.Executable()
	if err != nil {
		return coord.Options{}, fmt.Errorf("this program cannot find itself: %w", err)
	}
	opt := coord.Options{Exe: exe, Revision: revision(), Command: command(os.Args), Ceiling: coord.LoadCeiling()}
	if out.dump {
		opt.Dump = stderr
	}
	return opt, nil
}

// command is a command line for the report, without the place of the program.
func command(args []string) string {
	args = slices.Clone(args)
	args[0] = filepath.Base(args[0])
	return strings.Join(redact(args), " ")
}

// redact writes a command line for a shell, without the values of flags that hold
// secrets.
func redact(args []string) []string {
	shown := make([]string, len(args))
	hide := false
	for i, a := range args {
		name, _, joined := strings.Cut(a, "=")
		secret := name == "--api-key" || name == "--auth" || name == "--header"
		switch {
		case hide:
			shown[i] = "(hidden)"
		case secret && joined:
			shown[i] = name + "=(hidden)"
		case strings.ContainsAny(a, " '\"$&|;<>()*?"):
			shown[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		default:
			shown[i] = a
		}
		hide = secret && !joined
	}
	return shown
}

// runOne runs a scenario and writes all that is asked for.
func runOne(ctx context.Context, spec coord.Spec, out *output, stdout, stderr io.Writer) error {
	opt, err := options(out, stderr)
	if err != nil {
		return err
	}
	if out.planOnly {
		if err := spec.Complete(); err != nil {
			return err
		}
		plan, err := coord.MakePlan(spec, proc.NoFile())
		if err != nil {
			return err
		}
		fmt.Fprint(stdout, plan)
		return nil
	}
	view := newView(out.progress, stderr)
	opt.Observer = view
	result, err := coord.Run(ctx, spec, opt)
	view.end()
	if result == nil {
		return err
	}
	if werr := write(result, out, stdout); werr != nil {
		return errors.Join(err, werr)
	}
	if err != nil {
		return err
	}
	return coord.Judge(result, out.acceptInvalid)
}

// write puts the result where it is asked for.
func write(r *report.Result, out *output, stdout io.Writer) error {
	if err := report.Text(stdout, r, colours(stdout)); err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		save func(string) error
	}{
		{out.json, r.Save}, {out.html, r.SaveHTML}, {out.hgrm, r.SaveHGRM}, {out.csv, r.SaveCSV},
	} {
		if f.path == "" {
			continue
		}
		if err := f.save(f.path); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "  written      %s\n", f.path)
	}
	return nil
}
