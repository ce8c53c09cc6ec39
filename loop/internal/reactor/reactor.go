// Reactor: gnet's event handler, from boot to shutdown.

package reactor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// Config says where and how to serve.
type Config struct {
	Listeners []Listener
	MaxConns  int // 0: as many as the descriptor limit allows
	Ring      Ring
	Least     int // writes that go through a ring together at least; 0: as many as make it pay
	Logger    *slog.Logger

	// ProxyFailed is told of connections that are closed because of their PROXY
	// header, on their loop. Nil: nobody is.
	ProxyFailed func(remote net.Addr, err error)

	Left      func(*Left)   // has connections that leave, on a goroutine of their own
	LeftStall time.Duration // how long they may take nothing of what is written to them
}

// Listener is an address and what is spoken there.
type Listener struct {
	Addr   string       // host:port, unix:path, fd:name or fd:number
	Given  net.Listener // in place of Addr, nil for none
	Shared bool         // other processes may listen on the same port, or take the path over
	Mode   fs.FileMode  // of the file of a unix socket, 0 for what the umask leaves
	TLS    *tls.Config  // of [tlsconn.Config], nil without TLS

	Proxy   ProxyMode
	Proxies []netip.Prefix // whose PROXY header is believed
	Trusted bool           // who connects is a proxy to believe, whatever its address

	// Raw opens a connection of another protocol on a loop, nil for the engine's.
	Raw func(loop int, ref transport.RawRef) transport.Raw

	announced *transport.Announced // made from the others, nil without Proxy
}

// errNotRunning says that gnet has no loop at present.
var errNotRunning = errors.New("reactor: the event loop is not running")

// Reactor runs a group of engines. Its methods may be called from any goroutine
// unless they say otherwise.
type Reactor struct {
	gnet.BuiltinEventEngine

	// Immutable after New.
	cfg    Config
	loops  []*loop
	claims []claim
	clock  *clock
	hosted *Listener // of connections that a host hands over, nil without

	conns        atomic.Int64
	refused      atomic.Uint64
	restarts     atomic.Uint64
	stopping     atomic.Bool
	booted       chan struct{} // closed once connections are accepted on every loop
	ended        chan struct{} // closed by Stop
	once         struct{ boot, stop, release, cease sync.Once }
	ceasing      atomic.Bool    // Cease was called
	ceased       chan struct{}  // closed when it is done
	ceaseErr     error          // of it
	quiet        notice         // no connection is left
	full         pace           // of the warning that connections are refused
	greeting     sync.Mutex     // held while the loops are greeted
	turn         atomic.Uint32  // of the loops
	troubled     pace           // of the warning that accepting fails
	foreign      pace           // of the warning that somebody is no trusted proxy
	foreignLoops pace           // of the error that a host has too many loops
	untrusted    atomic.Uint64  // connections closed for that
	accepts      sync.WaitGroup // goroutines that accept

	mu struct {
		sync.Mutex
		engine gnet.Engine
		client *gnet.Client  // in place of an engine if there are no addresses
		down   chan struct{} // closed when the engine ends
		known  int           // loops that have shown themselves
	}
}

// New prepares a reactor for the engines and claims the addresses. Whoever
// attaches handlers to the engines gives them the network side of [Reactor.Network].
// It raises the descriptor limit as far as the system allows. What was claimed
// is given up when Run returns, or by Release if it never runs.
func New(cfg Config, engines []*transport.Engine, clockNow func() int64) (*Reactor, error) {
	r := &Reactor{cfg: cfg, booted: make(chan struct{}), ended: make(chan struct{}), ceased: make(chan struct{}), quiet: newNotice()}
	limit, err := raiseDescriptorLimit()
	if err != nil {
		return nil, fmt.Errorf("reactor: reading the limit of open files: %w", err)
	}
	most := limit - reserve(limit, len(engines), len(cfg.Listeners))
	switch {
	case most < 1:
		return nil, fmt.Errorf("reactor: the limit of %d open files leaves no room for connections: raise it (ulimit -n, LimitNOFILE)", limit)
	case cfg.MaxConns == 0:
		r.cfg.MaxConns = most
	case cfg.MaxConns > most:
		return nil, fmt.Errorf("reactor: MaxConns is %d, but the limit of %d open files leaves room for %d: raise it (ulimit -n, LimitNOFILE) or lower MaxConns", cfg.MaxConns, limit, most)
	}
	if r.claims, err = claimAll(cfg.Listeners); err != nil {
		return nil, err
	}
	for i := range r.claims {
		r.announce(&r.claims[i].Listener)
	}
	if r.cfg.Least == 0 {
		r.cfg.Least = ringLeast
	}
	r.clock = newClock(clockNow)
	for _, e := range engines {
		l := &loop{reactor: r, engine: e}
		l.wake.loop, l.tick.loop = l, l
		r.loops = append(r.loops, l)
	}
	if err := r.setUpRings(); err != nil {
		giveUp(r.claims)
		return nil, err
	}
	return r, nil
}

