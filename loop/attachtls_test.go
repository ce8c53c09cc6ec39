// Attached within TLS and over HTTP/2, and connections that no loop can poll.

package loop_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// TestAttachCarried: connections that no loop can poll are carried.
func TestAttachCarried(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"wrapped", "TLS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is waiting for clients that do not answer a close
			s := serve(t, loop.Config{NoListen: true}, func(s *loop.Server) {
				onSync(s)
				loop.OnAck(s, "echo", func(_ *loop.Socket, text string) (string, error) { return text, nil })
			})
			host := httptest.NewUnstartedServer(s.Handler())
			if name == "TLS" {
				host.StartTLS()
			} else {
				host.Listener = wrapping{host.Listener}
				host.Start()
			}
			defer host.Close()
			at := host.Listener.Addr().String()
			dial := func() (*wire, error) {
				w, err := dialPlain(&net.Dialer{Timeout: patience}, at)
				if err == nil && name == "TLS" {
					c := tls.Client(w.Conn, &tls.Config{InsecureSkipVerify: true})
					w = newWire(c)
				}
				return w, err
			}
			var all []*sio
			for range 20 {
				w, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				ws, err := openWebSocket(w, "")
				if err != nil {
					t.Fatal(err)
				}
				c := &sio{ws}
				if _, err := c.join("/", ""); err != nil {
					t.Fatal(err)
				}
				c.sync(t)
				all = append(all, c)
			}
			text := strings.Repeat("0123456789", 90_000)
			all[0].mustWrite(t, `27["echo","`+text+`"]`)
			all[0].expect(t, `37["`+text+`"]`)
			if n := s.Carried(); n != 20 {
				t.Errorf("%d connections are carried", n)
			}
			for _, c := range all[:10] {
				c.close()
			}
			eventually(t, "half of them are gone", func() bool { return s.Carried() == 10 && s.Connections() == 10 })
			s.stop(t)
			for _, c := range all[10:] {
				c.expectClosed(t, 1005)
			}
			eventually(t, "all are gone", func() bool { return s.Carried() == 0 })
		})
	}
}

// TestAttachTLS: connections within TLS are taken over with it, beside HTTP/2
// too.
func TestAttachTLS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"TLS 1.3", "TLS 1.2", "beside HTTP/2", "without TLS"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states := make(chan string, 100)
			s := serve(t, loop.Config{NoListen: true}, func(s *loop.Server) {
				onSync(s)
				loop.OnAck(s, "echo", func(_ *loop.Socket, text string) (string, error) { return text, nil })
				s.OnConnection(func(c *loop.Socket) {
					states <- fmt.Sprint(c.Handshake().TLS() != nil, c.Handshake().Secure())
				})
			})
			host := httptest.NewUnstartedServer(s.Handler())
			host.Listener = s.Listener(host.Listener)
			cfg := &tls.Config{InsecureSkipVerify: true}
			switch name {
			case "TLS 1.2":
				cfg.MaxVersion = tls.VersionTLS12
			case "beside HTTP/2":
				host.EnableHTTP2 = true
			}
			want := "true true"
			if name == "without TLS" {
				host.Start()
				want = "false false"
			} else {
				host.StartTLS()
			}
			defer host.Close()
			var all []*sio
			for range 20 {
				w, err := dialPlain(&net.Dialer{Timeout: patience}, host.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				if name != "without TLS" {
					c := tls.Client(w.Conn, cfg)
					w = newWire(c)
				}
				ws, err := openWebSocket(w, "")
				if err != nil {
					t.Fatal(err)
				}
				c := &sio{ws}
				if _, err := c.join("/", ""); err != nil {
					t.Fatal(err)
				}
				c.sync(t)
				all = append(all, c)
				if got := within(t, "the socket", states); got != want {
					t.Errorf("TLS and secure: %s, want %s", got, want)
				}
			}
			text := strings.Repeat("0123456789", 90_000)
			all[0].mustWrite(t, `27["echo","`+text+`"]`)
			all[0].expect(t, `37["`+text+`"]`)
			if n := s.Carried(); n != 0 {
				t.Errorf("%d connections are carried", n)
			}
			for _, c := range all[:10] {
				c.close()
			}
			eventually(t, "half of them are gone", func() bool { return s.Connections() == 10 })
			s.stop(t)
			for _, c := range all[10:] {
				c.expectClosed(t, 1005)
			}
		})
	}
}

// wrapping is a listener whose connections are of a type nobody knows.
type wrapping struct{ net.Listener }

func (l wrapping) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return struct{ net.Conn }{c}, err
}

// TestAttachHTTP2: polling over HTTP/2, its websocket over HTTP/1.1 at the same
// port.
func TestAttachHTTP2(t *testing.T) {
	s := serve(t, loop.Config{NoListen: true}, onSync)
	host := httptest.NewUnstartedServer(s.Handler())
	host.EnableHTTP2 = true
	host.StartTLS()
	defer host.Close()
	base := host.URL + "/socket.io/?EIO=4&transport=polling"
	client := host.Client()
	ask := func(method, url, body string) string {
		t.Helper()
		r, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, got := askHTTP(t, client, r)
		if a.ProtoMajor != 2 || a.StatusCode != 200 {
			t.Fatalf("HTTP/%d, status %d, %s", a.ProtoMajor, a.StatusCode, got)
		}
		for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Proxy-Connection"} {
			if v := a.Header.Values(name); len(v) > 0 { // clients must refuse such an answer (RFC 9113, 8.2.2)
				t.Errorf("%s: %q", name, v)
			}
		}
		return got
	}
	at := base + "&sid=" + ask("GET", base, "")[len(`0{"sid":"`):][:20]
	if got := ask("POST", at, "40"); got != "ok" {
		t.Errorf("%q", got)
	}
	if got := ask("GET", at, ""); !strings.HasPrefix(got, "40{") {
		t.Errorf("%q", got)
	}
	if got := ask("POST", at, `42["sync"]`); got != "ok" {
		t.Errorf("%q", got)
	}
	if got := ask("GET", at, ""); got != `42["synced"]` {
		t.Errorf("%q", got)
	}
	// A poll whose stream is given up ends the session, as a connection would.
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", at, nil)
	ended := make(chan struct{})
	go func() {
		if a, err := client.Do(r); err == nil {
			_ = a.Body.Close()
		}
		close(ended)
	}()
	eventually(t, "the poll waits", func() bool { return s.Connections() == 1 })
	cancel()
	within(t, "the end of the poll", ended)
	eventually(t, "the session is over", func() bool { return s.stats(t).Sessions == 0 && s.Connections() == 0 })
}
