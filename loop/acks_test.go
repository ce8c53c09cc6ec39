// Acknowledgements that clients owe: waited for, timed out, never given.

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

// connected runs a server on which each new socket is handed to the test.
func connected(t *testing.T, cfg loop.Config, setup func(*loop.Server)) (*server, chan *loop.Socket) {
	t.Helper()
	sockets := make(chan *loop.Socket, 100)
	return serve(t, cfg, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { sockets <- s })
		if setup != nil {
			setup(s)
		}
	}), sockets
}

// question reads an event that asks for an acknowledgement and returns its id.
func (c *sio) question(t testing.TB, name string) (id string) {
	t.Helper()
	got := c.mustNext(t)
	rest, ok := strings.CutPrefix(got, "2")
	id, rest, ok2 := strings.Cut(rest, "[")
	if !ok || !ok2 || id == "" || !strings.HasPrefix(rest, `"`+name+`"`) {
		t.Fatalf("message %q, want the question %q", got, name)
	}
	return id
}

type answer struct {
	args loop.Args
	err  error
}

// ask calls EmitWithAck on a goroutine of its own.
func ask(ctx context.Context, o interface {
	EmitWithAck(context.Context, string, ...any) (loop.Args, error)
}, event string, args ...any,
) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		a, err := o.EmitWithAck(ctx, event, args...)
		c <- answer{a, err}
	}()
	return c
}

// noAcks waits until no acknowledgement is waited for, and no timer for one.
func (s *server) noAcks(t testing.TB) {
	t.Helper()
	eventually(t, "no acknowledgement is waited for", func() bool { return s.leftovers(t).Acks == 0 })
}

