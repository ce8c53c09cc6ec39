// The decision about one client that wants into a namespace.

package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/glob"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// The codes of refusals, in the data of the client's connect_error.
const (
	codeNamespace    = "unknown_namespace"
	codeUnauthorized = "unauthorized"
	codeExpired      = "token_expired"
	codeInvalid      = "token_invalid"
	codeRevoked      = "token_revoked"
	codeForbidden    = "forbidden"
	codeDenied       = "denied"
	codeUnavailable  = "unavailable"
	codeUserLimit    = "max_connections_per_user"
)

// refusal is the data of a connect_error.
type refusal struct {
	Code         string `json:"code"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
}

func refuse(code, message string) *loop.Error {
	return &loop.Error{Message: message, Data: refusal{Code: code}}
}

// errClosed ends the middleware of a client whose transport was closed. Nobody
// is told.
var errClosed = errors.New("connect: the transport is closed, so that the client comes again")

// errUnavailable: it cannot be decided at present.
var errUnavailable = errors.New("connect: it cannot be decided at present")

// candidate is a client on its way in.
type candidate struct {
	socket *loop.Socket
	shake  *loop.Handshake
	ns     *config.Namespace
	rules  *rules
	state  *session.State
	rooms  []string
	known  bool // by a token, a header, or the backend
}

// admit is the middleware of every namespace.
func (g *Gate) admit(s *loop.Socket) error {
	err := g.decide(s)
	result := "ok"
	var told *loop.Error
	switch {
	case errors.As(err, &told):
		result = codeOf(told)
		g.refused(s, told.Message, result)
	case err != nil:
		result = "closed"
	}
	g.counts.add(result)
	return err
}

func codeOf(e *loop.Error) string {
	if r, ok := e.Data.(refusal); ok {
		return r.Code
	}
	return codeDenied // with data of the backend's
}

// refused tells the bus.
func (g *Gate) refused(s *loop.Socket, message, code string) {
	if !g.node.Bus.Heard() {
		return
	}
	g.node.Bus.Publish(&lifecycle.Event{
		Type: lifecycle.ConnectionRefused, Namespace: s.Namespace().Name(), ConnID: session.ConnID(g.node.ID, s),
		Transport: s.Transport(), IP: s.Handshake().Address(), Reason: code + ": " + message,
	})
}

// decide lets a client in, or returns what it is told.
func (g *Gate) decide(s *loop.Socket) error {
	r := g.rules.Load()
	c := &candidate{socket: s, shake: s.Handshake(), rules: r, ns: r.namespaces[s.Namespace().Name()], state: &session.State{Since: time.Now()}}
	if c.ns == nil {
		return refuse(codeNamespace, "Invalid namespace")
	}
	if e := &r.cfg.LaravelEcho; e.Enabled && c.ns.Name == "/" {
		c.state.Echo = session.NewEcho(chosen(c.shake.Header(), e.Headers), echoOf(s))
	}
	ctx, cancel := context.WithTimeout(context.Background(), decisionTime)
	defer cancel()
	err := g.identify(ctx, c)
	if errors.Is(err, errUnavailable) {
		return g.unavailable(ctx, c, err)
	}
	if err != nil {
		return err
	}
	if !c.known && required(c.ns, r.cfg) {
		return refuse(codeUnauthorized, "unauthorized")
	}
	if err := g.takePlace(c); err != nil {
		return err
	}
	// Nobody sees the state before it is complete.
	s.SetData(c.state)
	return g.enterRooms(c)
}

// chosen are the fields of a head that have one of some names.
func chosen(head http.Header, names []string) http.Header {
	kept := http.Header{}
	for _, name := range names {
		if v := head.Values(name); len(v) > 0 {
			kept[http.CanonicalHeaderKey(name)] = v
		}
	}
	return kept
}

// echoOf is what was kept with the socket that a client was before.
func echoOf(s *loop.Socket) *session.Echo {
	if was := session.Of(s); was != nil {
		return was.Echo
	}
	return nil
}

// decisionTime is how long a decision may take whatever the configuration says
// about its parts.
const decisionTime = time.Minute

func required(ns *config.Namespace, c *config.Config) bool {
	return ns.Auth == "required" || ns.Auth != "none" && c.Auth.Required
}

// identify asks all that can say who the client is.
func (g *Gate) identify(ctx context.Context, c *candidate) error {
	if err := g.byToken(ctx, c); err != nil {
		return err
	}
	if name := c.rules.cfg.Auth.UserHeader; name != "" && !c.known && c.shake.Proxied() {
		if user := c.shake.Header().Get(name); user != "" {
			c.state.User, c.known = user, true
		}
	}
	if h := &c.rules.cfg.Hooks.Connect; h.URL != "" && (!c.known || h.When == "always") {
		return g.byHook(ctx, c)
	}
	return nil
}

// byToken takes what a token says, if there is one.
func (g *Gate) byToken(ctx context.Context, c *candidate) error {
	if !g.tokens.Enabled() {
		return nil
	}
	shown := auth.Presented{
		Auth:   c.shake.RawAuth(),
		Header: func() http.Header { return c.shake.Header() },
		Query:  func() url.Values { return c.shake.Query() },
	}
	text := shown.Find(g.tokens.Where())
	if text == "" {
		return nil
	}
	token, err := g.tokens.Verify(ctx, text)
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		return fmt.Errorf("%w: %w", errUnavailable, err)
	case errors.Is(err, auth.ErrExpired):
		return refuse(codeExpired, "token expired")
	case errors.Is(err, auth.ErrRevoked):
		return refuse(codeRevoked, "token revoked")
	case err != nil:
		g.log.Debug("a token is refused", "namespace", c.ns.Name, "error", err)
		return refuse(codeInvalid, "invalid token")
	case token.Namespaces != nil && !glob.Any(token.Namespaces, c.ns.Name):
		return refuse(codeForbidden, "the token is not for this namespace")
	}
	c.known = true
	c.state.User, c.state.Claims, c.state.Permissions = token.User, token.Claims, token.Grants
	c.state.SetData(token.Data)
	c.state.SetExpiresAt(token.ExpiresAt)
	c.rooms = append(c.rooms, token.Rooms...)
	return nil
}

// unavailable is what becomes of a client about which nobody can decide. An
// official client takes a connect_error for final and comes again by itself when
// its transport is lost, so that is closed if no other namespace uses it.
func (g *Gate) unavailable(ctx context.Context, c *candidate, cause error) error {
	g.log.Debug("a join cannot be decided", "namespace", c.ns.Name, "error", cause)
	h := &c.rules.cfg.Hooks
	if h.Connect.OnFailure != "deny" {
		conn := c.socket.Conn()
		if others, err := conn.Sockets(ctx); err == nil && len(others) == 0 {
			conn.Close(false)
			return errClosed
		}
	}
	wait := time.Duration(h.Defaults.Breaker.OpenFor)
	return &loop.Error{Message: "unavailable", Data: refusal{codeUnavailable, max(wait, time.Second).Milliseconds()}}
}

// takePlace counts the client against the limit of its user.
func (g *Gate) takePlace(c *candidate) error {
	l := &c.rules.cfg.Limits
	if l.MaxConnectionsPerUser <= 0 || c.state.User == "" {
		return nil
	}
	oldest, ok := g.users.reserve(c.socket, c.state.User, l.MaxConnectionsPerUser, l.OnUserLimit == "close_oldest")
	if !ok {
		return refuse(codeUserLimit, "too many connections of this user")
	}
	for _, s := range oldest {
		if st := session.Of(s); st != nil {
			st.End("replaced")
		}
		s.Disconnect(false)
	}
	return nil
}

// enterRooms joins the rooms that the client is in from the start.
func (g *Gate) enterRooms(c *candidate) error {
	list := c.rooms
	for _, t := range c.ns.AutoJoin {
		if room, ok := expand(t, c.state, c.socket.ID()); ok {
			list = append(list, room)
		}
	}
	kept := list[:0]
	for _, room := range list {
		if room != "" && !session.Hidden(room) {
			kept = append(kept, room)
		}
	}
	if c.state.User != "" {
		kept = append(kept, session.UserRoom(c.state.User))
	}
	if err := c.socket.Join(kept...); err != nil && !errors.Is(err, loop.ErrDisconnected) {
		return &loop.Error{Message: "the rooms of the start are more than limits.max_rooms_per_socket", Data: refusal{Code: "max_rooms_per_socket"}}
	}
	return nil
}

// text is the string in a raw JSON value, or the value as it stands.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}
