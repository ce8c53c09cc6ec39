// Frames of websocket.

package server

import (
	"bytes"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

// frame takes a websocket frame.
func (s *Server) frame(c *conn, f wire.Frame) {
	switch f.Op {
	case wire.OpClose:
		c.out = wire.AppendFrame(c.out, wire.OpClose, false, nil, false, 0)
		c.closing = true
		s.mark(c)
		return
	case wire.OpPing:
		c.out = wire.AppendFrame(c.out, wire.OpPong, false, f.Payload, false, 0)
		s.mark(c)
		return
	case wire.OpPong:
		return
	}
	b := f.Payload
	if f.RSV1 {
		out, err := s.inflater.Inflate(b, nil, messageLimit)
		if err != nil {
			s.close(c)
			return
		}
		b = bytes.Clone(out)
	}
	if !f.Fin || f.Op == wire.OpContinuation {
		c.part = append(c.part, b...)
		if !f.Fin {
			return
		}
		b, c.part = c.part, nil
	}
	if c.kind == kindRawWS {
		s.raw(c, func(to *conn) { s.appendText(to, b) })
		return
	}
	s.packet(c, b)
}

// appendText queues a text message on a websocket.
func (s *Server) appendText(c *conn, b []byte) {
	if c.deflate && len(b) >= 1024 {
		c.out = wire.AppendFrame(c.out, wire.OpText, true, s.deflater.Append(nil, b), false, 0)
	} else {
		c.out = wire.AppendFrame(c.out, wire.OpText, false, b, false, 0)
	}
	s.mark(c)
}
