// The suite: three servers behind an adapter, and what each does to the others.

// Package adaptertest holds what every [rooms.Adapter] is tested with: three
// servers in one process, each with an adapter of its own for one namespace, and
// sockets that note what reaches them.
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, func(t testing.TB) rooms.Factory { return newFactory(t) })
//	}
package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/rooms"
)

// patience is how long something that must happen may take.
const patience = 30 * time.Second

// Option says what an adapter does not promise.
type Option uint8

// Unordered: broadcasts to different rooms may overtake each other, as they do
// where rooms have channels on different nodes. What is left out then are the
// tests that find out who did not get a broadcast by one behind it.
const Unordered Option = 1

// Run runs the suite. newFactory makes the factory of one more server of the
// cluster that the test t has to itself; it is called three times for each test,
// of several tests at once, and what it makes ends with the test.
func Run(t *testing.T, newFactory func(t testing.TB) rooms.Factory, options ...Option) {
	tests := []struct {
		name    string
		ordered bool // needs the order of rooms
		run     func(t *testing.T, c *cluster)
	}{
		{"broadcast", true, testBroadcast},
		{"values", true, testValues},
		{"flags", true, testFlags},
		{"order", true, testOrder},
		{"namespaces", true, nil},
		{"answers", true, testAnswers},
		{"answers of some", false, testAnswersOfSome},
		{"rooms", false, testRooms},
		{"disconnect", false, testDisconnect},
		{"fetch", false, testFetch},
		{"fetch of some", false, testFetchOfSome},
		{"server events", false, testServerEvents},
		{"server events of some", false, testServerEventsOfSome},
		{"all rooms", false, testAllRooms},
		{"close", false, testClose},
	}
	for _, test := range tests {
		if test.ordered && slices.Contains(options, Unordered) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // most of them wait for the adapter most of the time
			if test.run == nil {
				testNamespaces(t, newFactory)
				return
			}
			test.run(t, newCluster(t, newFactory))
		})
	}
}

// cluster is three servers with two sockets each: a1 and a2, b1 and b2, c1 and
// c2. Those with a 1 are in the room "ones", all of a server in the room of its
// name.
type cluster struct{ servers []*server }

func newCluster(t *testing.T, newFactory func(t testing.TB) rooms.Factory) *cluster {
	t.Helper()
	c := &cluster{}
	for _, name := range []string{"a", "b", "c"} {
		c.servers = append(c.servers, start(t, newFactory(t), "/room", name+"1", name+"2"))
		s := c.servers[len(c.servers)-1]
		s.SocketsJoin(rooms.Target{}, []string{name})
		s.SocketsJoin(rooms.Target{Rooms: []string{name + "1"}}, []string{"ones"})
	}
	c.settle(t)
	c.reaches(t, "a room of all servers", to("ones"), "a1", "b1", "c1")
	for _, name := range []string{"a", "b", "c"} {
		c.reaches(t, "a room", to(name), name+"1", name+"2")
		c.reaches(t, "a socket", to(name+"2"), name+"2")
	}
	return c
}

// start makes a server and its adapter.
func start(t *testing.T, f rooms.Factory, name string, ids ...string) *server {
	t.Helper()
	s := newServer(name)
	var err error
	if s.adapter, err = f(s); err != nil {
		t.Fatal(err)
	}
	s.connect(ids...)
	return s
}

// settle waits until all servers reach each other.
func (c *cluster) settle(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for _, s := range c.servers {
		for {
			n, err := s.adapter.ServerCount(t.Context())
			if n == len(c.servers) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d servers, %v; want %d", n, err, len(c.servers))
			}
		}
	}
	// A server that counts may not hear yet: each says something until all have
	// heard it.
	for i, s := range c.servers {
		hello := fmt.Sprintf("hello %d", i)
		for _, other := range c.servers {
			for other != s && !other.hears(hello, func() { _ = s.adapter.ServerSideEmit(&rooms.Packet{Event: hello}) }) {
				if time.Now().After(deadline) {
					t.Fatalf("nothing of server %d arrives", i)
				}
			}
		}
	}
	c.forget()
}

