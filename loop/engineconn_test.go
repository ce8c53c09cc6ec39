// Clients before they are sockets.

package loop_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestOnEngineConnection(t *testing.T) {
	conns := make(chan loop.Conn, 10)
	var got steps
	s := serve(t, loop.Config{AllowEIO3: true}, func(s *loop.Server) {
		s.OnEngineConnection(func(c loop.Conn) {
			c.OnPacket(func(p loop.ConnPacket) { got.add("in %s %.1s", p.Type, p.Data) })
			c.OnPacketCreate(func(p loop.ConnPacket) { got.add("out %s %.1s", p.Type, p.Data) })
			c.OnUpgrading(func() { got.add("upgrading") })
			c.OnUpgrade(func() { got.add("upgrade %v %s", c.Upgrading(), c.Transport()) })
			c.OnClose(func(r loop.DisconnectReason, _ error) {
				if r == loop.ForcedClose || r == loop.ForcedServerClose {
					got.add("closed")
				}
			})
			conns <- c
		})
		s.OnEngineConnection(func(loop.Conn) { got.add("told") })
		s.OnConnection(func(*loop.Socket) {
			got.add("connection")
		})
	})
	for _, carrier := range []string{"websocket", "polling", "upgrade"} {
		polling := carrier != "websocket"
		var c *sio
		var u *overPolling
		if polling {
			var err error
			if u, err = dialPolling(s.addr(), "who=me"); err != nil {
				t.Fatal(err)
			}
			c = &sio{u}
		} else {
			c = s.dial(t, carrier)
		}
		conn := within(t, "the engine's connection", conns)
		if conn.ID() != opened(t, c) || conn.ReadyState() != "open" || conn.Upgrading() || conn.Protocol() != 4 {
			t.Errorf("%s: %q, %s", carrier, conn.ID(), conn.ReadyState())
		}
		if want := map[bool]string{true: loop.Polling, false: loop.WebSocket}[polling]; conn.Transport() != want {
			t.Errorf("%s: over %s", carrier, conn.Transport())
		}
		if polling && (conn.Handshake().Query().Get("who") != "me" || conn.Handshake().RawAuth() != nil) {
			t.Errorf("%s: handshake %v", carrier, conn.Handshake().Query())
		}
		if list, err := conn.Sockets(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%s: sockets %v, %v", carrier, list, err)
		}
		// A message of Engine.IO, before any namespace.
		if err := conn.Send("raw"); err != nil {
			t.Fatal(err)
		}
		if err := conn.SendBinary([]byte{9}); err != nil {
			t.Fatal(err)
		}
		c.expect(t, "raw")
		if p, err := c.next(); err != nil || !slices.Equal(p.bin, []byte{9}) {
			t.Fatalf("%s: %v, %v", carrier, p, err)
		}
		if carrier == "upgrade" {
			up, err := u.upgradeTo()
			if err != nil {
				t.Fatal(err)
			}
			c = &sio{up}
			eventually(t, "the upgrade", func() bool { return conn.Transport() == loop.WebSocket })
		}
		if _, err := c.join("/", ""); err != nil {
			t.Fatal(err)
		}
		if list, err := conn.Sockets(t.Context()); err != nil || len(list) != 1 {
			t.Errorf("%s: sockets %v, %v", carrier, list, err)
		}
		conn.Close(false)
		c.expectEnd(t)
		eventually(t, "the close", func() bool { return slices.Contains(got.all(), "closed") })
		want := []string{"told", "out message r", "out message \t", "in message 0", "out message 0", "connection", "closed"}
		if carrier == "upgrade" {
			want = slices.Insert(want, 3, "upgrading", "upgrade false websocket")
		}
		list := got.all()
		got.clear()
		for i := 0; i < len(list); i++ {
			if !slices.Contains(want, list[i]) { // noop and the like
				list = slices.Delete(list, i, i+1)
				i--
			}
		}
		slices.Sort(list)
		slices.Sort(want)
		if !slices.Equal(list, want) {
			t.Errorf("%s: told %q, want %q", carrier, list, want)
		}
		if conn.ReadyState() != "closed" || conn.Send("x") != loop.ErrDisconnected {
			t.Errorf("%s: %s behind the end", carrier, conn.ReadyState())
		}
	}
}

// TestEngineConnectionFirst: nobody joins before the handlers have returned.
func TestEngineConnectionFirst(t *testing.T) {
	hold, inside := make(chan struct{}), make(chan loop.Conn, 1)
	s := serve(t, loop.Config{AllowEIO3: true}, func(s *loop.Server) {
		s.Of("/chat")
		s.OnEngineConnection(func(c loop.Conn) {
			inside <- c
			<-hold
		})
	})
	c := s.dial(t, "websocket")
	conn := within(t, "the handler", inside)
	c.mustWrite(t, "0", "0/chat,")
	if err := conn.Send("first"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, "first")
	if n := s.Root().ConnectedSockets(); n != 0 {
		t.Errorf("%d sockets while the handler runs", n)
	}
	close(hold)
	for range 2 {
		c.mustNext(t)
	}
	if n, m := s.Root().ConnectedSockets(), s.Of("/chat").ConnectedSockets(); n != 1 || m != 1 {
		t.Errorf("%d and %d sockets afterwards", n, m)
	}
}

