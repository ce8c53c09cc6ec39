// A reactor with engines on real sockets.

package reactor

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/transport"
)

const patience = 20 * time.Second

// handler answers requests with the number of its loop, and does what some
// paths ask for.
type handler struct {
	engine *transport.Engine
	timers chan uint32
}

func (h *handler) OnOpen(*transport.Session, *transport.Hello) {}
func (h *handler) OnMessage(s *transport.Session, data []byte, _ bool) {
	if string(data) == "panic" {
		panic("on purpose")
	}
	s.Send(data)
}
func (h *handler) OnUpgrade(*transport.Session)                             {}
func (h *handler) OnUpgrading(*transport.Session, bool)                     {}
func (h *handler) OnDrain(*transport.Session)                               {}
func (h *handler) OnSlow(*transport.Session)                                {}
func (h *handler) OnClose(*transport.Session, transport.CloseReason, error) {}
func (h *handler) OnForeign(*transport.Hello) bool                          { return false }
func (h *handler) OnRequest(ref transport.ExchangeRef, r *transport.Hello, _ []byte) {
	if string(r.Request.Path) == "/panic" {
		panic("on purpose")
	}
	ref.Respond(200, nil, fmt.Appendf(nil, "loop %d", h.engine.Index()))
}

func (h *handler) OnGate(ref transport.GateRef, _ *transport.Question) {
	ref.Resume(transport.Verdict{})
}

func (h *handler) OnRefuse(*transport.Hello, *transport.HandshakeError) {}
func (h *handler) OnTLSFailure(net.Addr, error)                         {}

func (h *handler) OnTimer(owner uint32) {
	if owner == panicTimer {
		panic("on purpose")
	}
	h.timers <- owner
}

// panicTimer is a timer whose handler panics.
const panicTimer = 666

// fixture is a reactor and what belongs to it.
type fixture struct {
	*Reactor
	t       *testing.T
	engines []*transport.Engine
	timers  chan uint32
	log     *journal
	ended   chan error
}

// journal is a logger's output.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func newFixture(t *testing.T, loops int, cfg Config) *fixture {
	t.Helper()
	f := &fixture{t: t, timers: make(chan uint32, 1000), log: &journal{}, ended: make(chan error, 1)}
	begin := time.Now()
	clock := func() int64 { return time.Since(begin).Milliseconds() }
	o := transport.Defaults()
	f.engines = transport.NewGroup(loops, &o, clock)
	if cfg.Listeners == nil {
		cfg.Listeners = at("127.0.0.1:0")
	}
	cfg.Logger = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	var err error
	if f.Reactor, err = New(cfg, f.engines, clock); err != nil {
		t.Fatal(err)
	}
	for i, e := range f.engines {
		e.Attach(&handler{e, f.timers}, f.Network(i))
	}
	return f
}

func (f *fixture) start() *fixture {
	f.t.Helper()
	go func() { f.ended <- f.Run() }()
	select {
	case <-f.Booted():
	case err := <-f.ended:
		f.t.Fatal(err)
	}
	f.t.Cleanup(f.end)
	return f
}

func (f *fixture) end() {
	f.t.Helper()
	f.Stop()
	if err := within(f.t, "the end of Run", f.ended); err != nil {
		f.t.Error(err)
	}
	f.ended <- nil
}

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

