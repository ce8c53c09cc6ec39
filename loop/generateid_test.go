// Ids of sessions that the application makes.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/transport"
)

var errNoWish = errors.New("no wish")

// wished takes the id of a session from the query.
func wished(r *http.Request) (string, error) {
	switch id := r.URL.Query().Get("wish"); id {
	case "error":
		return "", errNoWish
	case "panic":
		panic("mine")
	default:
		return id, nil
	}
}

// opened is the id of a session as the open packet has it.
func opened(t *testing.T, c *sio) string {
	t.Helper()
	switch c := c.carrier.(type) {
	case *overWebSocket:
		return c.opening.SID
	case *overPolling:
		return c.opening.SID
	case *upgradedCarrier:
		return c.opening.SID
	}
	t.Fatalf("a carrier of type %T", c.carrier)
	return ""
}

func TestGenerateID(t *testing.T) {
	s, sockets := connected(t, loop.Config{Loops: 4, GenerateID: wished, Cookie: &loop.Cookie{}}, nil)
	long := strings.Repeat("a", 128)
	for i, wish := range []string{"alice", "user:1@host", "A-b._~=", long, "x"} {
		for _, carrier := range []string{"websocket", "polling", "upgrade"} {
			id := fmt.Sprint(wish[:len(wish)-1], i, carrier)
			if len(wish) == 128 {
				id = wish[:126] + carrier[:2]
			}
			c, err := dialSession(s.addr(), carrier, "wish="+id)
			if err != nil {
				t.Fatalf("%s as %s: %v", carrier, id, err)
			}
			t.Cleanup(c.drop)
			if got := opened(t, c); got != id {
				t.Fatalf("%s opened as %q, want %q", carrier, got, id)
			}
			if _, err := c.join("/", ""); err != nil {
				t.Fatalf("%s as %s: %v", carrier, id, err)
			}
			sock := within(t, "the connection", sockets)
			if sock.Conn().ID() != id || sock.ID() == id || len(sock.ID()) != 20 {
				t.Errorf("%s: the connection is %q, the socket %q", carrier, sock.Conn().ID(), sock.ID())
			}
			_ = sock.Emit("hello")
			c.expect(t, `2["hello"]`)
		}
	}
	if r := s.ask(t, "GET", pollingPath+"&wish=cookie"); !strings.HasPrefix(r.field("Set-Cookie"), "io=cookie;") {
		t.Errorf("cookie %q", r.field("Set-Cookie"))
	}
}

