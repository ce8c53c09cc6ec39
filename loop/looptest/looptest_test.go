// The clients against servers whose behaviour is known, and tests that must fail.

package looptest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The pool that gnet makes when it is imported.
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).purgeStaleWorkers"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*poolCommon).ticktock"),
		goleak.IgnoreTopFunction("github.com/panjf2000/ants/v2.(*goWorker).run.func1"),
	)
}

// echo answers with what it got, in every way.
func echo(s *loop.Server) {
	s.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	})
	s.On("inline", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("inline", e.Args()) }, loop.Inline())
}

var parsers = map[string]loop.Parser{"json": nil, "msgpack": loop.MsgPack, "own": wrapped{loop.JSON}}

// wrapped is a parser of the user's.
type wrapped struct{ loop.Parser }

func TestValues(t *testing.T) {
	for name, parser := range parsers {
		t.Run(name, func(t *testing.T) {
			s := looptest.Start(t, loop.Config{Parser: parser, Loops: 3}, echo)
			c := s.Connect("/", nil)
			args := []any{"text", 1.5, []byte{0, 255}, map[string]any{"deep": []any{[]byte("b"), nil, true}}}
			answer := c.EmitWithAck("echo", args...)
			c.Expect("echo", args...)
			if answer.Len() != 4 || answer.At(0) != "text" || answer.At(9) != nil {
				t.Errorf("answer %s", answer)
			}
			var text string
			var bytes []byte
			var number float64
			answer.Bind(&text, &number, &bytes)
			if text != "text" || number != 1.5 || string(bytes) != "\x00\xff" {
				t.Errorf("bound %q %v %q", text, number, bytes)
			}
			c.Emit("inline")
			c.Expect("inline")
			c.ExpectNothing()
		})
	}
}

// TestOrder: events keep their order, and Expect leaves the others where they
// are.
func TestOrder(t *testing.T) {
	s := looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		loop.On0(s, "count", func(s *loop.Socket) error {
			for i := range 100 {
				_ = s.Emit([]string{"even", "odd"}[i%2], i)
			}
			return nil
		})
	})
	c := s.Connect("/", nil)
	c.Emit("count")
	c.Expect("odd", 1)
	for i := 0; i < 100; i++ {
		if i == 1 {
			continue
		}
		if e := c.Next(); e.Args.At(0) != float64(i) {
			t.Fatalf("event %d is %s%s", i, e.Name, e.Args)
		}
	}
	c.ExpectNothing()
}

// TestNamespaces: auth, refusals, several sockets on a connection, every end.
func TestNamespaces(t *testing.T) {
	reasons := make(chan string, 10)
	s := looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		admin := s.Of("/admin")
		admin.Use(func(s *loop.Socket) error {
			var auth struct{ Token string }
			if err := s.Handshake().Auth(&auth); err != nil || auth.Token != "secret" {
				return &loop.Error{Message: "not authorized", Data: map[string]int{"code": 7}}
			}
			return nil
		})
		for _, n := range []*loop.Namespace{s.Root(), admin} {
			n.OnDisconnect(func(s *loop.Socket, reason loop.DisconnectReason, _ error) {
				reasons <- fmt.Sprint(s.Namespace().Name(), " ", reason)
			})
			loop.On(n, "kick", func(s *loop.Socket, all bool) error { s.Disconnect(all); return nil })
			loop.OnAck0(n, "id", func(s *loop.Socket) (string, error) { return s.ID(), nil })
		}
		loop.OnAck0(s, "who", func(s *loop.Socket) (string, error) { return s.Handshake().Header().Get("X-Who"), nil })
	})
	_, err := s.Dial(looptest.Options{Namespace: "/admin"})
	var refused *loop.Error
	if !errors.As(err, &refused) || refused.Message != "not authorized" || fmt.Sprint(refused.Data) != "map[code:7]" {
		t.Errorf("refused with %#v", err)
	}
	r, _ := http.NewRequest("GET", "http://host/", nil)
	r.Header.Set("X-Who", "me")
	c, err := s.Dial(looptest.Options{Request: r})
	if err != nil {
		t.Fatal(err)
	}
	if who := c.EmitWithAck("who").At(0); who != "me" {
		t.Errorf("the handshake says %v", who)
	}
	if _, err := c.TryOf("/admin", map[string]string{"token": "guess"}); err == nil {
		t.Error("a wrong token is let in")
	}
	if _, err := c.TryOf("/nowhere", nil); err == nil || err.Error() != "Invalid namespace" {
		t.Errorf("an unknown namespace: %v", err)
	}
	auth := map[string]string{"token": "secret"}
	admin := c.Of("/admin", auth)
	if id := admin.EmitWithAck("id").At(0); id != admin.ID() || id == c.ID() {
		t.Errorf("ids %v %s %s", id, admin.ID(), c.ID())
	}
	want := func(text string) {
		t.Helper()
		s.Settle()
		select {
		case got := <-reasons:
			if got != text {
				t.Errorf("reason %q, want %q", got, text)
			}
		default:
			t.Errorf("nobody has left, want %q", text)
		}
	}
	admin.Disconnect()
	want("/admin client namespace disconnect")
	admin = c.Of("/admin", auth)
	admin.Emit("kick", false)
	if reason := admin.ExpectDisconnect(); reason != "io server disconnect" {
		t.Errorf("the client says %q", reason)
	}
	want("/admin server namespace disconnect")
	c.EmitWithAck("id")
	c.Drop()
	if reason := c.ExpectDisconnect(); reason != "transport close" {
		t.Errorf("the client says %q", reason)
	}
	want("/ transport close")
	other := s.Connect("/", nil)
	other.Emit("kick", true)
	other.ExpectDisconnect()
	want("/ server namespace disconnect")
}

