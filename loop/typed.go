// Typed handlers: arguments decoded before the call, acknowledgements as results.

package loop

import (
	"context"
	"errors"
	"fmt"
)

// On0 handles an event without looking at its arguments. What the handler
// returns is reported like any error, see [Config.OnError]. It adds the handler
// to a namespace or to a socket, as do the functions below, and panics if the
// event name is reserved.
func On0(r Registrar, event string, h func(s *Socket) error, opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) { s.finish(e, h(s)) }, opts...)
}

// On handles an event with one argument, decoded into A by the rules of
// encoding/json; a []byte in it receives a binary value. Further arguments are
// ignored. If the argument is missing or does not fit, the handler is not
// called, the error is reported, and a client that asked for an acknowledgement
// is told "invalid arguments" in the form [OnAck] describes.
func On[A any](r Registrar, event string, h func(s *Socket, a A) error, opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		if s.bind(e, &a) {
			s.finish(e, h(s, a))
		}
	}, opts...)
}

// On2 is [On] for two arguments.
func On2[A, B any](r Registrar, event string, h func(s *Socket, a A, b B) error, opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		var b B
		if s.bind(e, &a, &b) {
			s.finish(e, h(s, a, b))
		}
	}, opts...)
}

// On3 is [On] for three arguments.
func On3[A, B, C any](r Registrar, event string, h func(s *Socket, a A, b B, c C) error, opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		var b B
		var c C
		if s.bind(e, &a, &b, &c) {
			s.finish(e, h(s, a, b, c))
		}
	}, opts...)
}

// OnAck0 is [OnAck] without an argument.
func OnAck0[R any](r Registrar, event string, h func(s *Socket) (R, error), opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		v, err := h(s)
		s.reply(e, v, err)
	}, opts...)
}

// OnAck handles an event with one argument and acknowledges it with what the
// handler returns. With an error the acknowledgement is {"error": {"message":
// …, "data": …}}: those of an [*Error], and "internal server error" for any
// other error, which is reported. If the client asked for no acknowledgement,
// none is sent.
func OnAck[A, R any](r Registrar, event string, h func(s *Socket, a A) (R, error), opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		if s.bind(e, &a) {
			v, err := h(s, a)
			s.reply(e, v, err)
		}
	}, opts...)
}

// OnAck2 is [OnAck] for two arguments.
func OnAck2[A, B, R any](r Registrar, event string, h func(s *Socket, a A, b B) (R, error), opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		var b B
		if s.bind(e, &a, &b) {
			v, err := h(s, a, b)
			s.reply(e, v, err)
		}
	}, opts...)
}

// OnAck3 is [OnAck] for three arguments.
func OnAck3[A, B, C, R any](r Registrar, event string, h func(s *Socket, a A, b B, c C) (R, error), opts ...HandlerOption) *Registration {
	return r.On(event, func(s *Socket, e *Event) {
		var a A
		var b B
		var c C
		if s.bind(e, &a, &b, &c) {
			v, err := h(s, a, b, c)
			s.reply(e, v, err)
		}
	}, opts...)
}

// Call sends an event and decodes the first argument of the acknowledgement
// into R. See [Socket.EmitWithAck]. Any goroutine.
func Call[R any](ctx context.Context, s *Socket, event string, args ...any) (v R, err error) {
	a, err := s.EmitWithAck(ctx, event, args...)
	if err != nil {
		return v, err
	}
	return v, a.Decode(0, &v)
}

// bind decodes the arguments of an event, and reports whether they fit.
func (s *Socket) bind(e *Event, vs ...any) bool {
	err := e.args.Bind(vs...)
	if err == nil {
		return true
	}
	s.fail(fmt.Errorf("event %s: %w", quote(e.name), err))
	if e.wants && !e.acked {
		s.refuseAck(e, &Error{Message: "invalid arguments"})
	}
	return false
}

// finish deals with the result of a handler that answers nothing.
func (s *Socket) finish(e *Event, err error) {
	if err != nil {
		s.fail(fmt.Errorf("event %s: %w", quote(e.name), err))
	}
}

// reply acknowledges an event with the result of its handler.
func (s *Socket) reply(e *Event, v any, err error) {
	if err == nil {
		if !e.wants {
			return
		}
		if err = e.Ack(v); err == nil {
			return
		}
		e.acked = false
	}
	var told *Error
	if !errors.As(err, &told) {
		s.fail(fmt.Errorf("event %s: %w", quote(e.name), err))
		told = &Error{Message: "internal server error"}
	}
	if e.wants {
		s.refuseAck(e, told)
	}
}

// refuseAck answers an event with an error.
func (s *Socket) refuseAck(e *Event, told *Error) {
	if err := e.Ack(map[string]any{"error": told}); err != nil {
		s.finish(e, err)
	}
}
