// Program order: what one goroutine does, in the order in which it does it,
// from wherever.

package loop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// repetitions is how often each order is tried.
const repetitions = 10_000

// orders are the things that must be seen in order: f does them for the target,
// and check takes what the client gets of it.
var orders = []struct {
	name  string
	f     func(target *loop.Socket, i int) error
	check func(c *sio, i int) error
}{
	{"Join, Emit to the room", func(s *loop.Socket, i int) error {
		room := fmt.Sprint("room", i%7)
		if err := s.Join(room); err != nil {
			return err
		}
		defer s.Leave(room)
		return s.Namespace().To(room).Emit("m", i)
	}, func(c *sio, i int) error { return c.wantNext(fmt.Sprintf(`2["m",%d]`, i)) }},
	{"Emit to the room, Leave", func(s *loop.Socket, i int) error {
		if err := s.Join("r"); err != nil {
			return err
		}
		if err := s.Namespace().To("r").Emit("m", i); err != nil {
			return err
		}
		s.Leave("r")
		return s.Namespace().To("r").Emit("not for it", i)
	}, func(c *sio, i int) error { return c.wantNext(fmt.Sprintf(`2["m",%d]`, i)) }},
	{"Emits of all kinds", func(s *loop.Socket, i int) error {
		if err := s.Emit("a", i); err != nil {
			return err
		}
		if err := s.Namespace().To(s.ID()).Emit("b", i); err != nil {
			return err
		}
		if err := s.Emit("c", i); err != nil {
			return err
		}
		return s.Namespace().Emit("d", i)
	}, func(c *sio, i int) error {
		for _, name := range []string{"a", "b", "c", "d"} {
			if err := c.wantNext(fmt.Sprintf(`2["%s",%d]`, name, i)); err != nil {
				return err
			}
		}
		return nil
	}},
}

func (c *sio) wantNext(want string) error {
	p, err := c.next()
	if err == nil && p.text != want {
		err = fmt.Errorf("got %q, want %q", p.text, want)
	}
	return err
}

// TestProgramOrder does the orders from off the loops, from an inline handler
// on the target's loop, and from one on another loop.
func TestProgramOrder(t *testing.T) {
	for _, o := range orders {
		for _, from := range []string{"goroutine", "same loop", "other loop"} {
			t.Run(o.name+"/"+from, func(t *testing.T) {
				t.Parallel()
				var target *loop.Socket
				var i int
				failed := make(chan error, 1)
				work := func(_ *loop.Socket, _ *loop.Event) {
					// A bit at a time: a client cannot take everything at once.
					for n := 0; n < 100 && i < repetitions; n++ {
						if err := o.f(target, i); err != nil {
							select {
							case failed <- err:
							default:
							}
							return
						}
						i++
					}
				}
				s, sockets := connected(t, loop.Config{}, func(s *loop.Server) { s.Of("/work").On("go", work, loop.Inline()) })
				c, _ := s.connect(t, "websocket")
				target = within(t, "the connection", sockets)
				worker := s.worker(t, target, from)
				for k := range repetitions {
					if k%100 == 0 {
						if worker == nil {
							work(nil, nil)
						} else {
							worker.mustWrite(t, `2/work,["go"]`)
						}
					}
					if err := o.check(c, k); err != nil {
						select {
						case err = <-failed:
						default:
						}
						t.Fatalf("repetition %d: %v", k, err)
					}
				}
			})
		}
	}
}

// worker is a client in the namespace /work, on the loop of the target or on
// another; nil for none.
func (s *server) worker(t *testing.T, target *loop.Socket, from string) *sio {
	t.Helper()
	if from == "goroutine" {
		return nil
	}
	for {
		sockets := make(chan *loop.Socket, 1)
		s.Of("/work").OnConnection(func(s *loop.Socket) {
			select {
			case sockets <- s:
			default:
			}
		})
		c := s.dial(t, "websocket")
		if _, err := c.join("/work", ""); err != nil {
			t.Fatal(err)
		}
		if same := within(t, "the connection", sockets).Loop() == target.Loop(); same == (from == "same loop") {
			return c
		}
		c.drop()
	}
}

