// init: a small configuration with fresh secrets, and what to do next.

package cli

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

//go:embed templates/sioserver.yaml.tmpl
var initText string

var initTemplate = template.Must(template.New("init").Parse(initText))

// initKinds are what a configuration can be for.
var initKinds = []string{"nothing", "php", "python", "node", "laravel-echo"}

// initial is what fills the template in.
type initial struct {
	For, Backend                               string
	JWT, Hooks                                 bool
	APIKey, OperatorKey, JWTSecret, HookSecret string
}

// newInitial makes it, with fresh secrets.
func newInitial(kind string) initial {
	i := initial{
		For: kind, JWT: kind == "nothing" || kind == "node", Hooks: kind != "nothing" && kind != "laravel-echo", APIKey: newSecret("api-key"), OperatorKey: newSecret("api-key"),
		JWTSecret: newSecret("jwt"), HookSecret: newSecret("webhook"),
	}
	i.Backend = map[string]string{
		"php": "http://127.0.0.1:8000/hooks.php", "python": "http://127.0.0.1:5000/hooks", "node": "http://127.0.0.1:8080/hooks",
		"laravel-echo": "http://127.0.0.1:8000/broadcasting/auth",
	}[kind]
	return i
}

// nextSteps say what to do with it.
func (i initial) nextSteps(file string) string {
	var b strings.Builder
	flag := ""
	if file != defaultFiles[0] {
		flag = " -c " + file
	}
	fmt.Fprintf(&b, "%s was written, readable by you alone. Its secrets are fresh.\n\nCheck it and serve:\n\n  sioserver config check%s\n  sioserver%s\n", file, flag, flag)
	fmt.Fprintf(&b, "\nSend an event to everybody, from any language:\n\n  curl -s 127.0.0.1:3001/api/v1/emit -H 'Authorization: Bearer %s' -d '{\"event\":\"hello\",\"args\":[{\"from\":\"curl\"}]}'\n", i.APIKey)
	if i.JWT {
		fmt.Fprintf(&b, "\nClients show a token, signed by your backend with auth.jwt.hmac_secret (HS256; sub is the user, exp is required):\n\n  io(\"http://127.0.0.1:3000\", {auth: {token}})\n")
	}
	if i.Hooks {
		fmt.Fprintf(&b, "\nYour backend answers at %s. A connect is let in by\n\n  {\"allow\": true, \"user\": \"42\"}\n\nRequests are signed as Standard Webhooks are, with hooks.defaults.secret.\n", i.Backend)
	}
	switch i.For {
	case "laravel-echo":
		fmt.Fprintf(&b, "\nLaravel: BROADCAST_CONNECTION=redis, and the prefix of its Redis keys as ingest.redis.laravel_prefix. %s decides who may be in\nprivate and presence channels. Pages, with laravel-echo and socket.io-client 4:\n\n  new Echo({broadcaster: \"socket.io\", host: \"http://127.0.0.1:3000\", client: io, withCredentials: true})\n", i.Backend)
	case "php":
		b.WriteString("\nTry it: php -S 127.0.0.1:8000\n")
	}
	return b.String()
}

// initCommand writes a configuration.
func (a *App) initCommand() *cobra.Command {
	var kind, output string
	var force bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a small configuration with fresh secrets",
		Long: `Write a small commented configuration with fresh secrets, readable by you alone,
and print what to do next. An existing file stays unless --force is given.`,
		Example: `  sioserver init && sioserver
  sioserver init --for php -o shop.yaml`,
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(initKinds, kind) {
				return usageError{fmt.Errorf("--for: %q is not one of %s", kind, strings.Join(initKinds, ", "))}
			}
			i := newInitial(kind)
			var b bytes.Buffer
			if err := initTemplate.Execute(&b, i); err != nil {
				return err
			}
			if output == "-" {
				_, err := b.WriteTo(a.Stdout)
				return err
			}
			if err := writeNew(output, b.Bytes(), force); err != nil {
				return err
			}
			_, err := fmt.Fprint(a.Stdout, i.nextSteps(output))
			return err
		},
	}
	f := c.Flags()
	f.StringVarP(&output, "output", "o", defaultFiles[0], "the `file` to write, \"-\" is standard output")
	f.StringVar(&kind, "for", "nothing", "what your backend is: `nothing`, php, python, node or laravel-echo")
	f.BoolVar(&force, "force", false, "replace an existing file")
	_ = c.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(initKinds, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// writeNew writes a file that holds secrets. One that is there stays unless
// force is set.
func writeNew(name string, text []byte, force bool) error {
	if force {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: --force replaces it, -o writes another one", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
