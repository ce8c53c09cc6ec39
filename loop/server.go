// Server: made, run, shut down.

package loop

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport"
)

// Server is a Socket.IO server. Its methods may be called from any goroutine.
type Server struct {
	// Immutable after New.
	cfg     Config
	form    form   // in which it keeps packets
	custom  Parser // nil for those it knows itself
	loops   []*Loop
	engines []*transport.Engine
	reactor *reactor.Reactor
	workers *workers
	root    *Namespace
	done    chan struct{} // closed when the loops have ended
	trusted proxies
	files   clientFiles // nil for none
	slow    []slowHook  // set before Run

	// Any goroutine.
	namespaces   atomic.Pointer[map[string]*Namespace]
	dynamic      atomic.Pointer[[]*Namespace] // parent namespaces
	full         atomic.Uint64                // children refused because of their number
	asked        atomic.Bool                  // somebody may ask for handshakes
	closing      atomic.Bool
	engineHooks  atomic.Pointer[engineHooks]
	admission    atomic.Pointer[AdmissionFunc]
	notAdmitted  atomic.Uint64
	receivers    receivers // of broadcasts
	draining     atomic.Bool
	refusals     refusals
	panics       atomic.Uint64
	roomEvents   atomic.Uint64 // missed
	recoveries   recoveryCounters
	restores     restores
	strands      tally
	requests     tally // of handlers of package net/http
	web          web
	turn         atomic.Uint32 // of the loops
	carried      atomic.Int64  // connections by goroutines
	unhijackable sync.Once     // tells that websockets are refused
	adapters     sync.Once     // closes them
	adaptersErr  error
	mu           struct {
		sync.Mutex
		started  bool
		closing  bool
		announce []func(*Namespace)
		children int // namespaces with a parent
	}
}

// New makes a server. It checks the Config, reports all that is wrong with it in
// one error, and reserves the addresses; clients are served by [Server.Run].
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, workers: newWorkers(cfg.Handlers), done: make(chan struct{}), trusted: cfg.TrustedProxies}
	var known bool
	if s.form, known = cfg.Parser.(form); !known {
		s.custom = cfg.Parser
	}
	if cfg.EngineOnly {
		s.custom = messageParser{}
	}
	s.engineHooks.Store(&engineHooks{})
	if cfg.ServeClient.or(!cfg.EngineOnly) {
		var err error
		if s.files, err = newClientFiles(cfg.Path, cfg.ClientFiles, cfg.HTTP != nil && cfg.ServeClient == Default); err != nil {
			return nil, err
		}
	}
	s.namespaces.Store(&map[string]*Namespace{})
	s.dynamic.Store(new([]*Namespace))
	begin := time.Now()
	clock := func() int64 { return time.Since(begin).Milliseconds() }
	listeners, err := cfg.listeners(s)
	if err != nil {
		return nil, err // not after validate
	}
	options := cfg.transportOptions()
	s.web.init(s, options)
	below := reactor.Config{
		Listeners: listeners, MaxConns: cfg.MaxConnections, Ring: ring(cfg.IOUring), Logger: cfg.Logger,
		ProxyFailed: s.proxyFailed, Left: s.web.take, LeftStall: cfg.Limits.OutboundStall,
	}
	if flushing != nil {
		flushing(&below, options)
	}
	s.engines = transport.NewGroup(cfg.Loops, options, clock)
	for i, e := range s.engines {
		s.loops = append(s.loops, &Loop{server: s, engine: e, index: i})
	}
	s.receivers = make(receivers, len(s.loops))
	s.reactor, err = reactor.New(below, s.engines, clock)
	if err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	for i, e := range s.engines {
		e.Attach(upcalls{s.loops[i]}, s.reactor.Network(i))
	}
	s.restores.init()
	s.root = s.Of("/")
	if cfg.ConnectionStateRecovery != nil && s.root.recovery == nil {
		_ = s.closeAdapters()
		s.reactor.Release()
		return nil, errors.New("loop: ConnectionStateRecovery needs an Adapter that implements rooms.Recoverer, or none: leave one of the two nil")
	}
	s.setGates()
	return s, nil
}

// flushing, if a test sets it, changes how output leaves.
var flushing func(*reactor.Config, *transport.Options)

// ring is a Switch as the reactor wants it.
func ring(s Switch) reactor.Ring {
	return map[Switch]reactor.Ring{Default: reactor.RingIfAble, Enabled: reactor.RingAlways, Disabled: reactor.RingNever}[s]
}

// Root is the namespace "/", which clients join unless they ask for another.
func (s *Server) Root() *Namespace { return s.root }

// Addrs are the addresses the server listens on, those of Config.Listen and then
// those of Config.Listeners, with the ports that a port of 0 became: host:port or
// unix:path.
func (s *Server) Addrs() []string { return s.reactor.Addrs() }

// Listening is closed once clients can connect.
func (s *Server) Listening() <-chan struct{} { return s.reactor.Booted() }

// MaxConnections is the number of connections at which new ones are refused.
func (s *Server) MaxConnections() int { return s.reactor.MaxConns() }

// Connections is the number of open connections.
func (s *Server) Connections() int { return s.reactor.Conns() }