// hears says something and reports whether the server has got it a moment
// later, or did before.
func (s *server) hears(event string, say func()) bool {
	say()
	moment := time.After(50 * time.Millisecond)
	for {
		s.mu.Lock()
		heard, changed := slices.Contains(s.mu.events, event), s.mu.changed
		s.mu.Unlock()
		if heard {
			return true
		}
		select {
		case <-changed:
		case <-moment:
			return false
		}
	}
}

// forget makes all servers forget the events between them, those that are on
// their way too: an event behind them has come everywhere.
func (c *cluster) forget() {
	for i, s := range c.servers {
		last := fmt.Sprintf("last %d", i)
		_ = s.adapter.ServerSideEmit(&rooms.Packet{Event: last})
		for _, other := range c.servers {
			for other != s && !other.hears(last, func() {}) {
			}
		}
	}
	for _, s := range c.servers {
		s.mu.Lock()
		s.mu.events = nil
		s.mu.Unlock()
	}
}

// until waits for something that a server notes.
func (s *server) until(t *testing.T, what string, true func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok, changed := true(), s.mu.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s did not happen within %s", what, patience)
		}
	}
}

// sync makes every socket of every server get a mark that server i sends, and
// returns what each got before, by its id.
func (c *cluster) sync(t *testing.T, i int) map[string][]string {
	t.Helper()
	must(t, c.servers[i].adapter.Broadcast(&rooms.Packet{Event: "mark"}, everybody))
	all := map[string][]string{}
	for _, s := range c.servers {
		s.until(t, "a broadcast to everybody", func() bool {
			for _, x := range s.mu.sockets {
				if !slices.Contains(x.got, "mark") {
					return false
				}
			}
			return true
		})
		s.mu.Lock()
		for id, x := range s.mu.sockets {
			all[id] = slices.DeleteFunc(x.got, func(e string) bool { return e == "mark" })
			x.got = nil
		}
		s.mu.Unlock()
	}
	return all
}

var everybody = rooms.Target{Flags: rooms.Flags{Compress: true}}

