// Own routes on the server's port: streaming both ways, connections that go and come back, limits.

package loop_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/sioserver/sioserver/loop"
)

func TestHandleHTTP(t *testing.T) {
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text, r.PathValue("id")) }
	}
	s := serve(t, loop.Config{HTTP: answer("fallback")}, func(s *loop.Server) {
		s.HandleHTTP("GET /items/{id}", answer("item "))
		s.HandleHTTP("/files/", answer("files"))
	})
	client := webClient(t)
	check := func(method, path, want string) {
		t.Helper()
		r, _ := http.NewRequest(method, "http://"+s.addr()+path, nil)
		if _, body := askHTTP(t, client, r); body != want {
			t.Errorf("%s %s: %q, want %q", method, path, body, want)
		}
	}
	check("GET", "/items/7", "item 7")
	check("POST", "/items/7", "fallback")
	check("GET", "/files/a/b", "files")
	check("GET", "/", "fallback")
	s.HandleHTTP("/late", answer("late"))
	check("GET", "/late", "late")
	defer func() {
		if recover() == nil {
			t.Error("a pattern that conflicts is taken")
		}
	}()
	s.HandleHTTP("GET /items/{name}", answer("again"))
}

// TestHandleHTTPAlone: patterns without a fallback, and paths that no handler
// gets: the engine's own.
func TestHandleHTTPAlone(t *testing.T) {
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.HandleHTTP("GET /here", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }))
		s.HandleHTTP("/socket.io/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	})
	client := webClient(t)
	for path, want := range map[string]string{
		"/here": "200 here", "/there": "404 404 page not found\n", "/socket.io/extra": "200 /socket.io/extra",
		"/socket.io/": `400 {"code":0,"message":"Transport unknown"}`,
	} {
		r, _ := http.NewRequest("GET", "http://"+s.addr()+path, nil)
		if a, body := askHTTP(t, client, r); fmt.Sprintf("%d %s", a.StatusCode, body) != want {
			t.Errorf("%s: %d %q, want %q", path, a.StatusCode, body, want)
		}
	}
	r, _ := http.NewRequest("DELETE", "http://"+s.addr()+"/here", nil)
	if a, _ := askHTTP(t, client, r); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d, %v", a.StatusCode, a.Header)
	}
}

