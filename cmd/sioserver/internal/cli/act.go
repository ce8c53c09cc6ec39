// Verbs that do something to clients: emit, join, leave, disconnect.

package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// whom are the flags of a selector.
type whom struct {
	Namespace string   `json:"namespace,omitempty"`
	To        []string `json:"to,omitempty"`
	Users     []string `json:"users,omitempty"`
	Except    []string `json:"except,omitempty"`
	Local     bool     `json:"local,omitempty"`
}

func (s *whom) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.Namespace, "ns", "/", "the `namespace`")
	f.StringArrayVar(&s.To, "to", nil, "members of this `room`, or the socket with this id; may repeat")
	f.StringArrayVar(&s.Users, "user", nil, "sockets of this `user`; may repeat")
	f.StringArrayVar(&s.Except, "except", nil, "but not these: a `room` or the id of a socket; may repeat")
	f.BoolVar(&s.Local, "local", false, "on this node only")
}

// emitBody is what POST /emit takes.
type emitBody struct {
	whom
	Event    string            `json:"event"`
	Args     []json.RawMessage `json:"args"`
	Volatile bool              `json:"volatile,omitempty"`
	Conflate string            `json:"conflate,omitempty"`
	ID       string            `json:"id,omitempty"`
	Count    bool              `json:"count"`
	Ack      *emitAck          `json:"ack,omitempty"`
}

type emitAck struct {
	TimeoutMS int64 `json:"timeout_ms"`
}

func (a *App) emitCommand() *cobra.Command {
	var body emitBody
	var ack time.Duration
	var binary []string
	c := &cobra.Command{
		Use:   "emit EVENT [ARG]...",
		Short: "Emit an event to clients",
		Long:  "Emit an event. Arguments are JSON; what is none is taken for a text.",
		Example: `  sioserver emit news '{"title":"hello"}'
  sioserver emit confirm '{"order":981}' --user 42 --ack 3s`,
		Args: cobra.MinimumNArgs(1),
	}
	r := a.remoteFlags(c)
	body.flags(c)
	f := c.Flags()
	f.DurationVar(&ack, "ack", 0, "wait so long for the clients' acknowledgements and print them")
	f.StringArrayVar(&binary, "binary", nil, "a `file` as a further argument, as bytes; \"-\" is standard input")
	f.BoolVar(&body.Volatile, "volatile", false, "leave out clients that are behind")
	f.StringVar(&body.Conflate, "conflate", "", "a `key`: under slow_consumers.policy conflate the last event of its name and key waits for a client that is behind")
	f.StringVar(&body.ID, "id", "", "an `id`: the same again within five minutes is not emitted")
	c.RunE = func(c *cobra.Command, args []string) error {
		body.Event, body.Count = args[0], ack == 0
		body.Args = []json.RawMessage{}
		for _, text := range args[1:] {
			body.Args = append(body.Args, argumentOf(text))
		}
		for _, name := range binary {
			raw, err := a.bytesOf(name)
			if err != nil {
				return err
			}
			body.Args = append(body.Args, raw)
		}
		if ack > 0 {
			body.Ack = &emitAck{max(1, ack.Milliseconds())}
		}
		var res struct {
			ID                           string
			Duplicate                    bool
			Matched                      int
			Expected, Received, TimedOut int
			Acks                         []struct {
				SID, User string
				Args      json.RawMessage
			}
		}
		return r.do(c, "emit", "POST", "/emit", body, &res, func(w io.Writer) error {
			switch {
			case res.Duplicate:
				_, _ = fmt.Fprintf(w, "%s was emitted before\n", res.ID)
			case ack == 0:
				_, _ = fmt.Fprintf(w, "emitted to %d sockets of this node\n", res.Matched)
			default:
				_, _ = fmt.Fprintf(w, "%d of %d have answered\n", res.Received, res.Expected)
				for _, x := range res.Acks {
					_, _ = fmt.Fprintf(w, "%s  %s  %s\n", x.SID, first(x.User, "-"), x.Args)
				}
			}
			return nil
		})
	}
	return c
}

// argumentOf is an argument of the command line as JSON.
func argumentOf(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, _ := json.Marshal(text) // a string never fails
	return quoted
}