func to(names ...string) rooms.Target {
	t := everybody
	t.Rooms = names
	return t
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect compares who got what.
func expect(t *testing.T, name string, got map[string][]string, what string, receivers ...string) {
	t.Helper()
	for id, list := range got {
		want := 0
		if slices.Contains(receivers, id) {
			want = 1
		}
		if len(list) != want || want == 1 && list[0] != what {
			t.Errorf("%s: %s got %q", name, id, list)
		}
	}
}

func testBroadcast(t *testing.T, c *cluster) {
	all := []string{"a1", "a2", "b1", "b2", "c1", "c2"}
	except := func(t rooms.Target, names ...string) rooms.Target { t.Except = names; return t }
	local := everybody
	local.Flags.Local = true
	for _, test := range []struct {
		name      string
		target    rooms.Target
		receivers []string
	}{
		{"everybody", everybody, all},
		{"one room", to("ones"), []string{"a1", "b1", "c1"}},
		{"one room twice", to("ones", "ones"), []string{"a1", "b1", "c1"}},
		{"two rooms", to("ones", "b"), []string{"a1", "b1", "b2", "c1"}},
		{"a socket elsewhere", to("b2"), []string{"b2"}},
		{"an empty room", to("nobody"), nil},
		{"all but a room", except(everybody, "ones"), []string{"a2", "b2", "c2"}},
		{"a room but a socket", except(to("ones"), "c1"), []string{"a1", "b1"}},
		{"two rooms but one", except(to("a", "b"), "ones", "nobody"), []string{"a2", "b2"}},
		{"this server", local, []string{"b1", "b2"}},
	} {
		from := 0
		if test.target.Flags.Local {
			from = 1
		}
		must(t, c.servers[from].adapter.Broadcast(&rooms.Packet{Event: "e", Args: []any{test.name}}, test.target))
		raw, _ := json.Marshal(test.name)
		expect(t, test.name, c.sync(t, from), "e "+string(raw), test.receivers...)
	}
}

func testValues(t *testing.T, c *cluster) {
	big := strings.Repeat("é", 100_000)
	for name, args := range map[string][]any{
		"none":   {},
		"nil":    {nil},
		"simple": {1, -1.5, true, "ü \u2028 \"", int64(1) << 53, []any{}, map[string]any{}},
		"nested": {map[string]any{"a": []any{1, map[string]any{"b": []any{nil}}}}},
		"binary": {[]byte("one"), map[string]any{"deep": []any{[]byte("two"), []byte{}}}},
		"large":  {big, []byte(big)},
	} {
		p := &rooms.Packet{Event: name, Args: args}
		must(t, c.servers[1].adapter.Broadcast(p, everybody))
		got := c.sync(t, 1)
		// The server's own sockets have it without the adapter's encoding.
		expect(t, name, got, got["b1"][0], "a1", "a2", "b1", "b2", "c1", "c2")
	}
}

func testFlags(t *testing.T, c *cluster) {
	for _, flags := range []rooms.Flags{{Compress: true}, {}, {Compress: true, Volatile: true}, {Volatile: true}} {
		want := "e"
		if flags.Volatile {
			want += " volatile"
		}
		if !flags.Compress {
			want += " plain"
		}
		must(t, c.servers[2].adapter.Broadcast(&rooms.Packet{Event: "e"}, rooms.Target{Flags: flags}))
		expect(t, want, c.sync(t, 2), want, "a1", "a2", "b1", "b2", "c1", "c2")
	}
}

func testOrder(t *testing.T, c *cluster) {
	const n = 500
	for i := range n {
		must(t, c.servers[0].adapter.Broadcast(&rooms.Packet{Event: "e", Args: []any{i}}, to("ones")))
	}
	for id, got := range c.sync(t, 0) {
		if !strings.HasSuffix(id, "1") {
			if len(got) > 0 {
				t.Errorf("%s got %d events", id, len(got))
			}
			continue
		}
		if len(got) != n {
			t.Fatalf("%s got %d events of %d", id, len(got), n)
		}
		for i, e := range got {
			if e != fmt.Sprintf("e %d", i) {
				t.Fatalf("%s got %q as number %d", id, e, i)
			}
		}
	}
}

func testNamespaces(t *testing.T, newFactory func(t testing.TB) rooms.Factory) {
	// Names that begin alike, on the same two servers.
	one, two := newFactory(t), newFactory(t)
	names := []string{"/", "/n", "/n#", "/n#room"}
	var clusters []*cluster
	for i, name := range names {
		c := &cluster{servers: []*server{
			start(t, one, name, fmt.Sprintf("a%d", i)), start(t, two, name, fmt.Sprintf("b%d", i)),
		}}
		c.servers[1].SocketsJoin(rooms.Target{}, []string{"room"})
		clusters = append(clusters, c)
	}
	for _, c := range clusters {
		c.settle(t)
	}
	for i := range names {
		clusters[i].reaches(t, "a room", to("room"), fmt.Sprintf("b%d", i))
	}
	for i, name := range names {
		must(t, clusters[i].servers[0].adapter.Broadcast(&rooms.Packet{Event: "in " + name}, to("room")))
	}
	for i, name := range names {
		expect(t, name, clusters[i].sync(t, 0), "in "+name, fmt.Sprintf("b%d", i))
	}
}

// asked is what a broadcast with answers has brought.
type asked struct {
	clients []int
	answers []string
}

// ask sends a broadcast with answers and waits until servers have told how many
// sockets they asked, and answers have come, or ctx is done.
func (c *cluster) ask(ctx context.Context, t *testing.T, target rooms.Target, servers, answers int) asked {
	t.Helper()
	counts, came := make(chan int, 16), make(chan rooms.Answer, 16)
	err := c.servers[0].adapter.BroadcastWithAck(ctx, &rooms.Packet{Event: "q", Args: []any{[]byte("bin")}}, target,
		func(n int) { counts <- n }, func(a rooms.Answer) { came <- a })
	must(t, err)
	var r asked
	for len(r.clients) < servers || len(r.answers) < answers {
		select {
		case n := <-counts:
			r.clients = append(r.clients, n)
		case a := <-came:
			r.answers = append(r.answers, strings.TrimPrefix(text(&rooms.Packet{Args: []any{
				rooms.RawArgs{Bytes: a.JSON, Count: 1, Binary: a.Binary},
			}}), " "))
		case <-ctx.Done():
			return r
		}
	}
	slices.Sort(r.clients)
	slices.Sort(r.answers)
	return r
}

func testAnswers(t *testing.T, c *cluster) {
	answer := func(id string) string { return fmt.Sprintf(`{"bin":"bin:%s","id":"%[1]s"}`, id) }
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := c.ask(ctx, t, everybody, 3, 6)
	want := []string{answer("a1"), answer("a2"), answer("b1"), answer("b2"), answer("c1"), answer("c2")}
	if !slices.Equal(r.clients, []int{2, 2, 2}) || !slices.Equal(r.answers, want) {
		t.Errorf("everybody: %v", r)
	}
	expect(t, "everybody", c.sync(t, 0), `q "bin:bin"`, "a1", "a2", "b1", "b2", "c1", "c2")
	r = c.ask(ctx, t, to("b", "c1"), 3, 3)
	if !slices.Equal(r.clients, []int{0, 1, 2}) || !slices.Equal(r.answers, []string{answer("b1"), answer("b2"), answer("c1")}) {
		t.Errorf("some: %v", r)
	}
	local := everybody
	local.Flags.Local = true
	r = c.ask(ctx, t, local, 1, 2)
	if !slices.Equal(r.clients, []int{2}) || !slices.Equal(r.answers, []string{answer("a1"), answer("a2")}) {
		t.Errorf("this server: %v", r)
	}
}

func (c *cluster) mute(i int) {
	s := c.servers[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.mute = true
}

func testAnswersOfSome(t *testing.T, c *cluster) {
	c.mute(2)
	ctx, cancel := context.WithCancel(t.Context())
	r := c.ask(ctx, t, everybody, 3, 4)
	if !slices.Equal(r.clients, []int{2, 2, 2}) || len(r.answers) != 4 {
		t.Errorf("%v", r)
	}
	cancel()
}

// reaches sends broadcasts to a target until they reach the receivers, and
// nobody else: an adapter may need a moment to hear of a room that is new.
func (c *cluster) reaches(t *testing.T, name string, target rooms.Target, receivers ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		must(t, c.servers[0].adapter.Broadcast(&rooms.Packet{Event: "e"}, target))
		var got []string
		for id, list := range c.sync(t, 0) {
			if len(list) > 0 {
				got = append(got, id)
			}
		}
		slices.Sort(got)
		if slices.Equal(got, receivers) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %q got a broadcast, want %q", name, got, receivers)
		}
	}
}