// TestGenerateIDRefuses: what is no id, or somebody else's, refuses the
// handshake, and tells why.
func TestGenerateIDRefuses(t *testing.T) {
	told := make(chan loop.ConnectionError, 10)
	s := serve(t, loop.Config{GenerateID: wished}, func(s *loop.Server) {
		s.OnConnectionError(func(e loop.ConnectionError) { told <- e })
	})
	c, err := dialSession(s.addr(), "websocket", "wish=taken")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ wish, want string }{
		{"error", "no wish"},
		{"", "1 to 128"},
		{strings.Repeat("a", 129), "1 to 128"},
		{"a%20b", "the byte ' '"},
		{"a%0Ab", `the byte '\n'`},
		{"%C3%BC", "the byte"},
		{"a%22", "the byte"},
		{"a;b", "the byte"},
		{"a%2Fb", "the byte"},
		{"taken", "another session has this id"},
		{"panic", ""},
	} {
		for _, path := range []string{pollingPath, webSocketPath} {
			query, want := "&wish="+strings.ReplaceAll(v.wish, ";", "%3B"), `{"code":3,"message":"Bad request"}`
			var r *response
			if path == pollingPath {
				r = s.ask(t, "GET", path+query)
			} else {
				r, want = s.askUpgrade(t, path+query), "Bad request"
			}
			if r.status != 400 || r.body != want {
				t.Errorf("%q: %d %s", v.wish, r.status, r.body)
			}
			e := within(t, "a refusal", told)
			reason, _ := e.Context["error"].(error)
			if e.Code != 3 || e.Context["name"] != "ID_GENERATION_ERROR" || (reason == nil) != (v.want == "") ||
				reason != nil && !strings.Contains(reason.Error(), v.want) {
				t.Errorf("%q: told %d %v", v.wish, e.Code, e.Context)
			}
			if v.wish == "error" && reason != errNoWish || v.wish == "taken" && !errors.Is(reason, transport.ErrNameTaken) {
				t.Errorf("%q: the error is %v", v.wish, reason)
			}
		}
	}
	// A websocket handshake that is none does not keep the id.
	if r := s.ask(t, "GET", webSocketPath+"&wish=free", "Connection: Upgrade", "Upgrade: websocket"); r.status != 400 {
		t.Errorf("no handshake: %d", r.status)
	}
	within(t, "its refusal", told)
	free, err := dialSession(s.addr(), "websocket", "wish=free")
	if err != nil {
		t.Fatal(err)
	}
	free.drop()
	c.drop()
	eventually(t, "the id is free again", func() bool {
		again, err := dialSession(s.addr(), "websocket", "wish=taken")
		if err == nil {
			again.drop()
		}
		return err == nil
	})
	// The ids that the server makes by itself name nobody.
	if r := s.ask(t, "GET", pollingPath+"&sid=AAAAAAAAAAAAAAAAAAAA"); r.status != 400 || !strings.Contains(r.body, `"code":1`) {
		t.Errorf("an id of another kind: %d %s", r.status, r.body)
	}
}

// TestGenerateIDRace: of those that want one id at once, one gets it.
func TestGenerateIDRace(t *testing.T) {
	s := serve(t, loop.Config{Loops: 4, GenerateID: wished}, nil)
	for round := range 10 {
		got := make(chan *sio, 16)
		_ = parallel(16, func(i int) error {
			c, err := dialSession(s.addr(), []string{"websocket", "polling"}[i%2], fmt.Sprint("wish=round", round))
			if err == nil {
				got <- c
			}
			return nil
		})
		if len(got) != 1 {
			t.Fatalf("%d sessions have one id", len(got))
		}
		(<-got).drop()
	}
}

// TestGenerateIDRevision3: sockets of version 2 have ids made of the session's.
func TestGenerateIDRevision3(t *testing.T) {
	s := serve(t, loop.Config{GenerateID: func(*http.Request) (string, error) { return "old:1", nil }, AllowEIO3: true}, func(s *loop.Server) {
		for _, n := range []*loop.Namespace{s.Root(), s.Of("/chat")} {
			n.On("who", func(s *loop.Socket, e *loop.Event) { _ = e.Ack(s.ID(), s.Rooms(), s.InRoom(s.ID()), s.Conn().ID()) })
		}
	})
	c := s.dialOld(t, "/chat")
	c.mustWrite(t, `21["who"]`, `2/chat,2["who"]`)
	answers := []string{c.mustNext(t), c.mustNext(t)}
	slices.Sort(answers)
	if want := []string{`3/chat,2["/chat#old:1",["/chat#old:1"],true,"old:1"]`, `31["old:1",["old:1"],true,"old:1"]`}; !slices.Equal(answers, want) {
		t.Errorf("they are %q, want %q", answers, want)
	}
	for n, id := range map[string]string{"/": "old:1", "/chat": "/chat#old:1"} {
		if err := s.Of(n).To(id).Emit("to", n); err != nil {
			t.Fatal(err)
		}
		if found, err := s.Of(n).In(id).Sockets(context.Background()); err != nil || len(found) != 1 {
			t.Errorf("%s: %d found, %v", id, len(found), err)
		}
		if got := c.mustNext(t); !strings.HasSuffix(got, `["to","`+n+`"]`) {
			t.Errorf("%s got %s", id, got)
		}
	}
}