func (f *fixture) dial() net.Conn {
	f.t.Helper()
	c, err := net.DialTimeout("tcp", f.Addrs()[0], patience)
	if err != nil {
		f.t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

// get asks for a path and returns the answer, nil if there is none.
func get(c net.Conn, path string) *http.Response {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return nil
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// on runs f on a loop and waits for it.
func (f *fixture) on(i int, do func(*transport.Engine)) {
	f.t.Helper()
	done := make(chan struct{})
	f.engines[i].Post(task(func(e *transport.Engine) { do(e); close(done) }))
	within(f.t, "the loop", done)
}

type task func(*transport.Engine)

func (t task) Run(e *transport.Engine) { t(e) }

// TestLoopsRunAtOnce: every loop runs tasks and timers before it has seen a
// client.
func TestLoopsRunAtOnce(t *testing.T) {
	const loops = 5
	f := newFixture(t, loops, Config{}).start()
	for i := range loops {
		if !f.Running(i) {
			t.Errorf("loop %d does not run", i)
		}
		f.on(i, func(e *transport.Engine) {
			if !e.OnLoop() {
				t.Errorf("loop %d is not on itself", i)
			}
			e.Arm(e.Now()+10, uint32(i))
		})
	}
	seen := map[uint32]bool{}
	for range loops {
		seen[within(t, "the timers", f.timers)] = true
	}
	if len(seen) != loops || f.Conns() != 0 || f.Restarts() != 0 {
		t.Errorf("timers of %v, %d connections", seen, f.Conns())
	}
	if log := f.log.String(); log != "" {
		t.Errorf("log:\n%s", log)
	}
}

// TestPosted: tasks and timers from before the start are served after it.
func TestPosted(t *testing.T) {
	f := newFixture(t, 3, Config{})
	ran := make(chan int, 3)
	for i, e := range f.engines {
		e.Post(task(func(*transport.Engine) { ran <- i }))
	}
	if f.Running(0) {
		t.Error("it runs before it is started")
	}
	f.start()
	sum := 0
	for range 3 {
		sum += within(t, "the tasks", ran)
	}
	if sum != 3 {
		t.Errorf("tasks ran: %d", sum)
	}
}

func TestConnectionCap(t *testing.T) {
	const limit, beyond = 8, 30
	f := newFixture(t, 2, Config{MaxConns: limit}).start()
	if f.MaxConns() != limit {
		t.Errorf("cap %d", f.MaxConns())
	}
	var in []net.Conn
	for range limit {
		c := f.dial()
		if r := get(c, "/"); r == nil || r.StatusCode != 200 {
			t.Fatalf("answer %v", r)
		}
		in = append(in, c)
	}
	for range beyond {
		c := f.dial()
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Fatal("a connection beyond the cap is served")
		}
	}
	if f.Refused() != beyond || f.Conns() != limit {
		t.Errorf("%d refused, %d open", f.Refused(), f.Conns())
	}
	if n := strings.Count(f.log.String(), "connections are refused"); n < 1 || n > 2 {
		t.Errorf("%d lines about it:\n%s", n, f.log)
	}
	for _, c := range in {
		if r := get(c, "/"); r == nil || r.StatusCode != 200 {
			t.Fatal("one that is in is not served")
		}
	}
	_ = in[0].Close()
	eventually(t, "there is room again", func() bool {
		r := get(f.dial(), "/")
		return r != nil && r.StatusCode == 200
	})
}

// TestRefuseAndDrain: new connections are refused, those that are open may end.
func TestRefuseAndDrain(t *testing.T) {
	f := newFixture(t, 2, Config{}).start()
	c := f.dial()
	if r := get(c, "/"); r == nil {
		t.Fatal("no answer")
	}
	f.Refuse()
	if n, err := f.dial().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a connection is taken after Refuse")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.Drained(ctx); err != context.DeadlineExceeded {
		t.Errorf("Drained: %v", err)
	}
	if r := get(c, "/"); r == nil || r.StatusCode != 200 {
		t.Error("an open connection is not served")
	}
	drained := make(chan error, 1)
	go func() { drained <- f.Drained(context.Background()) }()
	_ = c.Close()
	if err := within(t, "the end of the last connection", drained); err != nil {
		t.Error(err)
	}
	if log := f.log.String(); log != "" {
		t.Errorf("log:\n%s", log)
	}
}

// TestPanicsStayInside: a panic on a loop costs the connection it concerns.
func TestPanicsStayInside(t *testing.T) {
	f := newFixture(t, 2, Config{}).start()
	other := f.dial()
	if r := get(other, "/"); r == nil {
		t.Fatal("no answer")
	}
	if r := get(f.dial(), "/panic"); r != nil {
		t.Errorf("answer %v", r)
	}
	ws := f.dial()
	if _, err := io.WriteString(ws, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x86\x00\x00\x00\x004panic"); err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(ws)
	if !bytes.HasSuffix(all, []byte{0x88, 2, 0x03, 0xf3}) { // 1011
		t.Errorf("a websocket whose handler panics ends with %x", all[max(0, len(all)-8):])
	}
	for i := range f.engines {
		f.on(i, func(e *transport.Engine) {
			// Those behind the one that panics are served still.
			e.Arm(e.Now()+5, panicTimer)
			e.Arm(e.Now()+10, 1)
			e.Arm(e.Now()+200, 2)
		})
		f.engines[i].Post(task(func(*transport.Engine) { panic("on purpose") }))
		f.on(i, func(*transport.Engine) {})
	}
	sum := uint32(0)
	for range 4 {
		sum += within(t, "the timers", f.timers)
	}
	if sum != 6 {
		t.Errorf("timers %d", sum)
	}
	if r := get(other, "/"); r == nil || r.StatusCode != 200 {
		t.Error("another connection is gone")
	}
	if n := strings.Count(f.log.String(), "panic on an event loop"); n != 2+2*len(f.engines) {
		t.Errorf("%d panics logged:\n%s", n, f.log)
	}
}

// TestMove: a websocket that names a session of another loop is moved there.
func TestMove(t *testing.T) {
	const loops, sessions = 4, 60
	f := newFixture(t, loops, Config{}).start()
	opened := func() (n uint64) {
		for i := range f.engines {
			f.on(i, func(e *transport.Engine) { n += e.Stats().ConnsOpened })
		}
		return n
	}
	for i := range sessions {
		c := f.dial()
		r := get(c, "/socket.io/?EIO=4&transport=polling")
		if r == nil {
			t.Fatal("no answer")
		}
		body, _ := io.ReadAll(r.Body)
		sid := string(body)[len(`0{"sid":"`):][:20]
		ws := f.dial()
		// The first frame is in the same packet as the request.
		if _, err := io.WriteString(ws, "GET /socket.io/?EIO=4&transport=websocket&sid="+sid+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x86\x00\x00\x00\x002probe"); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(ws)
		if a, err := http.ReadResponse(in, nil); err != nil || a.StatusCode != 101 {
			t.Fatalf("session %d: %v, %v", i, a, err)
		}
		frame := make([]byte, 8)
		if _, err := io.ReadFull(in, frame); err != nil || string(frame[2:]) != "3probe" {
			t.Fatalf("session %d: answer to the probe %q, %v", i, frame, err)
		}
		if _, err := io.WriteString(ws, "\x81\x81\x00\x00\x00\x005\x81\x86\x00\x00\x00\x004hello"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(in, frame); err != nil || string(frame[2:]) != "4hello" {
			t.Fatalf("session %d: echo %q, %v", i, frame, err)
		}
		_ = c.Close()
		_ = ws.Close()
	}
	eventually(t, "all are gone", func() bool { return f.Conns() == 0 })
	if moved := opened() - 2*sessions; moved == 0 || moved > sessions {
		t.Errorf("%d of %d websockets were moved", moved, sessions)
	}
	if log := f.log.String(); log != "" {
		t.Errorf("log:\n%s", log)
	}
}

// TestStopAnytime: Stop ends Run whenever it comes, and may come twice.
func TestStopAnytime(t *testing.T) {
	f := newFixture(t, 2, Config{})
	f.Stop()
	if err := f.Run(); err != nil {
		t.Errorf("Run after Stop: %v", err)
	}
	for range 30 {
		f := newFixture(t, 2, Config{})
		go func() { f.ended <- f.Run() }()
		f.Stop()
		f.Stop()
		if err := within(t, "the end of Run", f.ended); err != nil {
			t.Error(err)
		}
	}
	f = newFixture(t, 2, Config{}).start()
	f.Stop()
	if err := within(t, "the end of Run", f.ended); err != nil {
		t.Error(err)
	}
	f.ended <- nil
	if f.Running(0) || f.Running(1) {
		t.Error("a loop runs after the end")
	}
	f.engines[0].Post(task(func(*transport.Engine) { t.Error("a task runs after the end") }))
	if f.engines[0].OnLoop() {
		t.Error("somebody is on a loop that has ended")
	}
}
