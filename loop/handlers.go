// Handlers of events: how they are registered and found.

package loop

import (
	"maps"
	"sync/atomic"
)

// Handler handles an event. It runs off the event loops, on one of the goroutines
// that [Config.Handlers] bounds, unless it is registered with [Inline]; it may
// block. The handlers of one socket run one after the other, in the order in
// which the events came. Handlers of different sockets run at the same time.
type Handler func(s *Socket, e *Event)

// Registrar is where handlers are registered: a [Namespace], for all its
// sockets, or one [Socket]. A handler of the namespace costs nothing for each
// client and is the rule.
type Registrar interface {
	// On adds a handler for an event and returns its registration.
	On(event string, h Handler, opts ...HandlerOption) *Registration
}

// HandlerOption changes how a handler is run.
type HandlerOption func(*handlerConfig)

type handlerConfig struct{ inline bool }

// Inline makes a handler run on the event loop, as soon as the event has come,
// which saves the way to a goroutine and back. It must not block: while it
// runs, no client of the loop is served. If an event has several handlers, they
// run on the loop only if all of them are inline. An inline handler runs in
// order with those that are not: an event waits until the handlers of the events
// before it have returned.
func Inline() HandlerOption { return func(c *handlerConfig) { c.inline = true } }

func handlerOptions(opts []HandlerOption) (c handlerConfig) {
	for _, o := range opts {
		o(&c)
	}
	return c
}

// Registration is a handler that was registered.
type Registration struct {
	h        Handler
	use      EventMiddleware // of a middleware, which has no h
	outgoing OutgoingHandler // likewise
	inline   bool
	once     bool
	spent    atomic.Bool // a handler for one event has had it
	remove   func(*Registration)
}

// Remove takes the handler away. Events that wait for it still reach it. Any
// goroutine.
func (r *Registration) Remove() { r.remove(r) }

// handlerSet is a set of handlers; it is immutable.
type handlerSet struct {
	events map[string][]*Registration
	any    []*Registration
	use    []*Registration // middleware
}

// socketHandlers are the handlers of a single socket; a set is immutable.
type socketHandlers struct {
	handlerSet
	disconnecting []disconnectHook
	disconnect    []disconnectHook
	errors        []func(*Socket, error)
	outgoing      []*Registration
}

// with returns a set with one more handler.
func (h handlerSet) with(event string, r *Registration) handlerSet {
	h.events = maps.Clone(h.events)
	if h.events == nil {
		h.events = map[string][]*Registration{}
	}
	h.events[event] = concat(h.events[event], []*Registration{r})
	return h
}

// withAny returns a set with one more handler for all events.
func (h handlerSet) withAny(r *Registration, first bool) handlerSet {
	if first {
		h.any = concat([]*Registration{r}, h.any)
	} else {
		h.any = concat(h.any, []*Registration{r})
	}
	return h
}

// without returns a set without the handlers that drop picks.
func (h handlerSet) without(drop func(event string, r *Registration) bool) handlerSet {
	events := map[string][]*Registration{}
	for event, list := range h.events {
		if kept := except(list, func(r *Registration) bool { return drop(event, r) }); len(kept) > 0 {
			events[event] = kept
		}
	}
	unnamed := func(r *Registration) bool { return drop("", r) }
	return handlerSet{events, except(h.any, unnamed), except(h.use, unnamed)}
}

func except(list []*Registration, drop func(*Registration) bool) (kept []*Registration) {
	for _, r := range list {
		if !drop(r) {
			kept = append(kept, r)
		}
	}
	return kept
}

// On implements [Registrar]: the handler gets the event of every socket of the
// namespace. It panics if the event name is reserved.
func (n *Namespace) On(event string, h Handler, opts ...HandlerOption) *Registration {
	r := n.registration(event, h, opts)
	n.changeHandlers(func(set handlerSet) handlerSet { return set.with(event, r) })
	return r
}

// OnAny adds a handler that gets every event, before the event's own handlers.
func (n *Namespace) OnAny(h Handler, opts ...HandlerOption) *Registration {
	r := n.registration("", h, opts)
	n.changeHandlers(func(set handlerSet) handlerSet { return set.withAny(r, false) })
	return r
}