// TestEngineConnectionTwice: a second CONNECT while the first waits for the
// handlers is refused like one that waits for middleware.
func TestEngineConnectionTwice(t *testing.T) {
	hold := make(chan struct{})
	s := serve(t, loop.Config{}, func(s *loop.Server) { s.OnEngineConnection(func(loop.Conn) { <-hold }) })
	c := s.dial(t, "websocket")
	c.mustWrite(t, "0", "0")
	c.expectEnd(t)
	close(hold)
}

// TestEngineConnectionPanics: it ends the client it is about, and no other.
func TestEngineConnectionPanics(t *testing.T) {
	var n atomic.Int64
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnEngineConnection(func(loop.Conn) {
			if n.Add(1) == 1 {
				panic("mine")
			}
		})
	})
	s.dial(t, "websocket").expectEnd(t)
	s.connect(t, "websocket")
	if st := s.stats(t); st.Panics != 1 {
		t.Errorf("%d panics", st.Panics)
	}
}

// TestEngineConnectionInline: it runs on the loop, before anything of the client
// is read, and may close it.
func TestEngineConnectionInline(t *testing.T) {
	var closing atomic.Bool
	s := serve(t, loop.Config{AllowEIO3: true}, func(s *loop.Server) {
		s.OnEngineConnection(func(c loop.Conn) {
			if closing.Load() {
				c.Close(true)
				return
			}
			_ = c.Send("hello")
		}, loop.Inline())
	})
	for _, carrier := range []string{"websocket", "polling"} {
		c := s.dial(t, carrier)
		c.expect(t, "hello")
	}
	closing.Store(true)
	s.dial(t, "websocket").expectEnd(t)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reset)
	if err := w.upgrade("/socket.io/?EIO=3&transport=websocket"); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = w.readPacket()
	}
	eventually(t, "both are gone", func() bool { return s.ClientsCount() == 2 })
}

func TestClients(t *testing.T) {
	s := serve(t, loop.Config{Loops: 3}, func(s *loop.Server) {
		s.On("inline", func(s *loop.Socket, e *loop.Event) {
			_, err := s.Server().Clients(s.Context())
			_ = e.Ack(err == loop.ErrOnLoop, s.Server().ClientsCount())
		}, loop.Inline())
	})
	var want []string
	for _, carrier := range []string{"websocket", "polling", "upgrade", "websocket"} {
		c := s.dial(t, carrier)
		want = append(want, opened(t, c))
	}
	list, err := s.Clients(t.Context())
	var ids []string
	for _, c := range list {
		ids = append(ids, c.ID())
	}
	slices.Sort(ids)
	slices.Sort(want)
	if err != nil || !slices.Equal(ids, want) || s.ClientsCount() != 4 {
		t.Errorf("clients %q, %v, counted %d; want %q", ids, err, s.ClientsCount(), want)
	}
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, `20["inline"]`)
	c.expect(t, `30[true,5]`)
	for _, conn := range list {
		conn.Close(false)
	}
	eventually(t, "they have gone", func() bool { return s.ClientsCount() == 1 })
}

// TestUpgrading: from the probe on, until it has come to something or to nothing.
func TestUpgrading(t *testing.T) {
	told, sockets := make(chan loop.Conn, 10), make(chan *loop.Socket, 1)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) {
			s.Conn().OnUpgrading(func() { told <- s.Conn() })
			sockets <- s
		})
	})
	polling, err := dialPolling(s.addr(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&sio{polling}).join("/", ""); err != nil {
		t.Fatal(err)
	}
	conn := within(t, "the socket", sockets).Conn()
	clients, err := s.Clients(t.Context())
	if err != nil || len(clients) != 1 {
		t.Fatalf("%d clients, %v", len(clients), err)
	}
	check := func(want bool) {
		t.Helper()
		eventually(t, "both tell so", func() bool { return conn.Upgrading() == want && clients[0].Upgrading() == want })
		if conn.Transport() != loop.Polling || clients[0].Transport() != loop.Polling {
			t.Errorf("over %s and %s", conn.Transport(), clients[0].Transport())
		}
	}
	check(false)
	for range 2 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.upgrade(target("websocket", polling.sid())); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(frames(packet{text: "2probe"})); err != nil {
			t.Fatal(err)
		}
		within(t, "the event", told)
		check(true)
		w.reset()
		check(false)
	}
}
