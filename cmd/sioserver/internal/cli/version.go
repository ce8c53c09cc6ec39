// version: what this build is.

package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/version"
)

// versionCommand prints it.
func (a *App) versionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print what this build is",
		Example: "  sioserver version\n  sioserver version --json | jq -r .commit",
		RunE: func(*cobra.Command, []string) error {
			v := version.Get()
			if asJSON {
				return printJSON(a.Stdout, v)
			}
			_, err := fmt.Fprintf(a.Stdout, "sioserver %s (%s) %s %s/%s\n", v.Version, v.Commit, v.Go, v.OS, v.Arch)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printJSON prints a value with its lines indented.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
