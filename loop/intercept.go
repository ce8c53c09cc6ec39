// What comes between a socket and its handlers, and what watches it send.

package loop

import (
	"fmt"
	"math"
	"slices"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// EventMiddleware sees an event before its handlers do, after those of OnAny. It
// may change the arguments with [Event.SetArgs]. With an error the event goes no
// further, and the error is reported like one of a handler.
type EventMiddleware func(s *Socket, e *Event) error

// UseEvents adds a middleware for the events of all sockets of the namespace. It
// runs where handlers run; with [Inline] on it and on the event's handlers that
// is the loop.
func (n *Namespace) UseEvents(m EventMiddleware, opts ...HandlerOption) *Registration {
	r := n.registration("", nil, opts)
	r.use = m
	n.changeHandlers(func(set handlerSet) handlerSet {
		set.use = concat(set.use, []*Registration{r})
		return set
	})
	return r
}

// Use adds a middleware for the events of this socket, after those of
// [Namespace.UseEvents].
func (s *Socket) Use(m EventMiddleware, opts ...HandlerOption) *Registration {
	r := s.registration("", nil, opts, false)
	r.use = m
	s.changeHandlers(func(set *socketHandlers) { set.use = concat(set.use, []*Registration{r}) })
	return r
}

// pass runs a middleware and reports whether the event goes on.
func (s *Socket) pass(r *Registration, e *Event) bool {
	err := ErrDisconnected // of one that panics, whose socket is disconnected
	s.call(func(s *Socket, e *Event) { err = r.use(s, e) }, e)
	if err != nil && err != ErrDisconnected {
		s.fail(fmt.Errorf("event %s: %w", quote(e.name), err))
	}
	return err == nil
}

// SetArgs replaces the arguments for the handlers that come next. The values are
// encoded like those of [Socket.Emit]. The error tells what cannot be encoded.
func (e *Event) SetArgs(args ...any) error {
	f := e.socket.ns.server.form
	raw, bins, err := f.appendArgs(nil, nil, args)
	if err != nil {
		return err
	}
	e.args = counted(raw, bins, f)
	return nil
}

// OnError adds a handler that is told of what goes wrong on behalf of this
// socket, before Config.OnError is: errors of handlers and of middleware for
// events. It runs on the goroutine of the fault, which may be an event loop, and
// must not block.
func (s *Socket) OnError(h func(s *Socket, err error)) {
	s.changeHandlers(func(set *socketHandlers) { set.errors = concat(set.errors, []func(*Socket, error){h}) })
}

// fail reports an error on behalf of the socket.
func (s *Socket) fail(err error) {
	if own := s.handlers.Load(); own != nil {
		for _, h := range own.errors {
			s.protect("error handler", func() { h(s, err) })
		}
	}
	s.ns.server.fail(s, err)
}

// counted makes Args of encoded arguments.
func counted(raw []byte, bins [][]byte, f form) Args {
	a := Args{raw: raw, bins: bins, form: f}
	for rest := raw; len(rest) > 0; a.n++ {
		_, rest = f.nextArg(rest)
	}
	return a
}

// OutgoingHandler sees an event on its way to a socket. The arguments are valid
// until it returns.
type OutgoingHandler func(s *Socket, event string, args Args)

// OnAnyOutgoing adds a handler for all events sent to this socket, alone or with
// others; acknowledgements are none. For what is sent to the socket alone it runs
// on the goroutine that sends, for broadcasts like a handler of the socket.
func (s *Socket) OnAnyOutgoing(h OutgoingHandler) *Registration { return s.watch(h, false) }

// PrependAnyOutgoing is OnAnyOutgoing for a handler that comes before those added
// so far.
func (s *Socket) PrependAnyOutgoing(h OutgoingHandler) *Registration { return s.watch(h, true) }

// OffAnyOutgoing takes away all handlers of OnAnyOutgoing and PrependAnyOutgoing.
func (s *Socket) OffAnyOutgoing() {
	s.changeHandlers(func(set *socketHandlers) { set.outgoing = nil })
}

func (s *Socket) watch(h OutgoingHandler, first bool) *Registration {
	r := &Registration{outgoing: h, remove: func(r *Registration) {
		s.changeHandlers(func(set *socketHandlers) {
			set.outgoing = except(set.outgoing, func(x *Registration) bool { return x == r })
		})
	}}
	s.changeHandlers(func(set *socketHandlers) {
		if first {
			set.outgoing = concat([]*Registration{r}, set.outgoing)
		} else {
			set.outgoing = concat(set.outgoing, []*Registration{r})
		}
	})
	return r
}

// Listeners are the handlers of an event that were added to this socket, in the
// order in which they run, those for the next event alone among them.
func (s *Socket) Listeners(event string) []*Registration {
	return s.registered(func(set *socketHandlers) []*Registration { return set.events[event] })
}

// ListenersAny are the handlers of OnAny and PrependAny of this socket, in the
// order in which they run.
func (s *Socket) ListenersAny() []*Registration {
	return s.registered(func(set *socketHandlers) []*Registration { return set.any })
}

// ListenersAnyOutgoing are the handlers of OnAnyOutgoing and PrependAnyOutgoing,
// in the order in which they run.
func (s *Socket) ListenersAnyOutgoing() []*Registration {
	return s.registered(func(set *socketHandlers) []*Registration { return set.outgoing })
}

// registered is a copy of a list of handlers.
func (s *Socket) registered(list func(*socketHandlers) []*Registration) []*Registration {
	if own := s.handlers.Load(); own != nil {
		return slices.Clone(list(own))
	}
	return nil
}

// watched reports whether the socket has OutgoingHandlers.
func (s *Socket) watched() bool {
	own := s.handlers.Load()
	return own != nil && len(own.outgoing) > 0
}

// sending tells the watchers of an event.
func (s *Socket) sending(event string, args Args) {
	for _, o := range s.handlers.Load().outgoing {
		s.protect("outgoing handler", func() { o.outgoing(s, event, args) })
	}
}

// broadcasting tells the watchers of a broadcast, behind the socket's events.
func (l *Loop) broadcasting(s *Socket, m *transport.Shared) {
	m.Hold() // for good: arguments are views of it
	l.run(&s.actor, job{call: func() {
		name, args, err := l.server.decodedShared(m)
		if err != nil {
			s.fail(err)
			return
		}
		s.sending(name, args)
	}})
}

// unlimited lets every packet pass that this side makes.
var unlimited = socketio.Limits{
	Depth: math.MaxInt32, Arguments: math.MaxInt32, EventName: math.MaxInt32, Namespace: math.MaxInt32,
	Attachments: math.MaxInt32, AuthBytes: math.MaxInt32, PacketBytes: math.MaxInt,
}
