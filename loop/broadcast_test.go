// Broadcasts: who gets them, once, and what an operator is.

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

// crowd is some clients of a server and their sockets.
type crowd struct {
	*server
	clients []*sio
	sockets []*loop.Socket
}

// gather connects clients, the transports taking turns.
func gather(t *testing.T, s *server, sockets <-chan *loop.Socket, n int) *crowd {
	t.Helper()
	c := &crowd{server: s}
	for i := range n {
		client, sid := s.connect(t, transports[i%len(transports)])
		sock := within(t, "the connection", sockets)
		if sock.ID() != sid {
			t.Fatalf("socket %s, client %s", sock.ID(), sid)
		}
		c.clients, c.sockets = append(c.clients, client), append(c.sockets, sock)
	}
	return c
}

// join puts a socket into rooms.
func (c *crowd) join(t *testing.T, i int, rooms ...string) {
	t.Helper()
	if err := c.sockets[i].Join(rooms...); err != nil {
		t.Fatal(err)
	}
}

// expect reads what each client has got and says which of them got it how many
// times.
func (c *crowd) expect(t *testing.T, what string, message string, receivers ...int) {
	t.Helper()
	if err := c.Root().Emit("end"); err != nil {
		t.Fatal(err)
	}
	var got []int
	for i, client := range c.clients {
		for {
			m := client.mustNext(t)
			if m == `2["end"]` {
				break
			}
			if m != message {
				t.Errorf("%s: client %d got %q, want %q", what, i, m, message)
			}
			got = append(got, i)
		}
	}
	if !slices.Equal(got, receivers) {
		t.Errorf("%s: received by %v, want %v", what, got, receivers)
	}
}

