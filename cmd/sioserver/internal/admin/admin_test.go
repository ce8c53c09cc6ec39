// The page's own requests: who is let in, what a cookie can do, what the history holds.

package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/admin"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// host is a control plane with the page at /admin/ and an API that says who asked.
type host struct {
	*httptest.Server
	admin    *admin.Admin
	settings config.AdminUI
	keys     map[string][]string // scopes
	samples  atomic.Int64
}

func serve(t *testing.T) *host {
	h := &host{settings: config.AdminUI{SessionTTL: config.Duration(time.Hour)}, keys: map[string][]string{
		"root": {"admin"}, "viewer": {"read"}, "sender": {"emit"},
	}}
	h.admin = admin.New(admin.Options{
		Node:   func() string { return "n1" },
		Config: func() config.AdminUI { return h.settings },
		Identify: func(key string, _ *http.Request) (admin.Identity, bool) {
			scopes, ok := h.keys[key]
			return admin.Identity{Name: key, Scopes: scopes}, ok
		},
		Sample: func(context.Context) (admin.Sample, error) {
			n := h.samples.Add(1)
			return admin.Sample{Connections: int(n), Opened: uint64(10 * n), RSS: 1 << 20}, nil
		},
		State: func() admin.State { return admin.State{Ready: true, Connections: 7} },
		Settings: func() []config.Entry {
			return []config.Entry{{Key: "server.path", Value: json.RawMessage(`"/socket.io/"`), Source: "default"}}
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/admin/", h.admin.Handler("/admin/"))
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s cookie=%q", r.Method, r.Header.Get("Authorization"), r.Header.Get("Cookie"))
	})
	h.Server = httptest.NewServer(h.admin.Wrap(mux))
	t.Cleanup(h.Close)
	return h
}

// ask sends a request with fields "name: value" and returns status, body, cookie.
func (h *host) ask(t *testing.T, method, path, body string, fields ...string) (int, string, *http.Cookie) {
	t.Helper()
	r, err := http.NewRequest(method, h.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var cookie *http.Cookie
	if cs := resp.Cookies(); len(cs) > 0 {
		cookie = cs[0]
	}
	return resp.StatusCode, string(text), cookie
}

func (h *host) logIn(t *testing.T, key string) (field string) {
	t.Helper()
	status, body, cookie := h.ask(t, "POST", "/admin/session", fmt.Sprintf(`{"key":%q}`, key))
	if status != 200 || cookie == nil {
		t.Fatalf("%d %s %v", status, body, cookie)
	}
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge != 3600 || strings.Contains(cookie.Value, key) {
		t.Errorf("cookie %+v", cookie)
	}
	return "Cookie: " + cookie.Name + "=" + cookie.Value
}

func TestLogIn(t *testing.T) {
	h := serve(t)
	for _, body := range []string{`{"key":"wrong"}`, `{}`} {
		if status, text, cookie := h.ask(t, "POST", "/admin/session", body); status != 401 || cookie != nil {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if status, _, _ := h.ask(t, "POST", "/admin/session", "no JSON"); status != 400 {
		t.Errorf("no JSON: %d", status)
	}
	if status, _, _ := h.ask(t, "POST", "/admin/session", `{"key":"`+strings.Repeat("x", 5000)+`"}`); status != 400 {
		t.Errorf("a long body: %d", status)
	}
	if status, _, _ := h.ask(t, "GET", "/admin/session", ""); status != 401 {
		t.Errorf("without a cookie: %d", status)
	}
	root := h.logIn(t, "root")
	if status, body, _ := h.ask(t, "GET", "/admin/session", "", root); status != 200 || !strings.Contains(body, `"scopes":["admin"]`) || !strings.Contains(body, `"node":"n1"`) {
		t.Errorf("with one: %d %s", status, body)
	}
	if status, _, _ := h.ask(t, "DELETE", "/admin/session", "", root); status != 200 {
		t.Errorf("log out: %d", status)
	}
	if status, _, _ := h.ask(t, "GET", "/admin/session", "", root); status != 401 {
		t.Errorf("after it: %d", status)
	}
}

func TestScopes(t *testing.T) {
	h := serve(t)
	root, viewer, sender := h.logIn(t, "root"), h.logIn(t, "viewer"), h.logIn(t, "sender")
	for _, test := range []struct {
		path, cookie string
		status       int
	}{
		{"state", root, 200},
		{"state", viewer, 200},
		{"state", sender, 403},
		{"state", "", 401},
		{"history", viewer, 200},
		{"config", root, 200},
		{"config", viewer, 403},
		{"config", "", 401},
	} {
		fields := []string{}
		if test.cookie != "" {
			fields = append(fields, test.cookie)
		}
		if status, body, _ := h.ask(t, "GET", "/admin/"+test.path, "", fields...); status != test.status {
			t.Errorf("%s: %d %s, want %d", test.path, status, body, test.status)
		}
	}
	delete(h.keys, "viewer") // as a reload does
	if status, _, _ := h.ask(t, "GET", "/admin/state", "", viewer); status != 401 {
		t.Errorf("a key that is no more: %d", status)
	}
}

// TestCookieInTheAPI: the cookie stands for the key, but for nothing that a page
// of another origin could do with it.
//
//effect:keys control.admin_ui.session_ttl control.admin_ui.readonly
func TestCookieInTheAPI(t *testing.T) {
	h := serve(t)
	root := h.logIn(t, "root")
	own := "X-Sioserver-Admin: 1"
	for _, test := range []struct {
		name, method string
		fields       []string
		status       int
		body         string
	}{
		{"no cookie", "GET", nil, 200, `GET  cookie=""`},
		{"reads", "GET", []string{root}, 200, `GET Bearer root cookie=""`},
		{"a key of its own", "GET", []string{root, "Authorization: Bearer other"}, 200, `GET Bearer other`},
		{"changes", "POST", []string{root, own}, 200, `POST Bearer root`},
		{"changes without the header", "POST", []string{root}, 403, `forbidden`},
		{"a cookie that is none", "POST", []string{"Cookie: sioserver_admin=x", own}, 200, `POST  cookie`},
	} {
		status, body, _ := h.ask(t, test.method, "/api/v1/emit", "", test.fields...)
		if status != test.status || !strings.Contains(body, test.body) {
			t.Errorf("%s: %d %s", test.name, status, body)
		}
	}
	h.settings.ReadOnly = true
	if status, body, _ := h.ask(t, "POST", "/api/v1/emit", "", root, own); status != 403 || !strings.Contains(body, "reading only") {
		t.Errorf("read-only: %d %s", status, body)
	}
	if status, _, _ := h.ask(t, "GET", "/api/v1/stats", "", root); status != 200 {
		t.Errorf("read-only, reading: %d", status)
	}
	h.settings = config.AdminUI{SessionTTL: -1}
	if _, _, cookie := h.ask(t, "POST", "/admin/session", `{"key":"root"}`); cookie != nil {
		if status, _, _ := h.ask(t, "GET", "/admin/session", "", "Cookie: "+cookie.Name+"="+cookie.Value); status != 401 {
			t.Errorf("an old session: %d", status)
		}
	}
}

func TestPage(t *testing.T) {
	h := serve(t)
	for _, path := range []string{"", "app.js", "style.css", "dom.js"} {
		resp, err := http.Get(h.URL + "/admin/" + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	if status, _, _ := h.ask(t, "GET", "/admin/uPlot.esm.js", ""); status != 404 {
		t.Errorf("charts that this build does not have: %d", status)
	}
}

func TestHistory(t *testing.T) {
	h := serve(t)
	viewer := h.logIn(t, "viewer")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.admin.Run(ctx); close(done) }()
	type result struct {
		Result struct {
			Columns map[string][]float64
			Last    map[string]float64
			Keeps   int
		}
	}
	read := func(since float64) (r result) {
		_, body, _ := h.ask(t, "GET", fmt.Sprintf("/admin/history?since=%f", since), "", viewer)
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(body, err)
		}
		return r
	}
	var r result
	for deadline := time.Now().Add(time.Minute); len(r.Result.Columns["t"]) < 2; r = read(0) {
		if time.Now().After(deadline) {
			t.Fatal("no rows")
		}
		time.Sleep(50 * time.Millisecond) // between two looks
	}
	cancel()
	<-done
	r = read(0)
	n := len(r.Result.Columns["t"])
	for name, values := range r.Result.Columns {
		if len(values) != n {
			t.Errorf("%s has %d rows of %d", name, len(values), n)
		}
	}
	if c := r.Result.Columns["connections"]; !slices.IsSorted(c) || c[0] != 2 {
		t.Errorf("connections %v", c)
	}
	if o := r.Result.Columns["opened"][0]; o <= 0 || o > 11 {
		t.Errorf("%f opened a second", o)
	}
	if r.Result.Last["rss"] != 1<<20 || r.Result.Keeps != 900 {
		t.Errorf("%+v", r)
	}
	later := read(r.Result.Columns["t"][0])
	if len(later.Result.Columns["t"]) != n-1 {
		t.Errorf("%d rows of %d are later than the first", len(later.Result.Columns["t"]), n)
	}
}
