// secret: new secrets of the three kinds.

package cli

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// secretKinds are the kinds of secrets.
var secretKinds = []string{"api-key", "jwt", "webhook"}

// newSecret makes a secret of 256 bits.
func newSecret(kind string) string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	switch kind {
	case "webhook": // as Standard Webhooks writes them
		return "whsec_" + base64.StdEncoding.EncodeToString(b[:])
	case "api-key":
		return "sk_" + base64.RawURLEncoding.EncodeToString(b[:])
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// secretCommand makes secrets.
func (a *App) secretCommand() *cobra.Command {
	var kind string
	create := &cobra.Command{
		Use:   "new",
		Short: "Print a new secret",
		Example: `  sioserver secret new
  sioserver secret new --kind webhook > hooks.secret`,
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(secretKinds, kind) {
				return usageError{fmt.Errorf("--kind: %q is not one of %s", kind, strings.Join(secretKinds, ", "))}
			}
			_, err := fmt.Fprintln(a.Stdout, newSecret(kind))
			return err
		},
	}
	create.Flags().StringVar(&kind, "kind", "api-key", "what it is for: `api-key`, jwt or webhook")
	_ = create.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(secretKinds, cobra.ShellCompDirectiveNoFileComp))
	c := &cobra.Command{Use: "secret", Short: "Make secrets", Example: create.Example}
	c.AddCommand(create)
	return c
}
