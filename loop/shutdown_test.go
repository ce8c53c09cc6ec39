// Starting and ending: gracefully, in a hurry, twice, at odd moments.

package loop_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// TestShutdownGraceful: what was sent before arrives, on every transport, and
// handlers are waited for.
func TestShutdownGraceful(t *testing.T) {
	var got steps
	release := make(chan struct{})
	entered := make(chan struct{}, 3)
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		s.On("slow", func(s *loop.Socket, _ *loop.Event) {
			entered <- struct{}{}
			<-release
			got.add("handler")
		})
		s.On("inline", func(*loop.Socket, *loop.Event) { got.add("inline") }, loop.Inline())
		s.Root().OnDisconnecting(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { got.add("disconnecting: %s", r) })
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) { got.add("disconnect: %s", r) })
	})
	var clients []*sio
	var ids []string
	for _, transport := range transports {
		c, sid := s.connect(t, transport)
		within(t, "the connection", sockets)
		ids = append(ids, sid)
		c.mustWrite(t, `2["slow"]`, `2["inline"]`)
		within(t, "the handler", entered)
		clients = append(clients, c)
	}
	// The polling client has its request open; a second one has none.
	poller := clients[1].carrier.(*overPolling)
	if err := poller.get.request("GET", target("polling", poller.sid()), ""); err != nil {
		t.Fatal(err)
	}
	idle, _ := s.connect(t, "polling")
	within(t, "the connection", sockets)
	s.awaitPoll(t, poller)

	for range 3 {
		if err := s.To(ids[0], ids[2]).Emit("last", strings.Repeat("x", 100_000)); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan struct{})
	go func() { s.stop(t); close(stopped) }()
	last := `2["last","` + strings.Repeat("x", 100_000) + `"]`
	for i, c := range clients {
		if i == 1 {
			r, err := poller.get.response("GET")
			if err != nil || r.status != 200 || r.body != "1" {
				t.Fatalf("the open poll is answered %v, %v", r, err)
			}
			continue
		}
		c.expect(t, `2["ready"]`, last, last, last)
		c.expectClosed(t, 1005)
	}
	select {
	case <-stopped:
		t.Error("Shutdown does not wait for handlers")
	default:
	}
	close(release)
	within(t, "the end", stopped)
	idle.expectGone(t)
	counts := map[string]int{}
	for _, step := range got.all() {
		counts[step]++
	}
	if counts["handler"] != 3 || counts["inline"] != 3 || counts["disconnect: server shutting down"] != 4 || counts["disconnecting: server shutting down"] != 4 {
		t.Errorf("%v", counts)
	}
	if c, err := net.Dial("tcp", s.addr()); err == nil {
		_ = c.Close()
		t.Error("the port is still open")
	}
	if s.Connections() != 0 {
		t.Errorf("%d connections", s.Connections())
	}
}

// awaitPoll waits until the server has the client's open request: a packet
// answers it.
func (s *server) awaitPoll(t *testing.T, p *overPolling) {
	t.Helper()
	if err := s.Root().Emit("ready"); err != nil {
		t.Fatal(err)
	}
	r, err := p.get.response("GET")
	if err != nil || !strings.Contains(r.body, "ready") {
		t.Fatalf("answer %v, %v", r, err)
	}
	if err := p.get.request("GET", target("polling", p.sid()), ""); err != nil {
		t.Fatal(err)
	}
	// The next answer must hold everything: the request has to be there first.
	eventually(t, "the request is there", func() bool { return s.leftovers(t).Polls == 1 })
}

// expectGone checks that nothing answers any more.
func (c *sio) expectGone(t testing.TB) {
	t.Helper()
	if p, err := c.next(); err == nil {
		t.Errorf("after the end: %v", p)
	}
}

// TestShutdownWithoutConnections: clients that have no connection open at the
// moment are told of in the same way.
func TestShutdownWithoutConnections(t *testing.T) {
	var got steps
	s := newServer(t, loop.Config{})
	s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, _ error) {
		for range 1000 {
			runtime.Gosched()
		}
		got.add("%s", r)
	})
	s.start(t)
	const clients = 10
	for range clients {
		c, _ := s.connect(t, "polling")
		p := c.carrier.(*overPolling)
		_, _ = p.get.Close(), p.post.Close()
	}
	eventually(t, "no connection is open", func() bool { return s.Connections() == 0 })
	s.stop(t)
	if n := len(got.all()); n != clients {
		t.Errorf("%d of %d handlers have run when Shutdown returns", n, clients)
	}
}

// TestShutdownDeadline: when time is up, what is left is cut off.
func TestShutdownDeadline(t *testing.T) {
	release, left := make(chan struct{}), make(chan struct{})
	entered := make(chan struct{})
	s := newServer(t, loop.Config{})
	s.On("stuck", func(*loop.Socket, *loop.Event) { close(entered); <-release; close(left) })
	s.start(t)
	c, _ := s.connect(t, "websocket")
	c.mustWrite(t, `2["stuck"]`)
	within(t, "the handler", entered)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: %v", err)
	}
	within(t, "the end of Run", s.ended)
	c.expectEnd(t)
	close(release)
	within(t, "the end of the handler", left)
}

// TestShutdownNow: with a context that is done, everything is cut off at once.
func TestShutdownNow(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	c, _ := s.connect(t, "websocket")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown: %v", err)
	}
	within(t, "the end of Run", s.ended)
	c.expectEnd(t)
}

// closing is an adapter that tells when it is closed.
type closing struct {
	rooms.Adapter
	name   string
	closed *steps
	err    error
}

