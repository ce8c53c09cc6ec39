// Assembly: headers, control frames and messages that arrive in pieces.
//
// One pooled object holds all there is to remember about an unfinished frame and the message around it; a connection
// has one from the first odd byte to the call after the message. Payload is unmasked and, for text, validated as it
// comes, so what is held is always clean and a fault never waits for the end of a frame.

package ws

import "sync"

var assemblies = sync.Pool{New: func() any { return new(assembly) }}

type assembly struct {
	// The message.
	message    *buffer // nil before its first payload byte
	text       UTF8
	kind       Kind
	compressed bool
	delivered  bool // the last event is a view of this object: release it on the next call
	fragments  uint32
	empty      uint32

	// The current frame.
	left    uint64 // payload bytes to come
	key     uint32 // for the next of them
	op      OpCode
	fin     bool
	inFrame bool // the header is read, the payload is not

	headerLen, controlLen uint8
	header                [MaxHeader]byte
	control               [maxControl]byte
}

func (a *assembly) release() {
	if a.message != nil {
		a.message.release()
	}
	*a = assembly{}
	assemblies.Put(a)
}

// resume is Next with an assembly. Each turn of its loop takes one frame or ends.
func (r *Reader) resume(p []byte, lim *Limits) (ev Event, n int, err error) {
	a := r.partial
	for {
		if !a.inFrame {
			k, err := r.begin(p[n:], lim)
			if err != nil {
				return r.fail(p, err)
			}
			n += k
			if !a.inFrame {
				return Event{}, n, nil
			}
		}
		chunk := p[n:]
		if uint64(len(chunk)) > a.left {
			chunk = chunk[:a.left:a.left]
		}
		n += len(chunk)
		a.left -= uint64(len(chunk))
		a.key = Unmask(chunk, a.key)
		if a.op.IsControl() {
			ev, err = r.takeControl(chunk)
		} else {
			ev, err = r.takeData(chunk)
		}
		if err != nil {
			return r.fail(p, err)
		}
		if a.inFrame || ev.Kind != None {
			return ev, n, nil
		}
	}
}

// begin reads the next frame's header, which may have been cut, from p, and returns the bytes taken. With the header
// complete it sets inFrame.
func (r *Reader) begin(p []byte, lim *Limits) (n int, err error) {
	a := r.partial
	if len(p) == 0 {
		return 0, nil
	}
	var h Header
	held := int(a.headerLen)
	if held == 0 {
		if firstByte[p[0]]>>r.state&1 == 0 {
			return 0, firstByteError(p[0], r.state)
		}
		n, err = parseHeader(p, &h)
	} else {
		held += copy(a.header[held:], p)
		n, err = parseHeader(a.header[:held], &h)
	}
	if err != nil {
		return 0, err
	}
	if n == 0 {
		// A header that is not complete is shorter than the longest one, so all of p found room.
		copy(a.header[a.headerLen:], p)
		a.headerLen += uint8(len(p))
		return len(p), nil
	}
	n -= int(a.headerLen)
	a.headerLen = 0
	return n, r.open(&h, lim)
}

// open starts the frame of h, and its message if it is the first, and checks the limits, all of which show in headers.
func (r *Reader) open(h *Header, lim *Limits) error {
	a := r.partial
	a.inFrame, a.left, a.key, a.op, a.fin = true, h.Length, h.Key, h.OpCode, h.Fin
	if h.OpCode.IsControl() {
		return nil
	}
	// By subtraction: sums of 64-bit lengths wrap.
	if have := a.size(); have > lim.Message || h.Length > lim.Message-have {
		return ErrMessageSize
	}
	if h.OpCode != OpContinuation {
		a.kind, a.compressed = Kind(h.OpCode), h.RSV1
		if h.Fin {
			return nil
		}
		r.state = stateOpen
	}
	if a.fragments++; a.fragments > lim.Fragments {
		return ErrFragments
	}
	if h.Length == 0 {
		if a.empty++; a.empty > lim.EmptyFragments {
			return ErrEmptyFragments
		}
	}
	return nil
}

// takeControl takes unmasked payload of a control frame; None while it is incomplete.
func (r *Reader) takeControl(chunk []byte) (Event, error) {
	a := r.partial
	if a.left > 0 || a.controlLen > 0 {
		a.controlLen += uint8(copy(a.control[a.controlLen:], chunk))
		if a.left > 0 {
			return Event{}, nil
		}
		chunk = a.control[:a.controlLen]
	}
	a.inFrame, a.controlLen = false, 0
	// Inside a fragmented message the assembly lives on; the view then stands until the next control frame writes here.
	a.delivered = r.state != stateOpen
	ev, err := r.control(a.op, chunk)
	if ev.Kind == Close {
		a.delivered = true
	}
	return ev, err
}

// takeData takes unmasked payload of a data frame; None while the message is incomplete.
func (r *Reader) takeData(chunk []byte) (Event, error) {
	a := r.partial
	check := a.kind == Text && !a.compressed
	if check && !a.text.Write(chunk) {
		return Event{}, ErrText
	}
	if len(chunk) > 0 {
		a.message = a.message.append(chunk)
	}
	if a.left > 0 {
		return Event{}, nil
	}
	a.inFrame = false
	if !a.fin {
		return Event{}, nil
	}
	if check && !a.text.Complete() {
		return Event{}, ErrText
	}
	a.delivered = true
	r.state = r.rest
	ev := Event{Kind: a.kind, Compressed: a.compressed}
	if a.message != nil {
		ev.Payload = a.message.bytes
	}
	return ev, nil
}

func (a *assembly) size() uint64 {
	if a.message == nil {
		return 0
	}
	return uint64(len(a.message.bytes))
}

// The capacities a reassembly buffer steps through, as powers of four from 1 KiB to 1 MiB, each with its pool. A buffer
// is therefore never larger than four times the bytes its message has brought, or 1 KiB. A pool of mixed sizes would
// break that: it lends the buffer of the last large message to a peer that has sent one byte and then waits.
const (
	firstClass = 1 << 10
	classes    = 6
)

var buffers [classes]sync.Pool

// buffer is the memory of one message.
type buffer struct {
	bytes []byte
	class int
}

// append returns b, or a larger buffer in its place, grown by p. b may be nil.
func (b *buffer) append(p []byte) *buffer {
	if b == nil {
		b = lend(len(p))
	} else if size := len(b.bytes) + len(p); size > cap(b.bytes) {
		larger := lend(size)
		larger.bytes = append(larger.bytes, b.bytes...)
		b.release()
		b = larger
	}
	b.bytes = append(b.bytes, p...)
	return b
}

// lend returns an empty buffer of the smallest class that holds size bytes. Past the classes it allocates with room for
// a quarter more, so that growth stays linear; such buffers are not kept.
func lend(size int) *buffer {
	capacity := firstClass
	for class := range classes {
		if size <= capacity {
			if b, ok := buffers[class].Get().(*buffer); ok {
				return b
			}
			return &buffer{bytes: make([]byte, 0, capacity), class: class}
		}
		capacity *= 4
	}
	return &buffer{bytes: make([]byte, 0, size+size/4), class: classes}
}

func (b *buffer) release() {
	if b.class < classes {
		b.bytes = b.bytes[:0]
		buffers[b.class].Put(b)
	}
}