func TestBroadcastTargets(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	c := gather(t, s, sockets, 6)
	c.join(t, 0, "a", "b")
	c.join(t, 1, "a")
	c.join(t, 2, "b", "c", "a")
	c.join(t, 3, "c")
	c.join(t, 4, "a b", "é", c.sockets[0].ID()) // a room may be named like a socket
	id := func(i int) string { return c.sockets[i].ID() }
	n := s.Root()
	kept := n.To("a")
	for _, test := range []struct {
		name      string
		o         loop.BroadcastOperator
		receivers []int
	}{
		{"everybody", n.To(), []int{0, 1, 2, 3, 4, 5}},
		{"room", n.To("a"), []int{0, 1, 2}},
		{"In is To", n.In("b"), []int{0, 2}},
		{"union, each once", n.To("a").To("b").In("c"), []int{0, 1, 2, 3}},
		{"union in one call", n.To("a", "b", "c", "a"), []int{0, 1, 2, 3}},
		{"nobody", n.To("none"), nil},
		{"some and none", n.To("none", "c"), []int{2, 3}},
		{"except room", n.Except("a"), []int{3, 4, 5}},
		{"room except room", n.To("a").Except("b"), []int{1}},
		{"union except two", n.To("a", "c").Except("b").Except(id(1)), []int{3}},
		{"except everybody", n.To("b").Except("a", "c"), nil},
		{"by id", n.To(id(5)), []int{5}},
		{"by ids and room", n.To(id(5), id(1), "b"), []int{0, 1, 2, 5}},
		{"except id", n.Except(id(2), id(4)), []int{0, 1, 3, 5}},
		{"room named like a socket", n.To(id(0)), []int{0, 4}},
		{"odd names", n.To("a b", "é"), []int{4}},
		{"empty name", n.To(""), nil},
		{"local", n.Local().To("c"), []int{2, 3}},
		{"from a socket", c.sockets[0].To("a"), []int{1, 2}},
		{"from a socket, In", c.sockets[0].In("a", "c"), []int{1, 2, 3}},
		{"Broadcast", c.sockets[3].Broadcast(), []int{0, 1, 2, 4, 5}},
		{"Except from a socket", c.sockets[3].Except("a"), []int{4, 5}},
		{"Local from a socket", c.sockets[5].Local(), []int{0, 1, 2, 3, 4}},
		{"the operator is a value", kept, []int{0, 1, 2}},
		{"flags", n.To("a").Volatile().Compress(false).Timeout(time.Second).Local().Except("b"), []int{1}},
	} {
		_ = kept.To("c").Except("a") // changes nothing
		if strings.Contains(test.name, "flags") {
			// Volatile: the polling client has no request open.
			c.clients[1].sync3(t, c.sockets[1])
			test.receivers = nil
		}
		if err := test.o.Emit("m", test.name, 1); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Stats(t.Context()); err != nil { // the loops have seen it before anybody polls again
			t.Fatal(err)
		}
		c.expect(t, test.name, `2["m","`+test.name+`",1]`, test.receivers...)
	}
	sent := c.sockets[0].Compress(false)
	if err := sent.Emit("m", "one"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, "one socket", `2["m","one"]`, 0)
	if err := c.sockets[1].Send("x", 1); err != nil {
		t.Fatal(err)
	}
	c.expect(t, "Send", `2["message","x",1]`, 1)
	if err := n.Send("y"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, "Send to all", `2["message","y"]`, 0, 1, 2, 3, 4, 5)
	for name, err := range map[string]error{
		"reserved": s.To("a").Emit("disconnect"),
		"channel":  s.In("a").Emit("m", make(chan int)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := n.Emit("connect_error"); !errors.Is(err, loop.ErrReserved) {
		t.Errorf("reserved: %v", err)
	}
}

// sync3 makes sure that what was sent to a polling client has been fetched, so
// that it has no request open.
func (c *sio) sync3(t *testing.T, sock *loop.Socket) {
	t.Helper()
	if err := sock.Emit("sync3"); err != nil {
		t.Fatal(err)
	}
	c.expect(t, `2["sync3"]`)
}

// TestOperatorsAreValues: what is made from one operator does not change
// another.
func TestOperatorsAreValues(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	c := gather(t, s, sockets, 4)
	for i := range 4 {
		c.join(t, i, fmt.Sprint("r", i))
	}
	base := s.To("r0")
	one, two := base.To("r1"), base.To("r2") // must not share an array
	three := one.Except("r0")
	for _, test := range []struct {
		o         loop.BroadcastOperator
		receivers []int
	}{{base, []int{0}}, {one, []int{0, 1}}, {two, []int{0, 2}}, {three, []int{1}}, {base.To("r3"), []int{0, 3}}} {
		if err := test.o.Emit("m"); err != nil {
			t.Fatal(err)
		}
		c.expect(t, fmt.Sprint(test.receivers), `2["m"]`, test.receivers...)
	}
}

func TestBroadcastBinary(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		s.On("relay", func(s *loop.Socket, e *loop.Event) { _ = s.Broadcast().EmitArgs("relayed", e.Args()) })
	})
	c := gather(t, s, sockets, 4)
	data := []byte{1, 2, 3}
	if err := s.Root().Emit("m", data, map[string]any{"deep": []any{[]byte{}, "x"}}); err != nil {
		t.Fatal(err)
	}
	clear(data) // the caller may use them again
	read := func(client *sio, text string, bins ...string) {
		t.Helper()
		client.expect(t, text)
		for _, b := range bins {
			if p, err := client.next(); err != nil || !p.binary || string(p.bin) != b {
				t.Fatalf("attachment %v, %v, want %x", p, err, b)
			}
		}
	}
	const cited = `{"_placeholder":true,"num":0}`
	for _, client := range c.clients {
		read(client, `52-["m",`+cited+`,{"deep":[{"_placeholder":true,"num":1},"x"]}]`, "\x01\x02\x03", "")
	}
	if err := c.clients[0].send(packet{text: `451-["relay",` + cited + `]`}, packet{bin: []byte("abc"), binary: true}); err != nil {
		t.Fatal(err)
	}
	for _, client := range c.clients[1:] {
		read(client, `51-["relayed",`+cited+`]`, "abc")
	}
	if err := c.sockets[2].Emit("one", "text", []byte("xyz")); err != nil {
		t.Fatal(err)
	}
	read(c.clients[2], `51-["one","text",`+cited+`]`, "xyz")
}

