// Dynamic namespaces: patterns and functions, children, their end and their number.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

var roomNames = regexp.MustCompile(`^/room-\d+$`)

// mustJoin joins namespaces one after the other.
func (c *sio) mustJoin(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := c.join(name, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamespacesOfAPattern(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var parent *loop.Namespace
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			parent = s.OfMatch(roomNames)
			parent.Use(func(s *loop.Socket) error {
				if s.Namespace().Name() == "/room-13" {
					return errors.New("not this one")
				}
				return nil
			})
			parent.OnConnection(func(s *loop.Socket) { _ = s.Join("all") })
			loop.OnAck(parent, "where", func(s *loop.Socket, _ string) (string, error) { return s.Namespace().Name(), nil })
		})
		if len(parent.Children()) != 0 || parent.Parent() != nil || parent.Name() != "/_0" {
			t.Fatal("children before anybody asked")
		}
		c := s.dial(t, transport)
		c.mustWrite(t, "0/other,")
		c.expect(t, `4/other,{"message":"Invalid namespace"}`)
		c.mustWrite(t, "0/room-13,")
		c.expect(t, `4/room-13,{"message":"not this one"}`)
		c.mustJoin(t, "/room-1", "/room-2")
		c.mustWrite(t, `2/room-1,7["where",""]`, `2/room-2,8["where",""]`)
		got := []string{c.mustNext(t), c.mustNext(t)}
		slices.Sort(got)
		if want := []string{`3/room-1,7["/room-1"]`, `3/room-2,8["/room-2"]`}; !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
		if s.Of("/room-1").Parent() != parent || len(parent.Children()) != 3 {
			t.Errorf("children %v", parent.Children())
		}
	})
}

func TestParentReachesAllChildren(t *testing.T) {
	var parent *loop.Namespace
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		parent = s.OfMatch(roomNames)
		parent.OnConnection(func(s *loop.Socket) { _ = s.Join("all"); _ = s.Emit("joined") })
	})
	if err := parent.Emit("nobody"); err != nil {
		t.Fatal(err)
	}
	if answers, err := parent.EmitWithAck(t.Context(), "nobody"); err != nil || len(answers) != 0 {
		t.Fatalf("the answers of nobody: %v, %v", answers, err)
	}
	one, two := s.dial(t, "websocket"), s.dial(t, "polling")
	one.mustJoin(t, "/", "/room-1")
	two.mustJoin(t, "/room-2")
	s.Of("/room-3") // a child without sockets
	one.expect(t, `2/room-1,["joined"]`)
	two.expect(t, `2/room-2,["joined"]`)

	if err := errors.Join(parent.Emit("x", 1), parent.To("all").Except("none").Emit("y")); err != nil {
		t.Fatal(err)
	}
	one.expect(t, `2/room-1,["x",1]`, `2/room-1,["y"]`)
	two.expect(t, `2/room-2,["x",1]`, `2/room-2,["y"]`)

	type result struct {
		answers []loop.Args
		err     error
	}
	done := make(chan result, 1)
	go func() {
		answers, err := parent.Timeout(patience).EmitWithAck(context.Background(), "who")
		done <- result{answers, err}
	}()
	one.expect(t, `2/room-1,0["who"]`)
	two.expect(t, `2/room-2,0["who"]`)
	one.mustWrite(t, `3/room-1,0["one"]`)
	two.mustWrite(t, `3/room-2,0["two"]`)
	r := within(t, "the answers", done)
	var names []string
	for _, a := range r.answers {
		names = append(names, string(a.Raw(0)))
	}
	slices.Sort(names)
	if r.err != nil || !slices.Equal(names, []string{`"one"`, `"two"`}) {
		t.Errorf("answers %q, %v", names, r.err)
	}

	if list, err := parent.In("all").Sockets(t.Context()); err != nil || len(list) != 2 || parent.ConnectedSockets() != 2 {
		t.Errorf("%d sockets (%d counted), %v", len(list), parent.ConnectedSockets(), err)
	}
	if n := parent.Connects(); n != 2 {
		t.Errorf("%d have connected", n)
	}
	if err := parent.SocketsJoin("more"); err != nil {
		t.Fatal(err)
	}
	if rooms := parent.Rooms(); len(rooms) != 2 || !slices.Contains(rooms, "more") {
		t.Errorf("rooms %q", rooms)
	}
	if err := parent.DisconnectSockets(false); err != nil {
		t.Fatal(err)
	}
	one.expect(t, "1/room-1,")
	two.expect(t, "1/room-2,")
}