// shutdownTime is how long Run waits for clients when its context is done, and
// requestTime how long a shutdown waits for answers of Config.HTTP.
const (
	shutdownTime = 10 * time.Second
	requestTime  = time.Second
)

// Run serves clients until ctx is done, then shuts the server down with ten
// seconds for the clients to be told. It returns nil after a shutdown, also one
// by [Server.Shutdown], and an error if the server cannot listen. A server runs
// once.
func (s *Server) Run(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	return s.run(ctx)
}

// Start is Run in the background. It returns as soon as clients can connect, or
// with the error for which they cannot.
func (s *Server) Start(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := s.run(ctx)
		ended <- err
		if err != nil {
			s.cfg.Logger.Error("the server ended", "error", err)
		}
	}()
	select {
	case <-s.Listening():
		return nil
	case err := <-ended:
		return err
	}
}

// begin lets a server run once.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.started {
		return errors.New("loop: the server has run already: make another with New")
	}
	s.mu.started = true
	return nil
}

// run is Run for a server that has begun.
func (s *Server) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		_ = s.Shutdown(end)
	})
	defer stop()
	if s.cfg.ReleaseMemory {
		go s.releaseMemory()
	}
	err := s.reactor.Run()
	closeErr := s.closeAdapters()
	close(s.done)
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("loop: %w", err)
	}
	return nil
}

// Shutdown ends the server: new connections are refused, every socket is
// disconnected with the reason "server shutting down", what was sent before
// still goes out, running handlers are waited for, requests of Config.HTTP for
// a second before their connections are closed. When ctx is done, what is left
// is cut off and ctx's error returned. Clients reconnect on their own.
//
// A handler must not wait for it: it would wait for itself. An inline one gets
// [ErrOnLoop].
func (s *Server) Shutdown(ctx context.Context) error {
	if s.onLoop() {
		return ErrOnLoop
	}
	s.mu.Lock()
	first, started := !s.mu.closing, s.mu.started
	s.mu.closing, s.mu.started = true, true
	s.mu.Unlock()
	switch {
	case !started:
		s.reactor.Release()
		err := s.closeAdapters()
		close(s.done)
		return err
	case !first:
		return s.wait(ctx)
	}
	s.closing.Store(true)
	s.restores.cancel()
	select {
	case <-s.reactor.Booted():
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	if !s.reactor.Alone() {
		_ = s.reactor.Cease(ctx) // what it cannot do is refused below
	}
	s.reactor.Refuse()
	err := s.drain(ctx)
	if e := s.closeAdapters(); err == nil {
		err = e
	}
	s.reactor.Stop()
	if e := s.wait(ctx); err == nil {
		err = e
	}
	return err
}

// drain ends all that clients have open, and waits until it has ended.
func (s *Server) drain(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	s.web.shutdown(soon)
	ended := make(chan struct{}, len(s.engines))
	open := 0
	for i, e := range s.engines {
		// A loop that does not run has nobody to tell.
		if s.reactor.Running(i) {
			open++
			e.Post(closeTask{ended})
		}
	}
	for range open {
		select {
		case <-ended:
		case <-s.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, wait := range []func(context.Context) error{s.reactor.Drained, s.strands.wait, s.requests.wait} {
		if err := wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// closeAdapters closes the adapters of all namespaces, once.
func (s *Server) closeAdapters() error {
	s.adapters.Do(func() {
		for _, n := range *s.namespaces.Load() {
			s.adaptersErr = errors.Join(s.adaptersErr, n.adapter.Close())
		}
	})
	return s.adaptersErr
}

// wait waits for the loops to end.
func (s *Server) wait(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// closeTask ends the sessions of a loop.
type closeTask struct{ ended chan<- struct{} }

// Run implements [transport.Task].
func (t closeTask) Run(e *transport.Engine) {
	e.Close()
	t.ended <- struct{}{}
}

// onLoop reports whether the caller runs on one of the server's loops.
func (s *Server) onLoop() bool {
	for _, e := range s.engines {
		if e.OnLoop() {
			return true
		}
	}
	return false
}

// wantsHandshake reports whether a new client's handshake must be kept.
func (s *Server) wantsHandshake() bool { return !s.cfg.DropHandshake || s.asked.Load() }

// fail reports an error on behalf of a client.
func (s *Server) fail(sock *Socket, err error) {
	if s.cfg.OnError == nil {
		s.cfg.Logger.Debug("handler failed", "error", err)
		return
	}
	s.report(sock, err)
}

// report calls OnError, whose panic must not be one more error to report.
func (s *Server) report(sock *Socket, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.logPanic("OnError", p)
		}
	}()
	s.cfg.OnError(sock, err)
}

// panicked reports the panic of a handler.
func (s *Socket) panicked(what string, p any) {
	srv := s.ns.server
	srv.logPanic("a "+what, p, "namespace", s.ns.name)
	if srv.cfg.OnError != nil {
		srv.report(s, fmt.Errorf("loop: panic in a %s: %v", what, p))
	}
}

// logPanic logs and then counts a panic in code of the user's.
func (s *Server) logPanic(what string, p any, attrs ...any) {
	s.cfg.Logger.Error("panic in "+what, append(attrs, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))...)
	s.panics.Add(1)
}
