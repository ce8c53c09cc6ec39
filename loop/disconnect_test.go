// Disconnects: every reason, what handlers see, what a socket is afterwards.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func TestDisconnectReasons(t *testing.T) {
	quick := loop.Config{PingInterval: 20 * time.Millisecond, PingTimeout: time.Second}
	ws := func(c *sio) *wire { return c.carrier.(*overWebSocket).wire }
	for _, test := range []struct {
		name, transport string
		cfg             loop.Config
		act             func(t *testing.T, s *server, c *sio, sock *loop.Socket)
		reason          loop.DisconnectReason
		err             string
	}{
		{"close frame", "websocket", loop.Config{}, func(_ *testing.T, _ *server, c *sio, _ *loop.Socket) { c.close() }, loop.TransportClose, ""},
		{"end of stream", "websocket", loop.Config{}, func(_ *testing.T, _ *server, c *sio, _ *loop.Socket) { _ = ws(c).Close() }, loop.TransportClose, ""},
		{"reset", "websocket", loop.Config{}, func(_ *testing.T, _ *server, c *sio, _ *loop.Socket) { c.drop() }, loop.TransportClose, ""},
		{"close packet", "polling", loop.Config{}, func(_ *testing.T, _ *server, c *sio, _ *loop.Socket) { c.close() }, loop.TransportClose, ""},
		{"close packet on websocket", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.send(packet{text: "1"})
			c.expectClosed(t, 1005)
		}, loop.TransportClose, ""},
		{"unmasked frame", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_, _ = ws(c).Write([]byte{0x81, 0x01, '3'})
			c.expectClosed(t, 1002)
		}, loop.TransportError, "*"},
		{"message too large", "websocket", loop.Config{MaxHTTPBufferSize: 100}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.write(strings.Repeat("x", 200))
			c.expectClosed(t, 1009)
		}, loop.TransportError, "*"},
		{"ping from the client", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.send(packet{text: "2"})
			c.expectClosed(t, 1005)
		}, loop.TransportError, "invalid heartbeat direction"},
		{"poll aborted", "polling", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			p := c.carrier.(*overPolling)
			_ = p.get.request("GET", target("polling", p.sid()), "")
			_ = p.get.Close()
		}, loop.TransportError, "poll connection closed prematurely"},
		{"bad Engine.IO packet", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.send(packet{text: "9"})
			c.expectClosed(t, 1005)
		}, loop.ParseError, "*"},
		{"bad Socket.IO packet", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.write("9")
			c.expectClosed(t, 1005)
		}, loop.ForcedClose, "*"},
		{"bad Socket.IO packet, no open request", "polling", loop.Config{}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.write("9")
			c.expectClosed(t, 0)
		}, loop.ForcedServerClose, "*"},
		{"no pong", "websocket", quick, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			if p, err := c.recv(); err != nil || p.text != "2" {
				t.Errorf("ping: %v, %v", p, err)
			}
			if _, err := c.recv(); err == nil {
				t.Error("the session goes on without a pong")
			}
		}, loop.PingTimeout, ""},
		{"shutdown", "websocket", loop.Config{}, func(t *testing.T, s *server, c *sio, _ *loop.Socket) {
			stopped := make(chan struct{})
			go func() { s.stop(t); close(stopped) }()
			c.expectClosed(t, 1005)
			<-stopped
		}, loop.ServerShuttingDown, ""},
		{"left the namespace", "websocket", loop.Config{}, func(_ *testing.T, _ *server, c *sio, _ *loop.Socket) { _ = c.write("1") }, loop.ClientNamespaceDisconnect, ""},
		{"Disconnect", "polling", loop.Config{}, func(t *testing.T, _ *server, c *sio, sock *loop.Socket) {
			sock.Disconnect(false)
			c.expect(t, "1")
		}, loop.ServerNamespaceDisconnect, ""},
		{"Disconnect with the connection", "websocket", loop.Config{}, func(t *testing.T, _ *server, c *sio, sock *loop.Socket) {
			sock.Disconnect(true)
			c.expect(t, "1")
			c.expectClosed(t, 1005)
		}, loop.ServerNamespaceDisconnect, ""},
		{"attachments do not come", "websocket", loop.Config{Limits: loop.Limits{AttachmentTime: 20 * time.Millisecond}}, func(t *testing.T, _ *server, c *sio, _ *loop.Socket) {
			_ = c.write(`51-["e",{"_placeholder":true,"num":0}]`)
			c.expectClosed(t, 1005)
		}, loop.ForcedClose, "socketio: attachments did not arrive in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 10)
			s, sockets := connected(t, test.cfg, func(s *loop.Server) {
				s.Root().OnDisconnecting(func(s *loop.Socket, r loop.DisconnectReason, err error) {
					got <- fmt.Sprintf("disconnecting %s %v", r, err)
				})
				s.OnDisconnect(func(s *loop.Socket, r loop.DisconnectReason, err error) {
					got <- fmt.Sprintf("disconnect %s %v", r, err)
				})
			})
			c, _ := s.connect(t, test.transport)
			sock := within(t, "the connection", sockets)
			test.act(t, s, c, sock)
			for _, handler := range []string{"disconnecting", "disconnect"} {
				text := within(t, handler, got)
				want := fmt.Sprintf("%s %s %s", handler, test.reason, test.err)
				switch {
				case test.err == "":
					want = fmt.Sprintf("%s %s <nil>", handler, test.reason)
				case test.err == "*":
					if want = strings.TrimSuffix(want, "*"); strings.HasPrefix(text, want) && !strings.HasSuffix(text, "<nil>") {
						continue
					}
				}
				if text != want {
					t.Errorf("%q, want %q", text, want)
				}
			}
		})
	}
}