func TestBroadcastAcks(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, onSync)
	c := gather(t, s, sockets, 5)
	type result struct {
		answers []loop.Args
		err     error
	}
	ask := func(ctx context.Context, o loop.BroadcastOperator, args ...any) <-chan result {
		r := make(chan result, 1)
		go func() {
			a, err := o.EmitWithAck(ctx, "q", args...)
			r <- result{a, err}
		}()
		return r
	}
	answer := func(i int, value string) {
		t.Helper()
		c.clients[i].mustWrite(t, "3"+c.clients[i].question(t, "q")+value)
	}
	check := func(name string, r result, err error, want ...string) {
		t.Helper()
		var got []string
		for _, a := range r.answers {
			got = append(got, fmt.Sprintf("%d:%s", a.Len(), a.Raw(0)))
		}
		slices.Sort(got)
		if r.err != err || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, r.err, want, err)
		}
	}
	r := ask(t.Context(), s.Root().To())
	for i := range c.clients {
		answer(i, fmt.Sprintf(`["a%d",2]`, i))
	}
	check("all", within(t, "the answers", r), nil, `1:"a0"`, `1:"a1"`, `1:"a2"`, `1:"a3"`, `1:"a4"`)
	s.noAcks(t)

	r = ask(t.Context(), s.To(c.sockets[1].ID(), c.sockets[3].ID()))
	answer(1, `[]`)
	answer(3, `[{"x":[1]}]`)
	check("empty and object", within(t, "the answers", r), nil, `0:`, `1:{"x":[1]}`)

	check("nobody", within(t, "the answers", ask(t.Context(), s.To("none"))), nil)

	r = ask(t.Context(), s.Root().Timeout(50*time.Millisecond))
	for i := range 4 {
		answer(i, fmt.Sprintf("[%d]", i))
	}
	late := c.clients[4].question(t, "q")
	check("one missing", within(t, "the answers", r), loop.ErrTimeout, "1:0", "1:1", "1:2", "1:3")
	s.noAcks(t)
	c.clients[4].mustWrite(t, "3"+late+"[4]") // harmless
	c.clients[4].sync(t)

	ctx, cancel := context.WithCancel(t.Context())
	r = ask(ctx, s.Root().Timeout(time.Hour))
	answer(2, "[2]")
	for _, i := range []int{0, 1, 3, 4} {
		c.clients[i].question(t, "q")
	}
	eventually(t, "one answer is in", func() bool { return s.leftovers(t).Acks == 4 })
	cancel()
	check("cancelled", within(t, "the answers", r), context.Canceled, "1:2")
	s.noAcks(t)

	// Binary both ways.
	r = ask(t.Context(), s.To(c.sockets[0].ID()), []byte("b"))
	id := strings.TrimPrefix(c.clients[0].question2(t), "1-")
	if p, err := c.clients[0].next(); err != nil || string(p.bin) != "b" {
		t.Fatalf("attachment %v, %v", p, err)
	}
	if err := c.clients[0].send(packet{text: "461-" + id + `[{"_placeholder":true,"num":0}]`}, packet{bin: []byte("B"), binary: true}); err != nil {
		t.Fatal(err)
	}
	if res := within(t, "the answers", r); res.err != nil || len(res.answers) != 1 || string(res.answers[0].Binary(0)) != "B" {
		t.Errorf("binary: %+v", res)
	}

	// Those who leave are not waited for.
	r = ask(t.Context(), s.Root().To())
	for i := range 3 {
		answer(i, fmt.Sprintf("[%d]", i))
	}
	c.clients[3].question(t, "q")
	c.clients[4].question(t, "q")
	c.sockets[3].Disconnect(false)
	c.clients[4].close()
	check("two left", within(t, "the answers", r), nil, "1:0", "1:1", "1:2")
	s.noAcks(t)
	if _, err := s.Root().To().EmitWithAck(t.Context(), "connect"); !errors.Is(err, loop.ErrReserved) {
		t.Errorf("reserved: %v", err)
	}
	if _, err := s.Root().To().EmitWithAck(t.Context(), "q", make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
}

