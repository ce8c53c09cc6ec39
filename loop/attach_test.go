// A server attached to one of package net/http: all that is true of its own listeners, middleware around it, who can be taken over.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// attached is a server behind one of package net/http. wrap is what is put
// around its handler, nil for nothing.
func attached(t *testing.T, cfg loop.Config, setup func(*loop.Server), wrap func(http.Handler) http.Handler) *server {
	t.Helper()
	cfg.NoListen = true
	s := serve(t, cfg, setup)
	h := s.Handler()
	if wrap != nil {
		h = wrap(h)
	}
	s.host(t, h, nil)
	return s
}

// host serves a handler by package net/http, over TLS if the tests run over
// that, and makes it the server that clients find.
func (s *server) host(t *testing.T, h http.Handler, change func(*http.Server)) {
	t.Helper()
	host := httptest.NewUnstartedServer(h)
	if change != nil {
		change(host.Config)
	}
	if overTLS {
		host.Listener = s.Listener(host.Listener)
		host.StartTLS()
	} else {
		host.Start()
	}
	t.Cleanup(host.Close)
	s.at = host.Listener.Addr().String()
}

func TestAttach(t *testing.T) {
	s := attached(t, loop.Config{}, onSync, nil)
	if a := s.Addrs(); len(a) != 0 {
		t.Errorf("it listens on %v", a)
	}
	for _, transport := range []string{"polling", "websocket", "upgrade"} {
		t.Run(transport, func(t *testing.T) {
			c, _ := s.connect(t, transport)
			for range 20 {
				c.sync(t)
			}
			if n := s.stats(t).Sessions; n != 1 {
				t.Errorf("%d sessions", n)
			}
			c.close()
			eventually(t, "it is gone", func() bool { return s.stats(t).Sessions == 0 && s.Connections() == 0 })
		})
	}
}

// TestAttachLarge: bodies, answers and messages of a megabyte.
func TestAttachLarge(t *testing.T) {
	s := attached(t, loop.Config{MaxHTTPBufferSize: 2 << 20}, func(s *loop.Server) {
		loop.OnAck(s, "echo", func(_ *loop.Socket, text string) (string, error) { return text, nil })
	}, nil)
	text := strings.Repeat("0123456789abcdef", 64<<10)
	for _, transport := range []string{"polling", "websocket", "upgrade"} {
		c, _ := s.connect(t, transport)
		c.mustWrite(t, `27["echo","`+text+`"]`)
		c.expect(t, `37["`+text+`"]`)
		c.drop()
	}
}