// TestEmitThenDisconnect: what was sent before a disconnect arrives before it.
func TestEmitThenDisconnect(t *testing.T) {
	for _, from := range []string{"goroutine", "same loop", "other loop"} {
		for _, closeConn := range []bool{false, true} {
			t.Run(fmt.Sprint(from, "/", closeConn), func(t *testing.T) {
				t.Parallel()
				targets := make(chan *loop.Socket, 1)
				work := func(*loop.Socket, *loop.Event) {
					target := <-targets
					_ = target.Emit("a")
					_ = target.Namespace().To(target.ID()).Emit("b")
					_ = target.Emit("c", []byte("bin"))
					target.Disconnect(closeConn)
					_ = target.Emit("too late")
				}
				s, sockets := connected(t, loop.Config{}, func(s *loop.Server) { s.Of("/work").On("go", work, loop.Inline()) })
				n := repetitions / 20
				if closeConn {
					n /= 4
				}
				var c *sio
				workers := map[int]*sio{}
				for i := range n {
					if c == nil {
						c = s.dial(t, "websocket")
					}
					if _, err := c.join("/", ""); err != nil {
						t.Fatal(err)
					}
					target := within(t, "the connection", sockets)
					targets <- target
					if from == "goroutine" {
						work(nil, nil)
					} else {
						if workers[target.Loop().Index()] == nil {
							workers[target.Loop().Index()] = s.worker(t, target, from)
						}
						workers[target.Loop().Index()].mustWrite(t, `2/work,["go"]`)
					}
					c.expect(t, `2["a"]`, `2["b"]`, `51-["c",{"_placeholder":true,"num":0}]`)
					if p, err := c.next(); err != nil || string(p.bin) != "bin" {
						t.Fatalf("repetition %d: attachment %v, %v", i, p, err)
					}
					c.expect(t, "1")
					if closeConn {
						if p, err := c.next(); err == nil {
							t.Fatalf("behind the end: %v", p)
						} else if _, ok := isClosed(err); !ok {
							t.Fatal(err)
						}
						c = nil
					}
				}
			})
		}
	}
}

// TestEmitAcrossHandlers: a socket's handlers, on the loop and off it, send in
// the order in which they run.
func TestEmitAcrossHandlers(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		s, _ := connected(t, loop.Config{}, func(s *loop.Server) {
			send := func(s *loop.Socket, i int) error { return s.Emit("m", i) }
			loop.On(s, "inline", send, loop.Inline())
			loop.On(s, "off", send)
			loop.On(s, "room", func(s *loop.Socket, i int) error { return s.Namespace().To(s.ID()).Emit("m", i) })
		})
		c, _ := s.connect(t, transport)
		names := []string{"inline", "off", "inline", "inline", "room", "off", "inline"}
		const batch = 200
		for i := 0; i < repetitions; i += batch {
			var list, want []string
			for k := i; k < i+batch; k++ {
				list = append(list, fmt.Sprintf(`2["%s",%d]`, names[k%len(names)], k))
				want = append(want, fmt.Sprintf(`2["m",%d]`, k))
			}
			c.mustWrite(t, list...)
			c.expect(t, want...)
		}
	})
}

// TestConnectBeforeBroadcast: a socket gets no broadcast before its own
// CONNECT, however many are under way.
func TestConnectBeforeBroadcast(t *testing.T) {
	t.Parallel()
	s := serve(t, loop.Config{}, nil)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = s.Root().Emit("noise")
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	err := parallel(4, func(int) error {
		for range 100 {
			c, err := dialSession(s.addr(), "websocket", "")
			if err != nil {
				return err
			}
			if err := c.write("0"); err != nil {
				return err
			}
			if p, err := c.next(); err != nil || !strings.HasPrefix(p.text, `0{"sid"`) {
				return fmt.Errorf("first packet %v, %v", p, err)
			}
			c.drop()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
