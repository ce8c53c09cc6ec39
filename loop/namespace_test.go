// Namespaces: several on one connection, joined, left, joined again.

package loop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestNamespaceNames(t *testing.T) {
	s := newServer(t, loop.Config{})
	defer func() { _ = s.Shutdown(t.Context()) }()
	if s.Of("/") != s.Root() || s.Of("") != s.Root() || s.Root().Name() != "/" {
		t.Error("the namespace / has more than one handle")
	}
	if s.Of("chat") != s.Of("/chat") || s.Of("chat").Name() != "/chat" {
		t.Error("the slash in front makes another namespace")
	}
	if s.Of("//") == s.Root() || s.Of("/chat/") == s.Of("/chat") {
		t.Error("names are normalised")
	}
	if s.Of("/chat").Server() != s.Server || s.Of("/chat").String() != `namespace "/chat"` {
		t.Error(s.Of("/chat"))
	}
}

func TestSeveralNamespaces(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var got steps
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			onSync(s)
			for _, name := range []string{"/a", "/b"} {
				n := s.Of(name)
				n.OnConnection(func(s *loop.Socket) { got.add("%s connection", name) })
				n.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { got.add("%s %s", name, r) })
				n.On("e", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("e", e.Args()) })
			}
		})
		c, root := s.connect(t, transport)
		a, err := c.join("/a", "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.join("/b", "")
		if err != nil {
			t.Fatal(err)
		}
		if a == b || a == root || len(a) != 20 {
			t.Errorf("ids %q, %q, %q", root, a, b)
		}
		c.mustWrite(t, `2/a,["e",1]`, `2/a,["e",2]`)
		c.expect(t, `2/a,["e",1]`, `2/a,["e",2]`)
		c.mustWrite(t, `2/b,["e",{"in":"b"}]`)
		c.expect(t, `2/b,["e",{"in":"b"}]`)

		c.mustWrite(t, "1/a,")
		c.sync(t) // the connection lives
		again, err := c.join("/a", "")
		if err != nil || again == a {
			t.Errorf("rejoined as %q (before %q), %v", again, a, err)
		}
		eventually(t, "the handlers", func() bool { return len(got.all()) == 4 })
		c.close()
		eventually(t, "the disconnects", func() bool { return len(got.all()) == 6 })
		list := got.all()
		if want := []string{"/a connection", "/b connection", "/a client namespace disconnect", "/a connection"}; !slices.Equal(list[:4], want) &&
			!slices.Equal(list[:4], []string{want[1], want[0], want[2], want[3]}) {
			t.Errorf("%q, want %q", list[:4], want)
		}
		for _, l := range list[4:] {
			if !strings.HasSuffix(l, " transport close") && !strings.HasSuffix(l, " transport error") {
				t.Errorf("disconnected by %q", l)
			}
		}
	})
}

func TestConnectTwice(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	for _, packets := range [][]string{{"0", "0"}, {"0/,", "0{}"}, {"0", `0{"a":1}`, "0"}} {
		c := s.dial(t, "websocket")
		c.mustWrite(t, packets...)
		if got := c.mustNext(t); !strings.HasPrefix(got, `0{"sid":`) {
			t.Errorf("first CONNECT: %q", got)
		}
		c.expectClosed(t, 1005)
	}
	// Behind a refused one it is no second.
	c := s.dial(t, "websocket")
	c.mustWrite(t, "0/nope,", "0/nope,")
	c.expect(t, `4/nope,{"message":"Invalid namespace"}`, `4/nope,{"message":"Invalid namespace"}`)
}

// TestNamespaceLimits: on the limit, and one above.
func TestNamespaceLimits(t *testing.T) {
	const limit = 3
	s := serve(t, loop.Config{Limits: loop.Limits{Namespaces: limit, RefusedNamespaces: limit}}, func(s *loop.Server) {
		for i := range limit + 1 {
			s.Of(fmt.Sprint("/n", i))
		}
	})
	eachTransport(t, func(t *testing.T, transport string) {
		c := s.dial(t, transport)
		for i := range limit {
			if _, err := c.join(fmt.Sprint("/n", i), ""); err != nil {
				t.Fatal(err)
			}
		}
		c.mustWrite(t, "1/n0,") // makes room for another
		if _, err := c.join(fmt.Sprint("/n", limit), ""); err != nil {
			t.Fatal(err)
		}
		_ = c.write("0/n0,")
		c.expectEnd(t)

		c = s.dial(t, transport)
		for range limit {
			c.mustWrite(t, "0/nope,")
			c.expect(t, `4/nope,{"message":"Invalid namespace"}`)
		}
		_ = c.write("0/nope,")
		c.expectEnd(t)
	})
	hits := s.stats(t).LimitHits
	if hits["namespaces"] != uint64(len(transports)) || hits["refused_namespaces"] != uint64(len(transports)) {
		t.Errorf("counted %v", hits)
	}
}

// TestNamespaceLater: a namespace made while the server runs can be joined, and
// counts only its own.
func TestNamespaceLater(t *testing.T) {
	s := serve(t, loop.Config{}, onSync)
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, "0/late,")
	c.expect(t, `4/late,{"message":"Invalid namespace"}`)
	n := s.Of("/late")
	if _, err := c.join("/late", ""); err != nil {
		t.Fatal(err)
	}
	if s.Root().ConnectedSockets() != 1 || n.ConnectedSockets() != 1 {
		t.Errorf("%d and %d sockets", s.Root().ConnectedSockets(), n.ConnectedSockets())
	}
	if s.Root().Connects() != 1 || n.Connects() != 1 {
		t.Errorf("%d and %d have connected", s.Root().Connects(), n.Connects())
	}
	if err := n.Emit("x"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, `2/late,["x"]`)
	if err := s.Emit("y"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, `2["y"]`)
}
