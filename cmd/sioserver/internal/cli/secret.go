// secret: new secrets of the three kinds.

package cli

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

// secretKinds are the kinds of secrets.
var secretKinds = []string{"api-key", "jwt", "webhook"}

// newSecret makes a secret of 256 bits.
func newSecret(kind string) string {
	if kind == "webhook" {
		return signing.NewSecret()
	}
	var b [32]byte
	_, _ = rand.Read(b[:])
	text := base64.RawURLEncoding.EncodeToString(b[:])
	if kind == "api-key" {
		return "sk_" + text
	}
	return text
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
