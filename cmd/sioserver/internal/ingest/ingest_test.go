// Publishers of other libraries: recordings of what they publish, through a real Redis.

package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

const patience = 20 * time.Second

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// hearing is a server with open doors, and a publisher.
type hearing struct {
	*looptest.Server
	*Ingest
	t     *testing.T
	redis redis.UniversalClient
	log   *lines
	sent  uint64
}

func open(t *testing.T, c config.IngestRedis) *hearing {
	t.Helper()
	socket, client := startRedis(t)
	h := &hearing{t: t, redis: client, log: &lines{}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	s, err := loop.New(loop.Config{NoListen: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/", "/chat"} {
		s.Of(name).Use(func(s *loop.Socket) error {
			var auth struct{ Rooms []string }
			if err := s.Handshake().Auth(&auth); err != nil {
				return err
			}
			return s.Join(auth.Rooms...)
		})
	}
	c.Enabled, c.URL = true, config.Secret("unix://"+socket)
	cfg := &config.Config{Namespaces: []config.Namespace{{Name: "/"}, {Name: "/chat"}}, Ingest: config.Ingest{Redis: c}}
	h.Ingest = New(func(url string) (redis.UniversalClient, error) {
		o, err := redis.ParseURL(url)
		if err != nil {
			return nil, err
		}
		return redis.NewClient(o), nil
	})
	n := node.New("n1", "b1", cfg, s, log)
	if err := n.Start(context.Background(), h.Ingest); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	h.Server = looptest.Run(t, s)
	h.until("every door hears", func() bool { ok, _ := h.Ready(); return ok })
	return h
}

func (h *hearing) until(what string, ok func() bool) {
	h.t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("not in time: %s", what)
		}
	}
}

// totals are the messages so far, by result.
func (h *hearing) totals() (accepted, ignored, faults uint64) {
	for _, d := range h.doors {
		accepted, ignored, faults = accepted+d.accepted.Load(), ignored+d.ignored.Load(), faults+d.faults.Load()
	}
	return accepted, ignored, faults
}

// publish publishes and waits until it is handled.
func (h *hearing) publish(channel, payload string) {
	h.t.Helper()
	n, err := h.redis.Publish(h.t.Context(), channel, payload).Result()
	if err != nil {
		h.t.Fatal(err)
	}
	h.sent += uint64(n)
	h.until("the message is handled", func() bool {
		a, i, f := h.totals()
		return a+i+f == h.sent
	})
	h.Settle()
}

// replay publishes a recording.
func (h *hearing) replay(file, step string) {
	h.t.Helper()
	for _, m := range recordings(h.t, file) {
		if m.Step == step {
			h.publish(m.Channel, m.payload(h.t))
			return
		}
	}
	h.t.Fatalf("%s has no step %q", file, step)
}

// in is the auth payload of a client that wants to be in rooms.
func in(rooms ...string) map[string]any { return map[string]any{"rooms": rooms} }

func TestSocketIO(t *testing.T) {
	t.Parallel()
	const file = "../../../../rooms/redis/testdata/redis-emitter-5.json"
	h := open(t, config.IngestRedis{Dialects: []string{dialectSocketIO}, Key: "socket.io"})
	a, b := h.Connect("/", in("r1")), h.Connect("/", in("r2", "r3"))
	chat := h.Connect("/chat", in("r1"))
	h.replay(file, "everybody")
	a.Expect("hi", 1, []byte("b"))
	b.Expect("hi", 1, []byte("b"))
	h.replay(file, "one room")
	if e := a.Expect("hi"); e.Args.Len() != 1 {
		t.Errorf("%v", e.Args)
	}
	h.replay(file, "a namespace")
	chat.Expect("hi")
	h.replay(file, "rooms and except") // r1 and r2 without r3
	a.Expect("hi")
	b.ExpectNothing()
	h.replay(file, "volatile")
	a.Expect("hi")
	b.Expect("hi")
	h.replay(file, "socketsJoin") // of r1 without r2, into r5 and r6
	if n := h.To("r5").Count(); n != 1 {
		t.Errorf("%d sockets in r5", n)
	}
	h.replay(file, "socketsLeave")
	if n := h.To("r5").Count(); n != 0 {
		t.Errorf("%d sockets in r5", n)
	}
	h.replay(file, "serverSideEmit")
	h.publish("socket.io#/#", "nothing of the kind")
	if accepted, ignored, faults := h.totals(); accepted != 7 || ignored != 1 || faults != 1 {
		t.Errorf("%d accepted, %d ignored, %d faults", accepted, ignored, faults)
	}
	for _, c := range []*looptest.Socket{a, b, chat} {
		c.ExpectNothing()
	}
}

