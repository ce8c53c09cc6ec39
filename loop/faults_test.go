// Faults stay small: panics, stalls, floods of one client and what they do to
// the others.

package loop_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// TestPanics: wherever code of the user's panics, its own socket goes and
// nobody else.
func TestPanics(t *testing.T) {
	for _, where := range []string{
		"off", "inline", "any", "typed", "binary inline", "connection", "connection inline", "middleware", "callback", "disconnecting", "disconnect", "disconnect inline",
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			var reported steps
			inline := func(s string) []loop.HandlerOption {
				if strings.HasSuffix(where, "inline") && strings.HasPrefix(where, s) {
					return []loop.HandlerOption{loop.Inline()}
				}
				return nil
			}
			cfg := loop.Config{OnError: func(_ *loop.Socket, err error) {
				reported.add("%v", err)
				panic("OnError panics too")
			}}
			victims := make(chan *loop.Socket, 10)
			s := serve(t, cfg, func(s *loop.Server) {
				onSync(s)
				n := s.Of("/victim")
				boom := func(s *loop.Socket, _ *loop.Event) { panic("on purpose") }
				n.On("off", boom)
				n.On("inline", boom, loop.Inline())
				n.On("binary inline", boom, loop.Inline())
				n.On("any", func(*loop.Socket, *loop.Event) { t.Error("handler called after a panic") })
				loop.On(n, "typed", func(*loop.Socket, int) error { panic(errors.New("on purpose")) })
				n.Use(func(s *loop.Socket) error {
					if where == "middleware" {
						panic("on purpose")
					}
					return nil
				})
				n.OnConnection(func(s *loop.Socket) {
					if strings.HasPrefix(where, "connection") {
						panic("on purpose")
					}
					if where == "any" {
						s.OnAny(boom)
					}
					victims <- s
				}, inline("connection")...)
				leave := func(s *loop.Socket, _ loop.DisconnectReason, _ error) {
					if strings.HasPrefix(where, "disconnect") {
						panic("on purpose")
					}
				}
				if where == "disconnecting" {
					n.OnDisconnecting(leave)
				} else {
					n.OnDisconnect(leave, inline("disconnect")...)
				}
			})
			other, _ := s.connect(t, "websocket")
			c, _ := s.connect(t, "websocket")
			c.mustWrite(t, "0/victim,")
			if where == "middleware" {
				c.expect(t, `4/victim,{"message":"internal server error"}`)
			} else if got := c.mustNext(t); !strings.HasPrefix(got, `0/victim,{"sid":`) {
				t.Fatal(got)
			}
			switch where {
			case "off", "inline", "any":
				c.mustWrite(t, `2/victim,["`+where+`",1]`)
			case "typed":
				c.mustWrite(t, `2/victim,["typed",1]`)
			case "binary inline":
				if err := c.send(packet{text: `451-/victim,["binary inline",{"_placeholder":true,"num":0}]`}, packet{bin: []byte{1}, binary: true}); err != nil {
					t.Fatal(err)
				}
			case "callback":
				_ = within(t, "the connection", victims).EmitAck("q", func(loop.Args, error) { panic("on purpose") })
				q := c.mustNext(t)
				c.mustWrite(t, "3/victim,"+strings.TrimSuffix(strings.TrimPrefix(q, "2/victim,"), `["q"]`)+"[]")
			case "disconnecting", "disconnect", "disconnect inline":
				c.mustWrite(t, "1/victim,")
			}
			switch where {
			case "middleware", "disconnecting", "disconnect", "disconnect inline":
			default:
				c.expect(t, "1/victim,")
			}
			eventually(t, "the panics are counted", func() bool { return s.stats(t).Panics == 2 })
			c.sync(t) // the client's other namespace goes on
			other.sync(t)
			if n := s.Of("/victim").ConnectedSockets(); n != 0 {
				t.Errorf("%d victims are connected", n)
			}
			if list := reported.all(); len(list) != 1 || !strings.Contains(list[0], "loop: panic in a ") || !strings.Contains(list[0], ": on purpose") {
				t.Errorf("reported %q", list)
			}
			if s.log.count("panic in OnError") != 1 || s.log.count("on purpose") != 1 {
				t.Errorf("log:\n%s", s.log)
			}
			if _, err := c.join("/victim", ""); where == "off" && err != nil {
				t.Errorf("it may come again: %v", err)
			}
		})
	}
}

