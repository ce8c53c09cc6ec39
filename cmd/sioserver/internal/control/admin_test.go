// Keys, health, the live tail, administration, and the document.

package control

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
)

//effect:keys control.keys[].key control.keys[].sha256 control.keys[].scopes control.keys[].cidrs control.keys[].rate
func TestKeys(t *testing.T) {
	c := settings()
	hash := sha256.Sum256([]byte("hashed"))
	c.Control.Keys = append(c.Control.Keys,
		config.Key{Name: "hashed", SHA256: hex.EncodeToString(hash[:]), Scopes: []string{"read"}},
		config.Key{Name: "far", Key: "far", Scopes: []string{"read"}, CIDRs: []string{"10.0.0.0/8"}},
		config.Key{Name: "near", Key: "near", Scopes: []string{"read"}, CIDRs: []string{"10.0.0.0/8", "127.0.0.1/32"}},
		config.Key{Name: "slow", Key: "slow", Scopes: []string{"read"}, Rate: 0.001},
	)
	p := serving(t, c, Options{})
	status := func(key string) int { return p.do(key, "GET", "/api/v1/namespaces", "").status }
	for key, want := range map[string]int{"hashed": 200, "far": 403, "near": 200, "emit": 403, "admin": 200, "": 401, hex.EncodeToString(hash[:]): 401} {
		if got := status(key); got != want {
			t.Errorf("key %q: %d, want %d", key, got, want)
		}
	}
	if got := status("slow"); got != 200 {
		t.Errorf("the first request of a slow key: %d", got)
	}
	a := p.do("slow", "GET", "/api/v1/namespaces", "")
	if a.status != 429 || a.header.Get("Retry-After") != "1000" || a.Error.Code != "rate_limited" {
		t.Errorf("the second: %d %v", a.status, a.header)
	}
	// A reload keeps what was used of a rate, and takes keys away.
	next := *c
	next.Control.Keys = next.Control.Keys[1:]
	if err := p.n.Reload(&next); err != nil {
		t.Fatal(err)
	}
	if a, b := status("slow"), p.do("emit", "POST", "/api/v1/emit", `{"event":"x"}`).status; a != 429 || b != 401 {
		t.Errorf("after a reload: %d, %d", a, b)
	}
	for _, bad := range []config.Key{{Name: "both", Key: "x", SHA256: "y"}, {Name: "neither"}, {Name: "short", SHA256: "abcd"}, {Name: "cidr", Key: "x", CIDRs: []string{"10.0.0.0/99"}}} {
		next.Control.Keys = []config.Key{bad}
		if err := p.n.Reload(&next); err == nil || !strings.Contains(err.Error(), bad.Name) {
			t.Errorf("%s: %v", bad.Name, err)
		}
	}
	if got := status("near"); got != 200 {
		t.Errorf("after reloads that failed: %d", got)
	}
}

// health is a Health for tests.
type health struct{ live, ready bool }

func (h *health) Live() []Check { return []Check{{"loop_0", h.live, "answered"}} }

func (h *health) Ready() []Check {
	return []Check{{"started", true, ""}, {"draining", h.ready, "closing"}}
}

func TestHealth(t *testing.T) {
	h := &health{true, true}
	p := serving(t, settings(), Options{Health: h})
	for _, x := range []struct {
		live, ready bool
		path        string
		status      int
		body        string
	}{
		{true, true, "/livez", 200, `{"ok":true}`},
		{true, true, "/readyz", 200, `{"ok":true}`},
		{true, false, "/livez", 200, `{"ok":true}`},
		{true, false, "/readyz", 503, `{"ok":false,"reasons":[{"name":"draining","ok":false,"detail":"closing"}]}`},
		{true, false, "/healthz", 503, ""},
		{false, true, "/livez?verbose", 503, `{"checks":[{"name":"loop_0","ok":false,"detail":"answered"}],"ok":false,"reasons":[{"name":"loop_0","ok":false,"detail":"answered"}]}`},
		{true, true, "/readyz?verbose", 200, `{"checks":[{"name":"started","ok":true},{"name":"draining","ok":true,"detail":"closing"}],"ok":true}`},
	} {
		h.live, h.ready = x.live, x.ready
		a := p.do("", "GET", x.path, "")
		if a.status != x.status || x.body != "" && strings.TrimSpace(string(a.body)) != x.body {
			t.Errorf("%s: %d %s", x.path, a.status, a.body)
		}
	}
}

// drainer is a Drainer for tests.
type drainer struct{ status DrainStatus }

func (d *drainer) Begin(over time.Duration, rate float64) bool {
	if d.status.State != "serving" {
		return false
	}
	d.status = DrainStatus{State: "closing", Total: int(over.Seconds()), Rate: rate}
	return true
}

