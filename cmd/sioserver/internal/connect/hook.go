// The connect hook: the backend says who a client is.

package connect

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// request is what the backend is asked. The client's own auth object and the
// fields of its handshake are never put together: a proxy vouches for the ones
// at most.
type request struct {
	hooks.Header
	Namespace string            `json:"namespace"`
	SID       string            `json:"sid"`
	ConnID    string            `json:"conn_id"`
	Transport string            `json:"transport"`
	EIO       int               `json:"eio"`
	Auth      json.RawMessage   `json:"auth"`
	Query     map[string]string `json:"query"`
	Headers   map[string]string `json:"headers"`
	Remote    remote            `json:"remote"`
	User      string            `json:"user,omitempty"` // of a token or a gateway
	Claims    map[string]any    `json:"claims"`
}

type remote struct {
	IP  string `json:"ip"`
	TLS bool   `json:"tls"`
}

// answer is what it says.
type answer struct {
	Allow       *bool               `json:"allow"`
	Error       *loop.Error         `json:"error"`
	User        user                `json:"user"`
	Rooms       []string            `json:"rooms"`
	Data        json.RawMessage     `json:"data"`
	Meta        json.RawMessage     `json:"meta"`
	ExpireAt    int64               `json:"expire_at"`
	Permissions session.Permissions `json:"permissions"`
	Limits      struct {
		EventsPerSecond string `json:"events_per_second"`
	} `json:"limits"`
	Emit []session.Emission `json:"emit"`

	rate float64 // of Limits
}

// user is an id, which backends write as a string or as a number.
type user string

// UnmarshalJSON reads either.
func (u *user) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(u))
	}
	var n json.Number
	err := json.Unmarshal(b, &n)
	*u = user(n.String())
	return err
}

// byHook asks the backend.
func (g *Gate) byHook(ctx context.Context, c *candidate) error {
	h := &c.rules.cfg.Hooks.Connect
	r := g.question(c)
	key, ttl := [sha256.Size]byte{}, time.Duration(h.CacheTTL)
	if ttl > 0 {
		key = r.credentials()
		if a := g.cache.get(key); a != nil {
			return c.take(a)
		}
	}
	a := new(answer)
	empty, err := g.hooks.Ask(ctx, hooks.Target{Hook: hooks.Connect, URL: h.URL, Timeout: time.Duration(h.Timeout)}, r, a)
	switch {
	case errors.Is(err, hooks.ErrDenied):
		return c.denied(a)
	case err != nil:
		return fmt.Errorf("%w: %w", errUnavailable, err)
	case empty || a.Allow == nil && a.Error == nil:
		return fmt.Errorf(`%w: %s answered neither "allow" nor "error"`, errUnavailable, h.URL)
	}
	if t := a.Limits.EventsPerSecond; t != "" {
		if a.rate, err = parseRate(t); err != nil {
			return fmt.Errorf("%w: %s answered limits.events_per_second: %w", errUnavailable, h.URL, err)
		}
	}
	if ttl > 0 && a.Error == nil && *a.Allow {
		g.cache.put(key, a, ttl)
	}
	return c.take(a)
}

// parseRate reads a rate such as 20/s.
func parseRate(text string) (float64, error) {
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(number, 64)
	seconds, ok := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if err != nil || !ok || n <= 0 {
		return 0, fmt.Errorf("%q is no rate such as 20/s", text)
	}
	return n / seconds, nil
}

// take puts an answer to use.
func (c *candidate) take(a *answer) error {
	if a.Error != nil || !*a.Allow {
		return c.denied(a)
	}
	c.known = true
	st := c.state
	if a.User != "" {
		st.User = string(a.User)
	}
	if a.Data != nil {
		st.SetData(a.Data)
	}
	st.Meta = a.Meta
	if a.ExpireAt > 0 {
		st.SetExpiresAt(time.Unix(a.ExpireAt, 0))
	}
	p := &st.Permissions
	p.Join, p.Emit, p.Publish = append(p.Join, a.Permissions.Join...), append(p.Emit, a.Permissions.Emit...), append(p.Publish, a.Permissions.Publish...)
	st.EventsPerSecond, st.Welcome = a.rate, a.Emit
	c.rooms = append(c.rooms, a.Rooms...)
	return nil
}

// denied is what a client is told that the backend does not want.
func (c *candidate) denied(a *answer) error {
	if a.Error == nil || a.Error.Message == "" {
		return refuse(codeDenied, "unauthorized")
	}
	return a.Error
}

// question makes the request.
func (g *Gate) question(c *candidate) *request {
	s, h := c.socket, c.shake
	r := &request{
		Namespace: c.ns.Name, SID: s.ID(), ConnID: session.ConnID(g.node.ID, s), Transport: s.Transport(), EIO: s.Conn().Protocol(),
		Auth: h.RawAuth(), Query: map[string]string{}, Headers: map[string]string{}, User: c.state.User, Claims: c.state.Claims,
		Remote: remote{IP: h.Address(), TLS: h.Secure()},
	}
	for name, values := range h.Query() {
		if !engineParameter(name) {
			r.Query[name] = values[0]
		}
	}
	header := h.Header()
	for _, name := range c.rules.cfg.Hooks.Connect.Headers {
		if values := header.Values(name); len(values) > 0 {
			r.Headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return r
}

// engineParameter reports whether a parameter of the query is Engine.IO's.
func engineParameter(name string) bool {
	switch name {
	case "EIO", "transport", "t", "sid", "b64", "j":
		return true
	}
	return false
}

// credentials is a key for all in a request that an answer may depend on.
func (r *request) credentials() (sum [sha256.Size]byte) {
	text, _ := json.Marshal([]any{r.Namespace, r.Auth, r.Query, r.Headers, r.User, net.ParseIP(r.Remote.IP), r.Remote.TLS})
	return sha256.Sum256(text)
}
