// Middleware for events, error handlers, watchers of what is sent.

package loop_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestEventMiddleware(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprint("inline=", inline), func(t *testing.T) {
			var got, failed steps
			var opts []loop.HandlerOption
			if inline {
				opts = append(opts, loop.Inline())
			}
			s := serve(t, loop.Config{OnError: func(_ *loop.Socket, err error) { failed.add("config: %v", err) }}, func(s *loop.Server) {
				onSync(s)
				n := s.Root()
				n.OnAny(func(_ *loop.Socket, e *loop.Event) { got.add("any %s", e.Name()) }, opts...)
				n.On("e", func(_ *loop.Socket, e *loop.Event) { got.add("handler %s %s", e.Args().Raw(0), e.Args().Raw(1)) }, opts...)
				n.UseEvents(func(_ *loop.Socket, e *loop.Event) error {
					got.add("ns %s", e.Args().Raw(0))
					return nil
				}, opts...)
				gone := n.UseEvents(func(*loop.Socket, *loop.Event) error { panic("removed before it ran") })
				gone.Remove()
				n.OnConnection(func(s *loop.Socket) {
					s.OnError(func(_ *loop.Socket, err error) { failed.add("socket: %v", err) })
					s.Use(func(_ *loop.Socket, e *loop.Event) error {
						switch string(e.Args().Raw(0)) {
						case `"refuse"`:
							return errors.New("not this")
						case `"change"`:
							return e.SetArgs("changed", []byte{1})
						case `"panic"`:
							panic("on purpose")
						}
						return nil
					}, opts...)
				})
			})
			c, _ := s.connect(t, "websocket")
			c.mustWrite(t, `2["e","plain",0]`, `2["e","refuse"]`, `2["e","change"]`)
			c.sync(t)
			c.mustWrite(t, `2["e","panic"]`)
			c.expect(t, "1")
			want := []string{
				"any e", `ns "plain"`, `handler "plain" 0`,
				"any e", `ns "refuse"`,
				"any e", `ns "change"`, `handler "changed" {"_placeholder":true,"num":0}`,
				"any sync", "ns ",
				"any e", `ns "panic"`,
			}
			if list := got.all(); !slices.Equal(list, want) {
				t.Errorf("%q, want %q", list, want)
			}
			want = []string{`socket: event "e": not this`, `config: event "e": not this`, "config: loop: panic in a handler of event \"e\": on purpose"}
			if list := failed.all(); !slices.Equal(list, want) {
				t.Errorf("%q, want %q", list, want)
			}
		})
	}
}

func TestOutgoingHandlers(t *testing.T) {
	for _, parser := range []loop.Parser{loop.JSON, loop.MsgPack} {
		t.Run(fmt.Sprint("parser ", parser), func(t *testing.T) {
			var got steps
			sockets := make(chan *loop.Socket, 2)
			s := serve(t, loop.Config{Parser: parser}, func(s *loop.Server) {
				s.OnConnection(func(s *loop.Socket) { sockets <- s })
			})
			join := func() {
				c := s.dial(t, "websocket")
				p := packet{text: "40"}
				if parser == loop.MsgPack {
					p = packet{bin: []byte("\x82\xa4type\x00\xa3nsp\xa1/"), binary: true}
				}
				if err := c.send(p); err != nil {
					t.Fatal(err)
				}
			}
			join()
			watched := within(t, "the socket", sockets)
			join()
			within(t, "the other", sockets)
			note := func(who string) loop.OutgoingHandler {
				return func(_ *loop.Socket, event string, a loop.Args) { got.add("%s %s %s %d", who, event, a.Raw(0), a.Len()) }
			}
			second := watched.OnAnyOutgoing(note("second"))
			watched.PrependAnyOutgoing(note("first"))
			watched.OnAnyOutgoing(func(*loop.Socket, string, loop.Args) { panic("no harm but to its socket") }).Remove()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(watched.Emit("direct", 1, "x"))
			must(s.Root().Emit("all", []byte("b"), 2))
			eventually(t, "the broadcast is seen", func() bool { return len(got.all()) == 4 })
			second.Remove()
			must(watched.Volatile().Emit("again", true))
			watched.OffAnyOutgoing()
			must(watched.Emit("unseen"))
			want := []string{
				"first direct 1 2", "second direct 1 2",
				`first all {"_placeholder":true,"num":0} 2`, `second all {"_placeholder":true,"num":0} 2`,
				"first again true 1",
			}
			if list := got.all(); !slices.Equal(list, want) {
				t.Errorf("%q, want %q", list, want)
			}
		})
	}
}

// TestListenersOfSockets: what is registered on a socket, in order.
func TestListenersOfSockets(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	s.connect(t, "websocket")
	sock := within(t, "the socket", sockets)
	h := func(*loop.Socket, *loop.Event) {}
	out := func(*loop.Socket, string, loop.Args) {}
	if len(sock.Listeners("e"))+len(sock.ListenersAny())+len(sock.ListenersAnyOutgoing()) != 0 {
		t.Error("there are some before any was added")
	}
	first, second := sock.On("e", h), sock.Once("e", h)
	sock.On("other", h)
	anySecond, anyFirst := sock.OnAny(h), sock.PrependAny(h)
	outSecond, outFirst := sock.OnAnyOutgoing(out), sock.PrependAnyOutgoing(out)
	check := func(what string, got []*loop.Registration, want ...*loop.Registration) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s are %v, want %v", what, got, want)
		}
	}
	check("listeners", sock.Listeners("e"), first, second)
	check("listeners of all", sock.ListenersAny(), anyFirst, anySecond)
	check("outgoing ones", sock.ListenersAnyOutgoing(), outFirst, outSecond)
	sock.ListenersAny()[0] = nil // a copy
	first.Remove()
	anyFirst.Remove()
	outFirst.Remove()
	check("listeners", sock.Listeners("e"), second)
	check("listeners of all", sock.ListenersAny(), anySecond)
	check("outgoing ones", sock.ListenersAnyOutgoing(), outSecond)
	sock.Off("e")
	sock.OffAny()
	sock.OffAnyOutgoing()
	check("listeners", sock.Listeners("e"))
	check("listeners of all", sock.ListenersAny())
	check("outgoing ones", sock.ListenersAnyOutgoing())
}
