// In a program that runs gnet itself, with a protocol of its own on another port.

package loop_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panjf2000/gnet/v2"
	gnetlog "github.com/panjf2000/gnet/v2/pkg/logging"
	"go.uber.org/goleak"

	"github.com/sioserver/sioserver/loop"
)

// shouting is the protocol of the host: it answers in capitals. Its methods run
// on the loops that the server uses too.
type shouting struct {
	gnet.BuiltinEventEngine
	server         *loop.Server
	opened, closed atomic.Int32
	ticks          chan struct{}
	engine         chan gnet.Engine
}

func (h *shouting) OnBoot(e gnet.Engine) gnet.Action {
	h.engine <- e
	return gnet.None
}

func (h *shouting) OnTick() (time.Duration, gnet.Action) {
	select {
	case h.ticks <- struct{}{}:
	default:
	}
	return time.Millisecond, gnet.None
}

func (h *shouting) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	h.opened.Add(1)
	c.SetContext("mine")
	return []byte("HELLO\n"), gnet.None
}

func (h *shouting) OnTraffic(c gnet.Conn) gnet.Action {
	if c.Context() != "mine" {
		return gnet.Close
	}
	p, _ := c.Next(-1)
	if bytes.HasPrefix(p, []byte("emit ")) {
		_ = h.server.Emit("shout", strings.TrimSpace(string(p[5:])))
	}
	_, _ = c.Write(bytes.ToUpper(p))
	return gnet.None
}

func (h *shouting) OnClose(gnet.Conn, error) gnet.Action {
	h.closed.Add(1)
	return gnet.None
}

// freePort is one that nobody uses.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// host is a program with an engine of its own.
type host struct {
	*server
	own    *shouting
	port   string // of its own protocol
	engine gnet.Engine
	gone   chan error // gnet has returned
}

// embed runs a host until the test ends, and the server in it.
func embed(t *testing.T, loops, engineLoops int) *host {
	before := overTLS
	overTLS = false // the host's connections have none
	t.Cleanup(func() { overTLS = before })
	t.Helper()
	h := &host{
		own:  &shouting{ticks: make(chan struct{}, 1), engine: make(chan gnet.Engine, 1)},
		port: freePort(t), gone: make(chan error, 1),
	}
	h.server = newServer(t, loop.Config{NoListen: true, Loops: loops})
	h.own.server = h.Server
	h.OnConnection(func(s *loop.Socket) { _ = s.Join("all") })
	onSync(h.Server)
	loop.OnAck(h.server.Server, "add", func(_ *loop.Socket, n []int) (int, error) { return n[0] + n[1], nil })
	h.at = freePort(t)
	port := h.at[strings.LastIndexByte(h.at, ':'):]
	handler := h.EventHandler(h.own, func(c gnet.Conn) bool { return strings.HasSuffix(c.LocalAddr().String(), port) })
	go func() {
		h.gone <- gnet.Rotate(handler, []string{"tcp://" + h.port, "tcp://" + h.at}, gnet.WithNumEventLoop(engineLoops),
			gnet.WithReusePort(true), gnet.WithTicker(true), gnet.WithLogger(quiet{}))
	}()
	h.engine = within(t, "the engine", h.own.engine)
	t.Cleanup(func() { h.end(t) })
	within(t, "the server", h.Listening())
	return h
}

// quiet is a logger of gnet's that says nothing.
type quiet struct{ gnetlog.Logger }

func (quiet) Debugf(string, ...any) {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}

// end ends the server and then the engine.
func (h *host) end(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	_ = h.engine.Stop(ctx)
}

