// Emits as backends make them.

package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEmit(t *testing.T) {
	p := serving(t, settings(), Options{})
	ann, bob := p.Connect("/", who("ann", "tea")), p.Connect("/", who("bob", "tea", "quiet"))
	chat := p.Connect("/chat", who("ann"))
	p.post("/emit", `{"event":"all","data":{"n":1}}`)
	ann.Expect("all", map[string]any{"n": 1})
	bob.Expect("all", map[string]any{"n": 1})
	p.post("/emit", `{"to":["tea"],"except":["quiet"],"event":"some","args":[1,"two",{"$binary":"aGk="}]}`)
	if e := ann.Expect("some"); e.Args.Len() != 3 || string(e.Args.At(2).([]byte)) != "hi" {
		t.Errorf("%v", e.Args)
	}
	if r := p.post("/emit", `{"users":["bob","ann"],"event":"users","count":true,"volatile":true,"compress":false,"local":true}`); !strings.Contains(r, `"matched":2`) {
		t.Error(r)
	}
	ann.Expect("users")
	bob.Expect("users")
	p.post("/emit", `{"namespace":"/chat","event":"there"}`)
	chat.Expect("there")
	first := p.post("/emit", `{"event":"once","id":"m1"}`)
	again := p.post("/emit", `{"event":"once","id":"m1"}`)
	if first != `{"id":"m1"}` || again != `{"id":"m1","duplicate":true}` {
		t.Errorf("%s, then %s", first, again)
	}
	ann.Expect("once")
	bob.Expect("once")
	for _, s := range []interface{ ExpectNothing() }{ann, bob, chat} {
		s.ExpectNothing()
	}
}

// TestEmitFaults: each error has its code, status and field, and nothing is sent.
//
//effect:keys control.keys[].namespaces
func TestEmitFaults(t *testing.T) {
	c := settings()
	c.Control.Keys = append(c.Control.Keys, config2("chat", "/chat")) // its namespaces
	p := serving(t, c, Options{})
	ann := p.Connect("/", who("ann"))
	for _, x := range []struct {
		key, body    string
		status       int
		code, inside string
	}{
		{"emit", `{`, 400, "invalid_json", ""},
		{"emit", `{"event":"a"} {}`, 400, "invalid_json", ""},
		{"emit", `{"event":1}`, 422, "invalid_field", "event"},
		{"emit", `{"event":"a","evnt":2}`, 422, "invalid_field", "evnt"},
		{"emit", `{}`, 422, "invalid_field", "event"},
		{"emit", `{"event":"connect"}`, 422, "reserved_event", "event"},
		{"emit", `{"event":"a","args":[],"data":1}`, 422, "invalid_field", "data"},
		{"emit", `{"event":"a","args":[{"$binary":"%"}]}`, 422, "invalid_field", "args"},
		{"emit", `{"event":"a","to":[""]}`, 422, "invalid_field", "to"},
		{"emit", `{"event":"a","namespace":"/nope"}`, 404, "unknown_namespace", "namespace"},
		{"emit", `{"event":"a","id":"` + strings.Repeat("x", 129) + `"}`, 422, "invalid_field", "id"},
		{"emit", `{"event":"a","ack":{"timeout_ms":-1}}`, 422, "invalid_field", "ack.timeout_ms"},
		{"emit", `{"event":"a","data":"` + strings.Repeat("x", 100_000) + `"}`, 413, "payload_too_large", ""},
		{"chat", `{"event":"a"}`, 403, "forbidden", "namespace"},
		{"read", `{"event":"a"}`, 403, "forbidden", ""},
		{"", `{"event":"a"}`, 401, "unauthorized", ""},
		{"wrong", `{"event":"a"}`, 401, "unauthorized", ""},
	} {
		a := p.do(x.key, "POST", "/api/v1/emit", x.body)
		if a.status != x.status || a.OK || a.Error.Code != x.code || a.Error.Field != x.inside || a.Error.Message == "" {
			t.Errorf("%.60s: %d %s", x.body, a.status, a.body)
		}
		if a.header.Get("X-Request-Id") == "" || (a.status == 401) != (a.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%.60s: %v", x.body, a.header)
		}
	}
	// What failed can be tried again under its id.
	p.do("emit", "POST", "/api/v1/emit", `{"event":"connect","id":"again"}`)
	if r := p.post("/emit", `{"event":"now","id":"again"}`); strings.Contains(r, "duplicate") {
		t.Error(r)
	}
	ann.Expect("now")
	ann.ExpectNothing()
}

