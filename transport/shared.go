// A message for many sessions, encoded once.

package transport

import (
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// Shared is one Socket.IO packet for any number of receivers: a text message
// and the binary messages that belong to it. It is immutable; its encoded
// forms are made once and shared by all receivers on all loops.
//
// Whoever has it holds it: its maker, each loop that is to send it. The last one
// to let go gives its memory to messages to come. A holder that never lets go
// leaves that to the garbage collector, which is what those do who keep it.
type Shared struct {
	text   []byte
	bins   [][]byte
	frames []byte // websocket frames of text and bins, in the first dialect
	plain  uint8  // spoolPlain, or nothing

	holders atomic.Int32
	others  atomic.Pointer[otherForms] // once somebody needs one
}

// otherForms are what else there is of a message.
type otherForms struct {
	dialects [dialects]atomic.Pointer[Shared] // in other dialects; only their frames are set
	packed   packedForms                      // compressed
	kept     bool                             // it is not to be compressed with dictionaries
	key      string                           // see Conflate
}

// rest returns what else there is.
func (m *Shared) rest() *otherForms {
	if o := m.others.Load(); o != nil {
		return o
	}
	m.others.CompareAndSwap(nil, new(otherForms))
	return m.others.Load()
}

func (m *Shared) kept() bool {
	o := m.others.Load()
	return o != nil && o.kept
}

// in returns the message as it goes over a websocket in a dialect. Loops that
// ask at the same time may make the form twice; one of them is kept.
func (m *Shared) in(d dialect) *Shared {
	if len(m.bins) == 0 {
		return m // the same in all of them
	}
	form := &m.rest().dialects[d]
	if f := form.Load(); f != nil {
		return f
	}
	form.CompareAndSwap(nil, m.make(d))
	return form.Load()
}

// make encodes the message in a dialect.
func (m *Shared) make(d dialect) *Shared {
	size := 0
	if m.text != nil {
		size = ws.HeaderSize(len(m.text)+1) + 1 + len(m.text)
	}
	for _, b := range m.bins {
		size += d.binaryFrame(len(b))
	}
	frames := make([]byte, 0, size)
	if m.text != nil {
		frames = appendTextFrame(frames, m.text)
	}
	for _, b := range m.bins {
		frames = d.appendBinaryFrame(frames, b)
	}
	form := &Shared{frames: frames, plain: m.plain}
	if m.kept() {
		form.others.Store(&otherForms{kept: true})
	}
	return form
}

// NewShared encodes a message, in memory of its own size: for one that is kept.
// Its maker does not let go. text, without an Engine.IO type digit, and bins are
// copied; a nil text is none. Any goroutine.
func NewShared(text []byte, bins [][]byte) *Shared {
	m := new(Shared)
	m.holders.Store(1)
	m.encode(text, bins)
	return m
}

var shareds = sync.Pool{New: func() any { return new(Shared) }}

// sharedKeep is the size in bytes up to which a message's memory is used again.
const sharedKeep = 64 << 10

// LendShared is NewShared in memory that was used before. Its maker may let go.
// Any goroutine.
func LendShared(text []byte, bins [][]byte) *Shared {
	m := shareds.Get().(*Shared)
	m.holders.Store(1)
	m.encode(text, bins)
	return m
}

func (m *Shared) encode(text []byte, bins [][]byte) {
	size := ws.HeaderSize(len(text)+1) + 1 + len(text)
	for _, b := range bins {
		size += ws.HeaderSize(len(b)) + len(b)
	}
	if cap(m.frames) < size {
		m.frames = make([]byte, 0, size)
	}
	if text != nil {
		m.frames = appendTextFrame(m.frames, text)
		m.text = m.frames[len(m.frames)-len(text):]
	}
	if cap(m.bins) < len(bins) {
		m.bins = make([][]byte, 0, len(bins))
	}
	for _, b := range bins {
		m.frames = ws.AppendFrame(m.frames, ws.OpBinary, b)
		m.bins = append(m.bins, m.frames[len(m.frames)-len(b):])
	}
}

// Hold makes the caller a holder, who was given the message by one. It need not
// let go. Any goroutine.
func (m *Shared) Hold() { m.holders.Add(1) }

// Release lets go: the caller uses neither the message nor views of it from now
// on. Any goroutine.
func (m *Shared) Release() {
	if m.holders.Add(-1) != 0 {
		return
	}
	if m.others.Load() != nil || cap(m.frames) > sharedKeep {
		return // connections may have a part of it as their dictionary
	}
	clear(m.bins)
	m.text, m.bins, m.frames, m.plain = nil, m.bins[:0], m.frames[:0], 0
	shareds.Put(m)
}

// Plain marks the message as no reason to compress anything, and returns it.
// Before it is sent.
func (m *Shared) Plain() *Shared {
	m.plain = spoolPlain
	return m
}

// Conflate gives the message a key: under [SlowConflate] it takes the place of one
// with the same key that waits for a client, unless the key is empty. Before it
// is sent.
func (m *Shared) Conflate(key string) { m.rest().key = key }

func (m *Shared) key() string {
	if o := m.others.Load(); o != nil {
		return o.key
	}
	return ""
}

// Keep returns the message for somebody who keeps it. They share its bytes, but
// what is made of it for the receivers of one broadcast goes with m. Of what is
// kept there is one compressed form. Any goroutine.
func (m *Shared) Keep() *Shared {
	kept := &Shared{text: m.text, bins: m.bins, frames: m.frames, plain: m.plain}
	kept.holders.Store(1)
	kept.others.Store(&otherForms{kept: true, key: m.key()})
	m.Hold()
	return kept
}

// Size is what the message has in bytes, frames included. Any goroutine.
func (m *Shared) Size() int { return len(m.frames) }

// Message is what the message was made of: views that must not be changed. Any
// goroutine.
func (m *Shared) Message() (text []byte, bins [][]byte) { return m.text, m.bins }

// appendTextFrame appends a websocket frame with a text message.
func appendTextFrame(dst, text []byte) []byte {
	dst = ws.AppendHeader(dst, ws.OpText, true, false, len(text)+1)
	return engineio.AppendPacket(dst, engineio.Message, text)
}
