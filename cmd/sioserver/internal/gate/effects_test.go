// What the keys of the section overload do, to clients of a real server.

package gate

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// patience is how long is waited for what must come.
const patience = 60 * time.Second

// listening is a gate that looks when a test says so, in front of a server with a
// port.
type listening struct {
	*Gate
	t    *testing.T
	n    *node.Node
	root string // of the memory's files
}

func listen(t *testing.T, o config.Overload) *listening {
	t.Helper()
	s, err := loop.New(loop.Config{
		Listen: []string{"127.0.0.1:0"}, Loops: 2, PingInterval: time.Hour, Logger: slog.New(slog.DiscardHandler),
		Limits: loop.Limits{OutboundBytes: 1 << 30, OutboundStall: 24 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &listening{New(), t, node.New("n1", "b1", &config.Config{Overload: o}, s, slog.New(slog.DiscardHandler)), t.TempDir()}
	g.node, g.memory = g.n, NewMemory(g.root)
	g.use(g.n.Config())
	g.pulse.init(s)
	g.readiness(s)
	s.SetAdmission(g.admit)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	t.Cleanup(func() { <-ended }) // the context of the test has ended
	select {
	case <-s.Listening():
	case err := <-ended:
		t.Fatal(err)
	}
	return g
}

// memoryIs looks when so much of the memory is in use, in percent.
func (g *listening) memoryIs(percent int) {
	g.t.Helper()
	if err := os.MkdirAll(filepath.Join(g.root, "proc"), 0o700); err != nil {
		g.t.Fatal(err)
	}
	text := fmt.Sprintf("MemTotal: 100 kB\nMemAvailable: %d kB\n", 100-percent)
	if err := os.WriteFile(filepath.Join(g.root, "proc/meminfo"), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.look(g.t.Context())
}

// handshake is the status of a handshake, and what was answered.
func (g *listening) handshake() (status int, body, after string) {
	g.t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + g.n.Server.Addrs()[0] + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header.Get("Retry-After")
}

// isOpen checks whether clients are let in, and what /readyz says.
func (g *listening) isOpen(when string, want bool) {
	g.t.Helper()
	status, body, after := g.handshake()
	if want != (status == 200) || !want && (status != 503 || after != "5" || !strings.Contains(body, LimitOverload)) {
		g.t.Errorf("%s: %d, Retry-After %q, %s", when, status, after, body)
	}
	for _, c := range g.Ready() {
		if c.Name == "overload" && c.OK != want {
			g.t.Errorf("%s: ready: %+v", when, c)
		}
	}
}

// client is one in "/" by websocket, which reads nothing.
func (g *listening) client() net.Conn {
	g.t.Helper()
	c, err := net.DialTimeout("tcp", g.n.Server.Addrs()[0], patience)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	before := g.n.Server.Root().ConnectedSockets()
	fmt.Fprint(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x82\x00\x00\x00\x0040")
	g.until("the client is in", func() bool { return g.n.Server.Root().ConnectedSockets() == before+1 })
	return c
}

// until waits for what no message tells.
func (g *listening) until(what string, ok func() bool) {
	g.t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			g.t.Fatalf("not in time: %s", what)
		}
	}
}

// waiting is how many bytes wait for the slowest client.
func (g *listening) waiting() int {
	g.t.Helper()
	q, err := g.n.Server.Queues(g.t.Context(), 1)
	if err != nil {
		g.t.Fatal(err)
	}
	if len(q.Longest) == 0 {
		return 0
	}
	return q.Longest[0].Buffered
}

// TestMemory: connections are refused from memory_high on; from memory_critical on
// those go for whom most waits, and nobody else.
//
//effect:keys overload.memory_high overload.memory_critical
func TestMemory(t *testing.T) {
	t.Parallel()
	g := listen(t, config.Overload{MemoryHigh: 0.60, MemoryCritical: 0.80, LoopLagHigh: config.Duration(time.Hour)})
	g.memoryIs(59)
	g.isOpen("below memory_high", true)
	idle := g.client()
	g.client() // the slow one
	// The kernel takes what it has room for, for each of them; the idle one reads.
	go func() { _, _ = io.Copy(io.Discard, idle) }()
	block := strings.Repeat("x", 512<<10)
	g.until("bytes wait", func() bool {
		if g.waiting() > shedBytes {
			return true
		}
		if err := g.n.Server.Emit("block", block); err != nil {
			t.Fatal(err)
		}
		return false
	})
	g.until("they wait for one client alone", func() bool {
		q, err := g.n.Server.Queues(t.Context(), 2)
		return err == nil && q.Clients == 1
	})
	g.memoryIs(60)
	g.isOpen("at memory_high", false)
	g.memoryIs(79)
	if n := g.Shed(); n != 0 || g.n.Server.Root().ConnectedSockets() != 2 {
		t.Errorf("below memory_critical %d were closed", n)
	}
	g.memoryIs(80)
	g.until("the slow client is gone", func() bool { return g.n.Server.Root().ConnectedSockets() == 1 })
	if n := g.Shed(); n != 1 {
		t.Errorf("%d were closed", n)
	}
	g.until("what waited for it is gone", func() bool { return g.waiting() == 0 && g.n.Server.Connections() == 1 })
	g.memoryIs(56) // less than 5 % below memory_high
	g.isOpen("a little below memory_high", false)
	g.memoryIs(54)
	g.isOpen("well below", true)
	if n := g.Rejections()[LimitOverload]; n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
}

// TestLag: connections are refused while an event loop is behind.
//
//effect:keys overload.loop_lag_high
func TestLag(t *testing.T) {
	t.Parallel()
	g := listen(t, config.Overload{LoopLagHigh: config.Duration(time.Hour)})
	held, let := make(chan struct{}), make(chan struct{})
	if err := g.n.Server.Loops()[0].Execute(func() {
		close(held)
		<-let
	}); err != nil {
		t.Fatal(err)
	}
	<-held
	g.pulse.beat(time.Now())
	g.until("the loop is a second behind", func() bool { return g.pulse.worst(time.Now()) > time.Second })
	g.look(t.Context())
	if why := g.Overloaded(); why != "" {
		t.Errorf("an hour is allowed, and yet %s", why)
	}
	next := *g.n.Config()
	next.Overload.LoopLagHigh = config.Duration(time.Second)
	g.use(&next)
	g.look(t.Context())
	if why := g.Overloaded(); !strings.HasPrefix(why, "the event loops are ") {
		t.Errorf("a second is allowed, and why nobody is let in is %q", why)
	}
	if _, no := g.admit(loop.Admission{}); no == nil || no.Code != LimitOverload {
		t.Errorf("admitted: %+v", no)
	}
	close(let)
	g.until("the loops are prompt again", func() bool {
		g.pulse.beat(time.Now())
		g.look(t.Context())
		return g.Overloaded() == ""
	})
	g.isOpen("when the loops are prompt", true)
}
