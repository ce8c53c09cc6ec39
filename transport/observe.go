// Sessions whose every packet somebody wants to see.

package transport

import (
	"bytes"

	"github.com/sioserver/sioserver/proto/engineio"
)

// Observer is what a [Handler] implements as well if it observes sessions.
type Observer interface {
	// OnPacket tells of a packet of an observed session: one that has come, before
	// it is acted upon, or one that is sent. Its data is a view.
	OnPacket(s *Session, p engineio.Packet, sent bool)
}

// Observe makes the engine tell of the session's packets, or stops it. Loop only.
func (s *Session) Observe(on bool) { s.observed = on }

// seen tells of a packet of an observed session.
func (s *Session) seen(p engineio.Packet, sent bool) {
	if o, ok := s.engine.handler.(Observer); ok {
		o.OnPacket(s, p, sent)
	}
}

// sending tells of a message that is sent: of a copy, so that callers of Send can
// keep their bytes on the stack.
func (s *Session) sending(data []byte, binary bool) {
	s.seen(engineio.Packet{Type: engineio.Message, Data: bytes.Clone(data), Binary: binary}, true)
}