// TestDisconnectHandlers: the order of all kinds of handlers, and what rooms
// they see.
func TestDisconnectHandlers(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprint("inline=", inline), func(t *testing.T) {
			var opts []loop.HandlerOption
			if inline {
				opts = append(opts, loop.Inline())
			}
			var got steps
			handler := func(name string) loop.DisconnectHandler {
				return func(s *loop.Socket, _ loop.DisconnectReason, _ error) {
					rooms := slices.DeleteFunc(s.Rooms(), func(r string) bool { return r == s.ID() })
					slices.Sort(rooms)
					got.add("%s %q own=%v a=%v connected=%v members=%d", name, rooms, s.InRoom(s.ID()), s.InRoom("a"), s.Connected(),
						s.Namespace().ConnectedSockets())
				}
			}
			done := make(chan struct{})
			s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
				s.Root().OnDisconnecting(handler("disconnecting"), opts...)
				s.OnDisconnect(handler("disconnect"), opts...)
				s.OnConnection(func(s *loop.Socket) {
					s.OnDisconnecting(handler("own disconnecting"), opts...)
					s.OnDisconnect(handler("own disconnect"), opts...)
					s.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) { close(done) }, opts...)
				})
			})
			c, sid := s.connect(t, "websocket")
			sock := within(t, "the connection", sockets)
			if err := sock.Join("a", "b"); err != nil {
				t.Fatal(err)
			}
			if r := sock.Rooms(); len(r) != 3 || r[0] != sid {
				t.Errorf("rooms %q", r)
			}
			c.sync2(t, sock)
			c.drop()
			within(t, "the disconnect", done)
			in := `["a" "b"] own=true a=true connected=false members=0`
			out := `[] own=false a=false connected=false members=0`
			want := []string{"disconnecting " + in, "own disconnecting " + in, "disconnect " + out, "own disconnect " + out}
			if !slices.Equal(got.all(), want) {
				t.Errorf("%q, want %q", got.all(), want)
			}
			if r := sock.Rooms(); r != nil {
				t.Errorf("rooms afterwards %q", r)
			}
			if err := sock.Join("late"); err != loop.ErrDisconnected {
				t.Errorf("Join afterwards: %v", err)
			}
			sock.Leave("late")
			sock.Disconnect(true)
			if err := sock.Emit("x"); err != loop.ErrDisconnected {
				t.Errorf("Emit afterwards: %v", err)
			}
			if r := s.Root().Rooms(); len(r) != 0 {
				t.Errorf("rooms of the namespace %q", r)
			}
		})
	}
}

