// Middleware: who gets in, and what happens to those who do not wait.

package loop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestMiddlewareOrder(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		var got steps
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			onSync(s)
			note := func(name string) loop.Middleware {
				return func(s *loop.Socket) error {
					got.add("%s connected=%v sockets=%d", name, s.Connected(), s.Namespace().ConnectedSockets())
					return nil
				}
			}
			s.Use(note("first"))
			s.Use(note("second"))
			s.OnConnection(func(s *loop.Socket) {
				got.add("connection connected=%v sockets=%d", s.Connected(), s.Namespace().ConnectedSockets())
			})
		})
		c, _ := s.connect(t, transport)
		c.sync(t)
		want := []string{
			"first connected=false sockets=0", "second connected=false sockets=0", "connection connected=true sockets=1",
		}
		if !slices.Equal(got.all(), want) {
			t.Errorf("%q, want %q", got.all(), want)
		}
	})
}

func TestMiddlewareRefuses(t *testing.T) {
	var reached steps
	errs := make(chan error, 10)
	s := serve(t, loop.Config{OnError: func(_ *loop.Socket, err error) { errs <- err }}, func(s *loop.Server) {
		for name, m := range map[string]loop.Middleware{
			"/data":    func(*loop.Socket) error { return &loop.Error{Message: "no \"entry\"", Data: map[string]any{"code": 7}} },
			"/plain":   func(*loop.Socket) error { return errors.New("just no") },
			"/nodata":  func(*loop.Socket) error { return &loop.Error{Message: "x"} },
			"/panic":   func(*loop.Socket) error { panic("on purpose") },
			"/baddata": func(*loop.Socket) error { return &loop.Error{Message: "y", Data: make(chan int)} },
			"/joins":   func(s *loop.Socket) error { _ = s.Join("room"); return errors.New("after Join") },
		} {
			n := s.Of(name)
			n.Use(m)
			n.Use(func(*loop.Socket) error { reached.add("second of %s", name); return nil })
			n.OnConnection(func(*loop.Socket) { reached.add("connection of %s", name) })
			n.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) { reached.add("disconnect of %s", name) })
		}
	})
	eachTransport(t, func(t *testing.T, transport string) {
		c := s.dial(t, transport)
		for _, exchange := range [][2]string{
			{`0/data,`, `4/data,{"message":"no \"entry\"","data":{"code":7}}`},
			{`0/plain,{"a":1}`, `4/plain,{"message":"just no"}`},
			{`0/nodata,`, `4/nodata,{"message":"x"}`},
			{`0/panic,`, `4/panic,{"message":"internal server error"}`},
			{`0/baddata,`, `4/baddata,{"message":"y"}`},
			{`0/joins,`, `4/joins,{"message":"after Join"}`},
			{`0/data,`, `4/data,{"message":"no \"entry\"","data":{"code":7}}`}, // may be tried again
		} {
			c.mustWrite(t, exchange[0])
			c.expect(t, exchange[1])
		}
	})
	if n := s.log.count("panic in a middleware"); n != len(transports) {
		t.Errorf("%d panics logged, want %d:\n%s", n, len(transports), s.log)
	}
	if len(errs) != 2*len(transports) {
		t.Errorf("%d errors reported", len(errs))
	}
	if r := s.Of("/joins").Rooms(); len(r) != 0 {
		t.Errorf("rooms of the refused: %q", r)
	}
	if got := reached.all(); len(got) != 0 {
		t.Errorf("reached by the refused: %q", got)
	}
	if n := s.leftovers(t); n.Sockets != 0 || n.Members != 0 {
		t.Errorf("left over: %+v", n)
	}
}

