// A control plane in front of a server in memory, for tests.

package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// plane is a control plane under test.
type plane struct {
	*looptest.Server
	*Control
	t    *testing.T
	n    *node.Node
	base string
}

// settings are a configuration with a key for each scope: its text is the scope's
// name.
func settings() *config.Config {
	c := &config.Config{Namespaces: []config.Namespace{{Name: "/"}, {Name: "/chat"}}}
	c.Control.Listen = "127.0.0.1:0"
	for _, scope := range []string{scopeEmit, scopeRead, scopeManage, scopeAdmin} {
		c.Control.Keys = append(c.Control.Keys, config.Key{Name: scope, Key: config.Secret(scope), Scopes: []string{scope}})
	}
	c.Limits.APIBody, c.Limits.RoomNameMax = 100_000, 200
	return c
}

// users lets everybody in as whom they say they are, in the rooms that they ask
// for.
func users(n *loop.Namespace) {
	n.Use(func(s *loop.Socket) error {
		var auth struct {
			User  string
			Rooms []string
		}
		if err := s.Handshake().Auth(&auth); err != nil {
			return err
		}
		st := &session.State{User: auth.User, Since: time.Now()}
		st.SetData(json.RawMessage(`{"name":"` + auth.User + `"}`))
		s.SetData(st)
		if auth.User != "" {
			if err := s.Join(session.UserRoom(auth.User)); err != nil {
				return err
			}
		}
		return s.Join(auth.Rooms...)
	})
}

// who is an auth payload.
func who(user string, rooms ...string) map[string]any {
	return map[string]any{"user": user, "rooms": rooms}
}

// serving starts a control plane.
func serving(t *testing.T, c *config.Config, o Options) *plane {
	t.Helper()
	s, err := loop.New(loop.Config{NoListen: true, DropHandshake: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.Namespaces {
		users(s.Of(n.Name))
	}
	n := node.New("n1", "boot1", c, s, slog.New(slog.DiscardHandler))
	p := &plane{Control: New(o), t: t, n: n}
	ctx, cancel := context.WithCancel(context.Background())
	if err := n.Start(ctx, p.Control); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop, done := context.WithTimeout(context.Background(), 20*time.Second)
		defer done()
		if err := n.Stop(stop); err != nil {
			t.Error(err)
		}
		cancel()
	})
	p.Server = looptest.Run(t, s)
	p.base = "http://" + p.Control.Addr().String()
	return p
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   []byte
	OK     bool            `json:"ok"`
	Result json.RawMessage `json:"result"`
	Error  apiError        `json:"error"`
}

// do sends a request with a key, "" for none.
func (p *plane) do(key, method, path, body string) *reply {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		p.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := &reply{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(a.body, a); err != nil && res.Header.Get("Content-Type") == "application/json" {
		p.t.Fatalf("%s %s: %q: %v", method, path, a.body, err)
	}
	return a
}

// get reads something that must be there.
func (p *plane) get(path string, v any) {
	p.t.Helper()
	a := p.do(scopeAdmin, "GET", "/api/v1"+path, "")
	if a.status != 200 || !a.OK {
		p.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.Result, v); err != nil {
		p.t.Fatalf("GET %s: %s: %v", path, a.body, err)
	}
}

// post does something that must succeed, and returns its result as text.
func (p *plane) post(path, body string) string {
	p.t.Helper()
	a := p.do(scopeAdmin, "POST", "/api/v1"+path, body)
	if a.status != 200 || !a.OK {
		p.t.Fatalf("POST %s %s: %d %s", path, body, a.status, a.body)
	}
	return string(a.Result)
}

// ids are the keys of a JSON list's elements.
func names[T any](list []T, name func(T) string) (all []string) {
	for _, x := range list {
		all = append(all, name(x))
	}
	return all
}

// dialAs are the options of a client that says who it is.
func dialAs(user string) looptest.Options { return looptest.Options{Auth: who(user)} }