func testRooms(t *testing.T, c *cluster) {
	must(t, c.servers[0].adapter.SocketsJoin(to("b", "a1"), []string{"new", "more"}))
	c.reaches(t, "join", to("new"), "a1", "b1", "b2")
	target := everybody
	target.Except = []string{"b2"}
	must(t, c.servers[0].adapter.SocketsLeave(target, []string{"new"}))
	c.reaches(t, "leave", to("new"), "b2")
	c.reaches(t, "the other room", to("more"), "a1", "b1", "b2")
	target = to("c")
	target.Flags.Local = true
	must(t, c.servers[0].adapter.SocketsJoin(target, []string{"local"}))
	c.reaches(t, "this server", to("local"))
}

func testDisconnect(t *testing.T, c *cluster) {
	must(t, c.servers[0].adapter.DisconnectSockets(to("b1", "a1"), false))
	must(t, c.servers[0].adapter.DisconnectSockets(to("c"), true))
	c.sync(t, 0)
	want := map[string]string{"a1": "closeConn=false", "b1": "closeConn=false", "c1": "closeConn=true", "c2": "closeConn=true"}
	for _, s := range c.servers {
		s.mu.Lock()
		for id, x := range s.mu.sockets {
			if x.gone != want[id] {
				t.Errorf("%s: %q, want %q", id, x.gone, want[id])
			}
		}
		s.mu.Unlock()
	}
}

