// A page's view of the namespace, with clients in memory.

package instrument_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/instrument"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

type fields = map[string]any

// start runs a server with the namespaces / and /chat, and the part.
func start(t *testing.T, change func(*config.Instrument)) *looptest.Server {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Instrument{Namespace: "/admin", Username: "admin", Password: config.Secret(hash), Mode: "production"}
	change(&c)
	part := instrument.New(c)
	return looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		s.Of("/chat")
		s.On("hello", func(s *loop.Socket, e *loop.Event) { _ = s.Emit("welcome", "you") })
		n := node.New("n1", "b1", &config.Config{Namespaces: []config.Namespace{{Name: "/"}, {Name: "/chat"}}}, s, slog.New(slog.DiscardHandler))
		if err := n.Start(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}

var password = fields{"username": "admin", "password": "secret"}

//effect:keys control.instrument.username control.instrument.password
func TestLogIn(t *testing.T) {
	s := start(t, func(*config.Instrument) {})
	for _, auth := range []any{
		nil,
		fields{},
		fields{"username": 5},
		fields{"username": "admin", "password": "wrong"},
		fields{"username": "root", "password": "secret"},
		fields{"sessionId": "0123456789abcdef"},
		fields{"sessionId": ""},
	} {
		_, err := s.Dial(looptest.Options{Namespace: "/admin", Auth: auth})
		if refusal := (*loop.Error)(nil); !errors.As(err, &refusal) || refusal.Message != "invalid credentials" {
			t.Errorf("%v: %v", auth, err)
		}
	}
	page := s.Connect("/admin", password)
	var id string
	page.Expect("session").Args.Bind(&id)
	if len(id) != 16 {
		t.Errorf("session %q", id)
	}
	again := s.Connect("/admin", fields{"sessionId": id})
	again.Expect("config")
}

//effect:keys control.instrument.readonly control.instrument.mode
func TestFeatures(t *testing.T) {
	for _, test := range []struct {
		readOnly bool
		mode     string
		want     string
	}{
		{false, "production", "[AGGREGATED_EVENTS EMIT JOIN LEAVE DISCONNECT MJOIN MLEAVE MDISCONNECT]"},
		{true, "production", "[AGGREGATED_EVENTS]"},
		{true, "development", "[AGGREGATED_EVENTS ALL_EVENTS]"},
	} {
		s := start(t, func(c *config.Instrument) { c.ReadOnly, c.Mode = test.readOnly, test.mode })
		var c struct{ SupportedFeatures []string }
		s.Connect("/admin", password).Expect("config").Args.Bind(&c)
		if got := fmt.Sprint(c.SupportedFeatures); got != test.want {
			t.Errorf("%v %s: %s", test.readOnly, test.mode, got)
		}
	}
}

type report struct {
	ServerID         string
	ClientsCount     int
	AggregatedEvents []struct {
		Type  string
		Count int
	}
	Namespaces []struct {
		Name         string
		SocketsCount int
	}
}

func TestReport(t *testing.T) {
	s := start(t, func(*config.Instrument) {})
	page := s.Connect("/admin", password)
	s.Connect("/", nil)
	s.Connect("/chat", nil)
	counted := 0
	for range 5 { // of 2 s each
		var r report
		page.Expect("server_stats").Args.Bind(&r)
		for _, e := range r.AggregatedEvents {
			if e.Type == "rawConnection" {
				counted += e.Count
			}
		}
		if r.ClientsCount == 3 && counted > 0 {
			if r.ServerID != "n1" || fmt.Sprint(r.Namespaces) != "[{/admin 1} {/ 1} {/chat 1}]" {
				t.Errorf("%+v", r)
			}
			return
		}
	}
	t.Error("no report counts the clients")
}

func TestCommands(t *testing.T) {
	s := start(t, func(*config.Instrument) {})
	page := s.Connect("/admin", password)
	page.Expect("config")
	a, b := s.Connect("/chat", nil), s.Connect("/chat", nil)
	page.Emit("emit", "/chat", nil, "news", 1, "two")
	a.Expect("news", 1, "two")
	b.Expect("news", 1, "two")
	page.Emit("join", "/chat", "tea", a.ID())
	s.Settle()
	page.Emit("emit", "/chat", "tea", "poured")
	a.Expect("poured")
	b.ExpectNothing()
	page.Emit("leave", "/chat", []string{"tea"}, a.ID())
	s.Settle()
	page.Emit("emit", "/chat", "tea", "poured")
	a.ExpectNothing()
	page.Emit("emit", "/nowhere", nil, "news") // logged, nothing else
	page.Emit("join", "/chat", 5, nil)
	page.Emit("_disconnect", "/chat", false, b.ID())
	s.Settle()
	if n := s.Of("/chat").ConnectedSockets(); n != 1 {
		t.Errorf("%d sockets, want 1", n)
	}
}

func TestReadOnly(t *testing.T) {
	s := start(t, func(c *config.Instrument) { c.ReadOnly = true })
	page, a := s.Connect("/admin", password), s.Connect("/", nil)
	page.Emit("emit", "/", nil, "news")
	a.ExpectNothing()
}

// TestDevelopment: each socket, room and event is told, up to the limit.
func TestDevelopment(t *testing.T) {
	s := start(t, func(c *config.Instrument) { c.Mode = "development" })
	before := s.Connect("/", nil)
	page := s.Connect("/admin", password)
	var list []struct{ ID, ClientID, Nsp string }
	page.Expect("all_sockets").Args.Bind(&list)
	if len(list) != 1 || list[0].ID != before.ID() || len(list[0].ClientID) != 12 || list[0].Nsp != "/" {
		t.Errorf("%+v", list)
	}
	a := s.Connect("/", nil)
	var one struct{ ID, Transport string }
	page.Expect("socket_connected").Args.Bind(&one)
	if one.ID != a.ID() {
		t.Errorf("%+v", one)
	}
	a.Emit("hello", 1)
	e := page.Expect("event_received")
	if e.Args.At(0) != "/" || e.Args.At(1) != a.ID() || fmt.Sprint(e.Args.At(2)) != "[hello 1]" {
		t.Errorf("%v", e.Args)
	}
	if e := page.Expect("event_sent"); fmt.Sprint(e.Args.At(2)) != "[welcome you]" {
		t.Errorf("%v", e.Args)
	}
	if err := s.In(a.ID()).SocketsJoin("tea"); err != nil {
		t.Fatal(err)
	}
	for {
		e := page.Expect("room_joined")
		if e.Args.At(1) == "tea" {
			break
		}
	}
	a.Disconnect()
	if e := page.Expect("socket_disconnected"); e.Args.At(1) != a.ID() || e.Args.At(2) != "client namespace disconnect" {
		t.Errorf("%v", e.Args)
	}
	var told atomic.Int64
	page.On("event_received", func(*looptest.Event) { told.Add(1) })
	for range 2000 {
		before.Emit("hello", 2)
	}
	s.Settle()
	// Two windows of 500 reports may be touched, which are not of events alone.
	if n := told.Load(); n == 0 || n > 1000 {
		t.Errorf("%d events were told of 2000", n)
	}
}