// TestAttachRequests: requests that are refused, as on a listener of the
// server's own.
func TestAttachRequests(t *testing.T) {
	cfg := loop.Config{
		MaxHTTPBufferSize: 1000, CORS: &loop.CORS{Origin: "https://a.example", Credentials: true}, Cookie: &loop.Cookie{},
		ClientFiles: fstest.MapFS{"socket.io.js": {Data: []byte("/* Socket.IO v4.8.4 */")}},
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Get("deny") != "" {
				return errors.New("not you")
			}
			return nil
		},
	}
	native, other := serve(t, cfg, nil), attached(t, cfg, nil, nil)
	type made struct {
		method, target, body string
		fields               []string
	}
	const polling = "/socket.io/?EIO=4&transport=polling"
	for name, m := range map[string]made{
		"handshake":          {"GET", polling, "", nil},
		"an allowed origin":  {"GET", polling, "", []string{"Origin: https://a.example"}},
		"a foreign origin":   {"GET", polling, "", []string{"Origin: https://b.example"}},
		"preflight":          {"OPTIONS", polling, "", []string{"Origin: https://a.example", "Access-Control-Request-Method: POST"}},
		"denied":             {"GET", polling + "&deny=1", "", nil},
		"no transport":       {"GET", "/socket.io/", "", nil},
		"unknown session":    {"GET", polling + "&sid=AAAAAAAAAAAAAAAAAAAA", "", nil},
		"a post too large":   {"POST", polling + "&sid=AAAAAAAAAAAAAAAAAAAA", strings.Repeat("x", 1001), nil},
		"a post":             {"POST", polling + "&sid=AAAAAAAAAAAAAAAAAAAA", strings.Repeat("x", 1000), nil},
		"method":             {"DELETE", polling, "", nil},
		"head":               {"HEAD", polling, "", nil},
		"a duplicate key":    {"GET", polling + "&transport=polling", "", nil},
		"a client file":      {"GET", "/socket.io/socket.io.js", "", nil},
		"a cached file":      {"GET", "/socket.io/socket.io.js", "", []string{`If-None-Match: "4.8.4"`}},
		"a file not there":   {"GET", "/socket.io/socket.io.esm.min.js", "", nil},
		"another path":       {"GET", "/socket.io/else", "", nil},
		"upgrade, version":   {"GET", "/socket.io/?EIO=4&transport=websocket", "", []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}},
		"upgrade, transport": {"GET", polling, "", []string{"Connection: Upgrade", "Upgrade: websocket"}},
		"upgrade, denied":    {"GET", "/socket.io/?EIO=4&transport=websocket&deny=1", "", []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}},
		"upgrade, origin":    {"GET", "/socket.io/?EIO=4&transport=websocket", "", []string{"Origin: https://b.example", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}},
	} {
		t.Run(name, func(t *testing.T) {
			var said [2]string
			for i, s := range []*server{native, other} {
				w, err := dialWire(s.addr())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = w.Close() }()
				r, err := w.exchange(m.method, m.target, m.body, m.fields...)
				if err != nil {
					t.Fatal(err)
				}
				body := r.body
				if i := strings.Index(body, `"sid":"`); i >= 0 {
					body = body[:i] + body[i+len(`"sid":"`)+20:]
				}
				if name == "another path" {
					body = "" // 404 of the router's own
				}
				said[i] = fmt.Sprint(r.status, body, r.field("Access-Control-Allow-Origin"), r.field("Access-Control-Allow-Credentials"),
					r.field("Vary"), len(r.field("Set-Cookie")), r.field("Etag"), r.field("Cache-Control"), r.field("Allow"))
				if r.status < 400 && name != "another path" && r.field("Content-Type") == "" && r.body != "" {
					t.Errorf("no Content-Type: %v", r.fields)
				}
				if (r.field("Connection") == "close") && r.status == 413 {
					if _, err := w.r.ReadByte(); err != io.EOF {
						t.Errorf("after the refusal: %v", err)
					}
				}
			}
			if said[0] != said[1] {
				t.Errorf("attached it says\n%s\nand on a listener of its own\n%s", said[1], said[0])
			}
		})
	}
}

// TestAttachBodies: a body in chunks, one that breaks off, two at once.
func TestAttachBodies(t *testing.T) {
	reasons := make(chan loop.DisconnectReason, 10)
	s := attached(t, loop.Config{MaxHTTPBufferSize: 100_000}, func(s *loop.Server) {
		onSync(s)
		s.OnConnection(func(c *loop.Socket) {
			c.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { reasons <- r })
		})
	}, nil)
	begin := func() (*sio, *wire, string) {
		c, _ := s.connect(t, "polling")
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		return c, w, "/socket.io/?EIO=4&transport=polling&sid=" + c.carrier.(*overPolling).opening.SID
	}
	c, w, at := begin()
	text := "POST " + at + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n42\r\na\r\n[\"sync\",1]\r\n0\r\n\r\n"
	for i := range text {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := w.response("POST"); err != nil || r.body != "ok" {
		t.Fatalf("%v, %v", r, err)
	}
	_ = c
	if r, err := w.exchange("POST", at, "4"+strings.Repeat("x", 100_000)); err != nil || r.status != 413 {
		t.Fatalf("%v, %v", r, err)
	}
	for name, do := range map[string]func(w *wire, at string){
		"a body that breaks off": func(w *wire, at string) {
			_, _ = io.WriteString(w, "POST "+at+" HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n42")
			w.reset()
		},
		"two bodies at once": func(w *wire, at string) {
			_, _ = io.WriteString(w, "POST "+at+" HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n42")
			// Which of two that overlap is refused, and which is cut off with its
			// session, is a matter of which head comes first.
			eventually(t, "the second is refused", func() bool {
				second, err := dialWire(s.addr())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = second.Close() }()
				r, err := second.exchange("POST", at, "42[\"sync\",1]")
				return err == nil && r.status == 400
			})
		},
		"a poll that breaks off": func(w *wire, at string) {
			_ = w.request("GET", at, "")
			second, err := dialWire(s.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = second.Close() }()
			// Its answer says that the poll has been read.
			if r, err := second.exchange("POST", at, "3"); err != nil || r.body != "ok" {
				t.Fatalf("%v, %v", r, err)
			}
			w.reset()
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, w, at := begin()
			do(w, at)
			if r := within(t, "the end of the session", reasons); r != loop.TransportError {
				t.Errorf("it ends with %q", r)
			}
		})
	}
}