// talk speaks to the host's own protocol.
func (h *host) talk(t *testing.T) *talker {
	t.Helper()
	nc, err := net.DialTimeout("tcp", h.port, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := &talker{nc, bufio.NewReader(nc)}
	c.hear(t, "HELLO")
	return c
}

func TestEmbed(t *testing.T) {
	h := embed(t, 2, 2)
	own := h.talk(t)
	var clients []*sio
	for _, transport := range []string{"websocket", "polling", "upgrade", "websocket"} {
		c, _ := h.connect(t, transport)
		c.mustWrite(t, `27["add",[1,2]]`)
		c.expect(t, "37[3]")
		c.sync(t)
		clients = append(clients, c)
	}
	memory := h.bind(t, newInMemory(), loop.EngineHandshake{}) // the loops take what does not come by gnet too
	if _, err := memory.join("/", ""); err != nil {
		t.Fatal(err)
	}
	memory.sync(t)
	clients = append(clients, memory)
	own.say(t, "emit from the host\n")
	own.hear(t, "EMIT FROM THE HOST")
	for _, c := range clients {
		c.expect(t, `2["shout","from the host"]`)
	}
	within(t, "a tick of the host", h.own.ticks)
	within(t, "another one", h.own.ticks)
	done := make(chan bool, 1)
	_, _ = h.Loops()[0].After(time.Millisecond, func() { done <- h.Loops()[0].OnLoop() })
	if !within(t, "a timer", done) {
		t.Error("it fires elsewhere")
	}
	for _, c := range clients {
		c.close()
	}
	eventually(t, "all are gone", func() bool { return h.stats(t).Sessions == 0 && h.Connections() == 0 })
	if n := h.own.opened.Load(); n != 1 || h.own.closed.Load() != 0 {
		t.Errorf("the host was told of %d connections, %d of them closed", n, h.own.closed.Load())
	}
	// The server ends, with somebody in it; the host goes on.
	last, _ := h.connect(t, "websocket")
	go func() { _, _ = io.Copy(io.Discard, connOf(last)) }()
	if err := h.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	own.say(t, "still\n")
	own.hear(t, "STILL")
	if _, err := dialSession(h.at, "websocket", ""); err == nil {
		t.Error("a client is let in behind the end")
	}
	other := h.talk(t)
	other.say(t, "x\n")
	other.hear(t, "X")
	h.end(t)
	if err := within(t, "the end of gnet", h.gone); err != nil {
		t.Errorf("gnet: %v", err)
	}
}

// connOf is the network connection of a client.
func connOf(c *sio) net.Conn { return c.carrier.(*overWebSocket).wire.Conn }

// TestEmbedEnds: the host's engine ends first, with clients in the server.
func TestEmbedEnds(t *testing.T) {
	before := goleak.IgnoreCurrent()
	h := embed(t, 2, 2)
	gone := make(chan loop.DisconnectReason, 10)
	h.OnDisconnect(func(_ *loop.Socket, reason loop.DisconnectReason, _ error) { gone <- reason })
	c, _ := h.connect(t, "websocket")
	c.sync(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = h.engine.Stop(ctx)
	if err := within(t, "the end of gnet", h.gone); err != nil {
		t.Errorf("gnet: %v", err)
	}
	if reason := within(t, "the disconnect", gone); reason != loop.TransportClose {
		t.Errorf("reason %q", reason)
	}
	c.expectEnd(t)
	if err := h.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := h.Emit("x"); err != nil {
		t.Logf("Emit behind the end: %v", err)
	}
	c.drop()
	goleak.VerifyNone(t, append(gnetsOwn, before)...)
}

// TestEmbedLoops: a host with more loops than the server knows serves on those
// it knows, and says so.
func TestEmbedLoops(t *testing.T) {
	h := embed(t, 1, 3)
	served := 0
	for i := range 50 {
		c, err := dialSession(h.at, "websocket", "")
		if err != nil {
			continue // it has come to a loop that the server does not know
		}
		served++
		if _, err := c.join("/", ""); err != nil {
			t.Fatal(i, err)
		}
		c.sync(t)
		c.drop()
	}
	if served == 0 || served == 50 && h.log.count("more event loops than Loops") > 0 || served < 50 && h.log.count("more event loops than Loops") == 0 {
		t.Errorf("%d of 50 served; the log:\n%s", served, h.log)
	}
	eventually(t, "all are gone", func() bool { return h.Connections() == 0 })
}

// TestEmbedTwice: a server runs once, whoever runs it.
func TestEmbedTwice(t *testing.T) {
	h := embed(t, 1, 1)
	if err := h.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "has run already") {
		t.Errorf("Run of a server that a host runs: %v", err)
	}
	err := gnet.Run(h.EventHandler(&shouting{engine: make(chan gnet.Engine, 1)}, func(gnet.Conn) bool { return true }),
		fmt.Sprint("tcp://", freePort(t)), gnet.WithLogger(quiet{}))
	if err != nil {
		t.Errorf("gnet: %v", err)
	}
	if h.log.count("has run already") != 1 {
		t.Errorf("the log:\n%s", h.log)
	}
	listening := newServer(t, loop.Config{})
	defer func() { _ = listening.Shutdown(context.Background()) }()
	err = gnet.Run(listening.EventHandler(&shouting{engine: make(chan gnet.Engine, 1)}, func(gnet.Conn) bool { return true }),
		fmt.Sprint("tcp://", freePort(t)), gnet.WithLogger(quiet{}))
	if err != nil || listening.log.count("set NoListen") != 1 {
		t.Errorf("gnet with a server that listens: %v; the log:\n%s", err, listening.log)
	}
}
