// doctor: whether this system can hold what it is asked to.

package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/doctor"
)

// doctorCommand looks at the system.
func (a *App) doctorCommand() *cobra.Command {
	var s source
	var target int
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Tell whether this system can hold what it is asked to",
		Long: `Look at the limits of this process and this system, at memory, at the
configuration and what it refers to, and say what to change. Ends with 3 if
something is missing. The limits of open files are those of this shell: a
service may have others.`,
		Example: `  sioserver doctor
  sioserver doctor --target 200000 -c sioserver.yaml`,
		RunE: func(c *cobra.Command, _ []string) error {
			if target < 0 {
				return usageError{fmt.Errorf("--target is %d, it must not be negative", target)}
			}
			r, err := s.request(a)
			if err != nil {
				return err
			}
			loaded, problems := config.Load(r)
			if problems != nil && len(r.Files) == 0 {
				loaded, problems = &config.Loaded{Config: config.Default()}, nil // nothing is configured yet
			}
			var lim syscall.Rlimit
			if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
				return err
			}
			report := doctor.Look(doctor.System{Files: os.DirFS("/"), Soft: lim.Cur, Hard: lim.Max, PageSize: os.Getpagesize()}, loaded.Config, target)
			if problems != nil {
				report.Add(doctor.Fail, "configuration", "wrong", strings.SplitN(problems.Error(), "\n", 2)[0], "sioserver config check")
			} else if len(r.Files) > 0 {
				report.Add(doctor.Pass, "configuration", strings.Join(r.Files, ", "), "", "")
				for _, f := range probe(c.Context(), loaded.Config) {
					report.Add(f.level(), f.Name, f.Address, f.Error, "")
				}
			}
			if asJSON {
				err = printJSON(a.Stdout, report)
			} else {
				err = printReport(a.Stdout, report)
			}
			if err == nil && report.Failed() {
				return failed
			}
			return err
		},
	}
	s.flags(c)
	c.Flags().IntVar(&target, "target", 0, "`connections` to be held (default those of the configuration, or what is possible)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printReport prints a table and the verdict.
func printReport(w io.Writer, r *doctor.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range r.Findings {
		note := f.Note
		if f.Fix != "" {
			note = strings.TrimSpace(note + "  -> " + f.Fix)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Level, f.Name, f.Value, note)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "verdict: %s\n", r.Verdict)
	return err
}