func (s *server) leftovers(t testing.TB) loop.Leftovers {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l, err := s.Leftovers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEmitWithAck(t *testing.T) {
	eachTransport(t, func(t *testing.T, transport string) {
		s, sockets := connected(t, loop.Config{}, nil)
		c, _ := s.connect(t, transport)
		sock := within(t, "the connection", sockets)
		ctx := t.Context()

		got := ask(ctx, sock, "q", 1, "two")
		id := c.question(t, "q")
		c.mustWrite(t, "3"+id+`[{"a":1},2]`)
		a := within(t, "the answer", got)
		if a.err != nil || a.args.Len() != 2 || string(a.args.Raw(0)) != `{"a":1}` {
			t.Errorf("answer %v %s, %v", a.args.Len(), a.args.Raw(0), a.err)
		}
		c.mustWrite(t, "3"+id+`["again"]`) // is ignored

		got = ask(ctx, sock, "q")
		c.mustWrite(t, "3"+c.question(t, "q")+`[]`)
		if a := within(t, "the answer", got); a.err != nil || a.args.Len() != 0 {
			t.Errorf("empty answer: %d, %v", a.args.Len(), a.err)
		}

		got = ask(ctx, sock, "q", []byte{1})
		id = strings.TrimPrefix(c.question2(t), "1-")
		if p, err := c.next(); err != nil || string(p.bin) != "\x01" {
			t.Fatalf("attachment %v, %v", p, err)
		}
		if err := c.send(packet{text: "461-" + id + `[{"_placeholder":true,"num":0}]`}, packet{bin: []byte{7, 8}, binary: true}); err != nil {
			t.Fatal(err)
		}
		if a := within(t, "the answer", got); a.err != nil || string(a.args.Binary(0)) != "\x07\x08" {
			t.Errorf("binary answer: %x, %v", a.args.Binary(0), a.err)
		}

		type pair struct {
			v   int
			err error
		}
		typed := make(chan pair, 1)
		go func() {
			v, err := loop.Call[int](ctx, sock, "q")
			typed <- pair{v, err}
		}()
		c.mustWrite(t, "3"+c.question(t, "q")+`[42]`)
		if p := within(t, "the answer", typed); p.v != 42 || p.err != nil {
			t.Errorf("Call: %+v", p)
		}
		go func() {
			v, err := loop.Call[int](ctx, sock, "q")
			typed <- pair{v, err}
		}()
		c.mustWrite(t, "3"+c.question(t, "q")+`["x"]`)
		if p := within(t, "the answer", typed); !errors.Is(p.err, loop.ErrArguments) {
			t.Errorf("Call with a wrong answer: %+v", p)
		}
		s.noAcks(t)
	})
}

// question2 reads a binary question and returns what stands before its array,
// without the type.
func (c *sio) question2(t testing.TB) string {
	t.Helper()
	got := c.mustNext(t)
	head, _, ok := strings.Cut(strings.TrimPrefix(got, "5"), "[")
	if !ok || got[0] != '5' {
		t.Fatalf("message %q, want a binary question", got)
	}
	return head
}

func TestEmitWithAckFails(t *testing.T) {
	var inline steps
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.On("inline", func(s *loop.Socket, _ *loop.Event) {
			_, err := s.EmitWithAck(context.Background(), "q")
			inline.add("%v", err)
			_, err = s.Broadcast().EmitWithAck(context.Background(), "q")
			inline.add("%v", err)
			_, err = s.Namespace().Sockets(context.Background())
			inline.add("%v", err)
			_, err = s.Server().Stats(context.Background())
			inline.add("%v", err)
			inline.add("%v", s.Server().Shutdown(context.Background()))
		}, loop.Inline())
	})
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)

	ctx, cancel := context.WithCancel(t.Context())
	got := ask(ctx, sock, "q")
	id := c.question(t, "q")
	cancel()
	if a := within(t, "the end", got); a.err != context.Canceled {
		t.Errorf("cancelled: %v", a.err)
	}
	s.noAcks(t)
	c.mustWrite(t, "3"+id+"[1]") // too late, and harmless
	c.sync(t)
	if a := within(t, "the end", ask(ctx, sock, "never sent")); a.err != context.Canceled {
		t.Errorf("cancelled before: %v", a.err)
	}

	got = ask(t.Context(), sock.Timeout(20*time.Millisecond), "q")
	id = c.question(t, "q")
	if a := within(t, "the end", got); a.err != loop.ErrTimeout || a.err.Error() != "operation has timed out" {
		t.Errorf("timed out: %v", a.err)
	}
	c.mustWrite(t, "3"+id+"[1]")
	c.sync(t)
	s.noAcks(t)
	got = ask(t.Context(), sock.Timeout(time.Hour), "q")
	c.mustWrite(t, "3"+c.question(t, "q")+"[1]")
	if a := within(t, "the answer", got); a.err != nil {
		t.Errorf("in time: %v", a.err)
	}

	c.mustWrite(t, `2["inline"]`)
	c.sync(t)
	if want := slices.Repeat([]string{loop.ErrOnLoop.Error()}, 5); !slices.Equal(inline.all(), want) {
		t.Errorf("on the loop: %q", inline.all())
	}
	if _, err := sock.EmitWithAck(t.Context(), "connect"); !errors.Is(err, loop.ErrReserved) {
		t.Errorf("reserved: %v", err)
	}
	if _, err := sock.EmitWithAck(t.Context(), "q", make(chan int)); err == nil {
		t.Error("a channel was encoded")
	}
	s.noAcks(t)

	waiting := []<-chan answer{ask(t.Context(), sock, "q"), ask(t.Context(), sock.Timeout(time.Hour), "q"), ask(t.Context(), sock, "q")}
	for range waiting {
		c.question(t, "q")
	}
	c.drop()
	for _, w := range waiting {
		if a := within(t, "the end", w); a.err != loop.ErrDisconnected {
			t.Errorf("disconnected: %v", a.err)
		}
	}
	if a := within(t, "the end", ask(t.Context(), sock, "q")); a.err != loop.ErrDisconnected {
		t.Errorf("after the disconnect: %v", a.err)
	}
	s.noAcks(t)
}

// TestVolatileAck: nobody waits for the answer to a packet that was dropped.
func TestVolatileAck(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	_, _ = s.connect(t, "polling") // no request is open: nothing volatile is sent
	sock := within(t, "the connection", sockets)
	if a := within(t, "the end", ask(t.Context(), sock.Volatile(), "q")); a.err != loop.ErrDropped {
		t.Errorf("dropped: %v", a.err)
	}
	answers, err := s.Root().Volatile().EmitWithAck(t.Context(), "q")
	if err != nil || len(answers) != 0 {
		t.Errorf("dropped broadcast: %d answers, %v", len(answers), err)
	}
	s.noAcks(t)
}

