// config: check, print and describe the configuration.

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// configCommand groups them.
func (a *App) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Check, print and describe the configuration",
		Example: "  sioserver config check -c sioserver.yaml\n  sioserver config print --diff",
	}
	c.AddCommand(a.checkCommand(), a.printCommand(), a.docsCommand(), a.migrateCommand())
	return c
}

// checked is what config check --json prints.
type checked struct {
	OK       bool            `json:"ok"`
	Files    []string        `json:"files"`
	Problems config.Problems `json:"problems"`
	Warnings config.Problems `json:"warnings"`
	Probes   []probed        `json:"probes,omitempty"`
}

// checkCommand checks a configuration.
func (a *App) checkCommand() *cobra.Command {
	var s source
	var asJSON, try bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration without running it",
		Long: `Check a configuration as the server would at its start: unknown keys, types,
ranges, contradictions, rules that are never reached. Ends with 3 if something is
wrong.`,
		Example: `  sioserver config check -c sioserver.yaml
  sioserver config check --json | jq -r '.problems[].message'`,
		RunE: func(c *cobra.Command, _ []string) error {
			s.read(c)
			r, err := s.request(a)
			if err != nil {
				return err
			}
			loaded, err := config.Load(r)
			var problems config.Problems
			if err != nil && !errors.As(err, &problems) {
				return err
			}
			result := checked{len(problems) == 0, append([]string{}, r.Files...), append(config.Problems{}, problems...), append(config.Problems{}, loaded.Warnings...), nil}
			if try && result.OK {
				result.Probes = probe(c.Context(), loaded.Config)
				result.OK = !slices.ContainsFunc(result.Probes, func(p probed) bool { return p.Error != "" })
			}
			if asJSON {
				err = printJSON(a.Stdout, result)
			} else {
				err = a.printChecked(result)
			}
			if err == nil && !result.OK {
				return failed
			}
			return err
		},
	}
	s.flags(c)
	c.Flags().BoolVar(&s.dev, "dev", false, "check it as development mode would")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&try, "probe", false, "try to reach what it refers to as well: Redis, backends, key sets, certificates")
	return c
}

func (a *App) printChecked(r checked) error {
	for _, w := range r.Warnings {
		fmt.Fprintf(a.Stderr, "warning: %s\n", w)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(a.Stderr, "error: %s\n", p)
	}
	for _, p := range r.Probes {
		if p.Error != "" {
			fmt.Fprintf(a.Stderr, "error: %s: %s: %s\n", p.Name, p.Address, p.Error)
		} else {
			fmt.Fprintf(a.Stdout, "reached: %s: %s\n", p.Name, p.Address)
		}
	}
	what := strings.Join(r.Files, ", ")
	if what == "" {
		what = "the configuration (no file)"
	}
	verdict := "ok"
	switch {
	case len(r.Problems) > 0:
		verdict = count(len(r.Problems), "error")
	case !r.OK:
		verdict = "not all it refers to can be reached"
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: %s, %s\n", what, verdict, count(len(r.Warnings), "warning"))
	return err
}

// count is a number of things in words.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// printCommand prints a configuration.
func (a *App) printCommand() *cobra.Command {
	var s source
	var defaults, effective, diff, secrets bool
	var format string
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in force, the defaults, or what differs from them",
		Example: `  sioserver config print --defaults
  sioserver config print --diff -c sioserver.yaml      what was given, and where
  sioserver config print --format env --show-secrets`,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case defaults && diff, defaults && effective, diff && effective:
				return usageError{errors.New("--defaults, --effective and --diff cannot go together")}
			case !slices.Contains(config.Formats, format):
				return usageError{fmt.Errorf("--format: %q is not one of %s", format, strings.Join(config.Formats, ", "))}
			}
			r, err := s.request(a)
			if err != nil {
				return err
			}
			if defaults {
				return config.Print(a.Stdout, config.Default(), format, secrets)
			}
			loaded, err := config.Load(r)
			if err != nil {
				return err
			}
			if diff {
				return config.PrintDiff(a.Stdout, loaded, secrets)
			}
			return config.Print(a.Stdout, loaded.Config, format, secrets)
		},
	}
	s.flags(c)
	f := c.Flags()
	f.BoolVar(&s.dev, "dev", false, "as development mode has it")
	f.BoolVar(&effective, "effective", false, "the configuration in force (the default)")
	f.BoolVar(&defaults, "defaults", false, "the defaults alone")
	f.BoolVar(&diff, "diff", false, "what differs from the defaults, and where it was given")
	f.BoolVar(&secrets, "show-secrets", false, "print secrets too")
	f.StringVar(&format, "format", "yaml", "`form`: yaml, json or env")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(config.Formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// docsCommand describes the configuration.
func (a *App) docsCommand() *cobra.Command {
	var markdown, schema bool
	var section string
	c := &cobra.Command{
		Use:   "docs",
		Short: "Describe every key of the configuration",
		Example: `  sioserver config docs --section limits
  sioserver config docs --json-schema > sioserver.schema.json`,
		RunE: func(*cobra.Command, []string) error {
			if markdown && schema {
				return usageError{errors.New("--markdown and --json-schema cannot go together")}
			}
			write := config.Markdown
			if schema {
				write = config.JSONSchema
			}
			if err := write(a.Stdout, section); err != nil {
				return usageError{fmt.Errorf("--section: %w", err)}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "the reference as Markdown (the default)")
	c.Flags().BoolVar(&schema, "json-schema", false, "a JSON Schema, for editors")
	c.Flags().StringVar(&section, "section", "", "one `section` alone, as in limits")
	return c
}