// TestQuestions: what the server asks its clients.
func TestQuestions(t *testing.T) {
	s := looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		loop.OnAck0(s, "order", func(s *loop.Socket) (bool, error) { return loop.Call[bool](s.Context(), s, "sure?") })
	})
	c := s.Connect("/", nil)
	answer := c.Ask("order")
	e := c.Expect("sure?")
	if !e.WantsAck() {
		t.Error("it wants no answer")
	}
	e.Ack(true)
	if got := answer.Wait().At(0); got != true {
		t.Errorf("ordered: %v", got)
	}
	c.On("sure?", func(e *looptest.Event) { e.Ack(false) })
	if got := c.EmitWithAck("order").At(0); got != false {
		t.Errorf("ordered: %v", got)
	}
}

// TestRecovery: a client that comes back is the one it was, and gets what it
// has missed.
func TestRecovery(t *testing.T) {
	s := looptest.Start(t, loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{}}, nil)
	c := s.Connect("/", nil)
	_ = s.Emit("first", 1)
	c.Expect("first", 1)
	c.Drop()
	s.Settle()
	_ = s.Emit("missed", 2)
	again := c.Reconnect(map[string]any{"name": "x"})
	if again.ID() != c.ID() {
		t.Error("it is another socket")
	}
	again.Expect("missed", 2)
	again.ExpectNothing()
	// Without recovery it is another one.
	plain := looptest.Start(t, loop.Config{}, nil)
	c = plain.Connect("/", nil)
	c.Drop()
	if again := c.Reconnect(nil); again.ID() == c.ID() {
		t.Error("it is the same socket")
	}
}

// TestSettle: whatever the server does by itself is done when Settle returns,
// across loops, workers and back.
func TestSettle(t *testing.T) {
	s := looptest.Start(t, loop.Config{Loops: 3}, func(s *loop.Server) {
		// Handed from member to member, on the loops and off them in turn.
		loop.On2(s, "pass", func(s *loop.Socket, hops int, room string) error {
			return s.Namespace().In(room).Emit("passed", hops)
		})
	})
	const members = 8
	var mu sync.Mutex
	passed := 0
	clients := make([]*looptest.Socket, members)
	for i := range clients {
		clients[i] = s.Connect("/", nil)
	}
	_ = s.SocketsJoin("ring")
	for i, c := range clients {
		c.On("passed", func(e *looptest.Event) {
			hops := int(e.Args.At(0).(float64))
			mu.Lock()
			passed++
			mu.Unlock()
			if hops%members == i && hops > 0 {
				runtime.Gosched()
				c.Emit("pass", hops-1, "ring")
			}
		})
	}
	for range 20 {
		passed = 0
		clients[0].Emit("pass", 40, "ring")
		s.Settle()
		mu.Lock()
		if passed != 41*members {
			t.Fatalf("%d events have come, of %d", passed, 41*members)
		}
		mu.Unlock()
	}
}

// TestIdleWaits: a handler that runs keeps the server busy.
func TestIdleWaits(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	onLoop := make(chan error, 1)
	s := looptest.Start(t, loop.Config{}, func(s *loop.Server) {
		s.On("block", func(*loop.Socket, *loop.Event) {
			close(begun)
			<-release
		})
		s.On("inline", func(*loop.Socket, *loop.Event) { onLoop <- s.Idle(context.Background()) }, loop.Inline())
	})
	c := s.Connect("/", nil)
	c.Emit("block")
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Idle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Idle while a handler runs: %v", err)
	}
	close(release)
	if err := s.Idle(context.Background()); err != nil {
		t.Errorf("Idle: %v", err)
	}
	other := s.Connect("/", nil)
	other.Emit("inline")
	if err := <-onLoop; err != loop.ErrOnLoop {
		t.Errorf("Idle on a loop: %v", err)
	}
	_ = s.Shutdown(context.Background())
	if err := s.Idle(context.Background()); err != loop.ErrClosed {
		t.Errorf("Idle behind the end: %v", err)
	}
}

