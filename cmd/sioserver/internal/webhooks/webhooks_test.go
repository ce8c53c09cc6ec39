package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	oracle "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/signing"
)

// receiver is an endpoint that keeps what it gets.
type receiver struct {
	url     string
	batches chan received
	answer  atomic.Pointer[func(w http.ResponseWriter, b received) int] // the status; nil for 200
}

type received struct {
	ID            string
	SentAt        time.Time `json:"sent_at"`
	Node          struct{ ID, Boot string }
	Attempt       int
	DroppedBefore uint64 `json:"dropped_before"`
	Events        []lifecycle.Event
	header        http.Header
	body          []byte
}

func receive(t *testing.T) *receiver {
	r := &receiver{batches: make(chan received, 10_000)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var b received
		var err error
		if b.body, err = io.ReadAll(q.Body); err != nil {
			return // the sender has ended
		}
		if err := json.Unmarshal(b.body, &b); err != nil {
			t.Errorf("%q: %v", b.body, err)
		}
		b.header = q.Header
		if f := r.answer.Load(); f != nil {
			if code := (*f)(w, b); code != 200 {
				w.WriteHeader(code)
				return
			}
		}
		r.batches <- b
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (r *receiver) answers(f func(w http.ResponseWriter, b received) int) { r.answer.Store(&f) }

func (r *receiver) next(t *testing.T) received {
	t.Helper()
	select {
	case b := <-r.batches:
		return b
	case <-time.After(20 * time.Second):
		t.Fatal("no delivery")
		panic("not reached")
	}
}

// until takes deliveries until there are n events.
func (r *receiver) until(t *testing.T, n int) (list []lifecycle.Event) {
	t.Helper()
	for len(list) < n {
		list = append(list, r.next(t).Events...)
	}
	return list
}

func hook(url string) config.Webhook {
	return config.Webhook{
		Name: "main", URL: url, Events: []string{"*"},
		Batch:   config.WebhookBatch{MaxEvents: 500, MaxWait: config.Duration(time.Millisecond)},
		Retry:   config.WebhookRetry{MaxElapsed: config.Duration(time.Hour), Initial: config.Duration(time.Millisecond), Max: config.Duration(10 * time.Millisecond), Jitter: 0.2},
		Queue:   config.WebhookQueue{MaxEvents: 100_000, MaxSpool: 1 << 30},
		Timeout: config.Duration(10 * time.Second), Concurrency: 4,
	}
}

type fixture struct {
	*Sender
	node *node.Node
	stop func(context.Context) error
}

func start(t testing.TB, boot string, hooks ...config.Webhook) *fixture {
	t.Helper()
	cfg := &config.Config{Webhooks: hooks, Drain: config.Drain{Over: config.Duration(time.Hour)}}
	n := node.New("n1", boot, cfg, nil, slog.New(slog.DiscardHandler))
	s := New("test", func(*node.Node) Counts { return Counts{Sockets: 3, Users: 2} })
	if err := n.Start(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	f := &fixture{s, n, n.Stop}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = n.Stop(ctx)
	})
	return f
}

func (f *fixture) publish(e lifecycle.Event) { f.node.Bus.Publish(&e) }

// quiet is a hook that is told of log events alone.
func quiet(url string) config.Webhook {
	w := hook(url)
	w.Events = nil
	return w
}

func received1(i int) lifecycle.Event {
	return lifecycle.Event{Type: lifecycle.EventReceived, Webhook: "main", Event: fmt.Sprint(i)}
}

//effect:keys webhooks[].name webhooks[].url webhooks[].secret webhooks[].events webhooks[].rooms
func TestDelivery(t *testing.T) {
	r := receive(t)
	w := hook(r.url)
	secrets := []string{signing.NewSecret(), signing.NewSecret()}
	w.Secret = config.Secrets{config.Secret(secrets[0]), config.Secret(secrets[1])}
	w.Events, w.Rooms = []string{"user.*", "room.*", "node.*"}, []string{"chat:*"}
	f := start(t, "boot1", w)
	if b := r.next(t); len(b.Events) != 1 || b.Events[0].Type != lifecycle.NodeStarted || b.Attempt != 1 || b.Node.ID != "n1" || b.Node.Boot != "boot1" ||
		b.ID == "" || b.ID != b.header.Get("webhook-id") || b.header.Get("User-Agent") != "sioserver/test" {
		t.Errorf("%+v", b)
	}
	f.publish(lifecycle.Event{Type: lifecycle.SocketConnected, SID: "not wanted"})
	f.publish(lifecycle.Event{Type: lifecycle.RoomOccupied, Room: "other"})
	f.publish(lifecycle.Event{Type: lifecycle.EventReceived, Webhook: "another"})
	n := 3
	f.publish(lifecycle.Event{Type: lifecycle.UserOnline, User: "42", Sockets: &n})
	f.publish(lifecycle.Event{Type: lifecycle.RoomOccupied, Room: "chat:7", Namespace: "/"})
	f.publish(lifecycle.Event{Type: lifecycle.EventReceived, Webhook: "main", Event: "log", Args: []json.RawMessage{json.RawMessage(`{"x":1}`)}})
	var events []lifecycle.Event
	for len(events) < 3 {
		b := r.next(t)
		for _, secret := range secrets {
			v, err := oracle.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.Verify(b.body, b.header); err != nil {
				t.Error(err)
			}
		}
		events = append(events, b.Events...)
	}
	if e := events[0]; e.Type != lifecycle.UserOnline || e.User != "42" || *e.Sockets != 3 || e.ID != "evt_boot1.5" || e.Seq != 5 || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := events[1]; e.Room != "chat:7" {
		t.Errorf("%+v", e)
	}
	if e := events[2]; e.Event != "log" || string(e.Args[0]) != `{"x":1}` {
		t.Errorf("%+v", e)
	}
	if err := f.stop(context.Background()); err != nil {
		t.Error(err)
	}
	if b := r.next(t); b.Events[0].Type != lifecycle.NodeStopped {
		t.Errorf("%+v", b)
	}
}

func TestHeartbeat(t *testing.T) {
	r := receive(t)
	cfg := &config.Config{Webhooks: []config.Webhook{hook(r.url)}}
	n := node.New("n1", "boot1", cfg, nil, slog.New(slog.DiscardHandler))
	s := New("test", func(*node.Node) Counts { return Counts{Sockets: 3, Users: 2, Draining: true} })
	s.heartbeat = time.Millisecond
	if err := n.Start(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	for beats := 0; beats < 2; {
		for _, e := range r.next(t).Events {
			if e.Type == lifecycle.NodeHeartbeat {
				beats++
				if *e.Sockets != 3 || *e.Users != 2 || !*e.Draining {
					t.Errorf("%+v", e)
				}
			}
		}
	}
	if err := n.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestEndpointDown: whatever an endpoint that is down misses comes when it is
// back, and can be put in order.
func TestEndpointDown(t *testing.T) {
	const events, failures = 2000, 20
	r := receive(t)
	var tries atomic.Int32
	up := make(chan struct{})
	var attempts atomic.Int32
	r.answers(func(w http.ResponseWriter, b received) int {
		n := tries.Add(1)
		attempts.Store(max(attempts.Load(), int32(b.Attempt)))
		if n == failures {
			close(up)
		}
		if n > failures {
			return 200
		}
		switch n % 4 {
		case 0:
			panic(http.ErrAbortHandler) // the connection is cut
		case 1:
			w.Header().Set("Retry-After", "0")
			return 429
		case 2:
			return 503
		}
		return 408
	})
	w := quiet(r.url)
	w.Batch.MaxEvents = 50
	f := start(t, "boot1", w)
	for i := range events {
		f.publish(received1(i))
	}
	<-up
	list := r.until(t, events)
	seen := map[uint64]string{}
	for _, e := range list {
		seen[e.Seq] = e.Event
	}
	slices.SortFunc(list, func(a, b lifecycle.Event) int { return int(a.Seq) - int(b.Seq) })
	if len(seen) != events {
		t.Errorf("%d events came, not %d", len(seen), events)
	}
	for i, e := range list[:min(len(list), events)] {
		if e.Event != fmt.Sprint(i) {
			t.Fatalf("%s is number %d", e.Event, i)
		}
	}
	if attempts.Load() < 2 {
		t.Error("no attempt was numbered")
	}
	// The endpoint knows of the last one before we do.
	waitFor(t, func() bool { s := f.Stats()[0]; return s.Queued == 0 && s.Deliveries["ok"] >= events/50 })
	s := f.Stats()[0]
	if s.Deliveries["retry"] != failures || len(s.Dropped) != 0 || s.LastError == "" {
		t.Errorf("%+v", s)
	}
}

//effect:keys webhooks[].retry.initial webhooks[].retry.max webhooks[].retry.jitter
func TestRetryAfter(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for text, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "-3": 0, "x": 0, "100000": time.Hour, now.Add(5 * time.Second).UTC().Format(http.TimeFormat): 5 * time.Second,
		now.Add(-time.Second).UTC().Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
	w := &settings{Webhook: hook("")}
	wait := time.Duration(0)
	for _, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if wait = backoff(w, wait); wait != want*time.Millisecond {
			t.Errorf("%s, not %d ms", wait, want)
		}
		if j := jittered(wait, 0.2); j > wait || j < wait*8/10 {
			t.Errorf("%s became %s", wait, j)
		}
	}
}

//effect:keys webhooks[].retry.max_elapsed webhooks[].queue.spool_dir
func TestGivenUp(t *testing.T) {
	r := receive(t)
	w := quiet(r.url)
	w.Queue.SpoolDir = t.TempDir()
	w.Batch.MaxEvents = 1
	status := atomic.Int32{}
	r.answers(func(_ http.ResponseWriter, b received) int {
		if b.Events[0].Event == "good" {
			return 200
		}
		return int(status.Load())
	})
	f := start(t, "boot1", w)
	lines := func() []string {
		text, _ := os.ReadFile(filepath.Join(w.Queue.SpoolDir, "main", "dead-letter.ndjson"))
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	good := lifecycle.Event{Type: lifecycle.EventReceived, Webhook: "main", Event: "good"}
	status.Store(400)
	f.publish(received1(1))
	f.publish(good) // one that is refused does not hold up others
	r.next(t)
	waitFor(t, func() bool { return f.Stats()[0].Deliveries["dead_letter"] == 1 })
	if l := lines(); len(l) != 1 || !strings.Contains(l[0], `"why":"`+r.url+` answered 400 Bad Request"`) || !strings.Contains(l[0], `"event":"1"`) {
		t.Error(l)
	}
	status.Store(503)
	w.Retry.MaxElapsed = config.Duration(5 * time.Millisecond)
	f.reload(t, w)
	f.publish(received1(2))
	waitFor(t, func() bool { return f.Stats()[0].Deliveries["dead_letter"] == 2 })
	if l := lines(); len(l) != 2 || !strings.Contains(l[1], "given up after") {
		t.Error(l)
	}
	status.Store(410)
	f.publish(received1(3))
	waitFor(t, func() bool { return f.Stats()[0].Disabled })
	f.publish(good)
	waitFor(t, func() bool { return f.Stats()[0].Dropped[lifecycle.EventReceived] == 4 })
	if len(r.batches) != 0 {
		t.Error("one who is gone was sent something")
	}
	f.reload(t, w)
	f.publish(good)
	r.next(t)
	if f.Retry("none") || !f.Retry("main") {
		t.Error("Retry")
	}
}

// waitFor waits for what no channel tells.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
		time.Sleep(time.Millisecond)
	}
}

func (f *fixture) reload(t *testing.T, hooks ...config.Webhook) {
	t.Helper()
	if err := f.node.Reload(&config.Config{Webhooks: hooks}); err != nil {
		t.Fatal(err)
	}
}

//effect:keys webhooks[].queue.max_events
func TestOverflow(t *testing.T) {
	r := receive(t)
	begun, up := make(chan struct{}, 1), make(chan struct{})
	end := sync.OnceFunc(func() { close(up) })
	t.Cleanup(end)
	r.answers(func(_ http.ResponseWriter, b received) int {
		if b.Events[0].Event == "first" {
			begun <- struct{}{}
			<-up
		}
		return 200
	})
	w := hook(r.url)
	w.Events, w.Concurrency, w.Queue.MaxEvents, w.Batch.MaxEvents = []string{"user.online"}, 1, 10, 100
	f := start(t, "boot1", w)
	f.publish(lifecycle.Event{Type: lifecycle.EventReceived, Webhook: "main", Event: "first"})
	<-begun
	for i := range 8 {
		f.publish(received1(i))
		waitFor(t, func() bool { return f.Stats()[0].Queued == i+2 })
	}
	for i := range 5 {
		f.publish(lifecycle.Event{Type: lifecycle.UserOnline, User: fmt.Sprint(i)})
		waitFor(t, func() bool {
			s := f.Stats()[0]
			return s.Queued == min(10+i, 11) && s.Dropped[lifecycle.EventReceived] == uint64(max(i-1, 0))
		})
	}
	end()
	if b := r.next(t); b.DroppedBefore != 0 {
		t.Errorf("%+v", b)
	}
	b := r.next(t)
	if n := (*f.list.Load())[0].stats.takeUntold(); len(n) != 1 || n[whyQueue] != 3 {
		t.Errorf("to be told: %v", n)
	}
	var got []string
	for _, e := range b.Events {
		got = append(got, e.Event+e.User)
	}
	if b.DroppedBefore != 3 || strings.Join(got, " ") != "3 4 5 6 7 0 1 2 3 4" {
		t.Errorf("%d dropped, %q", b.DroppedBefore, got)
	}
}

// TestDropped: what an endpoint was not told others are told, in sums, and never of
// such an event itself.
func TestDropped(t *testing.T) {
	good, bad := receive(t), receive(t)
	status := atomic.Int32{}
	status.Store(400)
	bad.answers(func(http.ResponseWriter, received) int { return int(status.Load()) })
	told, lossy := hook(good.url), hook(bad.url)
	told.Name, told.Events = "told", []string{"webhook.dropped"}
	lossy.Events, lossy.Batch.MaxEvents = []string{"user.online", "webhook.dropped"}, 1
	n := node.New("n1", "boot1", &config.Config{Webhooks: []config.Webhook{told, lossy}}, nil, slog.New(slog.DiscardHandler))
	s := New("test", func(*node.Node) Counts { return Counts{} })
	s.heartbeat = time.Millisecond
	if err := n.Start(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	lose := func(why string) {
		t.Helper()
		for range 3 {
			n.Bus.Publish(&lifecycle.Event{Type: lifecycle.UserOnline, User: "u"})
		}
		for sum := uint64(0); sum < 3; {
			for _, e := range good.next(t).Events {
				if e.Type != lifecycle.WebhookDropped || e.Endpoint != "main" || e.Reason != why {
					t.Fatalf("%+v", e)
				}
				if sum += e.Dropped; sum > 3 {
					t.Fatalf("%d were dropped", sum)
				}
			}
		}
	}
	lose("dead_letter")
	status.Store(410)
	n.Bus.Publish(&lifecycle.Event{Type: lifecycle.UserOnline, User: "last"})
	// What the endpoint is told of its own may be the first that 410 answers.
	if e := good.next(t).Events[0]; e.Reason != "dead_letter" && e.Reason != "disabled" || e.Dropped != 1 {
		t.Errorf("%+v", e)
	}
	waitFor(t, func() bool { return s.Stats()[1].Disabled })
	lose("disabled")
	// The endpoint was to be told too, which was counted, and told nobody.
	waitFor(t, func() bool {
		d := s.Stats()[1].Dropped
		return d[lifecycle.UserOnline] == 7 && d[lifecycle.WebhookDropped] > 0
	})
}

func TestQueueGivesUpLivesLast(t *testing.T) {
	var q queue
	var lost []string
	for i, kind := range []string{lifecycle.UserOnline, lifecycle.MemberJoined, lifecycle.SocketConnected, lifecycle.EventReceived, lifecycle.NodeHeartbeat, lifecycle.UserOffline} {
		if x := q.push(item{number: uint64(i), kind: kind}, 3); x != nil {
			lost = append(lost, x.kind)
		}
	}
	if fmt.Sprint(lost) != "[member.joined event.received user.online]" {
		t.Error(lost)
	}
}

func TestOfflineGrace(t *testing.T) {
	r := receive(t)
	w := hook(r.url)
	w.Events, w.LeaveGrace = []string{"user.*"}, config.Duration(time.Hour)
	f := start(t, "boot1", w)
	online := func(user string) { f.publish(lifecycle.Event{Type: lifecycle.UserOnline, User: user}) }
	offline := func(user string) { f.publish(lifecycle.Event{Type: lifecycle.UserOffline, User: user}) }
	online("1")
	online("2")
	if list := r.until(t, 2); list[1].User != "2" {
		t.Error(list)
	}
	offline("1")
	offline("2")
	online("1") // back in time: neither is told
	online("3")
	offline("3")
	if list := r.until(t, 1); list[0].User != "3" || list[0].Type != lifecycle.UserOnline {
		t.Error(list)
	}
	if s := f.Stats()[0]; s.Held != 2 {
		t.Errorf("%+v", s)
	}
	f.publish(lifecycle.Event{Type: lifecycle.NodeDraining})
	offline("4")
	if err := f.stop(context.Background()); err != nil {
		t.Error(err)
	}
	list := r.until(t, 3)
	for i, user := range []string{"2", "3", "4"} {
		if e := list[i]; e.User != user || e.Type != lifecycle.UserOffline || e.AfterMS == 0 {
			t.Errorf("%+v", e)
		}
	}
}

// TestOfflineInTime: the grace ends by itself, for those who wait already when it
// is made shorter too.
//
//effect:keys webhooks[].leave_grace
func TestOfflineInTime(t *testing.T) {
	r := receive(t)
	w := hook(r.url)
	w.Events, w.LeaveGrace = []string{"user.offline"}, config.Duration(time.Hour)
	f := start(t, "boot1", w)
	f.publish(lifecycle.Event{Type: lifecycle.UserOffline, User: "1"})
	w.LeaveGrace = config.Duration(5 * time.Millisecond)
	f.reload(t, w)
	f.publish(lifecycle.Event{Type: lifecycle.UserOffline, User: "2"})
	if list := r.until(t, 2); list[0].User != "1" || list[1].User != "2" || list[1].AfterMS != 5 {
		t.Error(list)
	}
}

func TestStopping(t *testing.T) {
	r := receive(t)
	r.answers(func(http.ResponseWriter, received) int { return 503 })
	f := start(t, "boot1", quiet(r.url))
	for i := range 3 {
		f.publish(received1(i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := f.stop(ctx); err == nil || !strings.Contains(err.Error(), "3 events could not be delivered") {
		t.Error(err)
	}
}

func TestBadWebhooks(t *testing.T) {
	f := start(t, "boot1")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]config.Webhook{
		"no address":       {{Name: "a", URL: "app"}},
		"another scheme":   {{Name: "a", URL: "ftp://app/"}},
		"a bad secret":     {{Name: "a", URL: "http://app/", Secret: config.Secrets{"x"}}},
		"two of one name":  {{Name: "a", URL: "http://app/"}, {Name: "a", URL: "http://b/"}},
		"a file for a dir": {{Name: "a", URL: "http://app/", Queue: config.WebhookQueue{SpoolDir: file}}},
	} {
		if err := f.node.Reload(&config.Config{Webhooks: list}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
