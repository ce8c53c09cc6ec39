// Gate: who may come in at present, and whether the node wants traffic at all.

// Package gate keeps a node from being run over: it refuses connections when
// memory or event loops are near their end, when they come too fast, or too many
// from one address; and it tells how the node is.
package gate

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// The limits by which connections are refused, as metrics and clients see them.
const (
	LimitRate        = "connect_rate"
	LimitPerIP       = "max_connections_per_ip"
	LimitOverload    = "overload"
	LimitConnections = "max_connections"
)

// Gate refuses connections. It is a [node.Part]. Its methods may be called from
// any goroutine.
type Gate struct {
	node     *node.Node
	limits   atomic.Pointer[limits]
	rate     atomic.Pointer[connectRate]
	perIP    addresses
	overload overload
	rejected [4]rejections // in the order of the names
	checks   checks
	pulse    pulse
	memory   *Memory
	ended    chan struct{}
}

// limits are what is configured.
type limits struct {
	perIP    int
	overload config.Overload
}

// New makes a gate.
func New() *Gate {
	g := &Gate{memory: NewMemory("/"), ended: make(chan struct{})}
	g.perIP.count = map[netip.Addr]int{}
	for i, name := range []string{LimitRate, LimitPerIP, LimitOverload, LimitConnections} {
		g.rejected[i].limit = name
	}
	return g
}

// Start implements [node.Part].
func (g *Gate) Start(ctx context.Context, n *node.Node) error {
	g.node = n
	g.use(n.Config())
	g.pulse.init(n.Server)
	g.readiness(n.Server)
	n.Server.SetAdmission(g.admit)
	n.Server.OnSlow(g.slow)
	for _, name := range n.Config().NamespaceNames() {
		n.Server.Of(name).OnDisconnect(g.disconnected, loop.Inline())
	}
	go g.watch(ctx)
	return nil
}

// Prepare implements [node.Part].
func (g *Gate) Prepare(c *config.Config) (func(), error) {
	return func() { g.use(c) }, nil
}

// Stop implements [node.Part].
func (g *Gate) Stop(context.Context) error { return nil }

// use puts limits to use.
func (g *Gate) use(c *config.Config) {
	g.limits.Store(&limits{c.Limits.MaxConnectionsPerIP, c.Overload})
	perSecond := float64(c.Limits.ConnectRate)
	if old := g.rate.Load(); old == nil || old.perSecond != perSecond {
		g.rate.Store(newConnectRate(perSecond))
	}
}

// connectRate is how fast sessions may be opened.
type connectRate struct {
	perSecond float64
	limiter   *rate.Limiter
}

// newConnectRate allows so many in a second, and bursts of twice that; 0 is no
// limit.
func newConnectRate(perSecond float64) *connectRate {
	if perSecond <= 0 {
		return &connectRate{perSecond, rate.NewLimiter(rate.Inf, 0)}
	}
	return &connectRate{perSecond, rate.NewLimiter(rate.Limit(perSecond), max(1, int(2*perSecond)))}
}

// admit decides about a handshake. It runs on an event loop.
func (g *Gate) admit(a loop.Admission) (release func(), refusal *loop.Refusal) {
	if why := g.overload.why(); why != "" {
		return nil, g.refuse(2, a, 5*time.Second, "the server is overloaded: "+why)
	}
	if open, most := g.node.Server.Connections(), g.node.MaxConnections(); open > most {
		return nil, g.refuse(3, a, 5*time.Second, fmt.Sprintf("%d connections are open, as many as may be", most))
	}
	if most := g.limits.Load().perIP; most > 0 && a.Addr.IsValid() {
		if !g.perIP.enter(a.Addr, most) {
			return nil, g.refuse(1, a, 10*time.Second, fmt.Sprintf("%d connections from this address are open, as many as one may have", most))
		}
		release = func() { g.perIP.leave(a.Addr) }
	}
	if !g.rate.Load().limiter.AllowN(time.Now(), 1) {
		if release != nil {
			release()
		}
		return nil, g.refuse(0, a, time.Second, "connections come too fast")
	}
	return release, nil
}

// refuse counts a refusal, tells of it, and makes its answer.
func (g *Gate) refuse(limit int, a loop.Admission, after time.Duration, message string) *loop.Refusal {
	r := &g.rejected[limit]
	n := r.count.Add(1)
	if now := time.Now().Unix(); r.told.Load()+logEvery <= now && r.told.Swap(now)+logEvery <= now {
		g.node.Log.Warn("connections are refused", "limit", r.limit, "refused", n, "reason", message)
	}
	if g.node.Bus.Heard() {
		g.node.Bus.Publish(&lifecycle.Event{Type: lifecycle.ConnectionRefused, IP: addrText(a.Addr), Reason: r.limit})
	}
	return &loop.Refusal{RetryAfter: after, Code: r.limit, Message: message}
}

// logEvery is how many seconds lie between two lines about one limit.
const logEvery = 10

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// rejections are the refusals by one limit.
type rejections struct {
	limit string
	count atomic.Uint64
	told  atomic.Int64 // in seconds
}

// Rejections are how many connections each limit has refused.
func (g *Gate) Rejections() map[string]uint64 {
	m := map[string]uint64{}
	for i := range g.rejected {
		m[g.rejected[i].limit] = g.rejected[i].count.Load()
	}
	return m
}

// addresses counts the sessions of each address.
type addresses struct {
	mu    sync.Mutex
	count map[netip.Addr]int
}

// enter counts one more, unless there are as many as may be.
func (s *addresses) enter(a netip.Addr, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[a] >= most {
		return false
	}
	s.count[a]++
	return true
}

func (s *addresses) leave(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[a]--; s.count[a] <= 0 {
		delete(s.count, a)
	}
}
