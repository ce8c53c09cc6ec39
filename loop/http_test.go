// Requests outside the engine's path: an ordinary http.Handler on the same port.

package loop_test

import (
	"context"
	"fmt"
	"io"
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
		if err != nil || int64(len(body)) != r.ContentLength {
			http.Error(w, "body", http.StatusInternalServerError)
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
		h.Set("Content-Length", "9999")
		h.Set("Connection", "close")
		h.Set("Transfer-Encoding", "chunked")
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

func TestHTTP(t *testing.T) {
	s := serve(t, loop.Config{HTTP: routes()}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	check := func(method, path, body string, status int, want string, fields ...string) *response {
		t.Helper()
		r, err := w.exchange(method, path, body, fields...)
		if err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
		if r.status != status || r.body != want {
			t.Errorf("%s %s: %d %.100q, want %d %.100q", method, path, r.status, r.body, status, want)
		}
		if r.field("Date") == "" || len(r.fields["date"]) != 1 {
			t.Errorf("%s %s: Date %q", method, path, r.fields["date"])
		}
		return r
	}
	// All on one connection.
	r := check("GET", "/hello/a%20b?q=1%2B1", "", 200, "hello a b, 1+1")
	if r.proto != "HTTP/1.1" || r.field("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("answer %+v", r)
	}
	check("POST", "/echo", "", 200, "")
	if r := check("POST", "/echo", "body\x00\xff", 200, "body\x00\xff"); r.field("Content-Type") != "application/x-echo" {
		t.Errorf("Content-Type %q", r.field("Content-Type"))
	}
	large := strings.Repeat("0123456789", 99_000)
	check("POST", "/echo", large, 200, large)
	check("GET", "/about?x", "", 200, "GET test /about?x HTTP/1.1 yes [] "+w.LocalAddr().String(), "X-Test: yes")
	r = check("GET", "/header", "", http.StatusTeapot, "")
	if c := r.fields["set-cookie"]; len(c) != 2 || r.field("X-Injected") != "" || r.field("X-Bad") != "one  X-Injected: two" {
		t.Errorf("fields %v", r.fields)
	}
	if r := check("GET", "/html", "", 200, "<!DOCTYPE html><p>x"); !strings.HasPrefix(r.field("Content-Type"), "text/html") {
		t.Errorf("Content-Type %q", r.field("Content-Type"))
	}
	check("GET", "/empty", "", 200, "")
	check("GET", "/interim", "", http.StatusAccepted, "")
	check("GET", "/204", "", 204, "")
	if r := check("HEAD", "/hello/x", "", 200, ""); r.field("Content-Length") != "9" {
		t.Errorf("HEAD: Content-Length %q", r.field("Content-Length"))
	}
	check("DELETE", "/hello/x", "", 405, "Method Not Allowed\n")
	check("GET", "/nowhere", "", 404, "404 page not found\n")
	if r := check("GET", "/redirect", "", 302, "<a href=\"/hello/x\">Found</a>.\n\n"); r.field("Location") != "/hello/x" {
		t.Errorf("Location %q", r.field("Location"))
	}
	check("GET", "/panic", "", 500, "")
	check("GET", "/abort", "", 500, "")
	check("GET", "/status", "", 500, "")
	check("GET", "/hello/still", "", 200, "hello still, ")
	if n := s.log.count("panic in the HTTP handler"); n != 2 {
		t.Errorf("%d panics logged:\n%s", n, s.log)
	}
	if n := s.stats(t).Panics; n != 2 {
		t.Errorf("%d panics counted", n)
	}
	_, _ = s.connect(t, "websocket")
}

// TestHTTPBodies: chunked, in pieces, pipelined; too large is refused.
func TestHTTPBodies(t *testing.T) {
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
	w2, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w2.Close() }()
	if r, err := w2.exchange("GET", "/hello/x", "", "Connection: close"); err != nil || r.body != "hello x, " {
		t.Fatalf("%v, %v", r, err)
	}
	if _, err := w2.r.ReadByte(); err != io.EOF {
		t.Errorf("after Connection: close: %v", err)
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
	entered, release := make(chan struct{}, 10), make(chan struct{})
	s := serve(t, loop.Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			entered <- struct{}{}
			<-release
		}
		fmt.Fprint(w, r.URL.Path)
	})}, onSync)
	c, _ := s.connect(t, "websocket")
	var slow []*wire
	for range 3 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		if err := w.request("GET", "/slow", ""); err != nil {
			t.Fatal(err)
		}
		within(t, "the handler", entered)
		slow = append(slow, w)
	}
	slow[0].reset()
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
	eventually(t, "new requests are refused", func() bool {
		r, err := quick.exchange("GET", "/quick", "")
		return err == nil && r.status == http.StatusServiceUnavailable
	})
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
