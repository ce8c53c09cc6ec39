// Engine middleware, AllowRequest and header handlers over real sockets.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// ask sends a request on a connection of its own and returns the answer.
func (s *server) ask(t testing.TB, method, path string, fields ...string) *response {
	t.Helper()
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	r, err := w.exchange(method, path, "", fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

// askUpgrade asks for a websocket.
func (s *server) askUpgrade(t testing.TB, path string, fields ...string) *response {
	t.Helper()
	return s.ask(t, "GET", path, slices.Concat(fields, websocketFields)...)
}

const (
	pollingPath   = "/socket.io/?EIO=4&transport=polling"
	webSocketPath = "/socket.io/?EIO=4&transport=websocket"
)

// TestAllowRequest: who is let in, who is refused with what, who is not asked
// about, and panics.
func TestAllowRequest(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, loop.Config{AllowRequest: func(r *http.Request) error {
		asked.Add(1)
		if _, ok := r.Context().Deadline(); !ok || r.RemoteAddr == "" || r.Host != "test" {
			return fmt.Errorf("incomplete request: %v", r)
		}
		if b, err := io.ReadAll(r.Body); len(b) > 0 || err != nil {
			return fmt.Errorf("body %q, %v", b, err)
		}
		switch r.URL.Query().Get("who") {
		case "nobody":
			return errors.New(`no "nobody" <here>`)
		case "error":
			return fmt.Errorf("wrapped: %w", &loop.Error{Message: "told"})
		case "silent":
			return errors.New("")
		case "panic":
			panic("on purpose")
		case "goexit":
			runtime.Goexit()
		}
		return nil
	}}, onSync)
	for _, v := range []struct {
		who, json, text string
		status          int
	}{
		{"nobody", `{"code":4,"message":"no \"nobody\" <here>"}`, `no "nobody" <here>`, 403},
		{"error", `{"code":4,"message":"told"}`, "told", 403},
		{"silent", `{"code":4,"message":"Forbidden"}`, "Forbidden", 403},
		{"panic", `{"code":4,"message":"Forbidden"}`, "Forbidden", 403},
		{"goexit", `{"code":4,"message":"Forbidden"}`, "Forbidden", 403},
	} {
		r := s.ask(t, "GET", pollingPath+"&who="+v.who)
		if r.status != v.status || r.body != v.json || r.field("Content-Type") != "application/json" {
			t.Errorf("%s over polling: %d %s", v.who, r.status, r.body)
		}
		if r = s.askUpgrade(t, webSocketPath+"&who="+v.who); r.status != v.status || r.body != v.text {
			t.Errorf("%s over websocket: %d %s", v.who, r.status, r.body)
		}
	}
	if n := s.log.count("panic in AllowRequest"); n != 2 {
		t.Errorf("%d panics logged:\n%s", n, s.log)
	}
	if n := asked.Load(); n != 10 {
		t.Errorf("asked %d times, want 10", n)
	}
	for _, path := range []string{"/socket.io/?EIO=4&transport=x", pollingPath + "&sid=00000000000000000000", "/socket.io/?EIO=9&transport=polling"} {
		if r := s.ask(t, "GET", path); r.status != 400 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	if r := s.ask(t, "GET", pollingPath, "Origin: http://evil"); r.status != 403 {
		t.Errorf("a foreign origin: %d", r.status)
	}
	if n := asked.Load(); n != 10 {
		t.Errorf("asked about requests that are refused anyhow: %d", n)
	}
	for i, transport := range []string{"websocket", "polling", "upgrade"} {
		c, _ := s.connect(t, transport)
		c.sync(t)
		if n := asked.Load(); n != int64(11+i) {
			t.Errorf("%s: asked %d times, want once", transport, n-10-int64(i))
		}
	}
}

// TestEngineMiddleware: in order, for every request; fields, answers, errors,
// panics.
func TestEngineMiddleware(t *testing.T) {
	var mu sync.Mutex
	var calls []string
	var told []string
	s := serve(t, loop.Config{
		HTTP: routes(),
		OnError: func(sock *loop.Socket, err error) {
			mu.Lock()
			defer mu.Unlock()
			if sock == nil {
				told = append(told, err.Error())
			}
		},
	}, func(s *loop.Server) {
		onSync(s)
		s.UseEngine(func(w http.ResponseWriter, r *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			calls = append(calls, r.Method+" "+r.URL.Query().Get("transport"))
			w.Header().Add("X-Order", "first")
			w.Header().Set("Content-Type", "no/no")
			w.Header().Set("Sec-WebSocket-Accept", "no")
			w.Header().Set("Cache-Control", "no")
			w.Header().Set("X-Split", "a\r\nX-Injected: b")
			return nil
		})
		s.UseEngine(func(w http.ResponseWriter, r *http.Request) error {
			if w.Header().Get("X-Order") != "first" {
				return errors.New("out of order")
			}
			w.Header().Add("X-Order", "second")
			switch r.Header.Get("X-Do") {
			case "error":
				return errors.New("on purpose")
			case "panic":
				panic("on purpose")
			case "abort":
				panic(http.ErrAbortHandler)
			case "goexit":
				runtime.Goexit()
			case "answer":
				http.Error(w, "who are you?", http.StatusUnauthorized)
			case "redirect":
				http.Redirect(w, r, "/else", http.StatusFound)
			case "write":
				_, _ = io.WriteString(w, "<!DOCTYPE html>")
			}
			return nil
		})
	})
	const bad = `{"code":3,"message":"Bad request"}`
	for _, v := range []struct {
		do, body, text string
		status         int
	}{
		{"error", bad, "Bad request", 400},
		{"panic", bad, "Bad request", 400},
		{"abort", bad, "Bad request", 400},
		{"goexit", bad, "Bad request", 400},
		{"answer", "who are you?\n", "who are you?\n", 401},
		{"redirect", "", "", 302},
		{"write", "<!DOCTYPE html>", "<!DOCTYPE html>", 200},
	} {
		for _, r := range []*response{s.ask(t, "GET", pollingPath, "X-Do: "+v.do), s.askUpgrade(t, webSocketPath, "X-Do: "+v.do)} {
			if r.status != v.status || r.body != v.body && r.body != v.text {
				t.Errorf("%s: %d %q", v.do, r.status, r.body)
			}
			first := v.do == "panic" || v.do == "abort" || v.do == "goexit" // the second set its field in vain
			if got := strings.Join(r.fields["x-order"], " "); got != "first second" && !first || got != "first" && first {
				t.Errorf("%s: X-Order %q", v.do, got)
			}
			if len(r.fields["content-type"]) != 1 || r.field("Content-Type") == "no/no" && v.status == 400 {
				t.Errorf("%s: Content-Type %q", v.do, r.fields["content-type"])
			}
		}
	}
	mu.Lock()
	if len(calls) != 14 || len(told) != 2 || told[0] != "loop: engine middleware: on purpose" {
		t.Errorf("calls %q, told %q", calls, told)
	}
	calls = nil
	mu.Unlock()
	if n := s.log.count("panic in engine middleware"); n != 2 {
		t.Errorf("%d panics logged:\n%s", n, s.log)
	}

	// Errors of the engine have the fields as well, other paths have not.
	r := s.ask(t, "GET", "/socket.io/?EIO=4&transport=x")
	if r.status != 400 || strings.Join(r.fields["x-order"], " ") != "first second" || r.field("X-Split") != "a  X-Injected: b" ||
		r.field("Content-Type") != "application/json" || r.field("Cache-Control") != "no-store" {
		t.Errorf("%d %v", r.status, r.fields)
	}
	if r := s.ask(t, "GET", "/hello/x"); r.status != 200 || r.field("X-Order") != "" {
		t.Errorf("%d %v", r.status, r.fields)
	}
	if r := s.askUpgrade(t, webSocketPath); r.status != 101 || r.field("X-Order") != "first" || len(r.fields["sec-websocket-accept"]) != 1 {
		t.Errorf("%d %v", r.status, r.fields)
	}
	mu.Lock()
	if want := "[GET x GET websocket]"; fmt.Sprint(calls) != want {
		t.Errorf("calls %q, want %s", calls, want)
	}
	mu.Unlock()
	for _, transport := range []string{"polling", "upgrade", "websocket"} {
		c, _ := s.connect(t, transport)
		c.sync(t)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := strings.Count(fmt.Sprint(calls), "POST polling"); n < 2 {
		t.Errorf("calls %q", calls)
	}
}

type userKey struct{}

// TestHTTPMiddleware: a standard middleware, and what it puts into the context.
func TestHTTPMiddleware(t *testing.T) {
	var allowed atomic.Value
	sockets := make(chan *loop.Socket, 4)
	s := serve(t, loop.Config{AllowRequest: func(r *http.Request) error {
		allowed.Store(fmt.Sprint(r.Context().Value(userKey{})))
		return nil
	}}, func(s *loop.Server) {
		s.UseEngine(loop.HTTPMiddleware(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				user := r.URL.Query().Get("user")
				if r.URL.Query().Has("sid") {
					next.ServeHTTP(w, r)
					return
				}
				switch user {
				case "":
					return // answered with an empty 200
				case "evil":
					http.Error(w, "no", http.StatusTeapot)
					return
				}
				w.Header().Set("X-User", user)
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
				_, _ = io.WriteString(w, "too late")
				w.WriteHeader(500)
			})
		}))
		s.UseEngine(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("X-Seen", fmt.Sprint(r.Context().Value(userKey{})))
			return nil
		})
		s.OnConnection(func(sock *loop.Socket) { sockets <- sock })
	})
	if r := s.ask(t, "GET", pollingPath); r.status != 200 || r.body != "" {
		t.Errorf("%d %q", r.status, r.body)
	}
	if r := s.ask(t, "GET", pollingPath+"&user=evil"); r.status != http.StatusTeapot || r.body != "no\n" {
		t.Errorf("%d %q", r.status, r.body)
	}
	r := s.ask(t, "GET", pollingPath+"&user=ann")
	if r.status != 200 || r.field("X-User") != "ann" || r.field("X-Seen") != "ann" || allowed.Load() != "ann" || !strings.HasPrefix(r.body, "0{") {
		t.Errorf("%d %v %q, allowed %v", r.status, r.fields, r.body, allowed.Load())
	}
	for _, transport := range []string{"polling", "websocket"} {
		c, err := dialSession(s.addr(), transport, "user=bob")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.drop)
		if _, err := c.join("/", ""); err != nil {
			t.Fatal(err)
		}
		ctx := within(t, "the connection", sockets).Handshake().Context()
		if ctx.Value(userKey{}) != "bob" || ctx.Err() != nil || ctx.Done() != nil {
			t.Errorf("%s: context %v, %v", transport, ctx, ctx.Err())
		}
	}
}

