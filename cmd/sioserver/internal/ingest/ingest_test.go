// Publishers of other libraries: recordings of what they publish, through a real Redis.

package ingest

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
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
	socket, client := nodetest.Redis(t)
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

// replay publishes what was recorded of a step, with sid in place of SID.
func (h *hearing) replay(file, step, sid string) {
	h.t.Helper()
	found := false
	for _, m := range recordings(h.t, file) {
		if m.Step == step {
			h.publish(m.Channel, strings.ReplaceAll(m.payload(h.t), `"SID"`, `"`+sid+`"`))
			found = true
		}
	}
	if !found {
		h.t.Fatalf("%s has no step %q", file, step)
	}
}

// in is the auth payload of a client that wants to be in rooms.
func in(rooms ...string) map[string]any { return map[string]any{"rooms": rooms} }

func TestSocketIO(t *testing.T) {
	t.Parallel()
	const file = "../../../../rooms/redis/testdata/redis-emitter-5.json"
	h := open(t, config.IngestRedis{Dialects: []string{dialectSocketIO}, Key: "socket.io"})
	a, b := h.Connect("/", in("r1")), h.Connect("/", in("r2", "r3"))
	chat := h.Connect("/chat", in("r1"))
	h.replay(file, "everybody", "")
	a.Expect("hi", 1, []byte("b"))
	b.Expect("hi", 1, []byte("b"))
	h.replay(file, "one room", "")
	if e := a.Expect("hi"); e.Args.Len() != 1 {
		t.Errorf("%v", e.Args)
	}
	h.replay(file, "a namespace", "")
	chat.Expect("hi")
	h.replay(file, "rooms and except", "") // r1 and r2 without r3
	a.Expect("hi")
	b.ExpectNothing()
	h.replay(file, "volatile", "")
	a.Expect("hi")
	b.Expect("hi")
	h.replay(file, "socketsJoin", "") // of r1 without r2, into r5 and r6
	if n := h.To("r5").Count(); n != 1 {
		t.Errorf("%d sockets in r5", n)
	}
	h.replay(file, "socketsLeave", "")
	if n := h.To("r5").Count(); n != 0 {
		t.Errorf("%d sockets in r5", n)
	}
	h.replay(file, "serverSideEmit", "")
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
	h.replay(file, "everybody", "")
	a.Expect("hi", map[string]any{"a": 1})
	b.Expect("hi", map[string]any{"a": 1})
	h.replay(file, "a tuple is several arguments", "")
	a.Expect("hi", 1, "two", nil)
	b.Expect("hi")
	h.replay(file, "nothing", "")
	a.Expect("hi", nil)
	b.Expect("hi", nil)
	h.replay(file, "one room", "")
	a.Expect("hi", "x")
	h.replay(file, "a namespace and except", "")
	chat.Expect("hi", "x")
	skipped.ExpectNothing()
	h.replay(file, "several rooms and excepts", "")
	a.Expect("hi", "x")
	b.Expect("hi", "x")
	h.replay(file, "binary", "")
	var arg struct {
		B []byte
		C [][]byte
	}
	e := a.Expect("hi")
	if e.Args.Bind(&arg); string(arg.B) != "\x00\xff" || string(arg.C[0]) != "two" {
		t.Errorf("%v", e.Args)
	}
	b.Expect("hi")
	h.replay(file, "not ASCII", "")
	a.Expect("hi", "é€😀")
	b.Expect("hi")
	h.replay(file, "close_room", "") // r1
	if n := h.To("r1").Count(); n != 0 {
		t.Errorf("%d sockets in a room that was closed", n)
	}
	sid := a.ID()
	for _, step := range []string{"enter_room", "leave_room", "disconnect"} {
		h.replay(file, step, sid)
		if n, want := h.To("r9").Count(), map[string]int{"enter_room": 1}[step]; n != want {
			t.Errorf("%s: %d sockets in r9, want %d", step, n, want)
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
	const file = "testdata/laravel-8.json"
	h := open(t, config.IngestRedis{Dialects: []string{dialectLaravel}, LaravelPrefix: "laravel_database_"})
	a, b := h.Connect("/", in("news", "private-orders.7")), h.Connect("/", in("private-orders.7", "presence-room.1"))
	other := h.Connect("/", in("private-orders.8"))
	h.replay(file, "a channel", "")
	a.Expect("OrderShipped", "news", map[string]any{"order": map[string]any{"id": 7, "name": "é€😀", "path": "a/b", "price": 1.5}, "socket": nil})
	h.replay(file, "several channels", "")
	shipped := map[string]any{"order": map[string]any{"id": 7}, "socket": nil}
	a.Expect("OrderShipped", "private-orders.7", shipped)
	b.Expect("OrderShipped", "private-orders.7", shipped)
	b.Expect("OrderShipped", "presence-room.1", shipped)
	h.replay(file, "to others", a.ID())
	b.Expect("OrderShipped", "private-orders.7", map[string]any{"order": map[string]any{"id": 8}, "socket": a.ID()})
	h.replay(file, "a name of its own, no data", "")
	for _, c := range []*looptest.Socket{a, b} {
		c.Expect("order.shipped", "private-orders.7", map[string]any{"socket": nil})
		c.ExpectNothing()
	}
	other.ExpectNothing()
	h.publish("laravel_database_news", `{"data":1}`)
	h.publish("laravel_database_news", `[`)
	if accepted, _, faults := h.totals(); accepted != 5 || faults != 2 {
		t.Errorf("%d accepted, %d faults", accepted, faults)
	}
}

// TestLaravelPrefix: the prefix is text, not a pattern, and data may be left out.
func TestLaravelPrefix(t *testing.T) {
	t.Parallel()
	h := open(t, config.IngestRedis{Dialects: []string{dialectLaravel}, LaravelPrefix: "app[1]_"})
	a := h.Connect("/", in("news"))
	if n, err := h.redis.Publish(t.Context(), "app1_news", `{"event":"e"}`).Result(); n != 0 || err != nil {
		t.Errorf("another prefix reaches %d, %v", n, err)
	}
	h.publish("app[1]_news", `{"event":"e"}`)
	a.Expect("e", "news", nil)
	a.ExpectNothing()
}

// TestManual: docs/ingest.md names the versions that were recorded.
func TestManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../../../docs/ingest.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"../../../../rooms/redis/testdata/redis-emitter-5.json", "testdata/python-socketio-5.json", "testdata/laravel-8.json"} {
		var r struct{ Library, Version string }
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if line := "Recorded with " + r.Library + " " + r.Version; !strings.Contains(string(manual), line) {
			t.Errorf("docs/ingest.md does not say %q", line)
		}
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