// bytesOf is a file as the API takes bytes.
func (a *App) bytesOf(name string) (json.RawMessage, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(a.Stdin)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--binary: %w", err)}
	}
	return json.Marshal(map[string]string{"$binary": base64.StdEncoding.EncodeToString(data)})
}

// sockets are how many were matched.
type socketCount struct{ Matched int }

func (n *socketCount) show(did string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%d sockets of this node %s\n", n.Matched, did)
		return err
	}
}

func (a *App) joinCommand() *cobra.Command {
	return a.membership("join", "Put sockets into rooms", "joined")
}

func (a *App) leaveCommand() *cobra.Command {
	return a.membership("leave", "Take sockets out of rooms", "left")
}

func (a *App) membership(verb, short, did string) *cobra.Command {
	var body struct {
		whom
		All   bool     `json:"all,omitempty"`
		Rooms []string `json:"rooms"`
	}
	c := &cobra.Command{
		Use: verb + " ROOM...", Short: short, Args: cobra.MinimumNArgs(1),
		Example: fmt.Sprintf("  sioserver %s chat:7 --user 42\n  sioserver %s maintenance --all", verb, verb),
	}
	r := a.remoteFlags(c)
	body.flags(c)
	c.Flags().BoolVar(&body.All, "all", false, "the whole namespace")
	c.RunE = func(c *cobra.Command, args []string) error {
		body.Rooms = args
		var n socketCount
		return r.do(c, "manage", "POST", "/"+verb, body, &n, n.show(did))
	}
	return c
}

func (a *App) revokeCommand() *cobra.Command {
	var body struct {
		JTI   string     `json:"jti,omitempty"`
		User  string     `json:"user,omitempty"`
		Until *time.Time `json:"until,omitempty"`
		Local bool       `json:"local,omitempty"`
	}
	var hold time.Duration
	c := &cobra.Command{
		Use:   "revoke",
		Short: "Take back a token, or all tokens of a user, and disconnect who came with them",
		Long: `Take back a token by its claim jti, or all tokens of a user that were issued so far (iat), on all nodes.
Those who came with them are disconnected. Nodes forget it when they end, and nodes that start later do not know it.`,
		Example: `  sioserver revoke --user 42 --for 12h
  sioserver revoke --jti 5f1c7a`,
	}
	r := a.remoteFlags(c)
	f := c.Flags()
	f.StringVar(&body.JTI, "jti", "", "one token, by its `id`")
	f.StringVar(&body.User, "user", "", "all tokens of a `user`")
	f.BoolVar(&body.Local, "local", false, "on this node only")
	f.DurationVar(&hold, "for", 24*time.Hour, "how long it holds: until the last of them has expired")
	c.RunE = func(c *cobra.Command, _ []string) error {
		until := time.Now().Add(hold)
		body.Until = &until
		var n socketCount
		return r.do(c, "manage", "POST", "/revoke", body, &n, n.show("were disconnected"))
	}
	return c
}

func (a *App) disconnectCommand() *cobra.Command {
	var body struct {
		whom
		All    bool   `json:"all,omitempty"`
		Mode   string `json:"mode"`
		Reason string `json:"reason,omitempty"`
		BanMS  int64  `json:"ban_ms,omitempty"`
	}
	var ban time.Duration
	c := &cobra.Command{
		Use:   "disconnect",
		Short: "Disconnect sockets for good, or so that they come back",
		Example: `  sioserver disconnect --user 42 --ban 1h
  sioserver disconnect --to room:7 --mode reconnect`,
	}
	r := a.remoteFlags(c)
	body.flags(c)
	f := c.Flags()
	f.BoolVar(&body.All, "all", false, "the whole namespace")
	f.StringVar(&body.Mode, "mode", "kick", "kick: they stay away; reconnect: their transport is closed, and they come back")
	f.StringVar(&body.Reason, "reason", "", "a `text` for the log")
	f.DurationVar(&ban, "ban", 0, "keep users out for so long")
	c.RunE = func(c *cobra.Command, _ []string) error {
		body.BanMS = ban.Milliseconds()
		var n socketCount
		return r.do(c, "manage", "POST", "/disconnect", body, &n, n.show("were disconnected"))
	}
	return c
}