func (c closing) Close() error { c.closed.add("%s", c.name); return c.err }

func closingAdapter(closed *steps, err error) rooms.Factory {
	return func(l rooms.Local) (rooms.Adapter, error) {
		a, _ := rooms.InProcess(l)
		return closing{a, l.Name(), closed, err}, nil
	}
}

func TestShutdownTwice(t *testing.T) {
	var closed steps
	s := newServer(t, loop.Config{Adapter: closingAdapter(&closed, nil)})
	s.start(t)
	c, _ := s.connect(t, "websocket")
	errs := make(chan error, 3)
	for range cap(errs) {
		go func() { errs <- s.Shutdown(context.Background()) }()
	}
	c.expectClosed(t, 1005)
	for range cap(errs) {
		if err := within(t, "Shutdown", errs); err != nil {
			t.Error(err)
		}
	}
	within(t, "the end of Run", s.ended)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("after the end: %v", err)
	}
	if len(closed.all()) != 1 {
		t.Errorf("adapters closed: %q", closed.all())
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has run already") {
		t.Errorf("Run after Shutdown: %v", err)
	}
	if _, err := s.Stats(t.Context()); err != loop.ErrClosed {
		t.Errorf("Stats after the end: %v", err)
	}
}

func TestShutdownBeforeRun(t *testing.T) {
	var closed steps
	s := newServer(t, loop.Config{Adapter: closingAdapter(&closed, errors.New("close failed"))})
	s.Of("/other")
	if err := s.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "close failed") {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run after Shutdown")
	}
	if len(closed.all()) != 2 {
		t.Errorf("adapters closed: %q", closed.all())
	}
	ln, err := net.Listen("tcp", s.addr())
	if err != nil {
		t.Fatalf("the port is not given up: %v", err)
	}
	_ = ln.Close()
}

// TestShutdownDuringStart: at any moment of the start, Run returns.
func TestShutdownDuringStart(t *testing.T) {
	for range 50 {
		s := newServer(t, loop.Config{})
		go func() {
			s.err = s.Run(context.Background())
			close(s.ended)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := s.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		select {
		case <-s.ended: // Run came second and says so, or was ended
		case <-time.After(patience):
			t.Fatal("Run does not return")
		}
	}
}

// TestRunContext: the context ends the server like Shutdown.
func TestRunContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(t, loop.Config{})
	var wg sync.WaitGroup
	wg.Go(func() { s.err = s.Run(ctx) })
	within(t, "the start", s.Listening())
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "has run already") {
		t.Errorf("second Run: %v", err)
	}
	c, _ := s.connect(t, "websocket")
	cancel()
	c.expectClosed(t, 1005)
	wg.Wait()
	if s.err != nil {
		t.Error(s.err)
	}
	s = newServer(t, loop.Config{})
	if err := s.Run(ctx); err != nil {
		t.Errorf("with a context that is done: %v", err)
	}
}

func TestPorts(t *testing.T) {
	s := serve(t, loop.Config{Listen: []string{"127.0.0.1:0", "[::1]:0"}}, nil)
	for _, addr := range s.Addrs() {
		if strings.HasSuffix(addr, ":0") {
			t.Errorf("address %s", addr)
		}
		c, err := dialSession(addr, "websocket", "")
		if err != nil {
			t.Fatal(err)
		}
		c.drop()
		if _, err := loop.New(loop.Config{Listen: []string{addr}}); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Errorf("a second server on %s: %v", addr, err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if _, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0", ln.Addr().String()}}); err == nil {
		t.Error("a port in use is accepted")
	}

	// Two servers that have not run yet never get the same port.
	a, b := newServer(t, loop.Config{}), newServer(t, loop.Config{})
	if a.addr() == b.addr() {
		t.Errorf("both at %s", a.addr())
	}
	if _, err := loop.New(loop.Config{Listen: []string{a.addr()}}); err == nil {
		t.Error("a port that is claimed is given away")
	}
	// On purpose they may.
	c := newServer(t, loop.Config{ReusePort: true})
	d := newServer(t, loop.Config{ReusePort: true, Listen: []string{c.addr()}})
	for _, s := range []*server{a, b, c, d} {
		s.start(t)
		_, _ = s.connect(t, "websocket")
	}
}

// TestRestart: a server that has ended leaves its port to the next at once,
// whatever its connections are doing.
func TestRestart(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	addr := s.addr()
	for range 5 {
		var clients []*sio
		for i := range 6 {
			c, _ := s.connect(t, transports[i%3])
			clients = append(clients, c)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Shutdown(ctx)
		within(t, "the end of Run", s.ended)
		s = serve(t, loop.Config{Listen: []string{addr}}, nil)
		c, _ := s.connect(t, "websocket")
		c.close()
		for _, c := range clients {
			c.drop()
		}
	}
}

// TestTwoServers: two in one process have nothing to do with each other.
func TestTwoServers(t *testing.T) {
	one, two := serve(t, loop.Config{}, onSync), serve(t, loop.Config{}, onSync)
	a, _ := one.connect(t, "websocket")
	b, _ := two.connect(t, "websocket")
	if err := one.Emit("one"); err != nil {
		t.Fatal(err)
	}
	a.expect(t, `2["one"]`)
	b.sync(t)
	stopped := make(chan struct{})
	go func() { one.stop(t); close(stopped) }()
	a.expectClosed(t, 1005)
	within(t, "the end of one", stopped)
	b.sync(t)
	_, _ = two.connect(t, "upgrade")
}