// TestMiddlewareSlow: events of a client that does not wait for its CONNECT
// close the connection; a client that goes meanwhile is never connected.
func TestMiddlewareSlow(t *testing.T) {
	entered, release := make(chan *loop.Socket, 1), make(chan struct{})
	var got steps
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.Of("/other")
		s.Use(func(s *loop.Socket) error { entered <- s; <-release; return nil })
		s.OnConnection(func(s *loop.Socket) { got.add("connection") })
		s.Root().OnDisconnecting(func(*loop.Socket, loop.DisconnectReason, error) { got.add("disconnecting") })
		s.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) { got.add("disconnect") })
	})
	for _, impatience := range []string{`2["e"]`, "0", "1", "30[]", `51-["e",{"_placeholder":true,"num":0}]`} {
		c := s.dial(t, "websocket")
		c.mustWrite(t, "0")
		sock := within(t, "the middleware", entered)
		c.mustWrite(t, impatience)
		c.expectClosed(t, 1005)
		release <- struct{}{}
		gone(t, s, sock)
	}
	for _, leaves := range []string{"drops", "closes", "is disconnected", "is disconnected with its connection"} {
		c := s.dial(t, "websocket")
		other, err := c.join("/other", "")
		if err != nil || other == "" {
			t.Fatal(err)
		}
		c.mustWrite(t, "0")
		sock := within(t, "the middleware", entered)
		_ = sock.Join("room")
		if sock.Connected() {
			t.Error("connected during middleware")
		}
		switch leaves {
		case "drops":
			c.drop()
		case "closes":
			c.close()
		case "is disconnected":
			sock.Disconnect(false)
			c.expect(t, "1")
		case "is disconnected with its connection":
			sock.Disconnect(true)
			c.expectClosed(t, 1005)
		}
		gone(t, s, sock)
		release <- struct{}{}
		if leaves == "is disconnected" {
			c.mustWrite(t, "0") // it may come again
			again := within(t, "the middleware", entered)
			if again == sock || again.ID() == sock.ID() {
				t.Error("the new socket is the old one")
			}
			c.drop()
			release <- struct{}{}
			gone(t, s, again)
		}
	}
	if list := got.all(); len(list) != 0 {
		t.Errorf("handlers ran: %q", list)
	}
}

// gone waits until a socket that never connected is forgotten.
func gone(t *testing.T, s *server, sock *loop.Socket) {
	t.Helper()
	within(t, "the end of the context", sock.Context().Done())
	eventually(t, "the socket is forgotten", func() bool {
		n := s.leftovers(t)
		return n.Sockets <= 1 && len(s.Root().Rooms()) == 0
	})
	if err := sock.Emit("x"); err != loop.ErrDisconnected {
		t.Errorf("Emit: %v", err)
	}
	if err := sock.Join("x"); err != loop.ErrDisconnected {
		t.Errorf("Join: %v", err)
	}
	if sock.Connected() || sock.Rooms() != nil {
		t.Errorf("connected %v, in %q", sock.Connected(), sock.Rooms())
	}
}

// TestMiddlewareActs: what a middleware emits arrives before the answer, and
// rooms joined in it are not served before that.
func TestMiddlewareActs(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		entered, release := make(chan *loop.Socket, 1), make(chan struct{})
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			onSync(s)
			s.Use(func(s *loop.Socket) error {
				entered <- s
				_ = s.Join("room")
				_ = s.Emit("hello", s.InRoom("room"), s.Rooms()[1:])
				<-release
				return nil
			})
		})
		c := s.dial(t, transport)
		c.mustWrite(t, "0")
		c.expect(t, `2["hello",true,["room"]]`)
		sock := within(t, "the middleware", entered)
		for _, o := range []loop.BroadcastOperator{s.To("room"), s.To(sock.ID()), s.Root().To(), s.Root().Local()} {
			if err := o.Emit("too early"); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := s.Root().Sockets(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("sockets %v, %v", list, err)
		}
		if n := s.Root().ConnectedSockets(); n != 0 {
			t.Errorf("%d sockets", n)
		}
		close(release)
		if got := c.mustNext(t); !strings.HasPrefix(got, `0{"sid":"`+sock.ID()) {
			t.Fatalf("answer %q", got)
		}
		if err := s.To("room").Emit("now"); err != nil {
			t.Fatal(err)
		}
		c.expect(t, `2["now"]`)
	})
}

// TestMiddlewareWaits: a middleware that waits for its client is told when it
// goes.
func TestMiddlewareWaits(t *testing.T) {
	errs := make(chan error, 1)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.Use(func(s *loop.Socket) error {
			_, err := s.EmitWithAck(context.Background(), "q")
			errs <- err
			return err
		})
	})
	c := s.dial(t, "websocket")
	c.mustWrite(t, "0")
	c.question(t, "q")
	c.drop()
	if err := within(t, "the end of the middleware", errs); err != loop.ErrDisconnected {
		t.Error(err)
	}
	s.noAcks(t)
}

// TestMiddlewareAdded: one that is added later is for those who come later.
func TestMiddlewareAdded(t *testing.T) {
	s := serve(t, loop.Config{}, onSync)
	a, _ := s.connect(t, "websocket")
	s.Use(func(*loop.Socket) error { return errors.New("closed") })
	b := s.dial(t, "websocket")
	b.mustWrite(t, "0")
	b.expect(t, `4{"message":"closed"}`)
	a.sync(t)
}
