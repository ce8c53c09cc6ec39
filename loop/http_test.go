// Requests outside the engine's path: an ordinary http.Handler on the same port.

package loop_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s, %s", r.PathValue("name"), r.URL.Query().Get("q"))
	})
	m.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-echo")
		_, _ = w.Write(body)
	})
	m.HandleFunc("/about", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s %s %v %s", r.Method, r.Host, r.URL, r.Proto, r.Header.Get("X-Test"), r.TransferEncoding, r.RemoteAddr)
	})
	m.HandleFunc("/header", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Add("Set-Cookie", "a=1")
		h.Add("Set-Cookie", "b=2")
		h.Set("X-Bad", "one\r\nX-Injected: two")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late
	})
	m.HandleFunc("/html", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><p>x") })
	m.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) {})
	m.HandleFunc("/interim", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
	})
	m.HandleFunc("/204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	m.HandleFunc("/panic", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "half"); panic("on purpose") })
	m.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	m.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(12) })
	m.Handle("/redirect", http.RedirectHandler("/hello/x", http.StatusFound))
	return m
}

// askHTTP sends a request and reads the whole answer.
func askHTTP(t *testing.T, c *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	a, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return a, string(body)
}

// webClient is a client with connections of its own.
func webClient(t *testing.T) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return overTest(c), nil
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestHTTP(t *testing.T) {
	s := serve(t, loop.Config{HTTP: routes()}, nil)
	client := webClient(t)
	check := func(method, path, body string, status int, want string, fields ...string) http.Header {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+s.addr()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			r.Header.Set(name, value)
		}
		a, got := askHTTP(t, client, r)
		if a.StatusCode != status || got != want {
			t.Errorf("%s %s: %d %.100q, want %d %.100q", method, path, a.StatusCode, got, status, want)
		}
		if len(a.Header["Date"]) != 1 {
			t.Errorf("%s %s: Date %q", method, path, a.Header["Date"])
		}
		return a.Header
	}
	if h := check("GET", "/hello/a%20b?q=1%2B1", "", 200, "hello a b, 1+1"); h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("fields %v", h)
	}
	check("POST", "/echo", "", 200, "")
	if h := check("POST", "/echo", "body\x00\xff", 200, "body\x00\xff"); h.Get("Content-Type") != "application/x-echo" {
		t.Errorf("fields %v", h)
	}
	large := strings.Repeat("0123456789", 99_000)
	check("POST", "/echo", large, 200, large)
	if h := check("GET", "/header", "", http.StatusTeapot, ""); len(h["Set-Cookie"]) != 2 || h.Get("X-Injected") != "" || h.Get("X-Bad") != "one  X-Injected: two" {
		t.Errorf("fields %v", h)
	}
	if h := check("GET", "/html", "", 200, "<!DOCTYPE html><p>x"); !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		t.Errorf("fields %v", h)
	}
	check("GET", "/empty", "", 200, "")
	check("GET", "/interim", "", http.StatusAccepted, "")
	check("GET", "/204", "", 204, "")
	if h := check("HEAD", "/hello/x", "", 200, ""); h.Get("Content-Length") != "9" {
		t.Errorf("fields %v", h)
	}
	check("DELETE", "/hello/x", "", 405, "Method Not Allowed\n")
	check("GET", "/nowhere", "", 404, "404 page not found\n")
	if h := check("GET", "/redirect", "", 302, "<a href=\"/hello/x\">Found</a>.\n\n"); h.Get("Location") != "/hello/x" {
		t.Errorf("fields %v", h)
	}
	// A panic costs its connection, and nothing else.
	for path, logged := range map[string]int{"/panic": 1, "/abort": 0, "/status": 1} {
		before := s.log.count("panic in the HTTP handler")
		if a, err := client.Get("http://" + s.addr() + path); err == nil {
			_ = a.Body.Close()
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
		if n := s.log.count("panic in the HTTP handler") - before; n < logged || logged == 0 && n > 0 {
			t.Errorf("%s: %d panics logged:\n%s", path, n, s.log)
		}
	}
	check("GET", "/hello/still", "", 200, "hello still, ")
	if n := s.stats(t).Panics; int(n) != s.log.count("panic in the HTTP handler") {
		t.Errorf("%d panics counted", n)
	}
	_, _ = s.connect(t, "websocket")
}

