// From a packet to its handlers: on the loop, or on a goroutine behind it.

package loop

import (
	"sync"

	"github.com/sioserver/sioserver/proto/socketio"
)

// plan is which handlers an event has.
type plan struct {
	set    *handlerSet
	own    *socketHandlers // nil of a socket without
	events []*Registration // those of the set for this event
}

// find looks up the handlers of an event.
func (p *plan) find(name []byte, set *handlerSet, own *socketHandlers) {
	p.set, p.own, p.events = set, own, set.events[string(name)]
}

// each calls f with every handler of an event, in the order in which they run,
// until it returns false.
func (p *plan) each(name []byte, f func(*Registration) bool) {
	if p.own == nil {
		_ = all(p.set.any, f) && all(p.set.use, f) && all(p.events, f)
		return
	}
	_ = all(p.set.any, f) && all(p.own.any, f) && all(p.set.use, f) && all(p.own.use, f) &&
		all(p.events, f) && all(p.own.events[string(name)], f)
}

// all calls f with every element until it returns false, and reports whether it
// has not.
func all(list []*Registration, f func(*Registration) bool) bool {
	for _, r := range list {
		if !f(r) {
			return false
		}
	}
	return true
}

// modes reports whether an event has handlers, and whether all are inline.
func (p *plan) modes(name []byte) (some, inline bool) {
	inline = true
	p.each(name, func(r *Registration) bool {
		some = true
		inline = inline && r.inline
		return true
	})
	return some, inline
}

// inline is modes for who only asks where the handlers run; an event without
// any can be dropped wherever that is found.
func (p *plan) inline(name []byte, here bool) bool {
	some, inline := p.modes(name)
	return some && inline || !some && here
}

// plan finds the handlers of the socket for an event as of now.
func (s *Socket) plan(p *plan, name []byte) { p.find(name, s.ns.handlers.Load(), s.handlers.Load()) }

// dispatch brings an event to its handlers. bins, and with them p's text, are
// the handlers' for good; without bins p is a view of the loop's buffer.
func (l *Loop) dispatch(e *entry, slot uint32, p *socketio.Packet, bins [][]byte) {
	l.stats.events++
	name := p.Name
	if p.NameEscaped {
		name = p.AppendEventName(nil)
	}
	var own *socketHandlers
	busy := false
	if e.handle != nil {
		own = e.handle.handlers.Load()
		busy = e.handle.busy()
	}
	var pl plan
	pl.find(name, e.ns.handlers.Load(), own)
	some, inline := pl.modes(name)
	if !some && !busy {
		l.unhandled.Add(1)
		return
	}
	sock := l.handle(e, slot)
	if inline && sock.strand.Load() == nil {
		// Handlers do not run inside of handlers on a loop, so one event serves
		// all of them.
		l.inside = true
		l.event.set(sock, p, name, bins)
		sock.handle(&l.event, &pl)
		l.event = Event{}
		l.inside = false
		return
	}
	l.run(&sock.actor, job{event: newEvent(sock, p, name, bins)})
}

// set fills an event with views.
func (e *Event) set(s *Socket, p *socketio.Packet, name []byte, bins [][]byte) {
	e.socket, e.name = s, name
	e.args.raw, e.args.n, e.args.bins = p.Args, p.NumArgs, bins
	e.args.part, e.args.form = false, s.ns.server.form
	e.id, e.wants, e.acked = p.ID, p.HasID, false
}

var events = sync.Pool{New: func() any { return new(Event) }}

// newEvent makes an event that outlives the loop's buffer.
func newEvent(s *Socket, p *socketio.Packet, name []byte, bins [][]byte) *Event {
	e := events.Get().(*Event)
	e.set(s, p, name, bins)
	if bins == nil {
		e.buf = append(append(e.buf[:0], name...), p.Args...)
		e.name = e.buf[:len(name)]
		e.args.raw = e.buf[len(name):]
	}
	return e
}

// eventKeep is the size up to which an event keeps its memory for the next.
const eventKeep = 4 << 10

// release gives an event back once its handlers have returned.
func (e *Event) release() {
	buf := e.buf[:0]
	if cap(buf) > eventKeep {
		buf = nil
	}
	*e = Event{buf: buf}
	events.Put(e)
}

// size is what an event that waits weighs against Limits.PendingBytes.
func (e *Event) size() int {
	n := len(e.name) + len(e.args.raw)
	for _, b := range e.args.bins {
		n += len(b)
	}
	return n
}

// handle calls the handlers of an event. What a client has sent before it left
// is handled like the rest; what waits when this side disconnects it is not.
func (s *Socket) handle(e *Event, p *plan) {
	some := false
	p.each(e.name, func(r *Registration) bool {
		some = true
		if s.state.Load() == stateExpelled || r.once && r.spent.Swap(true) {
			return true
		}
		if r.use != nil {
			return s.pass(r, e)
		}
		if r.once {
			r.Remove()
		}
		s.call(r.h, e)
		return true
	})
	if !some {
		s.loop.unhandled.Add(1)
	}
}

// call calls a handler. A panic ends the socket, and nothing else.
func (s *Socket) call(h Handler, e *Event) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked("handler of event "+quote(e.name), p)
			s.Disconnect(false)
		}
	}()
	h(s, e)
}

// protect calls a callback that is not a handler of an event.
func (s *Socket) protect(what string, call func()) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(what, p)
			s.Disconnect(false)
		}
	}()
	call()
}
