// siobench search and calibrate: how much a server, or this generator, can do.

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
)

func newSearch() *cobra.Command {
	spec := coord.Spec{Scenario: "echo", Duration: coord.Duration(5e9), Warmup: coord.Duration(1e9)}
	var out output
	var metric, under string
	low, high, precision, achieved := 1000.0, 1000000.0, 5.0, 99.0
	c := &cobra.Command{
		Use:   "search URL",
		Short: "Find the highest rate that keeps a latency",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			spec.URLs = args
			objectives, err := slo.Parse(metric + "<" + under + ",loss==0")
			if err != nil {
				return &usageError{err}
			}
			opt, err := options(&out, c.ErrOrStderr())
			if err != nil {
				return err
			}
			s := coord.Search{Spec: spec, Min: low, Max: high, Precision: precision / 100, Achieved: achieved / 100, Objectives: objectives, AcceptInvalid: out.acceptInvalid}
			w := c.OutOrStdout()
			best, err := s.Run(c.Context(), opt, func(step coord.Step) {
				word := "held"
				if !step.Pass {
					word = "missed: " + step.Why
				}
				fmt.Fprintf(w, "%10s  p99 %-9s server cpu %5.1f %%  generator %5.1f %%  %s\n", report.RateText(step.Rate),
					report.TimeText(step.Result.Summary.Latency["response"].P99), serverCPU(step.Result), step.Result.Generator.WorkerMax, word)
			})
			if err != nil {
				return err
			}
			if best == nil {
				return &coord.Error{Code: coord.ExitSLO, Text: "not even " + report.RateText(low) + " holds " + metric + "<" + under}
			}
			fmt.Fprintf(w, "\nhighest rate with %s<%s and nothing lost: %s\n", metric, under, report.RateText(best.Rate))
			return write(best.Result, &out, w)
		},
	}
	specFlags(c, &spec)
	out.flags(c)
	f := c.Flags()
	f.StringVar(&spec.Scenario, "scenario", spec.Scenario, "what to send")
	f.StringVar(&metric, "metric", "p99", "figure to keep")
	f.StringVar(&under, "under", "20ms", "its limit")
	f.Var((*rate)(&low), "min", "lowest rate")
	f.Var((*rate)(&high), "max", "highest rate")
	f.Float64Var(&precision, "precision", precision, "percent within which to find it")
	f.Float64Var(&achieved, "achieved", achieved, "percent of what is due that must be answered in time")
	return c
}

func serverCPU(r *report.Result) float64 {
	if r.Server == nil {
		return 0
	}
	return r.Server.CPUPercent
}

func newCalibrate() *cobra.Command {
	var spec coord.Spec
	var out output
	c := &cobra.Command{
		Use:   "calibrate",
		Short: "Find the ceiling of this generator on this machine",
		Long: `Find the ceiling of this generator on this machine, with an echo server that
does next to nothing. Give --server-cpus and --client-cpus, so that the two do
not take each other's processor. Later runs warn when they come near it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			addr, err := coord.FreeAddress(1)
			if err != nil {
				return err
			}
			exe, err := os.Executable()
			if err != nil {
				return err
			}
			opt, err := options(&out, c.ErrOrStderr())
			if err != nil {
				return err
			}
			spec.URLs = []string{"http://" + addr}
			spec.ServerCmd = fmt.Sprintf("'%s' server --listen %s", exe, coord.ListenMark)
			w := c.OutOrStdout()
			fmt.Fprintln(w, "closed loop against the echo server, one process:")
			ceiling, err := coord.Calibrate(c.Context(), spec, opt, func(depth int, r *report.Result) {
				fmt.Fprintf(w, "  %3d on their way x %d sessions  %9s  generator %.2f us/echo at %.0f %%  server %.2f us/echo at %.0f %%  waited %.0f %%\n", depth, r.Summary.Connections.Up,
					report.RateText(r.Summary.Rates.Answered), r.Generator.CPUUsPerMsg, r.Generator.WorkerMax, r.Server.CPUUsPerMsg, r.Server.CPUPercent, r.Generator.WaitMax)
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "ceiling: %s per process\n", report.RateText(ceiling.Best()))
			for depth, ok := range ceiling.Valid {
				if !ok {
					return &coord.Error{Code: coord.ExitInvalid, Text: "other programs took the generator's processor (depth " + depth + "): the machine can do more; the ceiling is not kept"}
				}
			}
			path, err := ceiling.Save()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "kept in %s\n", path)
			return nil
		},
	}
	f := c.Flags()
	f.IntVar(&spec.Size, "size", 0, "bytes of the payload")
	f.IntVarP(&spec.N, "n", "n", 0, "sessions")
	f.StringVar(&spec.Transport, "transport", "", "websocket, polling, raw-ws or raw-tcp")
	f.Var(duration{&spec.Duration}, "duration", "length of each measurement")
	f.Var(duration{&spec.Warmup}, "warmup", "warm-up before each")
	f.StringVar(&spec.ServerCPUs, "server-cpus", "", "processors for the server, for example 0")
	f.StringVar(&spec.ClientCPUs, "client-cpus", "", "processors for the worker, for example 1")
	return c
}
