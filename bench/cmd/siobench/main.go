// The command: its root, what all subcommands share, and exit codes.

// Command siobench measures Socket.IO servers. See bench/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/worker"
)

func main() {
	// The worker is on the hot path of memory: nothing of the command line is set up.
	if len(os.Args) == 2 && os.Args[1] == coord.WorkerArg {
		if err := worker.Run(int(os.Stdin.Fd()), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(coord.ExitInternal)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := newRoot().ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "siobench:", err)
	}
	os.Exit(exitCode(err))
}

// exitCode is that of an error; what the command line parser finds is usage.
func exitCode(err error) int {
	var e *coord.Error
	var u *usageError
	switch {
	case err == nil:
		return coord.ExitOK
	case errors.As(err, &e):
		return e.Code
	case errors.As(err, &u):
		return coord.ExitUsage
	case errors.Is(err, context.Canceled):
		return coord.ExitInterrupt
	case strings.HasPrefix(err.Error(), "unknown command"):
		return coord.ExitUsage
	}
	return coord.ExitInternal
}

// usageError is a fault of the command line.
type usageError struct{ error }

// Unwrap is what was wrong.
func (e *usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "siobench",
		Short: "Measure Socket.IO servers with numbers that can be believed",
		Long: `Measure Socket.IO servers with numbers that can be believed.

  siobench server --listen 127.0.0.1:3999            something to measure
  siobench echo http://127.0.0.1:3999 -n 1000 --rate 20000
  siobench search http://127.0.0.1:3999 --under 20ms
  siobench run bench/suites/smoke.yaml --url http://127.0.0.1:3999

Exit codes: 0 done, 1 internal error, 2 usage or impossible plan, 3 objective
missed, 4 invalid measurement, 5 target unreachable, 6 comparison: worse,
130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       revision(),
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	for _, name := range coord.Scenarios {
		root.AddCommand(newScenario(name))
	}
	root.AddCommand(newServer(), newCalibrate(), newSearch(), newSuite(), newRounds(), newCompare(), newPeers(), newReport(), newSchema())
	return root
}

// commit is set by builds that know it.
var commit string

// revision is the commit this program was built from.
func revision() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	rev, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			rev = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "+changes"
			}
		}
	}
	if len(rev) > 12 {
		rev = rev[:12]
	}
	return rev + dirty
}
