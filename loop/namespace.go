// Namespace: its sockets, handlers, middleware, and what it sends.

package loop

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/rooms"
)

// Namespace is a channel of its own on the connections of clients, with its own
// sockets, rooms and handlers. Its methods may be called from any goroutine.
// Handlers and middleware are best registered before the server runs; one that
// is registered later applies to what happens from then on.
type Namespace struct {
	// Immutable after Of.
	server   *Server
	name     string
	shards   []*rooms.Shard[socketRef]
	adapter  rooms.Adapter
	alone    bool       // the adapter has no other servers
	recovery *recovery  // nil if clients cannot come back
	dynamic  *dynamic   // of a parent namespace, else nil
	parent   *Namespace // of a child of one, else nil
	opened   chan struct{}

	// Any goroutine.
	open     atomic.Bool  // clients can join; opened is closed with it
	inside   atomic.Int64 // sockets, if the namespace goes with the last
	connects atomic.Uint64
	acks     atomic.Uint64
	handlers atomic.Pointer[handlerSet]
	hooks    atomic.Pointer[hooks]
	journal  atomic.Pointer[rooms.Journal] // nil unless somebody listens for room events
	mu       struct {
		sync.Mutex // orders changes of handlers and hooks
	}
}

// Middleware decides whether a client may join a namespace: with an error it
// may not, and is told. It runs off the loops, one call after the other for
// each client; the socket can already join rooms, but is not connected yet.
type Middleware func(s *Socket) error

// hooks are the callbacks of a namespace's life cycle; a set is immutable.
type hooks struct {
	middleware    []Middleware
	connection    []connectionHook
	disconnecting []disconnectHook
	disconnect    []disconnectHook
	server        []serverHook
	rooms         []*roomHook
}

type (
	connectionHook = hook[func(*Socket)]
	disconnectHook = hook[DisconnectHandler]
)

// hook is a callback and where it wants to run.
type hook[F any] struct {
	run    F
	inline bool
}

// allInline reports whether all hooks may run on the loop.
func allInline[F any](list []hook[F]) bool {
	for _, h := range list {
		if !h.inline {
			return false
		}
	}
	return true
}

// DisconnectHandler is told that a socket disconnects. err describes a
// transport error, else it is nil.
type DisconnectHandler func(s *Socket, reason DisconnectReason, err error)

// Of returns the namespace with this name, made at the first call: as a child
// of the first parent namespace whose pattern it matches, if there is one. A
// missing slash is added in front. Clients can join a namespace from then on.
// Any goroutine.
func (s *Server) Of(name string) *Namespace {
	name = slashed(name)
	if n := s.namespace(name); n != nil {
		return n
	}
	if p := s.patternFor(name); p != nil {
		if n := s.add(name, p); n != nil {
			return n
		}
	}
	return s.add(name, nil)
}

// namespace returns an existing namespace or nil.
func (s *Server) namespace(name string) *Namespace { return (*s.namespaces.Load())[name] }

// init makes what a namespace consists of.
func (n *Namespace) init() {
	n.handlers.Store(&handlerSet{})
	n.hooks.Store(&hooks{})
	if n.dynamic != nil {
		n.adapter, _ = rooms.InProcess(local{n})
		n.alone = true
		return
	}
	cfg := &n.server.cfg
	for range n.server.loops {
		n.shards = append(n.shards, rooms.NewShard[socketRef](cfg.Limits.Rooms))
	}
	adapter, err := cfg.Adapter(local{n})
	if err != nil {
		cfg.Logger.Error("the adapter of a namespace failed to start; its rooms are limited to this server", "namespace", n.name, "error", err)
		adapter, _ = rooms.InProcess(local{n})
	}
	n.adapter = adapter
	n.alone = rooms.Alone(adapter)
	n.recovery = newRecovery(cfg.ConnectionStateRecovery, &n.server.recoveries, adapter)
}

// Name is the namespace's name, with its slash.
func (n *Namespace) Name() string { return n.name }

// Server is the server the namespace belongs to.
func (n *Namespace) Server() *Server { return n.server }

// Use adds a middleware, which runs after those added before. It panics with
// Config.EngineOnly, where nobody asks to join; see [Config.AllowRequest].
func (n *Namespace) Use(m Middleware) {
	if n.server.cfg.EngineOnly {
		panic("loop: middleware of a server with EngineOnly, where nobody asks to join: use AllowRequest or UseEngine")
	}
	n.changeHooks(func(h *hooks) { h.middleware = append(h.middleware, m) })
}

// OnConnection adds a handler that is told of each new socket, before any of
// the socket's events. With [Inline] on it and on all others of its kind it runs
// on the loop.
func (n *Namespace) OnConnection(h func(s *Socket), opts ...HandlerOption) {
	o := handlerOptions(opts)
	n.changeHooks(func(k *hooks) { k.connection = append(k.connection, connectionHook{h, o.inline}) })
}

// OnDisconnecting adds a handler that is told of a socket that is about to
// disconnect: it is not reached by broadcasts any more, but [Socket.Rooms] still
// tells the rooms it was in. With [Inline] on it and on all other handlers of a
// disconnect it runs on the loop.
func (n *Namespace) OnDisconnecting(h DisconnectHandler, opts ...HandlerOption) {
	o := handlerOptions(opts)
	n.changeHooks(func(k *hooks) { k.disconnecting = append(k.disconnecting, disconnectHook{h, o.inline}) })
}

// OnDisconnect adds a handler that is told of a socket that has disconnected.
// With [Inline] on it and on all other handlers of a disconnect it runs on the
// loop.
func (n *Namespace) OnDisconnect(h DisconnectHandler, opts ...HandlerOption) {
	o := handlerOptions(opts)
	n.changeHooks(func(k *hooks) { k.disconnect = append(k.disconnect, disconnectHook{h, o.inline}) })
}

// changeHooks replaces the set of hooks by a changed copy: sockets that connect
// at the same time see either.
func (n *Namespace) changeHooks(change func(*hooks)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := *n.hooks.Load()
	// Appending must not write into what readers of the old set see.
	next.middleware = next.middleware[:len(next.middleware):len(next.middleware)]
	next.connection = next.connection[:len(next.connection):len(next.connection)]
	next.disconnecting = next.disconnecting[:len(next.disconnecting):len(next.disconnecting)]
	next.disconnect = next.disconnect[:len(next.disconnect):len(next.disconnect)]
	change(&next)
	n.hooks.Store(&next)
	n.server.asked.Store(true)
}

// ConnectedSockets is the number of sockets of this server in the namespace.
func (n *Namespace) ConnectedSockets() int {
	total := 0
	for _, part := range n.parts() {
		for _, s := range part.shards {
			total += s.Len()
		}
	}
	return total
}

// Connects is how many sockets have connected to the namespace on this server
// since it began, with a parent namespace those of its children.
func (n *Namespace) Connects() uint64 { return n.connects.Load() }

// Rooms are the names of the rooms of this server that have members, the rooms
// of single sockets not among them.
func (n *Namespace) Rooms() []string {
	seen := map[string]struct{}{}
	var names []string
	for _, part := range n.parts() {
		for _, s := range part.shards {
			for _, name := range s.Names() {
				if _, dup := seen[name]; !dup {
					seen[name] = struct{}{}
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// String describes the namespace for logs.
func (n *Namespace) String() string { return fmt.Sprintf("namespace %q", n.name) }
