// Handlers of events: registered, found, called, taken away.

package loop_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// transports are the ways a client can come.
var transports = []string{"websocket", "polling", "upgrade"}

func eachTransport(t *testing.T, f func(t *testing.T, transport string)) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) { f(t, transport) })
	}
}

// steps is a list that handlers write to.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, fmt.Sprintf(format, args...))
}

func (s *steps) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

func (s *steps) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}

// note returns a handler that writes its name.
func (s *steps) note(name string) loop.Handler {
	return func(_ *loop.Socket, e *loop.Event) { s.add("%s %s", name, e.Name()) }
}

// sync waits until the events sent so far are handled: a round trip of another
// event, which no note is registered for.
func (c *sio) sync(t testing.TB) {
	t.Helper()
	c.mustWrite(t, `2["sync"]`)
	for c.mustNext(t) != `2["synced"]` {
	}
}

func onSync(s *loop.Server) {
	s.On("sync", func(s *loop.Socket, _ *loop.Event) { _ = s.Emit("synced") })
}

func TestHandlerOrder(t *testing.T) {
	for _, mode := range []string{"off", "inline", "mixed"} {
		t.Run(mode, func(t *testing.T) {
			var got steps
			i := 0
			opts := func() []loop.HandlerOption {
				i++
				if mode == "inline" || mode == "mixed" && i%2 == 0 {
					return []loop.HandlerOption{loop.Inline()}
				}
				return nil
			}
			s := serve(t, loop.Config{}, func(s *loop.Server) {
				onSync(s)
				n := s.Root()
				n.On("e", got.note("ns1"), opts()...)
				n.On("e", got.note("ns2"), opts()...)
				n.OnAny(func(s *loop.Socket, e *loop.Event) {
					if e.Name() != "sync" {
						got.add("any-ns %s", e.Name())
					}
				}, opts()...)
				s.OnConnection(func(s *loop.Socket) {
					s.On("e", got.note("own1"), opts()...)
					s.On("e", got.note("own2"), opts()...)
					s.OnAny(got.note("any1"), opts()...)
					s.OnAny(got.note("any2"), opts()...)
					s.PrependAny(got.note("any0"), opts()...)
				})
			})
			c, _ := s.connect(t, "websocket")
			c.mustWrite(t, `2["e",1]`, `2["other"]`)
			c.sync(t)
			want := []string{
				"any-ns e", "any0 e", "any1 e", "any2 e", "ns1 e", "ns2 e", "own1 e", "own2 e",
				"any-ns other", "any0 other", "any1 other", "any2 other",
				"any0 sync", "any1 sync", "any2 sync",
			}
			if list := got.all(); !slices.Equal(list, want) {
				t.Errorf("handlers ran as %q, want %q", list, want)
			}
		})
	}
}

func TestRemovingHandlers(t *testing.T) {
	var got steps
	sockets := make(chan *loop.Socket, 1)
	var fromNamespace *loop.Registration
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		fromNamespace = s.On("a", got.note("ns"))
		s.On("b", got.note("ns"))
		s.On("a", got.note("ns-inline"), loop.Inline())
		s.OnConnection(func(s *loop.Socket) { sockets <- s })
	})
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	sock.Once("a", got.note("once"))
	own := sock.On("a", got.note("own"))
	sock.On("b", got.note("own"))
	anyOwn := sock.OnAny(got.note("any"))
	sock.OnAny(got.note("any-kept"))

	check := func(step string, want ...string) {
		t.Helper()
		got.clear()
		c.mustWrite(t, `2["a"]`, `2["b"]`)
		c.sync(t)
		list := slices.DeleteFunc(got.all(), func(s string) bool { return strings.HasSuffix(s, " sync") })
		if !slices.Equal(list, want) {
			t.Errorf("%s: %q, want %q", step, list, want)
		}
	}
	check("all", "any a", "any-kept a", "ns a", "ns-inline a", "once a", "own a", "any b", "any-kept b", "ns b", "own b")
	check("once is spent", "any a", "any-kept a", "ns a", "ns-inline a", "own a", "any b", "any-kept b", "ns b", "own b")
	own.Remove()
	own.Remove() // does nothing
	anyOwn.Remove()
	check("removed", "any-kept a", "ns a", "ns-inline a", "any-kept b", "ns b", "own b")
	fromNamespace.Remove()
	sock.Off("b")
	sock.Off("") // is no event
	check("namespace removed, socket off", "any-kept a", "ns-inline a", "any-kept b", "ns b")
	sock.OffAny()
	s.Root().Off("b")
	check("off", "ns-inline a")
	sock.On("b", got.note("later"), loop.Inline())
	s.On("b", got.note("later-ns"))
	check("registered while running", "ns-inline a", "later-ns b", "later b")
	s.Root().Off("a")
	unhandled := s.stats(t).EventsUnhandled
	check("unhandled", "later-ns b", "later b")
	if n := s.stats(t).EventsUnhandled - unhandled; n != 1 {
		t.Errorf("%d events counted as unhandled, want 1", n)
	}
}

