// client: a Socket.IO client for people and for scripts.

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/client"
)

// clientOptions are the flags of client.
type clientOptions struct {
	namespace, auth, transport string
	headers, emit              []string
	ack, asJSON                bool
	wait                       time.Duration
	count                      int
}

// clientCommand connects to a server.
func (a *App) clientCommand() *cobra.Command {
	var o clientOptions
	c := &cobra.Command{
		Use:   "client URL",
		Short: "Connect to a Socket.IO server, from a keyboard or from a script",
		Long: `Connect to a Socket.IO server. On a terminal each line that you type is an event:
its name, then its arguments as JSON, or as plain words. A line that begins with
"?" asks for an acknowledgement. With --emit, or without a terminal, it sends what
it is told, waits for acknowledgements and, with --count or --wait, for events.
It ends with 1 if it is not let in, and if not all came in time.`,
		Example: `  sioserver client http://127.0.0.1:3000
  sioserver client http://127.0.0.1:3000 --emit 'echo {"n":1}' --ack
  sioserver client https://example.com --ns /chat --auth '{"token":"..."}' --count 10 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return a.client(ctx, args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.namespace, "ns", "/", "`namespace`")
	f.StringVar(&o.auth, "auth", "", "what to show when connecting, as `JSON`")
	f.StringVar(&o.transport, "transport", "both", "`way`: websocket, polling or both, which begins with polling")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "a header `field` of all requests, as in 'Cookie: a=b'; may repeat")
	f.StringArrayVar(&o.emit, "emit", nil, "an `event` to send, as in 'chat \"hello\" 1'; may repeat")
	f.BoolVar(&o.ack, "ack", false, "wait for an acknowledgement of each of them")
	f.IntVar(&o.count, "count", 0, "wait for so `many` events, then end")
	f.DurationVar(&o.wait, "wait", 10*time.Second, "how `long` to wait for acknowledgements and events; without --count and --ack, how long to listen")
	f.BoolVar(&o.asJSON, "json", false, "print what comes as JSON, one line each")
	_ = c.RegisterFlagCompletionFunc("transport", cobra.FixedCompletions([]string{"websocket", "polling", "both"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// check looks at the flags.
func (o *clientOptions) check() error {
	switch {
	case !slices.Contains([]string{"websocket", "polling", "both"}, o.transport):
		return usageError{fmt.Errorf("--transport: %q is not one of websocket, polling, both", o.transport)}
	case o.auth != "" && !json.Valid([]byte(o.auth)):
		return usageError{fmt.Errorf("--auth: %s is no JSON; quote it for the shell, as in --auth '{\"token\":\"...\"}'", o.auth)}
	case !strings.HasPrefix(o.namespace, "/"):
		return usageError{fmt.Errorf("--ns: %q must begin with a slash", o.namespace)}
	}
	for _, e := range o.emit {
		if _, _, _, err := parseLine(e); err != nil {
			return usageError{fmt.Errorf("--emit: %w", err)}
		}
	}
	return nil
}

// client connects, and does what the flags say.
func (a *App) client(ctx context.Context, url string, o clientOptions) error {
	header := http.Header{}
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return usageError{fmt.Errorf("-H: %q must be Name: value", h)}
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	c, err := client.Dial(ctx, client.Options{URL: url, Namespace: o.namespace, Auth: json.RawMessage(o.auth), Transport: o.transport, Header: header})
	if err != nil {
		return err
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		c.Close(last)
	}()
	if err := a.joined(ctx, c, o); err != nil {
		return err
	}
	var lines <-chan string
	in, isFile := a.Stdin.(*os.File)
	if len(o.emit) == 0 && o.count == 0 && isFile && term.IsTerminal(int(in.Fd())) {
		lines = readLines(a.Stdin)
	}
	return a.converse(ctx, c, o, lines)
}

// joinTime is how long the answer to a connect may take at least.
const joinTime = 20 * time.Second

// joined waits to be let into the namespace.
func (a *App) joined(ctx context.Context, c *client.Client, o clientOptions) error {
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				return errors.New("the connection has ended")
			}
			a.printEvent(e, o.asJSON)
			switch e.Kind {
			case "connect":
				return nil
			case "error":
				return fmt.Errorf("not let in: %s", e.Text)
			case "close":
				return errors.New(e.Text)
			}
		case <-time.After(max(o.wait, joinTime)):
			return fmt.Errorf("no answer within %s", max(o.wait, joinTime))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readLines reads lines until there are no more.
func readLines(r io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// converse sends what is to be sent and prints what comes.
func (a *App) converse(ctx context.Context, c *client.Client, o clientOptions, lines <-chan string) error {
	acks := 0
	for _, text := range o.emit {
		name, args, ack, err := parseLine(text)
		if err != nil {
			return err
		}
		if ack = ack || o.ack; ack {
			acks++
		}
		if _, err := c.Emit(ctx, name, args, ack); err != nil {
			return err
		}
	}
	events := o.count
	listen := lines == nil && acks == 0 && events == 0
	var end <-chan time.Time
	if lines == nil {
		end = time.After(o.wait)
	}
	for lines != nil || listen || acks > 0 || events > 0 {
		select {
		case e, ok := <-c.Events():
			if !ok || e.Kind == "close" {
				a.printEvent(e, o.asJSON)
				return fmt.Errorf("the connection has ended: %s", e.Text)
			}
			a.printEvent(e, o.asJSON)
			switch {
			case e.Kind == "disconnect":
				return errors.New("disconnected by the server")
			case e.Kind == "ack" && acks > 0:
				acks--
			case e.Kind == "event" && events > 0:
				events--
			}
		case line, ok := <-lines:
			if !ok || strings.TrimSpace(line) == "/quit" {
				return nil
			}
			a.typed(ctx, c, line)
		case <-end:
			if listen {
				return nil
			}
			return fmt.Errorf("after %s, %s and %s did not come", o.wait, count(acks, "acknowledgement"), count(events, "event"))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// typed sends what somebody has typed.
func (a *App) typed(ctx context.Context, c *client.Client, line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	name, args, ack, err := parseLine(line)
	if err == nil {
		_, err = c.Emit(ctx, name, args, ack)
	}
	if err != nil {
		fmt.Fprintln(a.Stderr, err)
	}
}

// parseLine reads an event: its name, and behind it JSON values, or words.
func parseLine(line string) (name string, args []json.RawMessage, ack bool, err error) {
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "?"); ok {
		line, ack = strings.TrimSpace(rest), true
	}
	name, rest, _ := strings.Cut(line, " ")
	if name == "" {
		return "", nil, false, errors.New("an event needs a name, and then JSON or words")
	}
	d := json.NewDecoder(strings.NewReader(rest))
	for {
		var v json.RawMessage
		switch err := d.Decode(&v); {
		case err == nil:
			args = append(args, v)
		case errors.Is(err, io.EOF):
			return name, args, ack, nil
		default:
			if strings.ContainsAny(rest, `{["`) {
				return "", nil, false, fmt.Errorf("the arguments of %s are neither JSON nor plain words: %w", name, err)
			}
			text, _ := json.Marshal(strings.TrimSpace(rest))
			return name, []json.RawMessage{text}, ack, nil
		}
	}
}

// printEvent prints what came.
func (a *App) printEvent(e client.Event, asJSON bool) {
	if asJSON {
		b, _ := json.Marshal(e)
		fmt.Fprintf(a.Stdout, "%s\n", b)
		return
	}
	var args []string
	for _, v := range e.Args {
		args = append(args, string(v))
	}
	list := strings.Join(args, " ")
	switch e.Kind {
	case "connect":
		fmt.Fprintf(a.Stdout, "connected as %s over %s\n", e.SID, e.Transport)
	case "event":
		fmt.Fprintf(a.Stdout, "< %s\n", strings.TrimSpace(e.Name+" "+list))
	case "ack":
		fmt.Fprintf(a.Stdout, "< ack %d after %s: %s\n", e.ID, e.After.Round(100*time.Microsecond), list)
	case "error", "disconnect", "close":
		fmt.Fprintf(a.Stdout, "%s: %s %s\n", e.Kind, e.Text, list)
	}
}
