// A message for many sessions, encoded once.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// Shared is one Socket.IO packet for any number of receivers: a text message
// and the binary messages that belong to it. It is immutable; its encoded
// forms are made once and shared by all receivers on all loops.
type Shared struct {
	text   []byte
	bins   [][]byte
	frames []byte // websocket frames of text and bins, revision 4
}

// NewShared encodes a message. text, without an Engine.IO type digit, and bins
// are copied; a nil text is none. Any goroutine.
func NewShared(text []byte, bins [][]byte) *Shared {
	size := ws.HeaderSize(len(text)+1) + 1 + len(text)
	for _, b := range bins {
		size += ws.HeaderSize(len(b)) + len(b)
	}
	m := &Shared{frames: make([]byte, 0, size)}
	if text != nil {
		m.frames = appendTextFrame(m.frames, text)
		m.text = m.frames[len(m.frames)-len(text):]
	}
	if len(bins) > 0 {
		m.bins = make([][]byte, len(bins))
	}
	for i, b := range bins {
		m.frames = ws.AppendFrame(m.frames, ws.OpBinary, b)
		m.bins[i] = m.frames[len(m.frames)-len(b):]
	}
	return m
}

// Size is about what the message holds, in bytes. Any goroutine.
func (m *Shared) Size() int { return cap(m.frames) }

// Message is what the message was made of: views that must not be changed. Any
// goroutine.
func (m *Shared) Message() (text []byte, bins [][]byte) { return m.text, m.bins }

// appendTextFrame appends a websocket frame with a text message.
func appendTextFrame(dst, text []byte) []byte {
	dst = ws.AppendHeader(dst, ws.OpText, true, false, len(text)+1)
	return engineio.AppendPacket(dst, engineio.Message, text)
}
