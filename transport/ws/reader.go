// Reader: received bytes in, messages and control frames out. This file has what every call runs through and the whole
// frame inside one read; assembly.go has everything that arrives in pieces.

package ws

// Kind says what an Event is.
type Kind uint8

// The kinds of events. All but None have the value of their opcode.
const (
	None   Kind = 0
	Text   Kind = Kind(OpText)
	Binary Kind = Kind(OpBinary)
	Close  Kind = Kind(OpClose)
	Ping   Kind = Kind(OpPing)
	Pong   Kind = Kind(OpPong)
)

// Event is what a Reader found.
type Event struct {
	Kind Kind
	// Compressed marks a message whose first frame had RSV1: Payload is as received and, for Text, not yet known to be
	// UTF-8.
	Compressed bool
	// Code is set for Close only: a code that may be sent back, or StatusNone if the peer gave none.
	Code StatusCode
	// Payload is the message, the payload of a ping or pong, or the reason of a close. It is a view, into the slice
	// given to Next or into memory of the Reader, valid until the next call on the Reader. The holder may overwrite it.
	Payload []byte
}

// Limits bounds what a peer may send. One value serves any number of Readers.
type Limits struct {
	// Message is the most bytes a message may have, as received: compressed messages need a second limit where they
	// are inflated. Checked against announced lengths too. Status 1009.
	Message uint64
	// Fragments is the most frames a fragmented message may have. Status 1008.
	Fragments uint32
	// EmptyFragments is how many of those may carry nothing. Status 1008.
	EmptyFragments uint32
}

// DefaultLimits are 1,000,000 bytes, 65,536 fragments and 1,024 empty fragments. Any goroutine.
func DefaultLimits() Limits {
	return Limits{Message: 1_000_000, Fragments: 65_536, EmptyFragments: 1_024}
}

// state is what a Reader expects next, and the bit of firstByte to ask.
type state uint8

const (
	stateIdle     state = iota // the first frame of a message, or a control frame
	stateIdleRSV1              // the same, and RSV1 may be set
	stateOpen                  // a continuation, or a control frame
	stateClosed                // nothing; no bit of firstByte is ever set for it
)

// Reader takes one connection's bytes apart. The zero value is ready for use; a Reader with pieces in hand must not be
// copied. Its memory while idle is these 16 bytes.
type Reader struct {
	partial *assembly // nil while nothing is incomplete
	state   state
	rest    state // the state between messages: stateIdle or stateIdleRSV1
}

// AllowRSV1 lets compressed messages through. Call it when permessage-deflate was agreed, before the first Next. Loop
// only.
func (r *Reader) AllowRSV1() {
	r.rest = stateIdleRSV1
	if r.state == stateIdle {
		r.state = stateIdleRSV1
	}
}

// Pending reports whether a message or frame is incomplete: the caller's timer for slow messages runs from when this
// turns true until it turns false. Loop only.
func (r *Reader) Pending() bool { return r.partial != nil && !r.partial.delivered }

// Closed reports whether reading is over, after a Close event, an error or Close. Loop only.
func (r *Reader) Closed() bool { return r.state == stateClosed }

// Close ends reading and gives back what the Reader holds. It is needed when a connection ends for reasons the Reader
// does not see, does no harm otherwise, and makes the payload of the last event invalid. Loop only.
func (r *Reader) Close() {
	r.drop()
	r.state = stateClosed
}

// Next reads from p up to the end of the next message or control frame and returns it with the number of bytes it took.
// None means that all of p was taken and more is needed. p is overwritten (unmasked) and not kept.
//
// Call Next with what is left of p until it returns None, also when nothing is left: that call releases the memory
// behind the last payload. An error is always a *CloseError; after it, and after a Close event, Next takes and ignores
// everything. lim must be the same or larger on each call of a connection. Loop only.
func (r *Reader) Next(p []byte, lim *Limits) (ev Event, n int, err error) {
	if r.partial != nil {
		if !r.partial.delivered {
			return r.resume(p, lim)
		}
		r.drop()
	}
	if len(p) == 0 {
		return Event{}, 0, nil
	}
	if firstByte[p[0]]>>r.state&1 == 0 {
		return r.refuse(p)
	}
	var h Header
	n, err = parseHeader(p, &h)
	if err != nil {
		return r.fail(p, err)
	}
	if n == 0 || !h.Fin || h.Length > uint64(len(p)-n) || h.Length > lim.Message {
		r.partial = assemblies.Get().(*assembly)
		return r.resume(p, lim)
	}
	end := n + int(h.Length)
	payload := p[n:end:end]
	Unmask(payload, h.Key)
	if h.OpCode.IsControl() {
		ev, err = r.control(h.OpCode, payload)
		if err != nil {
			return r.fail(p, err)
		}
		return ev, end, nil
	}
	if h.OpCode == OpText && !h.RSV1 && !ValidUTF8(payload) {
		return r.fail(p, ErrText)
	}
	return Event{Kind: Kind(h.OpCode), Compressed: h.RSV1, Payload: payload}, end, nil
}

// refuse answers a first byte that is not legal in r's state; none is once reading has ended.
func (r *Reader) refuse(p []byte) (Event, int, error) {
	if r.state == stateClosed {
		return Event{}, len(p), nil
	}
	return r.fail(p, firstByteError(p[0], r.state))
}

// control makes the event of a control frame. A close ends reading.
func (r *Reader) control(op OpCode, payload []byte) (Event, error) {
	if op != OpClose {
		return Event{Kind: Kind(op), Payload: payload}, nil
	}
	code, reason, err := parseClose(payload)
	if err != nil {
		return Event{}, err
	}
	r.state = stateClosed
	return Event{Kind: Close, Code: code, Payload: reason}, nil
}

// fail ends reading and returns what Next returns then: everything taken, and err.
func (r *Reader) fail(p []byte, err error) (Event, int, error) {
	r.Close()
	return Event{}, len(p), err
}

// drop gives the assembly back.
func (r *Reader) drop() {
	if r.partial != nil {
		r.partial.release()
		r.partial = nil
	}
}
