// Polling payloads: what a poll is answered with, and what a data request brings.

package transport

import (
	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// What a payload ends with that tells of a close.
var (
	closeTail        = []engineio.PacketType{engineio.Close}
	noopTail         = []engineio.PacketType{engineio.Noop}
	noopAndCloseTail = []engineio.PacketType{engineio.Noop, engineio.Close}
)

// payload is the answer to a poll: the packets of a spool and those of tail, in
// the form that the client reads. It lies in the engine's scratch.
func (s *Session) payload(spool []byte, tail []engineio.PacketType) answer {
	e, codec := s.engine, s.codec()
	octets := s.readsOctets() && holdsBinary(spool)
	e.scratch = e.scratch[:0]
	for len(spool) > 0 {
		var p engineio.Packet
		p, spool = nextSpooled(spool)
		e.scratch = appendPacket(e.scratch, codec, octets, p)
	}
	for _, t := range tail {
		e.scratch = appendPacket(e.scratch, codec, octets, engineio.Packet{Type: t})
	}
	return s.payloadAnswer(octets)
}

// appendPacket appends a packet to the payload in dst, which may be one of
// bytes.
func appendPacket(dst []byte, codec engineio.Codec, octets bool, p engineio.Packet) []byte {
	if octets {
		return codec.AppendBinaryPayload(dst, p)
	}
	return codec.AppendPayload(dst, p, len(dst) == 0)
}

// openAnswer is the answer to a handshake by polling: the open packet, and the
// message that each client gets with it.
func (s *Session) openAnswer() answer {
	e, i, codec := s.engine, s.engine.opts.Initial, s.codec()
	octets := i != nil && i.Binary && s.readsOctets()
	open := e.buffers.get()
	open.B = s.appendOpen(open.B)
	e.scratch = appendPacket(e.scratch[:0], codec, octets, engineio.Packet{Type: engineio.Open, Data: open.B[1:]})
	e.buffers.put(open)
	if i != nil {
		e.scratch = appendPacket(e.scratch, codec, octets, i.packet())
	}
	return s.payloadAnswer(octets)
}

// payloadAnswer is the answer that the payload in the engine's scratch makes.
func (s *Session) payloadAnswer(octets bool) answer {
	e, p := s.engine, s.poll.jsonp
	if p != nil {
		bare := e.buffers.get()
		bare.B = append(bare.B, e.scratch...)
		e.scratch = p.wrap(e.scratch[:0], bare.B)
		e.buffers.put(bare)
	}
	a := payloadAnswer(e.scratch)
	switch {
	case p != nil:
		a.contentType, a.fields = "text/javascript; charset=UTF-8", scriptFields
	case octets:
		a.contentType = "application/octet-stream"
	}
	return a
}

// readsOctets reports whether the client reads payloads of bytes, which it gets
// if there is a binary packet in them.
func (s *Session) readsOctets() bool { return s.takesOctets() && s.dialect&inBase64 == 0 }

// holdsBinary reports whether there is a binary packet in a spool.
func holdsBinary(spool []byte) bool {
	for len(spool) > 0 {
		var p engineio.Packet
		if p, spool = nextSpooled(spool); p.Binary {
			return true
		}
	}
	return false
}

// takesOctets reports whether a body of bytes is a payload.
func (s *Session) takesOctets() bool { return s.codec().BinaryPayloads() && s.poll.jsonp == nil }

// receiveBody acts on the body of a data request.
func (s *Session) receiveBody(body []byte, octets bool) {
	if s.poll.jsonp != nil {
		payload, ok := s.engine.formPayload(body)
		if !ok {
			return
		}
		body = payload
	}
	s.receivePayload(body, octets)
}

// receivePayload acts on the packets of a payload, one after the other; those
// in front of a malformed one have been delivered.
func (s *Session) receivePayload(payload []byte, octets bool) {
	if !octets && !ws.ValidUTF8(payload) {
		s.close(ParseError, ErrText)
		return
	}
	codec := s.codec()
	for n := 1; ; n++ {
		if n > s.engine.opts.PayloadPackets {
			s.engine.stats.Limits[LimitPayloadPackets]++
			s.close(ParseError, ErrTooManyPackets)
			return
		}
		p, rest, err := codec.NextPacket(payload, octets)
		switch {
		case err != nil:
			s.close(ParseError, err)
			return
		case octets && !p.Binary && !ws.ValidUTF8(p.Data):
			s.close(ParseError, ErrText)
			return
		case !p.Empty && !s.receive(p) || rest == nil:
			return
		}
		payload = rest
	}
}
