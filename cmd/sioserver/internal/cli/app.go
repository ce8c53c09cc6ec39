// App: the command line as a whole, and the codes it ends with.

// Package cli is the command line of sioserver: its verbs, their flags, what
// they print and how they end.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/serve"
)

// The codes that the command ends with.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2   // the command line is wrong
	ExitCheck       = 3   // what was to be checked is wrong: a configuration, a token, a system, the health of a server
	ExitInterrupted = 130 // a signal came, and another one before the end
)

// App is what the command has to do with: its streams, its environment, and the
// files that the build put into it.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string     // as of os.Environ
	Terminal       bool         // people read Stdout
	Client         fs.FS        // the official browser client, nil if this build has none
	Pages          http.Handler // of development mode
}

// System is an App with the streams and the environment of the process.
func System() *App {
	return &App{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(),
		Terminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
}

// usageError is a fault of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// checkError says that what was to be checked is wrong. If it is silent, what is
// wrong has been printed.
type checkError struct {
	error
	silent bool
}

func (e checkError) Unwrap() error { return e.error }

// failed is a checkError about what has been printed.
var failed = checkError{errors.New("the check failed"), true}

// Run does what the arguments say and returns the code to end with.
func (a *App) Run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}

// exit prints an error and returns its code.
func (a *App) exit(err error) int {
	var check checkError
	var problems config.Problems
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &check):
		if !check.silent {
			fmt.Fprintln(a.Stderr, "sioserver:", err)
		}
		return ExitCheck
	case errors.Is(err, serve.ErrStopped), errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stderr, "sioserver:", err)
		return ExitInterrupted
	case errors.As(err, &problems):
		fmt.Fprintln(a.Stderr, problems)
		for _, p := range problems {
			if p.Source.Kind != config.FromFlag {
				fmt.Fprintln(a.Stderr, "sioserver: the configuration is wrong; \"sioserver config docs\" describes it")
				return ExitCheck
			}
		}
		return ExitUsage
	}
	fmt.Fprintln(a.Stderr, "sioserver:", err)
	if errors.As(err, new(usageError)) {
		return ExitUsage
	}
	return ExitFailure
}

// root is the tree of verbs.
func (a *App) root() *cobra.Command {
	root := a.serveCommand()
	root.Use = "sioserver [serve]"
	root.Short = "A Socket.IO server"
	root.Long = `sioserver serves the official Socket.IO clients, of any language, over HTTP long
polling and websocket. Backends in any language publish over HTTP, and are asked
and told over HTTP. Without a verb it serves.`
	root.Example = `  sioserver dev                          try it: a page, everything open, loopback only
  sioserver init && sioserver            a configuration with fresh secrets, and serve it`
	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nsee %s --help", err, c.CommandPath())}
	})
	root.AddGroup(&cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "setup", Title: "Set up:"}, &cobra.Group{ID: "look", Title: "Look and act:"})
	root.SetHelpCommandGroupID("look")
	root.SetCompletionCommandGroupID("setup")
	for group, verbs := range map[string][]*cobra.Command{
		"run":   {named(a.serveCommand(), "serve"), a.devCommand(), a.clientCommand()},
		"setup": {a.initCommand(), a.configCommand(), a.tokenCommand(), a.secretCommand(), a.webhookCommand(), a.doctorCommand(), a.versionCommand()},
	} {
		for _, v := range verbs {
			v.GroupID = group
			root.AddCommand(v)
		}
	}
	for _, v := range a.remoteCommands() {
		v.GroupID = "look"
		root.AddCommand(v)
	}
	strict(root)
	return root
}

// named gives a verb another name.
func named(c *cobra.Command, name string) *cobra.Command {
	c.Use = name
	return c
}

// strict makes wrong arguments of all verbs usage errors.
func strict(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err == nil {
			return nil
		}
		if len(args) > 0 {
			c.SuggestionsMinimumDistance = 2
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				err = fmt.Errorf("%w; did you mean %s?", err, near[0])
			}
		}
		return usageError{fmt.Errorf("%w\nsee %s --help", err, c.CommandPath())}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}