// TestAttachMiddleware: prefixes, contexts, addresses, and writers in front.
func TestAttachMiddleware(t *testing.T) {
	type key struct{}
	type seen struct{ user, url, address, asked, used any }
	sockets := make(chan seen, 1)
	asked, used := make(chan any, 1), make(chan any, 10)
	s := attached(t, loop.Config{
		Path:         "/rt",
		AllowRequest: func(r *http.Request) error { asked <- r.Context().Value(key{}); return nil },
	}, func(s *loop.Server) {
		s.UseEngine(func(_ http.ResponseWriter, r *http.Request) error { used <- r.Context().Value(key{}); return nil })
		s.OnConnection(func(c *loop.Socket) {
			h := c.Handshake()
			sockets <- seen{user: h.Context().Value(key{}), url: h.URL(), address: h.Address()}
		})
	}, func(h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/app/", http.StripPrefix("/app", h))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.WithContext(context.WithValue(r.Context(), key{}, "alice"))
			r.RemoteAddr = "192.0.2.9"
			mux.ServeHTTP(&logging{ResponseWriter: w}, r)
		})
	})
	for _, transport := range []string{"polling", "websocket"} {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		if transport == "polling" {
			r, err := w.exchange("GET", "/app/rt/?EIO=4&transport=polling", "")
			if err != nil || r.status != 200 {
				t.Fatal(r, err)
			}
			at := "/app/rt/?EIO=4&transport=polling&sid=" + r.body[len(`0{"sid":"`):][:20]
			if r, err := w.exchange("POST", at, "40"); err != nil || r.body != "ok" {
				t.Fatal(r, err)
			}
		} else if err := w.upgrade("/app/rt/?EIO=4&transport=websocket"); err != nil {
			t.Fatal(err)
		} else if _, err := w.Write(frames(packet{text: "40"})); err != nil {
			t.Fatal(err)
		}
		got := within(t, "the socket", sockets)
		got.asked, got.used = within(t, "AllowRequest", asked), within(t, "the middleware", used)
		if want := (seen{"alice", "/rt/?EIO=4&transport=" + transport, "192.0.2.9", "alice", "alice"}); got != want {
			t.Errorf("%s: %v, want %v", transport, got, want)
		}
		w.reset()
	}
}

// logging is a middleware's writer that can be unwrapped.
type logging struct {
	http.ResponseWriter
	status int
}

func (l *logging) WriteHeader(status int) { l.status = status; l.ResponseWriter.WriteHeader(status) }

func (l *logging) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// opaque is one that cannot.
type opaque struct{ http.ResponseWriter }

// TestAttachOpaque: websockets behind a writer that hides the connection are
// told why they do not work; polling does.
func TestAttachOpaque(t *testing.T) {
	s := attached(t, loop.Config{}, onSync, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(opaque{w}, r) })
	})
	c, _ := s.connect(t, "polling")
	c.sync(t)
	for range 2 {
		_, err := dialWebSocket(s.addr(), "")
		var refused *statusError
		if !errors.As(err, &refused) || refused.status != 500 || !strings.Contains(refused.body, "loop_test.opaque cannot") || !strings.Contains(refused.body, "Unwrap()") {
			t.Errorf("%v", err)
		}
	}
	if n := s.log.count("websockets are refused"); n != 1 {
		t.Errorf("%d lines about it:\n%s", n, s.log)
	}
}