// TestHeaderHandlers: the first answer of a session, and every answer that is no
// error.
func TestHeaderHandlers(t *testing.T) {
	var initial, all atomic.Int64
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		onSync(s)
		s.OnInitialHeaders(func(h http.Header, r *http.Request) {
			initial.Add(1)
			h.Set("X-Initial", r.URL.Query().Get("transport"))
		})
	})
	if r := s.ask(t, "GET", pollingPath); r.field("X-Initial") != "polling" {
		t.Errorf("%v", r.fields)
	}
	if r := s.askUpgrade(t, webSocketPath); r.field("X-Initial") != "websocket" {
		t.Errorf("%v", r.fields)
	}
	if r := s.ask(t, "POST", pollingPath); r.status != 400 || r.field("X-Initial") != "" || initial.Load() != 2 {
		t.Errorf("%d %v", r.status, r.fields)
	}
	s.OnHeaders(func(h http.Header, _ *http.Request) {
		all.Add(1)
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		h.Set("Content-Length", "7")
	})
	if r := s.ask(t, "GET", pollingPath); r.field("X-Initial") != "polling" || len(r.fields["set-cookie"]) != 2 || all.Load() != 1 {
		t.Errorf("%v", r.fields)
	}
	if r := s.ask(t, "GET", pollingPath+"&sid=00000000000000000000"); r.status != 400 || r.field("Set-Cookie") != "" || all.Load() != 2 {
		t.Errorf("%d %v", r.status, r.fields)
	}
	c, _ := s.connect(t, "upgrade")
	c.sync(t)
	if initial.Load() != 4 || all.Load() < 5 {
		t.Errorf("%d first answers, %d in all", initial.Load(), all.Load())
	}
	s.OnHeaders(func(http.Header, *http.Request) { panic("on purpose") })
	if r := s.ask(t, "GET", pollingPath); r.status != 400 || s.log.count("panic in a header handler") != 1 {
		t.Errorf("%d %s", r.status, s.log)
	}
}
