// The shared vectors against a running server: what it does with each packet
// and request, next to what the reference did.

package loop_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

type vector struct {
	Name, Proto, Outcome, Ours string
	Pre                        []string
	Send                       []vectorStep
	Seen                       struct {
		Events, Joined, HTTP []string
		ToClient             []string `json:"to_client"`
		SecondWS             []string `json:"second_ws"`
		EngineClose          string   `json:"engine_close"`
		WSClose              int      `json:"ws_close"`
	}
}

// record is what the server saw of a vector.
type record struct {
	mu      sync.Mutex
	events  []string
	joined  []string
	reasons []string // of the sockets' disconnects
	closed  string   // reason and error of the session, "" while it is open
}

// contract is the server that the vectors speak to.
type contract struct {
	*server
	mu      sync.Mutex
	records map[string]*record // by vector
	sids    map[string]string  // vectors by session
}

func (c *contract) record(name string) *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records[name] == nil {
		c.records[name] = &record{}
	}
	return c.records[name]
}

func serveContract(t *testing.T, cfg loop.Config) *contract {
	c := &contract{records: map[string]*record{}, sids: map[string]string{}}
	c.server = newServer(t, cfg)
	c.SpyOn(loop.Spy{
		Open: func(sid, query string) {
			q, _ := url.ParseQuery(query)
			c.mu.Lock()
			c.sids[sid] = q.Get("v")
			c.mu.Unlock()
		},
		Close: func(sid, reason string, err error) {
			c.mu.Lock()
			name := c.sids[sid]
			c.mu.Unlock()
			if err != nil {
				reason += ": " + err.Error()
			}
			r := c.record(name)
			r.mu.Lock()
			r.closed = reason
			r.mu.Unlock()
		},
	})
	for _, name := range []string{"/", "/chat", "/admin", "/sentinel"} {
		c.handlers(c.Of(name))
	}
	c.Of("/admin").Use(func(*loop.Socket) error {
		return &loop.Error{Message: "not allowed", Data: map[string]int{"c": 1}}
	})
	c.handlers(c.OfMatch(regexp.MustCompile(`^/dyn-\d+$`)))
	c.start(t)
	return c
}

func (c *contract) handlers(n *loop.Namespace) {
	of := func(s *loop.Socket) *record { return c.record(s.Handshake().Query().Get("v")) }
	n.OnConnection(func(s *loop.Socket) {
		r := of(s)
		r.mu.Lock()
		r.joined = append(r.joined, s.Namespace().Name())
		r.mu.Unlock()
	})
	n.OnDisconnect(func(s *loop.Socket, reason loop.DisconnectReason, _ error) {
		r := of(s)
		r.mu.Lock()
		r.reasons = append(r.reasons, string(reason))
		r.mu.Unlock()
	})
	n.OnAny(func(s *loop.Socket, e *loop.Event) {
		text := eventText(e)
		if strings.Contains(text, endOfVector) {
			return
		}
		r := of(s)
		r.mu.Lock()
		r.events = append(r.events, text)
		r.mu.Unlock()
	})
	n.On("echo", func(s *loop.Socket, e *loop.Event) {
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
			return
		}
		_ = s.EmitArgs("echo", e.Args())
	})
	n.On("askme", func(s *loop.Socket, _ *loop.Event) {
		r := of(s)
		_ = s.EmitAck("q", func(a loop.Args, err error) {
			if err == nil {
				r.mu.Lock()
				r.events = append(r.events, "ackreply, "+argsText(a))
				r.mu.Unlock()
			}
		})
	})
}

// eventText is an event as the vectors write it.
func eventText(e *loop.Event) string {
	name := canonical(e.Name())
	if strings.Trim(e.Name(), "0123456789") == "" {
		name = e.Name() // an integer name is delivered as its digits
	}
	text := name
	if e.Args().Len() > 0 {
		text += ", " + argsText(e.Args())
	}
	if e.WantsAck() {
		text += ", ack()"
	}
	return text
}

func argsText(a loop.Args) string {
	var list []string
	for i := range a.Len() {
		var v any
		if err := a.Decode(i, &v); err != nil {
			list = append(list, string(a.Raw(i))) // no Go value, such as 1e400
			continue
		}
		if b, ok := v.([]byte); ok {
			list = append(list, fmt.Sprintf("buf:%d", len(b)))
			continue
		}
		list = append(list, canonical(withoutBinary(v)))
	}
	return strings.Join(list, ", ")
}

func withoutBinary(v any) any {
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("buf:%d", len(v))
	case []any:
		for i := range v {
			v[i] = withoutBinary(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withoutBinary(v[k])
		}
	case float64:
		return v + 0 // -0 is 0
	}
	return v
}