func testFetch(t *testing.T, c *cluster) {
	list, err := c.servers[0].adapter.FetchSockets(t.Context(), everybody)
	must(t, err)
	slices.SortFunc(list, func(a, b rooms.SocketInfo) int { return strings.Compare(a.ID, b.ID) })
	var got []string
	for _, s := range list {
		slices.Sort(s.Rooms)
		got = append(got, fmt.Sprintf("%s %v %s %s", s.ID, s.Rooms, compact(s.Handshake), compact(s.Data)))
	}
	want := []string{
		`b1 [b b1 ones] {"url":"/b1"} {"of":"b1"}`, `b2 [b b2] {"url":"/b2"} {"of":"b2"}`,
		`c1 [c c1 ones] {"url":"/c1"} {"of":"c1"}`, `c2 [c c2] {"url":"/c2"} {"of":"c2"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("everybody elsewhere: %q", got)
	}
	target := to("ones")
	target.Except = []string{"c"}
	list, err = c.servers[0].adapter.FetchSockets(t.Context(), target)
	if err != nil || len(list) != 1 || list[0].ID != "b1" {
		t.Errorf("some: %v, %v", list, err)
	}
}

func compact(raw json.RawMessage) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err.Error()
	}
	out, _ := json.Marshal(v)
	return string(out)
}

// soon is a time in which the servers that answer do so.
const soon = 2 * time.Second

func testFetchOfSome(t *testing.T, c *cluster) {
	c.mute(1)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	list, err := c.servers[0].adapter.FetchSockets(ctx, everybody)
	if err == nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

func testServerEvents(t *testing.T, c *cluster) {
	must(t, c.servers[0].adapter.ServerSideEmit(&rooms.Packet{Event: "e", Args: []any{1, "two", map[string]any{"3": nil}}}))
	for _, s := range c.servers[1:] {
		s.until(t, "an event between servers", func() bool { return len(s.mu.events) > 0 })
	}
	answers, err := c.servers[0].adapter.ServerSideEmitWithAck(t.Context(), &rooms.Packet{Event: "q", Args: []any{1}})
	must(t, err)
	if len(answers) != 2 || string(answers[0].JSON) != `"q 1"` || string(answers[1].JSON) != `"q 1"` {
		t.Errorf("answers %+v", answers)
	}
	for i, s := range c.servers {
		want := []string{`e 1 "two" {"3":null}`, "q 1"}
		if i == 0 {
			want = nil
		}
		if !slices.Equal(s.mu.events, want) {
			t.Errorf("server %d: %q", i, s.mu.events)
		}
	}
}

func testServerEventsOfSome(t *testing.T, c *cluster) {
	c.mute(2)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	answers, err := c.servers[0].adapter.ServerSideEmitWithAck(ctx, &rooms.Packet{Event: "q"})
	if err == nil || len(answers) != 1 {
		t.Errorf("%v, %v", answers, err)
	}
}

func testAllRooms(t *testing.T, c *cluster) {
	lister, ok := c.servers[0].adapter.(rooms.RoomLister)
	if !ok {
		return // not every adapter can
	}
	names, err := lister.AllRooms(t.Context())
	slices.Sort(names)
	if err != nil || !slices.Equal(slices.Compact(names), []string{"b", "c", "ones"}) {
		t.Errorf("%q, %v", names, err)
	}
}

func testClose(t *testing.T, c *cluster) {
	must(t, c.servers[2].adapter.Close())
	deadline := time.Now().Add(patience)
	for {
		n, err := c.servers[0].adapter.ServerCount(t.Context())
		if n == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d servers, %v, after one has closed", n, err)
		}
	}
	answers, err := c.servers[0].adapter.ServerSideEmitWithAck(t.Context(), &rooms.Packet{Event: "q"})
	if err != nil || len(answers) != 1 {
		t.Errorf("%v, %v", answers, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the one that has closed is waited for")
	}
}