func TestPython(t *testing.T) {
	t.Parallel()
	const file = "testdata/python-socketio-5.json"
	h := open(t, config.IngestRedis{Dialects: []string{dialectPython}, PythonChannel: "socketio"})
	a, b := h.Connect("/", in("r1")), h.Connect("/", in("r2"))
	h.Connect("/", in("r1", "s1"))
	chat, skipped := h.Connect("/chat", in("r1")), h.Connect("/chat", in("r1", "s1"))
	h.replay(file, "everybody")
	a.Expect("hi", map[string]any{"a": 1})
	b.Expect("hi", map[string]any{"a": 1})
	h.replay(file, "a tuple is several arguments")
	a.Expect("hi", 1, "two", nil)
	b.Expect("hi")
	h.replay(file, "one room")
	a.Expect("hi", "x")
	h.replay(file, "a namespace and except")
	chat.Expect("hi", "x")
	skipped.ExpectNothing()
	h.replay(file, "several rooms and excepts")
	a.Expect("hi", "x")
	b.Expect("hi", "x")
	h.replay(file, "binary")
	var arg struct {
		B []byte
		C [][]byte
	}
	e := a.Expect("hi")
	if e.Args.Bind(&arg); string(arg.B) != "\x00\xff" || string(arg.C[0]) != "two" {
		t.Errorf("%v", e.Args)
	}
	b.Expect("hi")
	h.replay(file, "not ASCII")
	a.Expect("hi", "é€😀")
	b.Expect("hi")
	h.replay(file, "close_room") // r1
	if n := h.To("r1").Count(); n != 0 {
		t.Errorf("%d sockets in a room that was closed", n)
	}
	sid := a.ID()
	for _, m := range recordings(t, file) {
		if strings.Contains(m.Text, `"SID"`) {
			h.publish(m.Channel, strings.Replace(m.Text, "SID", sid, 1))
			want := map[string]int{"enter_room": 1, "leave_room": 0, "disconnect": 0}[m.Step]
			if n := h.To("r9").Count(); n != want {
				t.Errorf("%s: %d sockets in r9", m.Step, n)
			}
		}
	}
	if n := h.To(sid).Count(); n != 0 {
		t.Error("the socket is connected still")
	}
	_, _, before := h.totals()
	faults := []string{"\x80\x04\x95 pickled", "{", `{"method":"x"}`, `{"method":"disconnect"}`, `{"method":"emit","event":"x","data":[1],"namespace":"/nope"}`, `{"method":"emit","event":"x","data":[[1],5],"binary":true}`, `{"method":"close_room"}`}
	for _, text := range faults {
		h.publish("socketio", text)
	}
	h.publish("socketio", `{"method":"callback"}`)
	if _, ignored, after := h.totals(); after-before != uint64(len(faults)) || ignored != 1 {
		t.Errorf("%d faults, %d ignored", after-before, ignored)
	}
	if n := h.log.count("Upgrade python-socketio"); n != 1 {
		t.Errorf("%d lines with the hint, want 1", n)
	}
	b.ExpectNothing()
}

func TestLaravel(t *testing.T) {
	t.Parallel()
	h := open(t, config.IngestRedis{Dialects: []string{dialectLaravel}, LaravelPrefix: "app[1]_"})
	a, b := h.Connect("/", in("private-orders.7")), h.Connect("/", in("private-orders.7"))
	other := h.Connect("/", in("private-orders.8"))
	h.publish("app[1]_private-orders.7", `{"event":"App\\Events\\OrderShipped","data":{"id":7,"name":"\u00e9"},"socket":null}`)
	for _, c := range []*looptest.Socket{a, b} {
		c.Expect(`App\Events\OrderShipped`, "private-orders.7", map[string]any{"id": 7, "name": "é"})
	}
	h.publish("app[1]_private-orders.7", fmt.Sprintf(`{"event":"e","data":null,"socket":%q}`, a.ID()))
	b.Expect("e", "private-orders.7", nil)
	h.publish("app[1]_private-orders.7", `{"data":1}`)
	if n, err := h.redis.Publish(t.Context(), "app1_private-orders.7", `{"event":"e"}`).Result(); n != 0 || err != nil {
		t.Errorf("another prefix reaches %d, %v", n, err)
	}
	for _, c := range []*looptest.Socket{a, b, other} {
		c.ExpectNothing()
	}
	if accepted, _, faults := h.totals(); accepted != 2 || faults != 1 {
		t.Errorf("%d accepted, %d faults", accepted, faults)
	}
}

// TestRedisGone: the door opens again, and the node says meanwhile that it is not
// ready.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	h := open(t, config.IngestRedis{Dialects: []string{dialectPython}, PythonChannel: "c"})
	a := h.Connect("/", in())
	if err := h.redis.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	h.until("the subscription is there again", func() bool {
		n, err := h.redis.PubSubNumSub(t.Context(), "c").Result()
		ok, _ := h.Ready()
		return err == nil && n["c"] == 1 && ok && h.log.count("cannot be heard") == 1
	})
	h.publish("c", `{"method":"emit","event":"back","data":[1]}`)
	a.Expect("back", 1)
}
