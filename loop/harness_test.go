// Servers for tests, and the test client's upper layer: Socket.IO.

package loop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// journal is a logger's output, kept for the test that asks.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

// count is how many lines hold a text.
func (j *journal) count(text string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.buf.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// server is a running server.
type server struct {
	*loop.Server
	log   *journal
	ended chan struct{} // Run has returned
	err   error         // of Run
	at    string        // where clients find it, if not at its own address
}

// newServer makes a server that is not running yet. The Config's gaps are
// filled for tests: a free port on loopback, two loops.
func newServer(t testing.TB, cfg loop.Config) *server {
	t.Helper()
	s := &server{log: &journal{}, ended: make(chan struct{})}
	if cfg.Listen == nil && !cfg.NoListen {
		cfg.Listen = []string{"127.0.0.1:0"}
	}
	if overTLS && cfg.TLS == nil && cfg.Listeners == nil && !cfg.NoListen {
		cfg.TLS = serving()
	}
	if cfg.Loops == 0 {
		cfg.Loops = 2
	}
	if cfg.PingInterval == 0 { // the clients of tests answer pings while they read, and only then
		cfg.PingInterval = time.Hour
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	var err error
	if s.Server, err = loop.New(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs the server until the test ends.
func (s *server) start(t testing.TB) *server {
	t.Helper()
	go func() {
		s.err = s.Run(context.Background())
		close(s.ended)
	}()
	select {
	case <-s.Listening():
	case <-s.ended:
		t.Fatal(s.err)
	}
	t.Cleanup(func() { s.stop(t) })
	return s
}

// serve makes and runs a server. setup registers handlers.
func serve(t testing.TB, cfg loop.Config, setup func(*loop.Server)) *server {
	t.Helper()
	s := newServer(t, cfg)
	if setup != nil {
		setup(s.Server)
	}
	return s.start(t)
}

// stop shuts the server down and waits until it has ended.
func (s *server) stop(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	select {
	case <-s.ended:
		if s.err != nil {
			t.Errorf("Run: %v", s.err)
		}
	case <-ctx.Done():
		t.Error("Run does not return")
	}
}

func (s *server) addr() string {
	if s.at != "" {
		return s.at
	}
	return s.Addrs()[0]
}

// sio is a Socket.IO client over a carrier.
type sio struct{ carrier }

// dial opens a session: "websocket", "polling", or "upgrade" for one that
// begins with polling and goes on over websocket.
func (s *server) dial(t testing.TB, transport string) *sio {
	t.Helper()
	c, err := dialSession(s.addr(), transport, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.drop)
	return c
}

func dialSession(addr, transport, query string) (*sio, error) {
	switch transport {
	case "websocket":
		c, err := dialWebSocket(addr, query)
		if err != nil {
			return nil, err
		}
		return &sio{c}, nil
	case "deflate":
		c, err := dialDeflate(addr, query)
		if err != nil {
			return nil, err
		}
		return &sio{c}, nil
	case "polling", "upgrade":
		c, err := dialPolling(addr, query)
		if err != nil {
			return nil, err
		}
		if transport == "polling" {
			return &sio{c}, nil
		}
		u, err := c.upgradeTo()
		if err != nil {
			return nil, err
		}
		return &sio{u}, nil
	}
	return nil, fmt.Errorf("no transport %q", transport)
}

// next returns the next message, text without its type digit. Pings are
// answered on the way.
func (c *sio) next() (packet, error) {
	for {
		p, err := c.recv()
		if err != nil || p.binary {
			return p, err
		}
		switch p.text[0] {
		case '2':
			if err := c.send(packet{text: "3" + p.text[1:]}); err != nil {
				return p, err
			}
		case '4':
			return packet{text: p.text[1:]}, nil
		case '6':
		default:
			return p, fmt.Errorf("packet %q", p.text)
		}
	}
}

// write sends text messages in one go.
func (c *sio) write(messages ...string) error {
	list := make([]packet, len(messages))
	for i, m := range messages {
		list[i] = packet{text: "4" + m}
	}
	return c.send(list...)
}

// must* end the test at a failure.

func (c *sio) mustWrite(t testing.TB, messages ...string) {
	t.Helper()
	if err := c.write(messages...); err != nil {
		t.Fatal(err)
	}
}

func (c *sio) mustNext(t testing.TB) string {
	t.Helper()
	p, err := c.next()
	if err != nil || p.binary {
		t.Fatalf("next message: %v, %v", p, err)
	}
	return p.text
}

// expect reads messages and compares them.
func (c *sio) expect(t testing.TB, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := c.mustNext(t); got != w {
			t.Fatalf("message %.200q, want %.200q", got, w)
		}
	}
}

// join connects to a namespace and returns the socket's id.
func (c *sio) join(name, auth string) (string, error) {
	prefix := ""
	if name != "/" {
		prefix = name + ","
	}
	if err := c.write("0" + prefix + auth); err != nil {
		return "", err
	}
	p, err := c.next()
	if err != nil {
		return "", err
	}
	sid, ok := strings.CutPrefix(p.text, "0"+prefix+`{"sid":"`)
	if sid, ok2 := strings.CutSuffix(sid, `"}`); ok && ok2 {
		return sid, nil
	}
	return "", fmt.Errorf("answer to CONNECT: %v", p)
}

// connect dials and joins the namespace "/".
func (s *server) connect(t testing.TB, transport string) (c *sio, sid string) {
	t.Helper()
	c = s.dial(t, transport)
	sid, err := c.join("/", "")
	if err != nil {
		t.Fatal(err)
	}
	return c, sid
}

// expectClosed reads to the end of the session and checks that it is one: a
// close frame with the code, or a close packet if code is 0.
func (c *sio) expectClosed(t testing.TB, code int) {
	t.Helper()
	for {
		p, err := c.next()
		if err == nil {
			t.Logf("before the close: %v", p)
			continue
		}
		var closed *closedError
		switch {
		case code == 0 && err == errPolledOut:
		case errors.As(err, &closed) && closed.code == code:
		default:
			t.Fatalf("the session ended with %v, want code %d", err, code)
		}
		return
	}
}

// expectEnd reads until the connection has ended, however it does.
func (c *sio) expectEnd(t testing.TB) {
	t.Helper()
	for {
		_, err := c.next()
		var closed *closedError
		var refused *statusError
		if err == io.EOF || err == errPolledOut || errors.As(err, &closed) || errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatalf("the session ended with %v", err)
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// within waits for a value of a channel.
func within[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("not in time: %s", what)
		panic("unreachable")
	}
}

// parallel runs n functions at once and reports the first error.
func parallel(n int, f func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	var first error
	for range n {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// stats asks the server for its counters.
func (s *server) stats(t testing.TB) loop.Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	st, err := s.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