// TestHTTPBodies: chunked, in pieces, pipelined; too large is refused.
func TestHTTPBodies(t *testing.T) {
	t.Parallel()
	s := serve(t, loop.Config{HTTP: routes(), MaxHTTPBufferSize: 1000}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	chunked := "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
	for i := range chunked { // byte by byte
		if _, err := io.WriteString(w, chunked[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := w.response("POST"); err != nil || r.body != "hello world" {
		t.Fatalf("chunked: %v, %v", r, err)
	}
	exact := strings.Repeat("x", 1000)
	pipeline := requestText("POST", "/echo", "first") + chunked + requestText("GET", "/hello/third", "") + requestText("POST", "/echo", exact)
	if _, err := io.WriteString(w, pipeline); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"first", "hello world", "hello third, ", exact} {
		if r, err := w.response("POST"); err != nil || r.body != want {
			t.Fatalf("pipelined %d: %v, %v", i, r, err)
		}
	}
	if r, err := w.exchange("POST", "/echo", exact+"x"); err != nil || r.status != 413 {
		t.Fatalf("too large: %v, %v", r, err)
	}
	if _, err := w.r.ReadByte(); err != io.EOF {
		t.Errorf("after the refusal: %v", err)
	}
	for _, n := range []int{1000, 1001} {
		w2, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w2.Close() }()
		text := fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("x", n))
		if _, err := io.WriteString(w2, text); err != nil {
			t.Fatal(err)
		}
		want := map[int]int{1000: 200, 1001: 400}[n]
		if r, err := w2.response("POST"); err != nil || r.status != want {
			t.Errorf("%d bytes in chunks: %v, %v", n, r, err)
		}
	}
}

func TestHTTPDefault(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for _, path := range []string{"/", "/index.html", "/socket.io", "/socket.iox/", "/Socket.IO/"} {
		if r, err := w.exchange("GET", path, ""); err != nil || r.status != 404 || r.body != "" {
			t.Errorf("%s: %v, %v", path, r, err)
		}
	}
	for _, method := range []string{"HEAD", "OPTIONS", "PUT", "BREW"} {
		if r, err := w.exchange(method, "/", ""); err != nil || r.status != 404 {
			t.Errorf("%s: %v, %v", method, r, err)
		}
	}
}

// TestHTTPSlowHandler: a handler that takes its time delays nobody else, and
// may answer a connection that is gone.
func TestHTTPSlowHandler(t *testing.T) {
	entered, release := make(chan context.Context, 10), make(chan struct{})
	s := serve(t, loop.Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- r.Context()
			<-release
		}
		fmt.Fprint(w, r.URL.Path)
	})}, onSync)
	c, _ := s.connect(t, "websocket")
	var slow []*wire
	var contexts []context.Context
	for range 3 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		if err := w.request("GET", "/slow", ""); err != nil {
			t.Fatal(err)
		}
		contexts = append(contexts, within(t, "the handler", entered))
		slow = append(slow, w)
	}
	slow[0].reset()
	within(t, "the end of the context of a client that is gone", contexts[0].Done())
	if contexts[1].Err() != nil {
		t.Error("the context of another has ended")
	}
	c.sync(t)
	quick, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = quick.Close() }()
	if r, err := quick.exchange("GET", "/quick", ""); err != nil || r.body != "/quick" {
		t.Fatalf("%v, %v", r, err)
	}

	// A shutdown gives it a moment, and takes no more requests.
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if _, err := quick.r.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection at the shutdown: %v", err)
	}
	close(release)
	for _, w := range slow[1:] {
		if r, err := w.response("GET"); err != nil || r.body != "/slow" {
			t.Errorf("answer during the shutdown: %v, %v", r, err)
		}
	}
	c.expectClosed(t, 1005)
	if err := within(t, "the end", stopped); err != nil {
		t.Error(err)
	}
}