// Release gives up the addresses and whatever else New has taken.
func (r *Reactor) Release() {
	r.once.release.Do(func() {
		release(r.claims)
		r.takeDownRings()
	})
}

// Network is the network side of engine i. Before Run.
func (r *Reactor) Network(i int) transport.Network { return r.loops[i] }

// Addrs are the addresses listened on, with the port that a port of 0 became.
func (r *Reactor) Addrs() (addrs []string) {
	for _, c := range r.claims {
		addrs = append(addrs, c.addr)
	}
	return addrs
}

// Running reports whether loop i runs. One that does not has no sessions, and
// what is posted to its engine waits.
func (r *Reactor) Running(i int) bool { return r.loops[i].runs(nil) }

// Booted is closed when connections are accepted.
func (r *Reactor) Booted() <-chan struct{} { return r.booted }

// MaxConns is the number of connections at which new ones are refused.
func (r *Reactor) MaxConns() int { return r.cfg.MaxConns }

// Conns is the number of open connections.
func (r *Reactor) Conns() int { return int(r.conns.Load()) }

// Refused is the number of connections refused because of MaxConns.
func (r *Reactor) Refused() uint64 { return r.refused.Load() }

// Restarts is the number of times gnet ended unasked and was started again.
func (r *Reactor) Restarts() uint64 { return r.restarts.Load() }

// restartDelay is the pause before gnet is started again, doubled up to the
// limit while it keeps ending at once.
const (
	restartDelay    = 100 * time.Millisecond
	restartDelayMax = 5 * time.Second
	restartHealthy  = 10 * time.Second
)

// Run serves until Stop. gnet ends all its loops when accepting a connection
// fails for a reason it does not know; Run starts it again then.
func (r *Reactor) Run() error {
	defer func() {
		r.Release()
		r.accepts.Wait()
		if r.ceasing.Load() {
			<-r.ceased
		}
	}()
	go r.clock.run(r.loops)
	defer r.clock.stop()
	delay := restartDelay
	for {
		begun := time.Now()
		err := r.serve()
		if r.stopping.Load() {
			return nil
		}
		if err != nil && !r.hasBooted() {
			return fmt.Errorf("reactor: listening on %v: %w", r.Addrs(), err)
		}
		r.restarts.Add(1)
		if time.Since(begun) > restartHealthy {
			delay = restartDelay
		}
		r.cfg.Logger.Error("the event loops ended and are started again; all connections were lost", "error", err, "delay", delay)
		select {
		case <-time.After(delay):
		case <-r.ended:
			return nil
		}
		delay = min(2*delay, restartDelayMax)
	}
}

// serve runs gnet once.
func (r *Reactor) serve() (err error) {
	var urls []string
	for _, c := range r.claims {
		if c.ln == nil && !r.ceasing.Load() {
			urls = append(urls, "tcp://"+c.addr)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reactor: gnet panicked: %v", p)
		}
		// The goroutines of the loops have ended.
		for _, l := range r.loops {
			l.closeBridges()
			l.engine.Leave()
		}
	}()
	if r.hosted != nil {
		r.serveHosted()
		return nil
	}
	if len(urls) == 0 {
		return r.serveAlone()
	}
	return gnet.Rotate(r, urls, r.options()...)
}

