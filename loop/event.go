// Event and Args: what a client sent, as its handlers see it.

package loop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// Args are the arguments of an event or of an acknowledgement, kept as the
// bytes that came. Nothing is decoded before it is asked for; whoever relays them
// never decodes them at all. Args are valid as long as the [Event] they belong
// to; those of an acknowledgement are the receiver's for good.
type Args struct {
	raw  []byte
	n    int
	bins [][]byte
	part bool // not all of bins are cited
	form form // of raw
}

// Len is the number of arguments.
func (a Args) Len() int { return a.n }

// Raw is argument i as JSON, with placeholders where binary values belong: a
// view of what came, or under the parser [MsgPack] what it stands for. It is nil
// if there is no argument i.
func (a Args) Raw(i int) json.RawMessage {
	arg := a.arg(i)
	if arg != nil && a.form != formJSON {
		arg, _ = Args{raw: arg, n: 1, form: a.form}.json()
	}
	return arg
}

// arg is argument i as it came, nil if there is none.
func (a Args) arg(i int) []byte {
	if i < 0 || i >= a.n {
		return nil
	}
	rest := a.raw
	var arg []byte
	for range i + 1 {
		arg, rest = a.form.nextArg(rest)
	}
	return arg
}

// Decode decodes argument i into v, by the rules of encoding/json. A []byte in
// v receives the binary value sent in its place, at any depth, and shares its
// memory; a value of type any gets a []byte. The error is [ErrArguments] if
// there is no argument i, and wraps it if the argument has another type.
func (a Args) Decode(i int, v any) error {
	arg := a.arg(i)
	if arg == nil {
		return fmt.Errorf("%w: argument %d is missing", ErrArguments, i+1)
	}
	if err := a.form.unmarshal(arg, a.bins, v); err != nil {
		return fmt.Errorf("%w: argument %d: %w", ErrArguments, i+1, err)
	}
	return nil
}

// Bind decodes the arguments into the values that vs point to, one each.
// Arguments beyond them are left alone.
func (a Args) Bind(vs ...any) error {
	for i, v := range vs {
		if err := a.Decode(i, v); err != nil {
			return err
		}
	}
	return nil
}

// Binary is argument i if it is a binary value, else nil. It is a view.
func (a Args) Binary(i int) (b []byte) {
	if arg := a.arg(i); len(arg) > 0 && (a.form != formJSON || arg[0] == '{') && a.form.unmarshal(arg, a.bins, &b) == nil {
		return b
	}
	return nil
}

// Attachments is the number of binary values that came beside the arguments, as
// they do with the parser [JSON].
func (a Args) Attachments() int { return len(a.bins) }

// Slice is the arguments from number from to before number to, like a slice
// expression; numbers beyond the last argument mean the end. It is a view.
func (a Args) Slice(from, to int) Args {
	to = min(to, a.n)
	from = min(max(from, 0), to)
	rest := a.raw
	for range from {
		_, rest = a.form.nextArg(rest)
	}
	if to == a.n {
		return Args{raw: rest, n: to - from, bins: a.bins, part: a.part || from > 0, form: a.form}
	}
	end := rest
	for range to - from {
		_, end = a.form.nextArg(end)
	}
	raw := rest[:len(rest)-len(end)]
	if a.form == formJSON {
		raw = bytes.TrimRight(raw, ", \t\r\n")
	}
	return Args{raw: raw, n: to - from, bins: a.bins, part: true, form: a.form}
}

// is reports whether in would change nothing.
func (a *Args) is(f form) bool { return a.form == f && (!a.part || f == formMsgPack) }

// in returns the arguments in a form, with those attachments only that they
// cite.
func (a Args) in(f form) (Args, error) {
	if a.is(f) {
		return a, nil
	}
	raw, bins, err := f.appendCited(nil, nil, a)
	return Args{raw: raw, n: a.n, bins: bins, form: f}, err
}

// Clone returns arguments that stay valid.
func (a Args) Clone() Args {
	c := Args{raw: clone(a.raw), n: a.n, part: a.part, form: a.form}
	for _, b := range a.bins {
		c.bins = append(c.bins, clone(b))
	}
	return c
}

// MarshalJSON encodes the arguments as a JSON array, placeholders included.
func (a Args) MarshalJSON() ([]byte, error) {
	raw, _ := a.json()
	return append(append([]byte{'['}, raw...), ']'), nil
}

// Event is an event from a client. It and all that it returns are valid until
// the handler returns; a handler that wants to acknowledge later calls
// [Event.Later]. Its methods belong to the goroutine of the handler.
type Event struct {
	socket *Socket
	name   []byte
	args   Args
	id     uint64
	wants  bool // an acknowledgement
	acked  bool
	buf    []byte // memory of name and args, of an event that waited
}

// Name is the name of the event.
func (e *Event) Name() string { return string(e.name) }

// RawName is the name of the event as a view, which is valid as long as the
// event: for who looks it up and does not keep it, as it costs no memory.
func (e *Event) RawName() []byte { return e.name }

// Size is the number of bytes of the event's name and arguments as they came,
// binary values included.
func (e *Event) Size() int { return e.size() }

// Socket is the socket it came from.
func (e *Event) Socket() *Socket { return e.socket }

// Args are its arguments.
func (e *Event) Args() Args { return e.args }

// WantsAck reports whether the client asked for an acknowledgement.
func (e *Event) WantsAck() bool { return e.wants }

// Ack acknowledges the event with values, encoded as by [Socket.Emit]. The
// error is [ErrNoAck], [ErrAcked], or tells what cannot be encoded.
func (e *Event) Ack(args ...any) error {
	if err := e.take(); err != nil {
		return err
	}
	return e.socket.ack(e.id, args)
}

// AckArgs acknowledges the event with arguments as they came.
func (e *Event) AckArgs(a Args) error {
	if err := e.take(); err != nil {
		return err
	}
	return e.socket.ackArgs(e.id, a)
}

// Later returns a function that acknowledges the event after the handler has
// returned, from any goroutine, once.
func (e *Event) Later() func(args ...any) error {
	if err := e.take(); err != nil {
		return func(...any) error { return err }
	}
	s, id := e.socket, e.id
	var acked atomic.Bool
	return func(args ...any) error {
		if acked.Swap(true) {
			return ErrAcked
		}
		return s.ack(id, args)
	}
}

// take marks the event as acknowledged.
func (e *Event) take() error {
	switch {
	case !e.wants:
		return ErrNoAck
	case e.acked:
		return ErrAcked
	}
	e.acked = true
	return nil
}
