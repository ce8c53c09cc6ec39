// Reactor: gnet's event handler, from boot to shutdown.

package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/gnet/v2"

	"github.com/sioserver/sioserver/transport"
)

// Config says where and how to serve.
type Config struct {
	Addrs    []string // host:port
	Shared   bool     // other processes may listen on the same ports
	MaxConns int      // 0: as many as the descriptor limit allows
	Logger   *slog.Logger
}

// Reactor runs a group of engines. Its methods may be called from any goroutine
// unless they say otherwise.
type Reactor struct {
	gnet.BuiltinEventEngine

	// Immutable after New.
	cfg   Config
	loops []*loop
	addrs []string
	clock *clock

	conns    atomic.Int64
	refused  atomic.Uint64
	restarts atomic.Uint64
	stopping atomic.Bool
	booted   chan struct{} // closed once the first listener is open
	once     sync.Once
	quiet    notice // no connection is left

	mu struct {
		sync.Mutex
		engine gnet.Engine
		known  int // loops that have shown themselves
	}
}

// New prepares a reactor for the engines, whose handlers are attached by the
// caller's attach, which also receives the network side of each engine. It
// raises the descriptor limit as far as the system allows.
func New(cfg Config, engines []*transport.Engine, clockNow func() int64) (*Reactor, error) {
	r := &Reactor{cfg: cfg, booted: make(chan struct{}), quiet: newNotice()}
	limit, err := raiseDescriptorLimit()
	if err != nil {
		return nil, fmt.Errorf("reactor: reading the limit of open files: %w", err)
	}
	most := limit - reserve(limit)
	switch {
	case cfg.MaxConns == 0:
		r.cfg.MaxConns = most
	case cfg.MaxConns > most:
		return nil, fmt.Errorf("reactor: MaxConns is %d, but the limit of %d open files leaves room for %d: raise it (ulimit -n, LimitNOFILE) or lower MaxConns", cfg.MaxConns, limit, most)
	}
	if r.addrs, err = resolve(cfg.Addrs, cfg.Shared); err != nil {
		return nil, err
	}
	r.clock = newClock(clockNow)
	for _, e := range engines {
		l := &loop{reactor: r, engine: e}
		l.wake.loop, l.tick.loop = l, l
		r.loops = append(r.loops, l)
	}
	return r, nil
}

// Network is the network side of engine i. Before Run.
func (r *Reactor) Network(i int) transport.Network { return r.loops[i] }

// Addrs are the addresses listened on, with the port that a port of 0 became.
func (r *Reactor) Addrs() []string { return r.addrs }

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
	go r.clock.run(r.loops)
	defer r.clock.stop()
	urls := make([]string, len(r.addrs))
	for i, a := range r.addrs {
		urls[i] = "tcp://" + a
	}
	delay := restartDelay
	for {
		begun := time.Now()
		err := gnet.Rotate(r, urls,
			gnet.WithNumEventLoop(len(r.loops)),
			gnet.WithReusePort(true),
			gnet.WithReuseAddr(true),
			gnet.WithReadBufferCap(readBuffer),
			gnet.WithLogger(gnetLogger{r.cfg.Logger}),
		)
		if r.stopping.Load() {
			return nil
		}
		if err != nil && !r.hasBooted() {
			return fmt.Errorf("reactor: listening on %v: %w", r.addrs, err)
		}
		r.restarts.Add(1)
		if time.Since(begun) > restartHealthy {
			delay = restartDelay
		}
		r.cfg.Logger.Error("the event loops ended and are started again; all connections were lost", "error", err, "delay", delay)
		time.Sleep(delay)
		delay = min(2*delay, restartDelayMax)
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
	r.mu.engine = engine
	r.mu.known = 0
	for _, l := range r.loops {
		l.forget()
	}
	r.once.Do(func() { close(r.booted) })
	return gnet.None
}

// OnOpen is gnet's call for a new connection.
func (r *Reactor) OnOpen(gc gnet.Conn) (_ []byte, action gnet.Action) {
	m, moved := gc.Context().(*moving)
	n := r.conns.Add(1)
	if !moved && (n > int64(r.cfg.MaxConns) || r.stopping.Load()) {
		r.refused.Add(1)
		return nil, gnet.Close
	}
	l := r.loopOf(gc.EventLoop())
	l.engine.Enter()
	c := l.engine.Open(gc, int32(gc.Fd()))
	gc.SetContext(c)
	if moved {
		defer l.guard(c)
		l.engine.Feed(c, m.head)
	}
	return nil, gnet.None
}

// OnTraffic is gnet's call for bytes that have arrived.
func (r *Reactor) OnTraffic(gc gnet.Conn) gnet.Action {
	c, ok := gc.Context().(*transport.Conn)
	if !ok {
		return gnet.None
	}
	p, err := gc.Next(-1)
	if err != nil || len(p) == 0 {
		return gnet.None
	}
	l := r.loops[c.Loop()]
	defer l.guard(c)
	l.engine.Feed(c, p)
	return gnet.None
}

// OnClose is gnet's call for a connection that is gone.
func (r *Reactor) OnClose(gc gnet.Conn, _ error) gnet.Action {
	if c, ok := gc.Context().(*transport.Conn); ok {
		l := r.loops[c.Loop()]
		defer l.guardTask()
		l.engine.Closed(c)
	}
	if r.conns.Add(-1) == 0 {
		r.quiet.tell()
	}
	return gnet.None
}

// loopOf finds the loop that runs on a gnet event loop. gnet does not list its
// loops, so each takes the next free place when its first connection shows it.
func (r *Reactor) loopOf(el gnet.EventLoop) *loop {
	for _, l := range r.loops {
		if p := l.events.Load(); p != nil && *p == el {
			return l
		}
	}
	r.mu.Lock()
	l := r.loops[r.mu.known]
	r.mu.known++
	r.mu.Unlock()
	l.events.Store(&el)
	l.start()
	return l
}

// guard keeps a panic in the handling of a connection from ending the process.
func (l *loop) guard(c *transport.Conn) {
	if p := recover(); p != nil {
		l.logPanic(p)
		l.engine.Panicked(c)
	}
}

// guardTask does the same where no connection is to blame.
func (l *loop) guardTask() {
	if p := recover(); p != nil {
		l.logPanic(p)
		l.engine.Recovered()
	}
}

func (l *loop) logPanic(p any) {
	l.reactor.cfg.Logger.Error("panic on an event loop", "loop", l.engine.Index(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// ErrStopped is returned for work that comes after the end.
var ErrStopped = errors.New("reactor: stopped")

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