func TestBroadcastCommands(t *testing.T) {
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{Rooms: 3}}, nil)
	c := gather(t, s, sockets, 5)
	ids := func(o loop.BroadcastOperator) (got []int) {
		t.Helper()
		list, err := o.Sockets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, sock := range list {
			got = append(got, slices.Index(c.sockets, sock))
		}
		slices.Sort(got)
		return got
	}
	check := func(what string, got []int, want ...int) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n := s.Root()
	check("all", ids(n.To()), 0, 1, 2, 3, 4)
	must(n.To(c.sockets[0].ID(), c.sockets[1].ID()).SocketsJoin("a", "b"))
	must(n.Except("a").SocketsJoin("c"))
	check("joined", ids(n.To("a")), 0, 1)
	check("joined", ids(n.To("b", "c").Except(c.sockets[1].ID())), 0, 2, 3, 4)
	must(n.To("a").SocketsLeave("b", "none"))
	check("left", ids(n.To("b")))
	must(n.SocketsJoin("everyone"))
	check("everyone", ids(n.To("everyone")), 0, 1, 2, 3, 4)
	must(n.SocketsLeave("everyone"))
	check("no one", ids(n.To("everyone")))
	if r := n.Rooms(); len(r) != 2 {
		t.Errorf("rooms %q", r)
	}

	// The limit of rooms: on it, and one above.
	must(c.sockets[0].Join("x", "y"))
	must(c.sockets[0].Join("x")) // is in already
	if err := c.sockets[0].Join("z"); !errors.Is(err, loop.ErrTooManyRooms) {
		t.Errorf("one room above the limit: %v", err)
	}
	must(n.SocketsJoin("z"))
	check("the full one is left out", ids(n.To("z")), 1, 2, 3, 4)
	c.sockets[0].Leave("y")
	must(c.sockets[0].Join("z"))
	if r := c.sockets[0].Rooms(); len(r) != 4 || r[0] != c.sockets[0].ID() {
		t.Errorf("rooms %q", r)
	}

	must(n.To("a").DisconnectSockets(false))
	for i := range 2 {
		c.clients[i].expect(t, "1")
		if _, err := c.clients[i].join("/", ""); err != nil {
			t.Fatal(err)
		}
		sock := within(t, "the connection", sockets)
		if sock == c.sockets[i] {
			t.Error("the socket is the old one")
		}
		c.sockets[i] = sock
	}
	must(n.Except(c.sockets[0].ID()).DisconnectSockets(true))
	for _, client := range c.clients[1:] {
		client.expect(t, "1")
		client.expectEnd(t)
	}
	check("one is left", ids(n.To()), 0)
	must(n.DisconnectSockets(false))
	c.clients[0].expect(t, "1")
	check("none is left", ids(n.To()))
	if k := n.ConnectedSockets(); k != 0 {
		t.Errorf("%d sockets", k)
	}
	if list, err := n.Sockets(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("sockets %v, %v", list, err)
	}
}

// The flags of a socket's operator go into the broadcasts made of it.
func TestFlagsGoIntoBroadcasts(t *testing.T) {
	sockets := make(chan *loop.Socket, 2)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.OnConnection(func(s *loop.Socket) { sockets <- s })
	})
	_, sid := s.connect(t, "websocket")
	sender := within(t, "the socket", sockets)
	if sender.ID() != sid {
		t.Fatal("another socket")
	}
	other := s.dial(t, "polling")
	other.mustJoin(t, "/")
	within(t, "the other", sockets)
	// No poll is open: what is volatile is dropped, what is not waits.
	if err := sender.Volatile().Broadcast().Emit("x"); err != nil {
		t.Fatal(err)
	}
	if err := sender.Volatile().To("nowhere").Emit("x"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the drop", func() bool { return s.stats(t).VolatileDropped == 1 })
	if err := sender.Compress(false).Broadcast().Emit("y"); err != nil {
		t.Fatal(err)
	}
	other.expect(t, `2["y"]`)
	if _, err := sender.Timeout(time.Millisecond).Broadcast().EmitWithAck(t.Context(), "q"); err != loop.ErrTimeout {
		t.Errorf("a question that nobody answers: %v", err)
	}
}