// Off takes away all handlers of an event.
func (n *Namespace) Off(event string) {
	n.changeHandlers(func(set handlerSet) handlerSet {
		return set.without(func(name string, _ *Registration) bool { return name == event && name != "" })
	})
}

func (n *Namespace) registration(event string, h Handler, opts []HandlerOption) *Registration {
	mustBeFree(event)
	return &Registration{h: h, inline: handlerOptions(opts).inline, remove: func(r *Registration) {
		n.changeHandlers(func(set handlerSet) handlerSet {
			return set.without(func(_ string, x *Registration) bool { return x == r })
		})
	}}
}

func (n *Namespace) changeHandlers(change func(handlerSet) handlerSet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	next := change(*n.handlers.Load())
	n.handlers.Store(&next)
}

// mustBeFree keeps a handler from waiting for an event that never comes.
func mustBeFree(event string) {
	if reserved(event) {
		panic("loop: a handler for " + event + ": the name is reserved; use OnConnection, OnDisconnecting or OnDisconnect")
	}
}

// On implements [Registrar]: the handler gets the event of this socket only,
// after those of the namespace. It panics if the event name is reserved. It
// costs memory for each socket it is called on.
func (s *Socket) On(event string, h Handler, opts ...HandlerOption) *Registration {
	return s.register(event, h, opts, false)
}

// Once is On for the next event of this name alone.
func (s *Socket) Once(event string, h Handler, opts ...HandlerOption) *Registration {
	return s.register(event, h, opts, true)
}

// OnAny adds a handler that gets every event of the socket, before the event's
// own handlers.
func (s *Socket) OnAny(h Handler, opts ...HandlerOption) *Registration {
	r := s.registration("", h, opts, false)
	s.changeHandlers(func(set *socketHandlers) { set.handlerSet = set.withAny(r, false) })
	return r
}

// PrependAny is OnAny for a handler that comes before those added so far.
func (s *Socket) PrependAny(h Handler, opts ...HandlerOption) *Registration {
	r := s.registration("", h, opts, false)
	s.changeHandlers(func(set *socketHandlers) { set.handlerSet = set.withAny(r, true) })
	return r
}

// Off takes away all handlers of an event that were added to this socket.
func (s *Socket) Off(event string) {
	s.changeHandlers(func(set *socketHandlers) {
		set.handlerSet = set.without(func(name string, _ *Registration) bool { return name == event && name != "" })
	})
}

// OffAny takes away all handlers of OnAny and PrependAny of this socket.
func (s *Socket) OffAny() {
	s.changeHandlers(func(set *socketHandlers) { set.any = nil })
}

// OnDisconnecting adds a handler for the disconnect of this socket, called
// while [Socket.Rooms] still tells the rooms it was in.
func (s *Socket) OnDisconnecting(h DisconnectHandler, opts ...HandlerOption) {
	k := disconnectHook{h, handlerOptions(opts).inline}
	s.changeHandlers(func(set *socketHandlers) { set.disconnecting = concat(set.disconnecting, []disconnectHook{k}) })
}

// OnDisconnect adds a handler for the disconnect of this socket.
func (s *Socket) OnDisconnect(h DisconnectHandler, opts ...HandlerOption) {
	k := disconnectHook{h, handlerOptions(opts).inline}
	s.changeHandlers(func(set *socketHandlers) { set.disconnect = concat(set.disconnect, []disconnectHook{k}) })
}

func (s *Socket) register(event string, h Handler, opts []HandlerOption, once bool) *Registration {
	r := s.registration(event, h, opts, once)
	s.changeHandlers(func(set *socketHandlers) { set.handlerSet = set.with(event, r) })
	return r
}

func (s *Socket) registration(event string, h Handler, opts []HandlerOption, once bool) *Registration {
	mustBeFree(event)
	return &Registration{h: h, inline: handlerOptions(opts).inline, once: once, remove: func(r *Registration) {
		s.changeHandlers(func(set *socketHandlers) {
			set.handlerSet = set.without(func(_ string, x *Registration) bool { return x == r })
		})
	}}
}

// changeHandlers replaces the socket's handlers by a changed copy.
func (s *Socket) changeHandlers(change func(*socketHandlers)) {
	for {
		old := s.handlers.Load()
		next := socketHandlers{}
		if old != nil {
			next = *old
		}
		change(&next)
		if s.handlers.CompareAndSwap(old, &next) {
			return
		}
	}
}