// TestGoexit: a handler that ends its goroutine, as a failing test does, takes
// nothing with it.
func TestGoexit(t *testing.T) {
	var got steps
	s := serve(t, loop.Config{Handlers: 1}, func(s *loop.Server) {
		onSync(s)
		s.On("exit", func(*loop.Socket, *loop.Event) { got.add("exit"); runtime.Goexit() })
		s.On("e", got.note("event"))
	})
	c, _ := s.connect(t, "websocket")
	other, _ := s.connect(t, "websocket")
	c.mustWrite(t, `2["exit"]`, `2["e"]`, `2["exit"]`, `2["e"]`)
	c.sync(t)
	other.sync(t)
	if want := []string{"exit", "event e", "exit", "event e"}; !slices.Equal(got.all(), want) {
		t.Errorf("%q, want %q", got.all(), want)
	}
}

// TestStalledHandler: a handler that does not return holds up its own socket
// only.
func TestStalledHandler(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, loop.Config{Handlers: 4}, func(s *loop.Server) {
		onSync(s)
		s.On("stall", func(*loop.Socket, *loop.Event) { <-release })
		s.On("inline", func(s *loop.Socket, e *loop.Event) { _ = s.Emit("inlined") }, loop.Inline())
	})
	stalled := make([]*sio, 3)
	for i := range stalled {
		stalled[i], _ = s.connect(t, "websocket")
		stalled[i].mustWrite(t, `2["stall"]`, `2["inline"]`, `2["sync"]`)
	}
	others := make([]*sio, 20)
	for i := range others {
		others[i], _ = s.connect(t, transports[i%3])
	}
	for range 20 {
		for _, c := range others {
			c.sync(t)
			c.mustWrite(t, `2["inline"]`)
			c.expect(t, `2["inlined"]`)
		}
	}
	if err := s.Emit("m"); err != nil {
		t.Fatal(err)
	}
	for _, c := range stalled {
		c.expect(t, `2["m"]`) // and nothing before it
	}
	close(release)
	for _, c := range stalled {
		c.expect(t, `2["inlined"]`, `2["synced"]`)
	}
}