// sync2 waits until the connection handlers of a socket have run: they are in
// order with acknowledgement callbacks.
func (c *sio) sync2(t testing.TB, sock *loop.Socket) {
	t.Helper()
	done := make(chan struct{})
	if err := sock.EmitAck("sync2", func(loop.Args, error) { close(done) }); err != nil {
		t.Fatal(err)
	}
	c.mustWrite(t, "3"+c.question(t, "sync2")+"[]")
	within(t, "the callback", done)
}

// TestDisconnectTrue: all namespaces of the connection go, with their own
// packets.
func TestDisconnectTrue(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var got steps
		sockets := make(chan *loop.Socket, 1)
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			for _, name := range []string{"/", "/a", "/b"} {
				n := s.Of(name)
				n.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { got.add("%s %s", name, r) })
			}
			s.Of("/a").OnConnection(func(s *loop.Socket) { sockets <- s })
		})
		c, _ := s.connect(t, transport)
		for _, name := range []string{"/a", "/b"} {
			if _, err := c.join(name, ""); err != nil {
				t.Fatal(err)
			}
		}
		within(t, "the connection", sockets).Disconnect(true)
		packets := []string{c.mustNext(t), c.mustNext(t), c.mustNext(t)}
		slices.Sort(packets)
		if want := []string{"1", "1/a,", "1/b,"}; !slices.Equal(packets, want) {
			t.Errorf("packets %q, want %q", packets, want)
		}
		c.expectEnd(t)
		eventually(t, "the handlers", func() bool { return len(got.all()) == 3 })
		list := got.all()
		slices.Sort(list)
		if want := []string{"/ server namespace disconnect", "/a server namespace disconnect", "/b server namespace disconnect"}; !slices.Equal(list, want) {
			t.Errorf("%q, want %q", list, want)
		}
	})
}

func TestContextAndData(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	c, sid := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	if sock.ID() != sid || sock.Namespace() != s.Root() || sock.Server() != s.Server || !sock.Connected() {
		t.Errorf("%s in %v, connected %v", sock.ID(), sock.Namespace(), sock.Connected())
	}
	if sock.Data() != nil {
		t.Errorf("data %v", sock.Data())
	}
	if v, ok := loop.DataAs[int](sock); ok || v != 0 {
		t.Errorf("data %v", v)
	}
	sock.SetData(7)
	if v, ok := loop.DataAs[int](sock); !ok || v != 7 || sock.Data() != 7 {
		t.Errorf("data %v", v)
	}
	if _, ok := loop.DataAs[string](sock); ok {
		t.Error("an int is a string")
	}
	ctx := sock.Context()
	if ctx.Err() != nil || sock.Context() != ctx {
		t.Error("the context is over or another one")
	}
	c.drop()
	within(t, "the end of the context", ctx.Done())
	if sock.Context() != ctx || ctx.Err() != context.Canceled || sock.Data() != 7 {
		t.Error("context or data changed")
	}
	c, _ = s.connect(t, "websocket")
	sock = within(t, "the connection", sockets)
	c.drop()
	eventually(t, "the disconnect", func() bool { return !sock.Connected() })
	if sock.Context().Err() == nil {
		t.Error("a context made after the disconnect is not over")
	}
}

