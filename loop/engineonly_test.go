// Engine.IO without Socket.IO.

package loop_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// engineOnly is a Config for clients of Engine.IO, at the test client's path.
func engineOnly() loop.Config { return loop.Config{EngineOnly: true, Path: "/socket.io"} }

// TestEngineOnly: messages in both directions keep their content, kind and
// order, on each transport, for handlers on the loop and off it.
func TestEngineOnly(t *testing.T) {
	texts := []string{"", "hello", `"quoted" \ and <b>`, "пойду спать €\U0001F600\u2028", "\x00\x1e\x7f\n", `2["message","x"]`, "null", `{"_placeholder":true,"num":0}`}
	for name, opts := range map[string][]loop.HandlerOption{"off the loop": nil, "inline": {loop.Inline()}} {
		for _, transport := range []string{"websocket", "polling", "upgrade"} {
			t.Run(name+" "+transport, func(t *testing.T) {
				ids, left := make(chan string, 1), make(chan loop.DisconnectReason, 1)
				s := serve(t, engineOnly(), func(s *loop.Server) {
					s.OnConnection(func(s *loop.Socket) {
						ids <- s.ID()
						if s.Conn().ID() != s.ID() {
							t.Errorf("socket %s of session %s", s.ID(), s.Conn().ID())
						}
						_ = s.Send("hi")
					}, opts...)
					s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { left <- r }, opts...)
					s.On("message", func(s *loop.Socket, e *loop.Event) {
						_ = s.EmitArgs("message", e.Args()) // as it came
						if b := e.Args().Binary(0); b != nil {
							_ = s.Send(append([]byte("again "), b...))
							return
						}
						var text string
						if err := e.Args().Bind(&text); err != nil || e.Args().Len() != 1 || e.WantsAck() {
							t.Errorf("arguments %v, %v", e.Args(), err)
						}
						if text == "bye" {
							s.Disconnect(false)
							return
						}
						_ = s.Send("again " + text)
					}, opts...)
				})
				c := s.dial(t, transport)
				id := within(t, "the connection", ids)
				if len(id) != 20 {
					t.Errorf("id %q", id)
				}
				c.expect(t, "hi")
				for _, text := range texts {
					if transport != "websocket" && strings.Contains(text, "\x1e") {
						continue // it separates packets
					}
					c.mustWrite(t, text)
					c.expect(t, text, "again "+text)
				}
				for _, data := range [][]byte{{0, 1, 2, 255}, {}} {
					if err := c.send(packet{bin: data, binary: true}); err != nil {
						t.Fatal(err)
					}
					for _, want := range [][]byte{data, append([]byte("again "), data...)} {
						if p, err := c.next(); err != nil || !p.binary || !bytes.Equal(p.bin, want) {
							t.Fatalf("%v, %v, want %x", p, err, want)
						}
					}
				}
				c.mustWrite(t, "bye")
				c.expect(t, "bye")
				c.expectEnd(t)
				if r := within(t, "the disconnect", left); r != loop.ForcedClose && (transport != "polling" || r != loop.ForcedServerClose) {
					t.Errorf("reason %q", r)
				}
			})
		}
	}
}