// TestHandlerLimit: no more handlers run at once than Config.Handlers, and all
// get their turn.
func TestHandlerLimit(t *testing.T) {
	const limit, clients, events = 3, 10, 50
	var mu sync.Mutex
	running, most, total := 0, 0, 0
	s := serve(t, loop.Config{Handlers: limit}, func(s *loop.Server) {
		onSync(s)
		s.On("e", func(*loop.Socket, *loop.Event) {
			mu.Lock()
			running++
			total++
			most = max(most, running)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			running--
			mu.Unlock()
		})
	})
	list := make([]*sio, clients)
	for i := range list {
		list[i], _ = s.connect(t, "websocket")
	}
	for _, c := range list {
		c.mustWrite(t, slices.Repeat([]string{`2["e"]`}, events)...)
	}
	for _, c := range list {
		c.sync(t)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > limit || total != clients*events {
		t.Errorf("%d handlers ran at once, %d in all", most, total)
	}
}

// TestPendingLimits: on the limit all is well; a client that goes beyond is cut.
func TestPendingLimits(t *testing.T) {
	const limit = 20
	large := `2["e","` + strings.Repeat("x", 1000) + `"]`
	for _, test := range []struct {
		name    string
		limits  loop.Limits
		message string
		fits    int // behind the one that is handled
	}{
		{"events", loop.Limits{PendingEvents: limit}, `2["e"]`, limit},
		{"bytes", loop.Limits{PendingBytes: 5 * 1003}, large, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			entered, release := make(chan struct{}, 1), make(chan struct{})
			var handled steps
			reasons := make(chan string, 1)
			s := serve(t, loop.Config{Limits: test.limits}, func(s *loop.Server) {
				onSync(s)
				s.On("stall", func(*loop.Socket, *loop.Event) { entered <- struct{}{}; <-release })
				s.On("e", handled.note("event"))
				s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, ": ", err) })
			})
			c, _ := s.connect(t, "websocket")
			c.mustWrite(t, `2["stall"]`)
			within(t, "the handler", entered)
			c.mustWrite(t, slices.Repeat([]string{test.message}, test.fits)...)
			other, _ := s.connect(t, "websocket")
			other.sync(t)
			eventually(t, "they have arrived", func() bool { return s.stats(t).Events == uint64(test.fits)+2 })
			release <- struct{}{}
			eventually(t, "what is on the limit is handled", func() bool { return len(handled.all()) == test.fits })
			c.sync(t)
			handled.clear()
			c.mustWrite(t, `2["stall"]`)
			within(t, "the handler", entered)
			c.mustWrite(t, slices.Repeat([]string{test.message}, test.fits+1)...)
			c.expectClosed(t, 1005)
			other.sync(t)
			release <- struct{}{}
			if r := within(t, "the disconnect", reasons); r != "transport error: "+loop.ErrPendingEvents.Error() {
				t.Error(r)
			}
			if n := len(handled.all()); n != 0 {
				t.Errorf("%d events of a client that was cut were handled", n)
			}
			if n := s.stats(t).LimitHits["pending_events"]; n == 0 {
				t.Error("the limit was not counted")
			}
		})
	}
}

// TestHalfPacketAfterDisconnect: a socket that is taken out of its namespace
// while attachments are due does not leave half a packet for ever.
func TestHalfPacketAfterDisconnect(t *testing.T) {
	t.Parallel()
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{AttachmentTime: time.Second}}, nil)
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	c.mustWrite(t, `52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	if err := c.send(packet{bin: []byte{1}, binary: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first attachment has arrived", func() bool { return s.stats(t).MessagesIn == 3 })
	sock.Disconnect(false)
	c.expect(t, "1")
	c.expectClosed(t, 1005)
	if n := s.stats(t).LimitHits["attachment_time"]; n != 1 {
		t.Errorf("limit counted %d times", n)
	}
}

// TestHandlersDoNotNest: an inline handler that causes the disconnect of a slow
// client is not interrupted by the inline handlers of that disconnect, which
// may want the same lock.
func TestHandlersDoNotNest(t *testing.T) {
	var mu sync.Mutex
	gone := make(chan *loop.Socket, 1)
	sockets := make(chan *loop.Socket, 2)
	s := serve(t, loop.Config{Loops: 1, Limits: loop.Limits{OutboundBytes: 1 << 10}}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { sockets <- s }, loop.Inline())
		ballast := strings.Repeat("x", 64<<10)
		s.On("flood", func(s *loop.Socket, _ *loop.Event) {
			mu.Lock()
			defer mu.Unlock()
			for range 400 {
				_ = s.Broadcast().Emit("m", ballast)
			}
			_ = s.Emit("done")
		}, loop.Inline())
		s.OnDisconnect(func(s *loop.Socket, _ loop.DisconnectReason, _ error) {
			mu.Lock()
			defer mu.Unlock()
			select {
			case gone <- s:
			default:
			}
		}, loop.Inline())
	})
	_, _ = s.connect(t, "websocket") // never reads
	slow := within(t, "the connection", sockets)
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, `2["flood"]`)
	c.expect(t, `2["done"]`)
	if got := within(t, "the disconnect", gone); got != slow {
		t.Error("another socket was cut")
	}
}