func (r *Reactor) options() []gnet.Option {
	return []gnet.Option{
		gnet.WithNumEventLoop(len(r.loops)),
		gnet.WithReusePort(true),
		gnet.WithReuseAddr(true),
		gnet.WithTicker(true), // for the first call of OnTick
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithLogger(&gnetLogger{log: r.cfg.Logger}),
	}
}

// readBuffer is what a loop reads from a connection in one turn, in bytes. It
// is the budget of a connection: what it has sent beyond waits in the kernel
// until the others had theirs.
const readBuffer = 16 << 10

func (r *Reactor) hasBooted() bool {
	select {
	case <-r.booted:
		return true
	default:
		return false
	}
}

// Refuse makes the reactor refuse new connections from now on.
func (r *Reactor) Refuse() { r.stopping.Store(true) }

// Drained waits until no connection is open.
func (r *Reactor) Drained(ctx context.Context) error {
	for r.conns.Load() > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.quiet.wait():
		}
	}
	return nil
}

// Stop ends Run, and with it all connections that are left.
func (r *Reactor) Stop() {
	r.stopping.Store(true)
	r.once.stop.Do(func() { close(r.ended) })
	if r.hosted != nil {
		return // the engine is not ours
	}
	// A loop must not end while a greeting is on its way: nothing would tell
	// the goroutine in gnet that waits for its arrival.
	r.greeting.Lock()
	defer r.greeting.Unlock()
	r.mu.Lock()
	engine := r.mu.engine
	r.mu.Unlock()
	// A context that is done makes Stop ask and not wait: Run returns when the
	// loops have ended.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = engine.Stop(ctx)
}

// OnBoot is gnet's call when the first listener is open.
func (r *Reactor) OnBoot(engine gnet.Engine) gnet.Action {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping.Load() {
		return gnet.Shutdown
	}
	r.mu.engine, r.mu.down = engine, make(chan struct{})
	r.mu.known = 0
	return gnet.None
}

// OnTick is gnet's call when all loops run. It is wanted once; gnet has no
// other word for it.
func (r *Reactor) OnTick() (time.Duration, gnet.Action) {
	r.mu.Lock()
	engine, down := r.mu.engine, r.mu.down
	r.mu.Unlock()
	r.greeting.Lock()
	if !r.stopping.Load() {
		r.greet(engine, down)
	}
	r.greeting.Unlock()
	r.once.boot.Do(func() {
		r.acceptGiven()
		close(r.booted)
	})
	const never = 1 << 62
	return never, gnet.None
}

// OnShutdown is gnet's call before it ends its loops.
func (r *Reactor) OnShutdown(gnet.Engine) {
	r.mu.Lock()
	if r.mu.down != nil {
		close(r.mu.down)
	}
	r.mu.Unlock()
	for _, l := range r.loops {
		l.stop()
	}
}

// loopOf finds the loop that runs on a gnet event loop. gnet does not list its
// loops, so each takes the next free place when its first connection shows it.
// It returns nil if there is none.
func (r *Reactor) loopOf(el gnet.EventLoop) *loop {
	for _, l := range r.loops {
		if l.runs(el) {
			return l
		}
	}
	r.mu.Lock()
	if r.mu.known == len(r.loops) {
		// Loops of a host: more than it said, or one that was given back.
		r.mu.Unlock()
		if !r.stopping.Load() && r.foreignLoops.allows(time.Now()) {
			r.cfg.Logger.Error("connections are refused: the host has more event loops than Loops", "loops", len(r.loops))
		}
		return nil
	}
	l := r.loops[r.mu.known]
	r.mu.known++
	r.mu.Unlock()
	l.start(el)
	return l
}

// notice tells any number of waiters that something has happened.
type notice struct{ c chan struct{} }

func newNotice() notice { return notice{make(chan struct{}, 1)} }

func (n notice) tell() {
	select {
	case n.c <- struct{}{}:
	default:
	}
}

func (n notice) wait() <-chan struct{} { return n.c }