// TestEngineOnlySendsMessages: there is nothing else to send.
func TestEngineOnlySendsMessages(t *testing.T) {
	sockets, ids := make(chan *loop.Socket, 1), make(chan string, 1)
	s := serve(t, engineOnly(), func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { sockets <- s })
		s.On("message", func(s *loop.Socket, e *loop.Event) {
			for _, err := range []error{s.EmitArgs("other", e.Args()), s.EmitArgs("message", e.Args().Slice(0, 0))} {
				if !errors.Is(err, loop.ErrEngineOnly) {
					t.Errorf("EmitArgs inline: %v", err)
				}
			}
			ids <- s.ID()
		}, loop.Inline())
	})
	c := s.dial(t, "websocket")
	sock := within(t, "the connection", sockets)
	for name, err := range map[string]error{
		"another event":     sock.Emit("other", "x"),
		"no argument":       sock.Send(),
		"two arguments":     sock.Send("a", "b"),
		"text and bytes":    sock.Send("a", []byte("b")),
		"two times bytes":   sock.Send([]byte("a"), []byte("b")),
		"a number":          sock.Send(1),
		"nil":               sock.Send(nil),
		"bytes in a list":   sock.Send([]any{[]byte("b")}),
		"volatile":          sock.Volatile().Emit("other"),
		"with a callback":   sock.EmitAck("message", func(loop.Args, error) { t.Error("answered") }, "x"),
		"broadcast":         s.Emit("other", "x"),
		"numbers to all":    s.Send(1),
		"to a room":         s.To("room").Emit("other"),
		"a question to all": func() error { _, err := s.EmitWithAck(context.Background(), "message", "x"); return err }(),
	} {
		if !errors.Is(err, loop.ErrEngineOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sock.EmitWithAck(context.Background(), "message", "x"); !errors.Is(err, loop.ErrEngineOnly) {
		t.Errorf("EmitWithAck: %v", err)
	}
	c.mustWrite(t, "look")
	within(t, "the message", ids)
	_ = sock.Send("the end") // nothing came before it
	c.expect(t, "the end")
}

// TestEngineOnlyRooms: a message reaches a room, and who watches the sockets.
func TestEngineOnlyRooms(t *testing.T) {
	var seen steps
	s := serve(t, engineOnly(), func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) {
			s.OnAnyOutgoing(func(_ *loop.Socket, event string, args loop.Args) {
				if b := args.Binary(0); b != nil {
					seen.add("%s %x", event, b)
					return
				}
				seen.add("%s %s", event, args.Raw(0))
			})
			_ = s.Join("room")
			_ = s.Send("in")
		})
	})
	for _, transport := range []string{"websocket", "polling"} {
		seen.clear()
		c := s.dial(t, transport)
		c.expect(t, "in")
		_ = s.To("room").Emit("message", `to "all"`)
		_ = s.To("room").Emit("message", []byte{1, 2})
		_ = s.To("room").Emit("message", "")
		_ = s.To("room").Compress(false).Emit("message", []byte{})
		c.expect(t, `to "all"`)
		if p, err := c.next(); err != nil || !p.binary || !bytes.Equal(p.bin, []byte{1, 2}) {
			t.Fatal(p, err)
		}
		c.expect(t, "")
		if p, err := c.next(); err != nil || !p.binary || len(p.bin) > 0 {
			t.Fatal(p, err)
		}
		eventually(t, "what was seen", func() bool {
			return strings.Join(seen.all(), ", ") == `message "in", message "to \"all\"", message 0102, message "", message `
		})
		c.close()
		eventually(t, "an empty room", func() bool { return s.Root().ConnectedSockets() == 0 })
	}
}

// TestEngineOnlyRevision3: clients of Engine.IO 3 get no packets of Socket.IO
// either, and nobody has to join anything in time.
func TestEngineOnlyRevision3(t *testing.T) {
	cfg := engineOnly()
	cfg.AllowEIO3, cfg.ConnectTimeout, cfg.PingInterval = true, time.Millisecond, 50*time.Millisecond
	s := serve(t, cfg, func(s *loop.Server) {
		s.On("message", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("message", e.Args()) })
	})
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.upgrade("/socket.io/?EIO=3&transport=websocket"); err != nil {
		t.Fatal(err)
	}
	if p, err := w.readPacket(); err != nil || !strings.HasPrefix(p.text, "0{") {
		t.Fatal(p, err)
	}
	c := s.dial(t, "websocket")
	if p, err := c.recv(); err != nil || p.text != "2" { // long after ConnectTimeout
		t.Fatal(p, err)
	}
	c.mustWrite(t, "4")
	c.expect(t, "4")
	if _, err := w.Write(frames(packet{text: "4three"})); err != nil {
		t.Fatal(err)
	}
	if p, err := w.readPacket(); err != nil || p.text != "4three" {
		t.Fatal(p, err)
	}
}

// TestEngineOnlyID: the id of a socket is the session's, also one of the
// application's, and names its room.
func TestEngineOnlyID(t *testing.T) {
	cfg := engineOnly()
	cfg.GenerateID = func(r *http.Request) (string, error) { return r.URL.Query().Get("name"), nil }
	ids := make(chan string, 1)
	s := serve(t, cfg, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { ids <- s.ID() + " " + s.Conn().ID() + " " + s.Rooms()[0] })
	})
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		name := "my-" + transport
		c, err := dialSession(s.addr(), transport, "name="+name)
		if err != nil {
			t.Fatal(err)
		}
		defer c.drop()
		if got := within(t, "the connection", ids); got != name+" "+name+" "+name {
			t.Errorf("ids %q", got)
		}
		_ = s.To(name).Emit("message", "you")
		c.expect(t, "you")
	}
}

func TestEngineOnlyConfig(t *testing.T) {
	if path := (loop.Config{EngineOnly: true}).WithDefaults().Path; path != "/engine.io/" {
		t.Errorf("Path is %q", path)
	}
	for want, cfg := range map[string]loop.Config{
		"loop: Parser has no meaning with EngineOnly: leave it out":                         {EngineOnly: true, Parser: loop.MsgPack},
		"loop: ConnectionStateRecovery is a part of Socket.IO, which EngineOnly leaves out": {EngineOnly: true, ConnectionStateRecovery: &loop.RecoveryConfig{}},
	} {
		if _, err := loop.New(cfg); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s := newServer(t, engineOnly())
	defer s.Shutdown(context.Background())
	for want, f := range map[string]func(){
		"AllowRequest": func() { s.Use(func(*loop.Socket) error { return nil }) },
		"OnConnection": func() { s.OnEngineConnection(func(loop.Conn) {}) },
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, want) {
					t.Errorf("panics with %q", p)
				}
			}()
			f()
		}()
	}
}
