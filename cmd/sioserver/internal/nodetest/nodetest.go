// A node in memory, for the tests of its parts.

// Package nodetest runs parts of the command around a server in memory, with
// clients of package looptest. It is for tests.
package nodetest

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// Config is a configuration with the namespace "/" that lets everybody in, and
// generous times, for a test to change.
func Config() *config.Config {
	long := config.Duration(time.Minute)
	c := &config.Config{
		Auth: config.Auth{JWT: config.JWT{
			From: []string{"auth.token", "header.authorization", "query.access_token"}, Algorithms: []string{"HS256"}, RequireExp: true, UserClaim: "sub",
		}, OnExpire: config.OnExpire{Action: "disconnect"}},
		Namespaces: []config.Namespace{{
			Name: "/", Auth: "inherit", AutoJoin: []string{"user:{user}"}, Commands: []string{"join", "leave", "publish", "presence", "refresh"},
		}},
		Limits: config.Limits{OnUserLimit: "reject", Violation: "drop", RoomNameMax: 200},
		Drain:  config.Drain{Over: long},
	}
	c.Hooks.Defaults = config.HookDefaults{Timeout: long, Concurrency: 256, MaxPending: 10_000}
	c.Hooks.Connect = config.ConnectHook{When: "no_token", OnFailure: "retry", Headers: []string{"cookie"}}
	return c
}

// Node is a node under test.
type Node struct {
	*node.Node
	*looptest.Server
	Events *Events // of the bus
}

// Start runs parts around a server. It ends with the test.
func Start(t testing.TB, c *config.Config, lc loop.Config, parts ...node.Part) *Node {
	t.Helper()
	lc.NoListen, lc.DropHandshake = true, true
	if lc.Logger == nil {
		lc.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := loop.New(lc)
	if err != nil {
		t.Fatal(err)
	}
	n := node.New("n1", "boot1", c, s, lc.Logger)
	events := &Events{news: make(chan *lifecycle.Event, 10_000)}
	n.Bus.Subscribe(func(e *lifecycle.Event) { events.news <- e })
	ctx, cancel := context.WithCancel(context.Background())
	if err := n.Start(ctx, parts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The server has ended.
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := n.Stop(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	})
	return &Node{n, looptest.Run(t, s), events}
}

// Reload puts a changed configuration to use.
func (n *Node) Reload(t *testing.T, change func(*config.Config)) {
	t.Helper()
	c := *n.Config()
	change(&c)
	if err := n.Node.Reload(&c); err != nil {
		t.Fatal(err)
	}
}

// Events are what the bus has told.
type Events struct{ news chan *lifecycle.Event }

// Next waits for the next event of a type. Others before it are dropped.
func (e *Events) Next(t *testing.T, kind string) *lifecycle.Event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case x := <-e.news:
			if x.Type == kind {
				return x
			}
		case <-deadline:
			t.Fatalf("no event %s", kind)
		}
	}
}

// None fails if the bus has told of an event of a type that was not waited for.
// The server should have settled.
func (e *Events) None(t *testing.T, kind string) {
	t.Helper()
	for {
		select {
		case x := <-e.news:
			if x.Type == kind {
				t.Errorf("an event %+v", x)
			}
		default:
			return
		}
	}
}

// Backend is an HTTP server that answers requests with JSON: f gets the body and
// returns the status and the answer, nil for none.
func Backend(t *testing.T, f func(body map[string]any) (int, any)) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(text, &body)
		}
		if err != nil {
			t.Errorf("a request of %q: %v", text, err)
		}
		status, answer := f(body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if answer != nil {
			_ = json.NewEncoder(w).Encode(answer)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