func TestHandshake(t *testing.T) {
	before := time.Now()
	for _, drop := range []bool{false, true} {
		t.Run(fmt.Sprint("drop=", drop), func(t *testing.T) {
			seen := make(chan error, 10)
			sockets := make(chan *loop.Socket, 1)
			s := serve(t, loop.Config{DropHandshake: drop}, func(s *loop.Server) {
				onSync(s)
				s.OnConnection(func(s *loop.Socket) {
					seen <- checkHandshake(s.Handshake(), before)
					sockets <- s
				})
				s.Of("/middleware-only").Use(func(s *loop.Socket) error {
					if string(s.Handshake().RawAuth()) != `{"b":2}` {
						return errors.New("auth " + string(s.Handshake().RawAuth()))
					}
					sockets <- s
					return nil
				})
			})
			w, err := dialWire(s.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			text := strings.Replace(upgradeText(target("websocket", "token=a%20b&list=1&list=2")), "\r\nHost: test",
				"\r\nHost: test\r\nOrigin: http://test\r\nX-One: 1\r\nX-One: 2\r\nUser-Agent: me", 1)
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if err := w.upgraded(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.readPacket(); err != nil {
				t.Fatal(err)
			}
			c := &sio{&overWebSocket{wire: w}}
			if _, err := c.join("/", `{"user":"u","n":[1, 2]}`); err != nil {
				t.Fatal(err)
			}
			if err := within(t, "the connection", seen); err != nil {
				t.Error(err)
			}
			sock := within(t, "the connection", sockets)
			c.sync(t)
			if err := checkHandshake(sock.Handshake(), before); drop == (err == nil) {
				t.Errorf("after the connection handlers: %v", err)
			}
			if drop {
				h := sock.Handshake()
				if h.Address() != "" || h.URL() != "" || len(h.Query()) != 0 || len(h.Header()) != 0 || h.RawAuth() != nil || !h.Time().IsZero() || h.CrossDomain() {
					t.Error("something is left of a dropped handshake")
				}
			}
			if _, err := c.join("/middleware-only", `{"b":2}`); err != nil {
				t.Error(err)
			}
			second := within(t, "the middleware", sockets)
			eventually(t, "the second namespace is joined", second.Connected)
			if drop {
				eventually(t, "its handshake is dropped", func() bool { return second.Handshake().RawAuth() == nil })
			}
		})
	}
}

func checkHandshake(h *loop.Handshake, before time.Time) error {
	var auth struct {
		User string
		N    []int
	}
	if err := h.Auth(&auth); err != nil || auth.User != "u" || !slices.Equal(auth.N, []int{1, 2}) {
		return fmt.Errorf("auth %+v, %v", auth, err)
	}
	if string(h.RawAuth()) != `{"user":"u","n":[1, 2]}` {
		return fmt.Errorf("raw auth %s", h.RawAuth())
	}
	if h.Address() != "127.0.0.1" || h.Time().Before(before) || h.Time().After(time.Now()) || !h.CrossDomain() {
		return fmt.Errorf("address %s, time %s, cross domain %v", h.Address(), h.Time(), h.CrossDomain())
	}
	if want := target("websocket", "token=a%20b&list=1&list=2"); h.URL() != want {
		return fmt.Errorf("URL %q, want %q", h.URL(), want)
	}
	q := h.Query()
	if q.Get("token") != "a b" || !slices.Equal(q["list"], []string{"1", "2"}) || q.Get("EIO") != "4" || q.Get("transport") != "websocket" {
		return fmt.Errorf("query %v", q)
	}
	head := h.Header()
	if head.Get("Host") != "test" || head.Get("User-Agent") != "me" || !slices.Equal(head["X-One"], []string{"1", "2"}) || head.Get("Origin") != "http://test" {
		return fmt.Errorf("header %v", head)
	}
	return nil
}

// TestHandshakeWithoutAuth: what is not there is empty.
func TestHandshakeWithoutAuth(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	_, _ = s.connect(t, "polling")
	h := within(t, "the connection", sockets).Handshake()
	v := map[string]int{"kept": 1}
	if err := h.Auth(&v); err != nil || v["kept"] != 1 || h.RawAuth() != nil || h.CrossDomain() {
		t.Errorf("auth %v %s %v", v, h.RawAuth(), err)
	}
}

// TestConnectTimeout: who joins nothing is closed; a refusal is no join.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, loop.Config{ConnectTimeout: time.Second}, nil)
	silent, refused := s.dial(t, "websocket"), s.dial(t, "websocket")
	refused.mustWrite(t, "0/nope,")
	joined, _ := s.connect(t, "websocket")
	joined.mustWrite(t, "1") // has joined once
	silent.expectClosed(t, 1005)
	refused.expectClosed(t, 1005)
	s.dial(t, "websocket").expectClosed(t, 1005)
	if _, err := joined.join("/", ""); err != nil {
		t.Errorf("left and joined again: %v", err)
	}
	eventually(t, "three are counted", func() bool { return s.stats(t).LimitHits["connect_time"] == 3 })
}
