// token: make and check the tokens of clients.

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// tokenCommand groups them.
func (a *App) tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Make and check the tokens of clients",
		Example: "  sioserver token create -u 42\n  sioserver token verify eyJhbGciOi...",
	}
	c.AddCommand(a.tokenCreateCommand(), a.tokenRoomCommand(), a.tokenVerifyCommand())
	return c
}

// tokenConfig is the section of the configuration.
func (a *App) tokenConfig(s *source) (*config.JWT, error) {
	r, err := s.request(a)
	if err != nil {
		return nil, err
	}
	loaded, err := config.Load(r)
	if err != nil {
		return nil, err
	}
	if c := &loaded.Config.Auth.JWT; c.Enabled {
		return c, nil
	}
	return nil, checkError{error: errors.New("auth.jwt is not enabled: enable it and set hmac_secret, see: sioserver config docs --section auth")}
}

// tokenFor is tokenConfig of a verb that needs a user.
func (a *App) tokenFor(s *source, user string) (*config.JWT, error) {
	if user == "" {
		return nil, usageError{errors.New("--user: a token is for somebody: name the user")}
	}
	return a.tokenConfig(s)
}

// printToken signs claims and prints the token.
func (a *App) printToken(c *config.JWT, claims map[string]any, asJSON bool) error {
	text, err := auth.Sign(c, claims)
	if err != nil {
		return checkError{error: err}
	}
	if asJSON {
		return printJSON(a.Stdout, map[string]any{"token": text, "claims": claims})
	}
	_, err = fmt.Fprintln(a.Stdout, text)
	return err
}

func (a *App) tokenCreateCommand() *cobra.Command {
	var s source
	var user string
	var ttl time.Duration
	var namespaces, rooms, join, claims []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "create",
		Short: "Print a token with which a user may connect",
		Long: `Print a token with which a user may connect, signed with the first secret of
auth.jwt.hmac_secret. It is for tests and for looking at: in production the
backend signs its tokens itself, with any library for JSON Web Tokens.`,
		Example: `  sioserver token create -u 42
  sioserver token create -u 42 --ns /chat --room tenant:7 --ttl 10m --claim team=red`,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.tokenFor(&s, user)
			if err != nil {
				return err
			}
			all := map[string]any{cfg.UserClaim: user, "exp": time.Now().Add(ttl).Unix()}
			if err := addClaims(all, claims); err != nil {
				return err
			}
			sio := map[string]any{}
			for name, list := range map[string][]string{"ns": namespaces, "rooms": rooms, "join": join} {
				if list != nil {
					sio[name] = list
				}
			}
			if len(sio) > 0 {
				all["sio"] = sio
			}
			return a.printToken(cfg, all, asJSON)
		},
	}
	s.flags(c)
	f := c.Flags()
	f.StringVarP(&user, "user", "u", "", "the `user`")
	f.DurationVar(&ttl, "ttl", time.Hour, "how long it holds")
	f.StringArrayVar(&namespaces, "ns", nil, "a `namespace` it is good for, with *; may repeat (default all)")
	f.StringArrayVar(&rooms, "room", nil, "a `room` to be in from the start; may repeat")
	f.StringArrayVar(&join, "join", nil, "a `room` it lets join, with *; may repeat")
	f.StringArrayVar(&claims, "claim", nil, "a further claim, `name=value`; the value is JSON or else a text; may repeat")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// addClaims reads name=value.
func addClaims(claims map[string]any, list []string) error {
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return usageError{fmt.Errorf("--claim: %q must be name=value", text)}
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		claims[name] = v
	}
	return nil
}

func (a *App) tokenRoomCommand() *cobra.Command {
	var s source
	var user string
	var ttl time.Duration
	var publish, asJSON bool
	c := &cobra.Command{
		Use:   "room ROOM",
		Short: "Print a token with which a user may join a room",
		Long: `Print a token with which a user may join a room whose rule is "join: token":
$join {"room": ..., "token": ...}. It is of no use to other users, and lets nobody
connect.`,
		Example: `  sioserver token room chat:7 -u 42
  sioserver token room chat:7 -u 42 --publish --ttl 5m`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, err := a.tokenFor(&s, user)
			if err != nil {
				return err
			}
			caps := []string{auth.CapJoin}
			if publish {
				caps = append(caps, auth.CapPublish)
			}
			return a.printToken(cfg, auth.RoomClaims(user, args[0], time.Now().Add(ttl), caps...), asJSON)
		},
	}
	s.flags(c)
	f := c.Flags()
	f.StringVarP(&user, "user", "u", "", "the `user`")
	f.DurationVar(&ttl, "ttl", time.Hour, "how long it holds")
	f.BoolVar(&publish, "publish", false, "let the user publish in the room too")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verified is what token verify --json prints.
type verified struct {
	OK        bool           `json:"ok"`
	Error     string         `json:"error,omitempty"`
	User      string         `json:"user,omitempty"`
	ExpiresAt *time.Time     `json:"expires_at,omitempty"`
	Algorithm string         `json:"algorithm,omitempty"`
	KeyID     string         `json:"kid,omitempty"`
	Claims    map[string]any `json:"claims,omitempty"`
}

func (a *App) tokenVerifyCommand() *cobra.Command {
	var s source
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify TOKEN",
		Short: "Say whether the server would take a token, and why not",
		Long: `Say whether the server would take a token to connect with, as whom, and if not
why. Keys from auth.jwt.jwks.url are fetched. Ends with 3 if it would not.`,
		Example: `  sioserver token verify "$TOKEN"
  sioserver token verify --json "$TOKEN" | jq .claims`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.tokenConfig(&s)
			if err != nil {
				return err
			}
			v, err := auth.NewVerifier(cfg, slog.New(slog.NewTextHandler(a.Stderr, nil)))
			if err != nil {
				return checkError{error: err}
			}
			t, err := v.Verify(cmd.Context(), args[0])
			out := verified{OK: err == nil}
			if err != nil {
				out.Error = err.Error()
			} else {
				out.User, out.Algorithm, out.KeyID, out.Claims = t.User, t.Algorithm, t.KeyID, t.Claims
				if !t.ExpiresAt.IsZero() {
					out.ExpiresAt = &t.ExpiresAt
				}
			}
			return a.printVerified(out, asJSON)
		},
	}
	s.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) printVerified(v verified, asJSON bool) (err error) {
	switch {
	case asJSON:
		err = printJSON(a.Stdout, v)
	case !v.OK:
		_, err = fmt.Fprintln(a.Stdout, "refused:", v.Error)
	default:
		until := "never"
		if v.ExpiresAt != nil {
			until = v.ExpiresAt.UTC().Format(time.RFC3339)
		}
		claims, _ := json.MarshalIndent(v.Claims, "", "  ")
		_, err = fmt.Fprintf(a.Stdout, "ok: user %s, expires %s, %s\n%s\n", v.User, until, v.Algorithm, claims)
	}
	if err == nil && !v.OK {
		return failed
	}
	return err
}