func (d *drainer) Cancel() bool {
	was := d.status.State
	d.status = DrainStatus{State: "serving"}
	return was == "closing"
}

func (d *drainer) Status() DrainStatus { return d.status }

func TestAdmin(t *testing.T) {
	d := &drainer{DrainStatus{State: "serving"}}
	reload := errors.New("line 3: no such key")
	c := settings()
	p := serving(t, c, Options{Drain: d})
	level := p.n.Level
	p.n.SetLoader(&config.Loaded{Config: c}, func() (*config.Loaded, error) {
		next := *c
		next.Limits.APIBody = 200_000
		return &config.Loaded{Config: &next}, reload
	})
	for _, x := range []struct {
		method, path, body string
		status             int
		inside             string
	}{
		{"POST", "/admin/reload", "", 422, "line 3"},
		{"POST", "/admin/log-level", `{"level":"debug"}`, 200, `{"level":"debug","before":"info"}`},
		{"POST", "/admin/log-level", `{"level":"loud"}`, 422, `"field":"level"`},
		{"POST", "/admin/log-level", `{"level":"info","for":"x"}`, 422, `"field":"for"`},
		{"GET", "/admin/drain", "", 200, `"serving"`},
		{"DELETE", "/admin/drain", "", 409, "conflict"},
		{"POST", "/admin/drain", `{"over":"x"}`, 422, `"field":"over"`},
		{"POST", "/admin/drain", `{"rate":"-1"}`, 422, `"field":"rate"`},
		{"POST", "/admin/drain", `{"over":"30s","rate":"500/s"}`, 200, `"total":30,"remaining":0,"rate":500`},
		{"POST", "/admin/drain", "", 409, "conflict"},
		{"DELETE", "/admin/drain", "", 200, `"serving"`},
		{"GET", "/webhooks", "", 200, `"items":[]`},
		{"POST", "/webhooks/x/retry", "", 404, "not_found"},
	} {
		a := p.do("admin", x.method, "/api/v1"+x.path, x.body)
		if a.status != x.status || !strings.Contains(string(a.body), x.inside) {
			t.Errorf("%s %s %s: %d %s", x.method, x.path, x.body, a.status, a.body)
		}
		if a := p.do("manage", x.method, "/api/v1"+x.path, x.body); a.status != 403 {
			t.Errorf("%s %s by another key: %d", x.method, x.path, a.status)
		}
	}
	if level.Level() != slog.LevelDebug {
		t.Errorf("the level is %s", level.Level())
	}
	reload = nil
	if r := p.post("/admin/reload", ""); !strings.Contains(r, "limits.api_body") || p.body.Load() != 200_000 {
		t.Error(r)
	}
	p.post("/admin/log-level", `{"level":"error","for":"1ms"}`)
	tick, deadline := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for level.Level() != slog.LevelDebug {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the level does not come back")
		}
	}
	bare := serving(t, settings(), Options{})
	if a := bare.do("admin", "POST", "/api/v1/admin/drain", ""); a.status != 501 {
		t.Errorf("without a drainer: %d %s", a.status, a.body)
	}
}

// tailing opens a live tail.
func (p *plane) tailing(query string) *bufio.Scanner {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	p.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", p.base+"/api/v1/events?"+query, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-API-Key", "admin")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != 200 {
		p.t.Fatal(res, err)
	}
	p.t.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != ": connected" {
		p.t.Fatalf("the first line is %q", lines.Text())
	}
	return lines
}

// nextEvent reads the next event of a live tail.
func nextEvent(t *testing.T, lines *bufio.Scanner) (e lifecycle.Event) {
	t.Helper()
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			return e
		}
	}
	t.Fatal("the tail has ended", lines.Err())
	return e
}