// failing is a test that is expected to fail: Fatalf ends its goroutine.
type failing struct {
	mu      sync.Mutex
	text    string
	cleanup []func()
}

func (f *failing) Helper() {}
func (f *failing) Fatalf(format string, args ...any) {
	f.mu.Lock()
	if f.text == "" {
		f.text = fmt.Sprintf(format, args...)
	}
	f.mu.Unlock()
	runtime.Goexit()
}
func (f *failing) Cleanup(c func()) { f.cleanup = append(f.cleanup, c) }

// failure runs a test that must fail, and returns with what.
func failure(test func(t looptest.TB)) string {
	f := &failing{}
	run := func(part func()) {
		done := make(chan struct{})
		go func() { defer close(done); part() }()
		<-done
	}
	run(func() { test(f) })
	for i := len(f.cleanup) - 1; i >= 0; i-- {
		run(f.cleanup[i])
	}
	return f.text
}

// TestFailures: what does not happen ends the test, and the text says what.
func TestFailures(t *testing.T) {
	begin := func(t looptest.TB) (*looptest.Server, *looptest.Socket) {
		s := looptest.Start(t, loop.Config{}, echo)
		s.Patience = 50 * time.Millisecond
		return s, s.Connect("/", nil)
	}
	for want, test := range map[string]func(t looptest.TB){
		`no event "other" within 50ms; there are echo[1]`: func(t looptest.TB) {
			_, c := begin(t)
			c.Emit("echo", 1)
			c.Expect("other")
		},
		`has the arguments [1,"a"], not [1,"b"]`: func(t looptest.TB) {
			_, c := begin(t)
			c.Emit("echo", 1, "a")
			c.Expect("echo", 1, "b")
		},
		"events that nobody expected: there are echo[]": func(t looptest.TB) {
			_, c := begin(t)
			c.Emit("echo")
			c.ExpectNothing()
		},
		`no acknowledgement of "unknown" within 50ms`: func(t looptest.TB) {
			_, c := begin(t)
			c.EmitWithAck("unknown")
		},
		"no event within 50ms":              func(t looptest.TB) { _, c := begin(t); c.Next() },
		"is not disconnected within 50ms":   func(t looptest.TB) { _, c := begin(t); c.ExpectDisconnect() },
		"connecting to /none: Invalid name": func(t looptest.TB) { s, _ := begin(t); s.Connect("/none", nil) },
		"joining /none: Invalid name":       func(t looptest.TB) { _, c := begin(t); c.Of("/none", nil) },
		"the connection is in / already":    func(t looptest.TB) { _, c := begin(t); c.Of("/", nil) },
		"wants no acknowledgement": func(t looptest.TB) {
			_, c := begin(t)
			c.Emit("echo")
			c.Expect("echo").Ack()
		},
		`emitting "x": the socket is disconnected: io client disconnect`: func(t looptest.TB) {
			_, c := begin(t)
			c.Disconnect()
			c.Emit("x")
		},
		`no event "x" before the socket was disconnected: transport close`: func(t looptest.TB) {
			_, c := begin(t)
			c.Drop()
			c.Expect("x")
		},
		"argument 2 is missing": func(t looptest.TB) {
			_, c := begin(t)
			var a, b int
			c.EmitWithAck("echo", 1).Bind(&a, &b)
		},
		"argument 1 of": func(t looptest.TB) {
			_, c := begin(t)
			var a int
			c.EmitWithAck("echo", "text").Bind(&a)
		},
		"EngineOnly":      func(t looptest.TB) { looptest.Start(t, loop.Config{EngineOnly: true}, nil) },
		"Handlers is -1":  func(t looptest.TB) { looptest.Start(t, loop.Config{Handlers: -1}, nil) },
		"has run already": func(t looptest.TB) { s, _ := begin(t); looptest.Run(t, s.Server) },
	} {
		if got := failure(test); !strings.Contains(got, want) {
			t.Errorf("the test fails with %q, want %q", got, want)
		}
	}
}

// TestAnswerCame: an answer that is not to come.
func TestAnswerCame(t *testing.T) {
	s := looptest.Start(t, loop.Config{}, echo)
	c := s.Connect("/", nil)
	if c.Ask("unknown").Came() {
		t.Error("an event without a handler is acknowledged")
	}
	if !c.Ask("echo").Came() {
		t.Error("no acknowledgement")
	}
}