func TestNamespacesOfAFunction(t *testing.T) {
	var asked atomic.Int32
	hold := make(chan struct{})
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.OfFunc(func(string, *loop.Handshake) bool { panic("no opinion") })
		s.OfFunc(func(name string, h *loop.Handshake) bool {
			asked.Add(1)
			var auth struct{ Key string }
			if err := h.Auth(&auth); err != nil {
				return false
			}
			if auth.Key == "slow" {
				<-hold
			}
			return auth.Key != "" && h.Query().Get("EIO") == "4"
		})
	})
	c := s.dial(t, "websocket")
	c.mustJoin(t, "/")
	c.mustWrite(t, `0/x,{"Key":""}`)
	c.expect(t, `4/x,{"message":"Invalid namespace"}`)
	if _, err := c.join("/x", `{"Key":"open"}`); err != nil {
		t.Fatal(err)
	}
	// While a function takes its time, others are served.
	c.mustWrite(t, `0/y,{"Key":"slow"}`)
	c.sync(t)
	other := s.dial(t, "websocket")
	if _, err := other.join("/z", `{"Key":"open"}`); err != nil {
		t.Fatal(err)
	}
	// One that leaves meanwhile is not missed.
	gone := s.dial(t, "websocket")
	gone.mustJoin(t, "/")
	gone.mustWrite(t, `0/y,{"Key":"slow"}`)
	gone.sync(t)
	gone.close()
	eventually(t, "the disconnect", func() bool { return s.Root().ConnectedSockets() == 1 })
	// One that asks twice is cut off, like one that joins twice.
	twice := s.dial(t, "websocket")
	twice.mustWrite(t, `0/y,{"Key":"slow"}`, `0/y,{"Key":"slow"}`)
	twice.expectEnd(t)
	close(hold)
	c.expectPrefix(t, `0/y,{"sid":"`)
	if n := s.Of("/y").ConnectedSockets(); n != 1 {
		t.Errorf("%d sockets in /y", n)
	}
	// Two others that asked for /y may have found it made.
	eventually(t, "a panic for each question", func() bool {
		n := asked.Load()
		return n >= 4 && n <= 6 && s.stats(t).Panics == uint64(n)
	})
}

func TestNewNamespacesAreAnnouncedBeforeTheyOpen(t *testing.T) {
	begun, goOn := make(chan string, 4), make(chan struct{})
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OfMatch(roomNames)
		s.OnNewNamespace(func(*loop.Namespace) { panic("not mine") })
		s.OnNewNamespace(func(n *loop.Namespace) {
			begun <- n.Name()
			<-goOn
			n.Use(func(*loop.Socket) error { return errors.New("guarded") })
		})
	})
	// The second client asks while the namespace is there but not open.
	first, second := s.dial(t, "websocket"), s.dial(t, "websocket")
	first.mustWrite(t, "0/room-1,")
	if name := within(t, "the announcement", begun); name != "/room-1" {
		t.Errorf("announced %q", name)
	}
	second.mustWrite(t, "0/room-1,")
	_ = s.stats(t) // the loops have seen it
	close(goOn)
	first.expect(t, `4/room-1,{"message":"guarded"}`)
	second.expect(t, `4/room-1,{"message":"guarded"}`)
	if len(begun) != 0 {
		t.Error("announced twice")
	}
}