// TestHTTPStreams: answers and bodies go as they come, both at the same time.
func TestHTTPStreams(t *testing.T) {
	s := serve(t, loop.Config{Limits: loop.Limits{HTTPBody: -1}}, func(s *loop.Server) {
		s.HandleHTTP("POST /echo", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if err := control.EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				fmt.Fprintf(w, "data: %s\n\n", lines.Text())
				if err := control.Flush(); err != nil {
					t.Error(err)
				}
			}
			w.Header().Set(http.TrailerPrefix+"X-End", "yes")
		}))
	})
	up, down := io.Pipe()
	r, _ := http.NewRequest("POST", "http://"+s.addr()+"/echo", up)
	go func() { _, _ = io.WriteString(down, "one\n") }()
	a, err := webClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	in := bufio.NewReader(a.Body)
	for _, word := range []string{"one", "two", "three"} {
		if word != "one" {
			if _, err := io.WriteString(down, word+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		if line, err := in.ReadString('\n'); err != nil || line != "data: "+word+"\n" {
			t.Fatalf("%q, %v", line, err)
		}
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	_ = down.Close()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	if a.Trailer.Get("X-End") != "yes" {
		t.Errorf("trailer %v", a.Trailer)
	}
}

// TestHTTPVersions: requests of HTTP/1.0, and such that wait for a go-ahead.
func TestHTTPVersions(t *testing.T) {
	s := serve(t, loop.Config{HTTP: routes()}, nil)
	text := func(request string, want ...string) {
		t.Helper()
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		if _, err := io.WriteString(w, request); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(w.r)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(string(all), part) {
				t.Errorf("%q: %q, without %q", request, all, part)
			}
		}
	}
	text("GET /hello/x HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n", "\r\n\r\nhello x, ")
	text("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhi")
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if _, err := io.WriteString(w, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := w.line(); err != nil || line != "HTTP/1.1 100 Continue" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := w.line(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "hi"); err != nil {
		t.Fatal(err)
	}
	if r, err := w.response("POST"); err != nil || r.body != "hi" {
		t.Fatalf("%v, %v", r, err)
	}
}

// TestHTTPBackPressure: neither a client that does not read nor a handler that
// does not makes the server keep more than the kernel does.
func TestHTTPBackPressure(t *testing.T) {
	t.Parallel()
	const chunk = 64 << 10
	written, ended, stop := make(chan int, 1<<16), make(chan error, 1), make(chan struct{})
	s := serve(t, loop.Config{Limits: loop.Limits{OutboundStall: 300 * time.Millisecond, HTTPBody: -1}}, func(s *loop.Server) {
		s.HandleHTTP("/flood", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			p := make([]byte, chunk)
			for {
				if _, err := w.Write(p); err != nil {
					ended <- err
					return
				}
				written <- chunk
			}
		}))
		s.HandleHTTP("/deaf", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-stop
			n, err := io.Copy(io.Discard, r.Body)
			written <- int(n)
			ended <- err
		}))
	})
	// A client that does not read, until it is cut off.
	w, err := dialWith(narrow, s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.request("GET", "/flood", ""); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the end of an answer that nobody reads", ended); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it ends with %v", err)
	}
	total := 0
	for len(written) > 0 {
		total += <-written
	}
	if total > 16<<20 { // what the kernel keeps for the two ends of a connection
		t.Errorf("%d bytes were taken for a client that reads nothing", total)
	}
	// A handler that does not read holds its client up, and gets all in the end.
	below, err := dialPlain(&net.Dialer{Timeout: patience}, s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = below.Close() }()
	gauge := &gauge{Conn: below.Conn, full: make(chan struct{})}
	up := overTest(gauge)
	const body = 64 << 20
	sent := make(chan error, 1)
	go func() {
		if _, err := fmt.Fprintf(up, "POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", body); err != nil {
			sent <- err
			return
		}
		p := make([]byte, 1<<20)
		for range body / len(p) {
			if _, err := up.Write(p); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	select {
	case <-gauge.full:
		if n := gauge.taken.Load(); n > 32<<20 {
			t.Errorf("%d bytes were taken of a body that nobody reads", n)
		}
	case err := <-sent:
		t.Fatalf("all of a body was taken that nobody reads, %v", err)
	}
	close(stop)
	if err := within(t, "the rest", sent); err != nil {
		t.Fatal(err)
	}
	if n := within(t, "the body", written); n != body {
		t.Errorf("%d bytes arrived", n)
	}
	if err := within(t, "the end", ended); err != nil {
		t.Error(err)
	}
}

// gauge is a connection that tells when the other side takes nothing for a while.
type gauge struct {
	net.Conn
	taken atomic.Int64
	full  chan struct{}
	once  sync.Once
}

func (c *gauge) Write(p []byte) (n int, err error) {
	for wait := 500 * time.Millisecond; n < len(p); wait = patience {
		_ = c.SetWriteDeadline(time.Now().Add(wait))
		var m int
		m, err = c.Conn.Write(p[n:])
		n += m
		c.taken.Add(int64(m))
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) || wait == patience {
				return n, err
			}
			c.once.Do(func() { close(c.full) })
		}
	}
	return n, nil
}

// TestHTTPDeadlines: handlers may set deadlines of their own.
func TestHTTPDeadlines(t *testing.T) {
	results := make(chan error, 2)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.HandleHTTP("/write", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c := http.NewResponseController(w)
			if err := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Error(err)
			}
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					results <- err
					return
				}
			}
		}))
	})
	w, err := dialWith(narrow, s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.request("GET", "/write", ""); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the write", results); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestHTTPHijack: handlers take connections over, whose bytes pass the engine no
// more; a shutdown ends them.
func TestHTTPHijack(t *testing.T) {
	upgrader := gorilla.Upgrader{}
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.HandleHTTP("/coder", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for {
				kind, p, err := c.Read(context.Background())
				if err != nil || c.Write(context.Background(), kind, p) != nil {
					return
				}
			}
		}))
		s.HandleHTTP("/gorilla", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for {
				kind, p, err := c.ReadMessage()
				if err != nil || c.WriteMessage(kind, p) != nil {
					return
				}
			}
		}))
	})
	var conns []*websocket.Conn
	for _, path := range []string{"/coder", "/gorilla"} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, _, err := websocket.Dial(ctx, "ws://"+s.addr()+path, &websocket.DialOptions{HTTPClient: webClient(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.CloseNow() }()
		large := strings.Repeat("x", 30_000)
		for _, text := range []string{"hello", large} {
			if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, p, err := c.Read(ctx); err != nil || string(p) != text {
				t.Errorf("%s: %.20q, %v", path, p, err)
			}
		}
		conns = append(conns, c)
	}
	if n := s.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
	s.stop(t)
	for _, c := range conns {
		if _, _, err := c.Read(t.Context()); err == nil {
			t.Error("a connection survives the shutdown")
		}
	}
}

