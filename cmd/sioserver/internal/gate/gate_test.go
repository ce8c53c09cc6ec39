// Limits: below, at and above.

package gate

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/loop/looptest"
)

// gated starts a gate in front of a server in memory.
func gated(t *testing.T, c *config.Config) (*Gate, *node.Node) {
	t.Helper()
	s, err := loop.New(loop.Config{NoListen: true, Loops: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	g := New()
	n := node.New("n1", "b1", c, s, slog.New(slog.DiscardHandler))
	if err := n.Start(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { <-g.ended })
	looptest.Run(t, s)
	return g, n
}

// TestConnectRate: within 5 % of what is configured over ten seconds, with a burst
// of twice that.
//
//effect:keys limits.connect_rate
func TestConnectRate(t *testing.T) {
	for _, perSecond := range []float64{1, 5, 200, 5000} {
		now := time.Unix(1000, 0)
		l := newConnectRate(perSecond).limiter
		take := func() bool { return l.AllowN(now, 1) }
		burst := 0
		for take() {
			burst++
		}
		if burst != int(2*perSecond) {
			t.Errorf("%g/s: a burst of %d", perSecond, burst)
		}
		passed := 0
		const steps = 100_000
		for range steps {
			now = now.Add(10 * time.Second / steps)
			for take() {
				passed++
			}
		}
		if want := 10 * perSecond; float64(passed) < 0.95*want || float64(passed) > 1.05*want {
			t.Errorf("%g/s: %d in ten seconds", perSecond, passed)
		}
	}
	l := newConnectRate(0).limiter
	for range 100_000 {
		if !l.Allow() {
			t.Fatal("without a limit one is refused")
		}
	}
}

//effect:keys limits.max_connections_per_ip
func TestAdmit(t *testing.T) {
	c := &config.Config{}
	c.Limits.MaxConnectionsPerIP = 2
	g, n := gated(t, c)
	refused := make(chan lifecycle.Event, 100)
	n.Bus.Subscribe(func(e *lifecycle.Event) { refused <- *e })
	from := func(ip string) loop.Admission { return loop.Admission{Addr: netip.MustParseAddr(ip)} }
	var leave func()
	for i := range 3 {
		release, no := g.admit(from("192.0.2.1"))
		if (no == nil) != (i < 2) {
			t.Fatalf("number %d: %+v", i+1, no)
		}
		if no == nil {
			leave = release
		} else if no.Code != LimitPerIP || no.RetryAfter == 0 {
			t.Errorf("%+v", no)
		}
	}
	if e := <-refused; e.Type != lifecycle.ConnectionRefused || e.IP != "192.0.2.1" || e.Reason != LimitPerIP {
		t.Errorf("%+v", e)
	}
	if _, no := g.admit(from("192.0.2.2")); no != nil {
		t.Errorf("another address: %+v", no)
	}
	if _, no := g.admit(loop.Admission{}); no != nil {
		t.Errorf("no address: %+v", no)
	}
	leave()
	if _, no := g.admit(from("192.0.2.1")); no != nil {
		t.Errorf("after one has gone: %+v", no)
	}
	next := *c
	next.Limits.ConnectRate, next.Limits.MaxConnectionsPerIP = 1, 5
	if err := n.Reload(&next); err != nil {
		t.Fatal(err)
	}
	count := g.perIP.count[netip.MustParseAddr("192.0.2.9")]
	for range 10 {
		_, _ = g.admit(from("192.0.2.9"))
	}
	if r := g.Rejections(); r[LimitRate] == 0 || r[LimitPerIP] == 0 || count != 0 {
		t.Errorf("%v", r)
	}
	if n := g.perIP.count[netip.MustParseAddr("192.0.2.9")]; n > 2 {
		t.Errorf("one refused for its rate keeps its place: %d", n)
	}
}

// TestOverload: refused from a share of the memory on, until it is well below.
func TestOverload(t *testing.T) {
	c := &config.Config{}
	c.Overload = config.Overload{MemoryHigh: 0.85, MemoryCritical: 0.93, LoopLagHigh: config.Duration(time.Hour)}
	_, n := gated(t, c)
	g := New() // one that does not look by itself
	g.node = n
	g.use(c)
	g.readiness(n.Server)
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	memory := NewMemory(root)
	if share, source := memory.Read(); share != 0 || source != "" {
		t.Errorf("nothing known: %g, %q", share, source)
	}
	write("proc/meminfo", "MemTotal:  1000 kB\nMemAvailable:  250 kB\n")
	if share, source := memory.Read(); share != 0.75 || source != "MemAvailable" {
		t.Errorf("%g, %q", share, source)
	}
	write("proc/self/cgroup", "0::/a/b\n")
	write("sys/fs/cgroup/a/b/memory.max", "max\n")
	write("sys/fs/cgroup/a/b/memory.current", "500\n")
	write("sys/fs/cgroup/a/memory.max", "1000\n")
	write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 100\n")
	for _, x := range []struct {
		current string
		refused bool
	}{{"940", false}, {"960", true}, {"910", true}, {"890", false}, {"940", false}} {
		write("sys/fs/cgroup/a/memory.current", x.current+"\n")
		share, source := memory.Read()
		if source != "cgroup" {
			t.Fatalf("%g from %q", share, source)
		}
		g2 := &g.overload
		if g2.memory = over(g2.memory, share, 0.85, 0.80); g2.memory != x.refused {
			t.Errorf("%s of 1000 with 100 that can be dropped: refused %v", x.current, g2.memory)
		}
	}
	why := "for this test"
	g.overload.reason.Store(&why)
	if _, no := g.admit(loop.Admission{}); no == nil || no.Code != LimitOverload || !strings.Contains(no.Message, why) {
		t.Errorf("%+v", no)
	}
	ready := map[string]bool{}
	for _, x := range g.Ready() {
		ready[x.Name] = x.OK
	}
	if ready["overload"] || !ready["started"] || !ready["max_connections"] {
		t.Errorf("%v", ready)
	}
}

// TestPulse: a loop that does nothing is seen to be late, and then not alive.
func TestPulse(t *testing.T) {
	g, n := gated(t, &config.Config{})
	held, go1 := make(chan struct{}), make(chan struct{})
	execute(t, n, func() {
		close(held)
		<-go1
	})
	<-held
	begun := time.Now()
	g.pulse.beat(begun)
	for _, x := range []struct {
		after time.Duration
	}{{time.Second}, {time.Minute}} {
		if lag := g.pulse.worst(begun.Add(x.after)); lag < x.after {
			t.Errorf("after %s it is %s late", x.after, lag)
		}
	}
	g.pulse.loops[0].at.Store(time.Now().Add(-time.Hour).UnixNano())
	if live := g.Live(); live[0].OK || !live[1].OK {
		t.Errorf("%+v", live)
	}
	close(go1)
	answered := make(chan struct{})
	execute(t, n, func() { close(answered) })
	<-answered
	if live := g.Live(); !live[0].OK {
		t.Errorf("%+v", live)
	}
	if len(g.Lags()) != 2 {
		t.Errorf("%v", g.Lags())
	}
}

// execute runs f on the first loop.
func execute(t *testing.T, n *node.Node, f func()) {
	t.Helper()
	if err := n.Server.Loops()[0].Execute(f); err != nil {
		t.Fatal(err)
	}
}