func TestEmitAckCallback(t *testing.T) {
	var got steps
	s, sockets := connected(t, loop.Config{}, onSync)
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	note := func(name string) func(loop.Args, error) {
		return func(a loop.Args, err error) { got.add("%s %s %v", name, a.Raw(0), err) }
	}
	if err := sock.EmitAck("q", note("one"), 1); err != nil {
		t.Fatal(err)
	}
	c.mustWrite(t, "3"+c.question(t, "q")+`["a"]`)
	c.sync(t)
	if err := sock.Timeout(10*time.Millisecond).EmitAck("q", note("two")); err != nil {
		t.Fatal(err)
	}
	c.question(t, "q")
	eventually(t, "the time-out", func() bool { return len(got.all()) == 2 })
	if err := sock.EmitAck("q", note("three")); err != nil {
		t.Fatal(err)
	}
	c.question(t, "q")
	if err := sock.EmitAck("connect", note("reserved")); !errors.Is(err, loop.ErrReserved) {
		t.Errorf("reserved: %v", err)
	}
	if err := sock.EmitAck("q", func(loop.Args, error) { panic("on purpose") }); err != nil {
		t.Fatal(err)
	}
	c.mustWrite(t, "3"+c.question(t, "q")+`[]`)
	// The panic ends this socket, which fails the third question.
	c.expect(t, "1")
	eventually(t, "the disconnect", func() bool { return len(got.all()) == 3 })
	want := []string{`one "a" <nil>`, "two  operation has timed out", "three  " + loop.ErrDisconnected.Error()}
	if !slices.Equal(got.all(), want) {
		t.Errorf("%q, want %q", got.all(), want)
	}
	if err := sock.EmitAck("q", note("four")); err != loop.ErrDisconnected {
		t.Errorf("after the disconnect: %v", err)
	}
	s.noAcks(t)
}

// TestAckLimit: on the limit all is well, one above is told so.
func TestAckLimit(t *testing.T) {
	const limit = 5
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{Acks: limit}}, onSync)
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	results := make(chan error, limit+1)
	for range limit {
		if err := sock.EmitAck("q", func(_ loop.Args, err error) { results <- err }); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for range limit {
		ids = append(ids, c.question(t, "q"))
	}
	if err := sock.EmitAck("q", func(_ loop.Args, err error) { results <- err }); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the refusal", results); err != loop.ErrTooManyAcks {
		t.Errorf("one above: %v", err)
	}
	if _, err := sock.EmitWithAck(t.Context(), "q"); err != loop.ErrTooManyAcks {
		t.Errorf("waiting, one above: %v", err)
	}
	if answers, err := s.Root().To().EmitWithAck(t.Context(), "q"); err != nil || len(answers) != 0 {
		t.Errorf("broadcast, one above: %v, %v", answers, err)
	}
	for _, id := range ids {
		c.mustWrite(t, "3"+id+"[]")
		if err := within(t, "the answer", results); err != nil {
			t.Errorf("answered: %v", err)
		}
	}
	c.sync(t) // nothing was sent for the refused
	if n := s.stats(t).LimitHits["acks"]; n != 3 {
		t.Errorf("limit counted %d times, want 3", n)
	}
	s.noAcks(t)
}

// TestUnknownAcks: as many answers to nothing as the limit are borne, one more
// closes the connection.
func TestUnknownAcks(t *testing.T) {
	const limit = 10
	reasons := make(chan string, 1)
	s, _ := connected(t, loop.Config{Limits: loop.Limits{UnknownAcks: limit}}, func(s *loop.Server) {
		onSync(s)
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, ": ", err) })
	})
	c, _ := s.connect(t, "websocket")
	for i := range limit {
		c.mustWrite(t, fmt.Sprintf("3%d[]", i))
	}
	c.sync(t)
	c.mustWrite(t, "37[]")
	c.expectClosed(t, 1005)
	if r := within(t, "the disconnect", reasons); r != "forced close: socketio: too many unknown acknowledgements" {
		t.Error(r)
	}
	if n := s.stats(t).LimitHits["unknown_acks"]; n != 1 {
		t.Errorf("limit counted %d times, want 1", n)
	}
}

// TestAckOfAnother: only the socket that was asked can answer.
func TestAckOfAnother(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.Of("/other")
	})
	a, _ := s.connect(t, "websocket")
	sockA := within(t, "the connection", sockets)
	b, _ := s.connect(t, "websocket")
	if _, err := a.join("/other", ""); err != nil {
		t.Fatal(err)
	}
	got := ask(t.Context(), sockA, "q")
	id := a.question(t, "q")
	b.mustWrite(t, "3"+id+`["wrong client"]`)
	b.sync(t)
	a.mustWrite(t, "3/other,"+id+`["wrong namespace"]`, "3"+id+`["right"]`)
	if r := within(t, "the answer", got); r.err != nil || string(r.args.Raw(0)) != `"right"` {
		t.Errorf("answer %s, %v", r.args.Raw(0), r.err)
	}
}