func canonical(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// endOfVector is what the runner sends last, to know that all is over.
const endOfVector = "end of the vector"

// want is what a vector must bring.
type want struct {
	events   []string
	toClient []string
	joined   []string
	http     []string
	closed   string // beginning of the session's reason and error, "" if it stays
	wsCode   int    // of the close frame; of the candidate in the upgrade group
}

// reference is what the reference did.
func (v *vector) reference() want {
	return want{v.Seen.Events, v.Seen.ToClient, v.Seen.Joined, v.Seen.HTTP, v.Seen.EngineClose, v.Seen.WSClose}
}

func readVectors(t *testing.T) (list []vector) {
	data, err := os.ReadFile("testdata/sio.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestVectors(t *testing.T) {
	normal := serveContract(t, loop.Config{})
	// The same with clocks that run out while one waits for it.
	hasty := serveContract(t, loop.Config{
		UpgradeTimeout: 100 * time.Millisecond,
		Limits:         loop.Limits{AttachmentTime: 100 * time.Millisecond},
	})
	t.Run("all", func(t *testing.T) {
		known := map[string]bool{}
		for _, v := range readVectors(t) {
			known[v.Name] = true
			if strings.HasPrefix(v.Proto, "eio3") || slices.Contains(elsewhere, v.Name) {
				continue
			}
			c := normal
			if v.Name == "bin-never-arrives" || v.Name == "up-silent" {
				c = hasty
			}
			t.Run(v.Name, func(t *testing.T) {
				t.Parallel()
				c.check(t, &v)
			})
		}
		for _, name := range elsewhere {
			if !known[name] {
				t.Errorf("vector %s is left out but does not exist", name)
			}
		}
		for name := range otherwise {
			if !known[name] {
				t.Errorf("vector %s is expected but does not exist", name)
			}
		}
	})
}

func (c *contract) check(t *testing.T, v *vector) {
	w, other := otherwise[v.Name]
	switch {
	case !other && v.Ours == "same":
		w = v.reference()
	case !other:
		t.Fatalf("we are stricter, and the test does not know how")
	}
	got := &runner{t: t, c: c, v: v}
	got.run(&w)
	if v.Name == "ack-real-wrong-nsp" {
		// What two namespaces send is in no order.
		slices.Sort(got.toClient)
		slices.Sort(w.toClient)
	}
	compareTexts(t, "to the client", got.toClient, w.toClient)
	compareTexts(t, "http", got.http, w.http)
	if got.wsCode != w.wsCode {
		t.Errorf("close frame %d, want %d", got.wsCode, w.wsCode)
	}
	c.compare(t, v, &w)
}

// compare looks at what the server saw of a vector.
func (c *contract) compare(t *testing.T, v *vector, w *want) {
	t.Helper()
	r := c.record(v.Name)
	if w.closed != "" {
		eventually(t, "the session closes", func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.closed != "" && len(r.reasons) == len(r.joined)
		})
	}
	eventually(t, "the events are handled", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.events) >= wantedEvents(w.events) && len(r.joinedByTest()) >= len(w.joined)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if reason, _, _ := strings.Cut(w.closed, ": RangeError"); !strings.HasPrefix(r.closed, reason) || reason == "" && r.closed != "" {
		t.Errorf("session closed: %q, want %q", r.closed, w.closed)
	}
	if w.closed != "" {
		reason, _, _ := strings.Cut(r.closed, ":")
		for _, of := range r.reasons {
			if of != reason && of != "client namespace disconnect" {
				t.Errorf("socket disconnected: %q, the session closed: %q", of, r.closed)
			}
		}
	}
	compareTexts(t, "events", r.events, w.events)
	if w.joined != nil {
		compareTexts(t, "joined", r.joinedByTest(), slices.Sorted(slices.Values(w.joined)))
	}
}

// joinedByTest are the namespaces that the vector has joined, sorted: the
// connection handlers of two sockets run side by side. The lock is held.
func (r *record) joinedByTest() []string {
	joined := slices.DeleteFunc(slices.Clone(r.joined), func(n string) bool { return n == "/sentinel" })
	slices.Sort(joined)
	return joined
}

// wantedEvents is the number of events in a list that may be shortened.
func wantedEvents(events []string) int {
	if n := len(events); n > 0 {
		var all int
		if _, err := fmt.Sscanf(events[n-1], "... %d in all", &all); err == nil {
			return all
		}
	}
	return len(events)
}

// compareTexts allows for the ways in which the file shortens long texts and
// lists, and for what differs from run to run.
func compareTexts(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != wantedEvents(want) {
		t.Errorf("%s: %d texts %.300q, want %q", what, len(got), got, want)
		return
	}
	for i, w := range want {
		if strings.HasSuffix(w, " in all") {
			return
		}
		if !sameText(got[i], w) {
			t.Errorf("%s: %.300q, want %q", what, got[i], w)
		}
	}
}

func sameText(got, want string) bool {
	head, tail, cut := strings.Cut(want, `"sid":"*"`)
	if cut {
		return strings.HasPrefix(got, head+`"sid":"`) && strings.HasSuffix(got, tail)
	}
	if head, size, cut := strings.Cut(want, "...("); cut {
		var n int
		_, err := fmt.Sscanf(size, "%d)", &n)
		return err == nil && strings.HasPrefix(got, head) && len(got) >= n
	}
	if strings.HasPrefix(want, "42") && strings.HasSuffix(want, `["q"]`) {
		return strings.HasSuffix(got, `["q"]`) // the number of the question is anybody's
	}
	return got == want || sameJSON(got, want)
}

// sameJSON compares what a client would make of two messages.
func sameJSON(got, want string) bool {
	i, j := strings.IndexByte(got, '['), strings.IndexByte(want, '[')
	if i < 0 || j < 0 || got[:i] != want[:j] {
		return false
	}
	var a, b any
	if json.Unmarshal([]byte(got[i:]), &a) != nil || json.Unmarshal([]byte(want[j:]), &b) != nil {
		return false
	}
	return canonical(withoutBinary(a)) == canonical(withoutBinary(b))
}

// isClosed tells the end of a websocket from other errors.
func isClosed(err error) (code int, ok bool) {
	var closed *closedError
	if errors.As(err, &closed) {
		return closed.code, true
	}
	return 0, false
}