// TestOnceInline: two events in one read, handled on the loop, find one Once.
func TestOnceInline(t *testing.T) {
	var got steps
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.OnConnection(func(s *loop.Socket) {
			s.Once("a", got.note("inline"), loop.Inline())
			s.Once("b", got.note("off"))
		}, loop.Inline())
	})
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, `2["a"]`, `2["a"]`, `2["b"]`, `2["b"]`)
	c.sync(t)
	if want := []string{"inline a", "off b"}; !slices.Equal(got.all(), want) {
		t.Errorf("%q, want %q", got.all(), want)
	}
}

func TestReservedNames(t *testing.T) {
	s := newServer(t, loop.Config{})
	defer func() { _ = s.Shutdown(t.Context()) }()
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a handler for %s is accepted", name)
				}
			}()
			s.On(name, func(*loop.Socket, *loop.Event) {})
		}()
		if err := s.Emit(name); err == nil {
			t.Errorf("Emit(%s) is accepted", name)
		}
	}
	for _, name := range []string{"connection", "error", "message", "ping", "7"} {
		s.On(name, func(*loop.Socket, *loop.Event) {})
		if err := s.Emit(name); err != nil {
			t.Errorf("Emit(%s): %v", name, err)
		}
	}
}

// TestBehindConnect: events in the same write as CONNECT reach the handlers
// that the connection handler registers, all of them and in order.
func TestBehindConnect(t *testing.T) {
	const n = 900
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprint("inline=", inline), func(t *testing.T) {
			eachTransport(t, func(t *testing.T, transport string) {
				var opts []loop.HandlerOption
				if inline {
					opts = append(opts, loop.Inline())
				}
				s := serve(t, loop.Config{}, func(s *loop.Server) {
					s.OnConnection(func(s *loop.Socket) {
						_ = s.Emit("welcome")
						s.On("e", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("e", e.Args()) }, opts...)
					})
				})
				c := s.dial(t, transport)
				list := []string{"0"}
				for i := range n {
					list = append(list, fmt.Sprintf(`2["e",%d]`, i))
				}
				c.mustWrite(t, list...)
				if got := c.mustNext(t); !strings.HasPrefix(got, `0{"sid":`) {
					t.Fatalf("answer to CONNECT: %q", got)
				}
				c.expect(t, `2["welcome"]`)
				c.expect(t, list[1:]...)
			})
		})
	}
}