func TestEmitWithAck(t *testing.T) {
	t.Parallel()
	p := serving(t, settings(), Options{})
	ann, bob, cid := p.Connect("/", who("ann", "room")), p.Connect("/", who("bob", "room")), p.Connect("/", who("", "room"))
	answers := make(chan string, 1)
	go func() {
		answers <- string(p.do("emit", "POST", "/api/v1/emit", `{"to":["room"],"event":"q","args":[7],"ack":{"timeout_ms":60000}}`).Result)
	}()
	ann.Expect("q", 7).Ack("yes", 1)
	bob.Expect("q", 7).Ack(map[string]any{"ok": true})
	cid.Expect("q", 7)
	cid.Drop()
	var r emitResult
	if err := json.Unmarshal([]byte(within(t, answers)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Expected != 3 || r.Received != 2 || r.Gone != 1 || r.TimedOut != 0 || len(r.Acks) != 2 {
		t.Errorf("%+v", r.AckResult)
	}
	for _, a := range r.Acks {
		want := map[string]string{"ann": `["yes",1]`, "bob": `[{"ok":true}]`}[a.User]
		if a.SID == "" || string(a.Args) != want {
			t.Errorf("%s answered %s", a.User, a.Args)
		}
	}
	// One answer is enough, and nobody answers in time.
	go func() {
		answers <- p.post("/emit", `{"to":["room"],"event":"q","ack":{"timeout_ms":60000,"min":1}}`)
	}()
	ann.Expect("q").Ack()
	if r := within(t, answers); !strings.Contains(r, `"received":1`) || !strings.Contains(r, `"args":[]`) {
		t.Error(r)
	}
	if r := p.post("/emit", `{"users":["ann"],"event":"late","ack":{"timeout_ms":1000}}`); !strings.Contains(r, `"timed_out":1,`) {
		t.Error(r)
	}
	if r := p.post("/emit", `{"to":["nobody"],"event":"q","ack":{}}`); !strings.Contains(r, `"expected":0`) {
		t.Error(r)
	}
}

func within(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("no answer")
		return ""
	}
}

func TestBatch(t *testing.T) {
	p := serving(t, settings(), Options{})
	ann := p.Connect("/", who("ann"))
	r := p.post("/emit/batch", `{"items":[{"event":"a"},{"event":"connect"},{"event":"b","id":"x"},{"event":"b","id":"x"}]}`)
	var b batchResult
	if err := json.Unmarshal([]byte(r), &b); err != nil {
		t.Fatal(err)
	}
	if len(b.Results) != 4 || !b.Results[0].OK || b.Results[1].OK || b.Results[1].Error.Code != "reserved_event" || !b.Results[3].Result.Duplicate {
		t.Error(r)
	}
	ann.Expect("a")
	ann.Expect("b")
	items := strings.Repeat(`{"event":"many"},`, batchItems)
	p.post("/emit/batch", `{"parallel":true,"items":[`+strings.TrimSuffix(items, ",")+`]}`)
	for range batchItems {
		ann.Expect("many")
	}
	ann.ExpectNothing()
	for _, body := range []string{`{"items":[]}`, `{"items":[` + items + `{"event":"one too many"}]}`} {
		if a := p.do("emit", "POST", "/api/v1/emit/batch", body); a.status != 422 || a.Error.Field != "items" {
			t.Errorf("%.40s: %d %s", body, a.status, a.body)
		}
	}
}

// TestStream: each line is answered before the next is sent.
func TestStream(t *testing.T) {
	p := serving(t, settings(), Options{})
	ann := p.Connect("/", who("ann"))
	body, lines := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", p.base+"/api/v1/emit/stream", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", "emit")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answers := bufio.NewScanner(res.Body)
	send := func(line string) (x itemResult) {
		if _, err := io.WriteString(lines, line); err != nil {
			t.Fatal(err)
		}
		if !answers.Scan() {
			t.Fatal("no answer", answers.Err())
		}
		if err := json.Unmarshal(answers.Bytes(), &x); err != nil {
			t.Fatalf("%q: %v", answers.Bytes(), err)
		}
		return x
	}
	for i := range 3 {
		if x := send(fmt.Sprintf(`{"event":"n","args":[%d]}`+"\n", i)); !x.OK {
			t.Errorf("%+v", x)
		}
		ann.Expect("n", i)
	}
	if x := send("\n{\"event\"\n"); x.OK || x.Error.Code != codeInvalidJSON {
		t.Errorf("%+v", x)
	}
	if x := send(`{"event":"x","data":"` + strings.Repeat("x", 100_000) + "\"}\n"); x.OK || x.Error.Code != codeTooLarge {
		t.Errorf("%+v", x)
	}
	if answers.Scan() {
		t.Errorf("the stream goes on behind a line that is too long: %q", answers.Bytes())
	}
	ann.ExpectNothing()
}

// TestRecent: ids are forgotten after their time, and when there are too many.
func TestRecent(t *testing.T) {
	now := time.Unix(1, 0)
	r := newRecent(3, time.Minute)
	r.now = func() time.Time { return now }
	for _, x := range []struct {
		name  string
		after time.Duration
		want  bool
	}{
		{"a", 0, true},
		{"a", 0, false},
		{"a", time.Minute - 1, false},
		{"a", 1, true},
		{"b", 0, true},
		{"c", 0, true},
		{"b", 0, false},
	} {
		if now = now.Add(x.after); r.begin(x.name) != x.want {
			t.Errorf("%s after %s: %v", x.name, x.after, !x.want)
		}
	}
	r.forget("a")
	if !r.begin("a") || r.early() != 0 {
		t.Errorf("a forgotten name is known, or %d were forgotten early", r.early())
	}
	if !r.begin("d") || r.begin("a") || !r.begin("b") {
		t.Error("not the oldest was forgotten")
	}
	if n := r.early(); n == 0 || len(r.names) > 3 {
		t.Errorf("%d forgotten early, %d names", n, len(r.names))
	}
}