func TestEmptyChildrenAreCleanedUp(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprint(clean), func(t *testing.T) {
			var parent *loop.Namespace
			s := serve(t, loop.Config{CleanupEmptyChildNamespaces: clean}, func(s *loop.Server) {
				parent = s.OfMatch(roomNames)
				s.Of("/static")
			})
			one, two := s.dial(t, "websocket"), s.dial(t, "websocket")
			one.mustJoin(t, "/room-1", "/room-2", "/static")
			two.mustJoin(t, "/room-1")
			before := s.Of("/room-1")
			one.mustWrite(t, "1/room-1,", "1/room-2,", "1/static,", "0/room-3,")
			one.expectPrefix(t, "0/room-3,")
			want := 3
			if clean {
				want = 2
			}
			eventually(t, "the children that are left", func() bool { return len(parent.Children()) == want })
			if s.Of("/room-1") != before {
				t.Error("a child with a socket is gone")
			}
			two.close()
			if clean {
				eventually(t, "the last", func() bool { return len(parent.Children()) == 1 })
			}
			one.mustJoin(t, "/room-1", "/static")
			if (s.Of("/room-1") == before) == clean {
				t.Error("the namespace and its successor")
			}
		})
	}
}

// A client that leaves while its namespace is made leaves no namespace behind.
func TestNobodyCameIntoTheChild(t *testing.T) {
	asked, goOn := make(chan bool), make(chan bool)
	var parent *loop.Namespace
	s := serve(t, loop.Config{CleanupEmptyChildNamespaces: true}, func(s *loop.Server) {
		parent = s.OfFunc(func(string, *loop.Handshake) bool {
			asked <- true
			return <-goOn
		})
	})
	c := s.dial(t, "websocket")
	c.mustWrite(t, "0/x,")
	within(t, "the question", asked)
	c.close()
	eventually(t, "it has left", func() bool { return s.stats(t).Sessions == 0 })
	made := make(chan bool, 1)
	s.OnNewNamespace(func(*loop.Namespace) { made <- true })
	goOn <- true
	within(t, "the child", made)
	eventually(t, "the end of the child", func() bool { return len(parent.Children()) == 0 })
}

// Clients come and go while the namespace does, and each gets in.
func TestCleanedUpWhileAskedFor(t *testing.T) {
	s := serve(t, loop.Config{CleanupEmptyChildNamespaces: true}, func(s *loop.Server) { s.OfMatch(roomNames) })
	err := parallel(8, func(int) error {
		c, err := dialSession(s.addr(), "websocket", "")
		if err != nil {
			return err
		}
		defer c.drop()
		for range 200 {
			if _, err := c.join("/room-1", ""); err != nil {
				return err
			}
			if err := c.write("1/room-1,"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheNumberOfChildrenIsLimited(t *testing.T) {
	s := serve(t, loop.Config{Limits: loop.Limits{DynamicNamespaces: 3}, CleanupEmptyChildNamespaces: true}, func(s *loop.Server) { s.OfMatch(roomNames) })
	c := s.dial(t, "websocket")
	c.mustJoin(t, "/room-1", "/room-2", "/room-3")
	c.mustWrite(t, "0/room-4,")
	c.expect(t, `4/room-4,{"message":"Invalid namespace"}`)
	if n := s.stats(t).LimitHits["dynamic_namespaces"]; n != 1 {
		t.Errorf("counted %d", n)
	}
	c.mustWrite(t, "1/room-1,")
	eventually(t, "room for one", func() bool {
		c.mustWrite(t, "0/room-4,")
		return c.mustNext(t)[0] == '0'
	})
}

// expectPrefix reads a message and checks how it begins.
func (c *sio) expectPrefix(t testing.TB, want string) {
	t.Helper()
	if got := c.mustNext(t); len(got) < len(want) || got[:len(want)] != want {
		t.Fatalf("message %q, want %q...", got, want)
	}
}