// TestEventOrder: the handlers of a socket run in the order of its events,
// whoever runs them.
func TestEventOrder(t *testing.T) {
	const n = 10_000
	eachTransport(t, func(t *testing.T, transport string) {
		var mu sync.Mutex
		var got []int
		running := 0
		note := func(wait bool) func(*loop.Socket, int) error {
			return func(_ *loop.Socket, i int) error {
				mu.Lock()
				running++
				if running > 1 {
					t.Error("two handlers of a socket run at once")
				}
				got = append(got, i)
				mu.Unlock()
				if wait {
					// A slow handler: others get the processor in between.
					for range 100 {
						busy.Add(1)
					}
				}
				mu.Lock()
				running--
				mu.Unlock()
				return nil
			}
		}
		s := serve(t, loop.Config{}, func(s *loop.Server) {
			onSync(s)
			loop.On(s, "inline", note(false), loop.Inline())
			loop.On(s, "off", note(false))
			loop.On(s, "slow", note(true))
		})
		c, _ := s.connect(t, transport)
		names := []string{"inline", "inline", "off", "inline", "slow", "off", "off", "inline", "inline"}
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`2["%s",%d]`, names[i%len(names)], i))
			if len(list) == 250 {
				c.mustWrite(t, list...)
				list = list[:0]
			}
		}
		c.sync(t)
		mu.Lock()
		defer mu.Unlock()
		if len(got) != n {
			t.Fatalf("%d events handled, want %d", len(got), n)
		}
		for i, k := range got {
			if i != k {
				t.Fatalf("event %d came as number %d", k, i)
			}
		}
	})
}

// TestEventsBeforeLeaving: what a client has sent before it leaves is handled,
// and before the handlers of its disconnect.
func TestEventsBeforeLeaving(t *testing.T) {
	const n = 200
	for _, how := range []string{"DISCONNECT", "close", "bad packet"} {
		t.Run(how, func(t *testing.T) {
			var got steps
			done := make(chan struct{})
			s := serve(t, loop.Config{}, func(s *loop.Server) {
				s.On("e", got.note("event"))
				s.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) {
					got.add("disconnect")
					close(done)
				})
			})
			c, _ := s.connect(t, "websocket")
			list := slices.Repeat([]packet{{text: `42["e"]`}}, n)
			b := frames(list...)
			switch how {
			case "DISCONNECT":
				b = append(b, frames(packet{text: "41"})...)
			case "close":
				b = append(b, frame(opClose, nil)...)
			case "bad packet":
				b = append(b, frames(packet{text: "4x"})...)
			}
			if _, err := c.carrier.(*overWebSocket).Write(b); err != nil {
				t.Fatal(err)
			}
			within(t, "the disconnect", done)
			want := append(slices.Repeat([]string{"event e"}, n), "disconnect")
			if !slices.Equal(got.all(), want) {
				t.Errorf("%d steps, the last %q", len(got.all()), got.all()[len(got.all())-1])
			}
		})
	}
}

// TestEventsAfterExpulsion: what waits when this side disconnects a socket is
// dropped.
func TestEventsAfterExpulsion(t *testing.T) {
	for _, how := range []string{"in its handler", "elsewhere", "by panic"} {
		t.Run(how, func(t *testing.T) {
			var got steps
			entered, release, done := make(chan *loop.Socket, 1), make(chan struct{}), make(chan struct{})
			s := serve(t, loop.Config{}, func(s *loop.Server) {
				s.On("stop", func(s *loop.Socket, _ *loop.Event) {
					entered <- s
					<-release
					switch how {
					case "in its handler":
						s.Disconnect(false)
					case "by panic":
						panic("on purpose")
					}
				})
				s.On("stop", got.note("second handler"))
				s.On("e", got.note("event"))
				s.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) { close(done) })
			})
			c, _ := s.connect(t, "websocket")
			c.mustWrite(t, slices.Insert(slices.Repeat([]string{`2["e"]`}, 10), 0, `2["stop"]`)...)
			sock := within(t, "the handler", entered)
			if how == "elsewhere" {
				sock.Disconnect(false)
				if sock.Connected() {
					t.Error("still connected after Disconnect")
				}
				if err := sock.Emit("x"); err != loop.ErrDisconnected {
					t.Errorf("Emit after Disconnect: %v", err)
				}
			}
			close(release)
			within(t, "the disconnect", done)
			if list := got.all(); len(list) != 0 {
				t.Errorf("handled after the disconnect: %q", list)
			}
		})
	}
}

// busy is written to by slow handlers.
var busy atomic.Int64