func TestLiveTail(t *testing.T) {
	p := serving(t, settings(), Options{})
	all := p.tailing("")
	some := p.tailing("types=user.*,room.occupied&namespace=/chat")
	for _, e := range []lifecycle.Event{
		{Type: lifecycle.SocketConnected, Namespace: "/", Meta: json.RawMessage(`{"secret":1}`)},
		{Type: lifecycle.UserOnline, Namespace: "/", User: "ann"},
		{Type: lifecycle.UserOnline, Namespace: "/chat", User: "bob"},
		{Type: lifecycle.RoomOccupied, Namespace: "/chat", Room: "r"},
	} {
		p.n.Bus.Publish(&e)
	}
	for _, want := range []string{"socket.connected ", "user.online ann", "user.online bob", "room.occupied "} {
		if e := nextEvent(t, all); e.Type+" "+e.User != want || e.Meta != nil {
			t.Errorf("%+v, want %s", e, want)
		}
	}
	if e := nextEvent(t, some); e.User != "bob" {
		t.Errorf("%+v", e)
	}
	if e := nextEvent(t, some); e.Room != "r" {
		t.Errorf("%+v", e)
	}
	for _, query := range []string{"sample=2", "sample=x", "sample=0", "types=%5B"} {
		if a := p.do("admin", "GET", "/api/v1/events?"+query, ""); a.status != 422 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	for range tailsMost - 2 {
		p.tailing("")
	}
	if a := p.do("admin", "GET", "/api/v1/events", ""); a.status != 409 {
		t.Errorf("one too many: %d %s", a.status, a.body)
	}
}

// TestTailSample: a share of the events passes, and what a slow one misses is
// counted.
func TestTailSample(t *testing.T) {
	f := filter{share: 0.1}
	passed := 0
	for range 10_000 {
		if f.passes(&lifecycle.Event{Type: "x"}) {
			passed++
		}
	}
	if passed < 500 || passed > 2000 {
		t.Errorf("%d of 10000 pass a share of 0.1", passed)
	}
	if x, err := share("1/4"); x != 0.25 || err != nil {
		t.Error(x, err)
	}
	s := &tail{filter: filter{share: 1}, events: make(chan *lifecycle.Event, 2)}
	for range 5 {
		s.add(&lifecycle.Event{})
	}
	if n := s.dropped.Load(); n != 3 {
		t.Errorf("%d dropped, want 3", n)
	}
}

// TestDocument: it has every endpoint, its scope, and the fields of its body.
func TestDocument(t *testing.T) {
	p := serving(t, settings(), Options{Version: "1.2.3"})
	a := p.do("", "GET", "/api/v1/openapi.json", "")
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			Scope       string `json:"x-scope"`
			RequestBody any
			Parameters  []struct{ Name string }
		}
	}
	if err := json.Unmarshal(a.body, &doc); err != nil || a.status != 200 {
		t.Fatal(a.status, err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("%+v", doc.Info)
	}
	page := p.do("", "GET", "/api/v1/docs", "")
	manual, err := os.ReadFile("../../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, e := range p.endpoints() {
		o, ok := doc.Paths[e.path][strings.ToLower(e.method)]
		if !ok || o.Scope != e.scope || (o.RequestBody != nil) != (e.request != nil) {
			t.Errorf("%s %s: %+v", e.method, e.path, o)
		}
		for _, param := range e.query {
			found := false
			for _, q := range o.Parameters {
				found = found || q.Name == param.name
			}
			if !found {
				t.Errorf("%s %s: no parameter %s", e.method, e.path, param.name)
			}
		}
		if text := e.method + " /api/v1" + e.path; !strings.Contains(string(page.body), text) {
			t.Errorf("the page has no %s", text)
		}
		if text := fmt.Sprintf("`%s %s`", e.method, e.path); !strings.Contains(string(manual), text) {
			t.Errorf("docs/api.md has no %s", text)
		}
		// Every route is served, and by its own method: nobody without a key gets in.
		if a := p.do("", e.method, "/api/v1"+e.path, ""); e.scope != scopeNone && a.status != 401 {
			t.Errorf("%s %s without a key: %d", e.method, e.path, a.status)
		}
		count++
	}
	n := 0
	for _, path := range doc.Paths {
		n += len(path)
	}
	if n != count || count < 25 {
		t.Errorf("%d operations, %d endpoints", n, count)
	}
	for code, status := range statuses {
		if text := fmt.Sprintf("| `%s` | %d |", code, status); !strings.Contains(string(manual), text) {
			t.Errorf("docs/api.md has no row %s", text)
		}
	}
}

func TestPprof(t *testing.T) {
	c := settings()
	if a := serving(t, c, Options{}).do("admin", "GET", "/debug/pprof/", ""); a.status != 404 {
		t.Errorf("off: %d", a.status)
	}
	c.Control.Pprof = true
	p := serving(t, c, Options{})
	if a := p.do("manage", "GET", "/debug/pprof/", ""); a.status != 403 {
		t.Errorf("another scope: %d", a.status)
	}
	if a := p.do("admin", "GET", "/debug/pprof/goroutine?debug=1", ""); a.status != 200 || !strings.Contains(string(a.body), "goroutine profile") {
		t.Errorf("%d %.60s", a.status, a.body)
	}
}

// TestUnixSocket: its mode, one that was left behind, one that is in use.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	l, err := listen(t.Context(), "unix:"+path+"?mode=0640")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := listen(t.Context(), "unix:"+path); err == nil {
		t.Error("a socket in use was taken")
	}
	if _, err := listen(t.Context(), "unix:"+path+"x?mode=9"); err == nil {
		t.Error("mode 9")
	}
}