// TestHTTPAndBack: a connection serves both in turn, and belongs to the loops
// while it serves the engine.
func TestHTTPAndBack(t *testing.T) {
	s := serve(t, loop.Config{HTTP: routes(), AddTrailingSlash: loop.Disabled}, onSync)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	page := func() {
		t.Helper()
		if r, err := w.exchange("GET", "/hello/x", ""); err != nil || r.body != "hello x, " {
			t.Fatalf("%v, %v", r, err)
		}
	}
	page()
	r, err := w.exchange("GET", "/socket.io/?EIO=4&transport=polling", "", "X-Mark: a")
	if err != nil || r.status != 200 {
		t.Fatalf("%v, %v", r, err)
	}
	sid := r.body[len(`0{"sid":"`):][:20]
	page()
	at := "/socket.io?EIO=4&transport=polling&sid=" + sid
	if r, err := w.exchange("POST", at, "40"); err != nil || r.body != "ok" {
		t.Fatalf("%v, %v", r, err)
	}
	page()
	chunked := "POST " + at + " HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n42\r\na\r\n[\"sync\",1]\r\n0\r\n\r\n"
	if _, err := io.WriteString(w, requestText("GET", "/hello/a", "")+chunked+requestText("GET", "/hello/b", "")+requestText("GET", at, "")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hello a, ", "ok", "hello b, "} {
		if r, err := w.response("POST"); err != nil || r.body != want {
			t.Fatalf("%v, %v, want %q", r, err, want)
		}
	}
	if r, err := w.response("GET"); err != nil || !strings.HasPrefix(r.body, "40{") {
		t.Fatalf("%v, %v", r, err)
	}
	// A poll that waits is the loop's, and so is a websocket that comes last.
	if err := w.request("GET", at, ""); err != nil {
		t.Fatal(err)
	}
	other, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if r, err := other.exchange("GET", "/hello/x", ""); err != nil || r.status != 200 {
		t.Fatalf("%v, %v", r, err)
	}
	if err := other.upgrade("/socket.io/?EIO=4&transport=websocket&sid=" + sid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are the loops' again", func() bool { return s.WebConnections() == 0 })
	if n := s.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// TestHTTPConnectionsLimit: so many connections are served off the loops at
// once; the others are told so, and the engine is there for all.
func TestHTTPConnectionsLimit(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	s := serve(t, loop.Config{Limits: loop.Limits{HTTPConnections: 2}, HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		fmt.Fprint(w, "done")
	})}, nil)
	var busy []*wire
	for range 2 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		if err := w.request("GET", "/", ""); err != nil {
			t.Fatal(err)
		}
		within(t, "the handler", entered)
		busy = append(busy, w)
	}
	if n := s.stats(t).LimitHits["http_connections"]; n != 0 {
		t.Errorf("%d hits at the limit", n)
	}
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for range 3 {
		if r, err := w.exchange("GET", "/", ""); err != nil || r.status != 503 {
			t.Fatalf("%v, %v", r, err)
		}
	}
	if n := s.stats(t).LimitHits["http_connections"]; n != 3 {
		t.Errorf("%d hits above the limit", n)
	}
	if r, err := w.exchange("GET", "/socket.io/?EIO=4&transport=polling", ""); err != nil || r.status != 200 {
		t.Fatalf("%v, %v", r, err)
	}
	close(release)
	for _, b := range busy {
		if r, err := b.response("GET"); err != nil || r.body != "done" {
			t.Errorf("%v, %v", r, err)
		}
		_ = b.Close()
	}
	eventually(t, "there is room again", func() bool {
		r, err := w.exchange("GET", "/", "")
		return err == nil && r.status == 200
	})
}

// TestHTTPRemoteAddr: who the client is behind a proxy that is trusted.
func TestHTTPRemoteAddr(t *testing.T) {
	s := serve(t, loop.Config{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		HTTP:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }),
	}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if r, err := w.exchange("GET", "/", ""); err != nil || r.body != w.LocalAddr().String() {
		t.Errorf("%v, %v", r, err)
	}
	if r, err := w.exchange("GET", "/", "", "X-Forwarded-For: 192.0.2.7"); err != nil || r.body != "192.0.2.7:0" {
		t.Errorf("%v, %v", r, err)
	}
}