// TestAttachTrustedProxies: what proxies say is believed as elsewhere.
func TestAttachTrustedProxies(t *testing.T) {
	addresses := make(chan string, 2)
	s := attached(t, loop.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, func(s *loop.Server) {
		s.OnConnection(func(c *loop.Socket) {
			addresses <- fmt.Sprintf("%s %v", c.Handshake().Address(), c.Handshake().Secure())
		})
	}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	r, err := w.exchange("GET", "/socket.io/?EIO=4&transport=polling", "", "X-Forwarded-For: 198.51.100.4", "X-Forwarded-Proto: https")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.exchange("POST", "/socket.io/?EIO=4&transport=polling&sid="+r.body[len(`0{"sid":"`):][:20], "40"); err != nil {
		t.Fatal(err)
	}
	if a := within(t, "the socket", addresses); a != "198.51.100.4 true" {
		t.Errorf("address %s", a)
	}
}

// TestAttachNotRunning: requests to a server that does not run are told so; one
// that has just been started is waited for.
func TestAttachNotRunning(t *testing.T) {
	s := newServer(t, loop.Config{NoListen: true})
	s.host(t, s.Handler(), nil)
	const path = "/socket.io/?EIO=4&transport=polling"
	early := make(chan int, 1)
	go func() {
		r, err := webClient(t).Get("http://" + s.addr() + path)
		if err != nil {
			early <- 0
			return
		}
		_ = r.Body.Close()
		early <- r.StatusCode
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if status := within(t, "the answer", early); status != 200 {
		t.Errorf("status %d", status)
	}
	if err := s.Start(ctx); err == nil {
		t.Error("it starts twice")
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	r, err := webClient(t).Get("http://" + s.addr() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 503 || !strings.Contains(string(body), "shutting down") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}

// TestAttachShutdown: who polls and who has a websocket is told.
func TestAttachShutdown(t *testing.T) {
	t.Parallel()
	s := attached(t, loop.Config{}, onSync, nil)
	p, _ := s.connect(t, "polling")
	w, _ := s.connect(t, "websocket")
	p.sync(t)
	w.sync(t)
	s.stop(t)
	p.expectEnd(t)
	w.expectClosed(t, 1005)
}

// TestAttachMaxConnections: requests and websockets count as connections, and
// are told when there are too many.
func TestAttachMaxConnections(t *testing.T) {
	s := attached(t, loop.Config{MaxConnections: 2}, onSync, nil)
	a, _ := s.connect(t, "websocket")
	b, _ := s.connect(t, "websocket")
	if n := s.Connections(); n != 2 {
		t.Errorf("%d connections", n)
	}
	for range 3 {
		_, err := dialWebSocket(s.addr(), "")
		var refused *statusError
		if !errors.As(err, &refused) || refused.status != 503 {
			t.Errorf("%v", err)
		}
		if r, err := webClient(t).Get("http://" + s.addr() + "/socket.io/?EIO=4&transport=polling"); err != nil || r.StatusCode != 503 {
			t.Errorf("%v, %v", r, err)
		} else {
			_ = r.Body.Close()
		}
	}
	a.drop()
	eventually(t, "there is room", func() bool { return s.Connections() == 1 })
	c, _ := s.connect(t, "websocket")
	c.sync(t)
	b.sync(t)
}

// TestAttachTimeouts: what a server of package net/http allows a request to take
// does not end polls that wait.
func TestAttachTimeouts(t *testing.T) {
	t.Parallel()
	s := serve(t, loop.Config{NoListen: true}, onSync)
	s.host(t, s.Handler(), func(h *http.Server) {
		h.ReadTimeout, h.WriteTimeout, h.IdleTimeout = time.Second, time.Second, time.Minute
	})
	c, _ := s.connect(t, "polling")
	w, _ := s.connect(t, "websocket")
	got := make(chan string, 1)
	go func() {
		p, err := c.next()
		got <- fmt.Sprintf("%s, %v", p, err)
	}()
	// Longer than the limits, and an event in the end.
	timer := time.After(2 * time.Second)
	select {
	case <-timer:
	case text := <-got:
		t.Fatalf("the poll ends with %s", text)
	}
	if err := s.Root().Emit("late"); err != nil {
		t.Fatal(err)
	}
	if text := within(t, "the event", got); text != `2["late"], <nil>` {
		t.Errorf("%s", text)
	}
	w.expect(t, `2["late"]`)
}

// TestAttachNothingStays: a websocket that came by package net/http costs what
// one of the server's own costs. No goroutine stays behind, and none of the
// buffers, which have 4 KiB each.
func TestAttachNothingStays(t *testing.T) {
	const clients = 400
	cost := func(s *server) (bytes int64) {
		warm, _ := s.connect(t, "websocket") // and what is made once
		defer warm.drop()
		running, before := goroutines(), heap()
		var all []*sio
		for range clients {
			c, _ := s.connect(t, "websocket")
			all = append(all, c)
		}
		eventually(t, "no goroutine is left over", func() bool { return goroutines() <= running })
		bytes = (heap() - before) / clients
		for _, c := range all {
			c.drop()
		}
		return bytes
	}
	// What earlier tests have left on the heap goes at some time, so that a round
	// may tell too little of one of them; buffers would be there in every round.
	for round := range 5 {
		native := cost(serve(t, loop.Config{}, nil))
		other := cost(attached(t, loop.Config{}, nil, nil))
		t.Logf("on the heap, the client's side included: %d bytes for a native client, %d for an attached one", native, other)
		if raceEnabled || other <= native+2000 {
			return
		}
		if round == 4 {
			t.Errorf("an attached client costs %d bytes on the heap, a native one %d", other, native)
		}
	}
}
