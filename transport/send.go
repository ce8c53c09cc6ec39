// Packets from this side to the client, by whichever transport it has.

package transport

import (
	"encoding/binary"

	"github.com/sioserver/sioserver/proto/engineio"
	"github.com/sioserver/sioserver/transport/ws"
)

// Send sends a text message, without its Engine.IO type digit. It reports
// whether the session took it. The slice is copied. Loop only.
func (s *Session) Send(text []byte) bool { return s.sendText(text, spoolText) }

// SendBinary sends a binary message. It reports whether the session took it.
// The slice is copied. Loop only.
func (s *Session) SendBinary(data []byte) bool { return s.sendBinary(data, spoolBinary) }

// SendPlain is Send, or SendBinary, of a message that is no reason to compress
// anything. Loop only.
func (s *Session) SendPlain(message []byte, binary bool) bool {
	if binary {
		return s.sendBinary(message, spoolBinary|spoolPlain)
	}
	return s.sendText(message, spoolText|spoolPlain)
}

func (s *Session) sendText(text []byte, kind uint8) bool {
	if s.observed {
		s.sending(text, false)
	}
	if c := s.conn; c != nil {
		if !s.engine.roomFor(c, ws.HeaderSize(len(text)+1)+1+len(text)) {
			return s.holdOne(text, nil, kind&spoolPlain)
		}
		out := s.engine.output(c)
		at := len(out.B)
		out.B = appendTextFrame(out.B, text)
		if kind&spoolPlain == 0 && s.engine.packs(c, len(out.B)-at) {
			out.B = s.engine.packFrame(c, out.B, at)
		}
		s.engine.stats.MessagesOut++
		return true
	}
	if s.engine.opts.SlowPolicy != SlowClose && !s.passes(spoolHead+len(text)) {
		return s.holdOne(text, nil, kind&spoolPlain)
	}
	return s.spool(kind, text)
}

func (s *Session) sendBinary(data []byte, kind uint8) bool {
	if s.observed {
		s.sending(data, true)
	}
	if c := s.conn; c != nil {
		if !s.engine.roomFor(c, s.dialect.binaryFrame(len(data))) {
			return s.holdOne(nil, data, kind&spoolPlain)
		}
		out := s.engine.output(c)
		at := len(out.B)
		out.B = s.dialect.appendBinaryFrame(out.B, data)
		if kind&spoolPlain == 0 && s.engine.packs(c, len(out.B)-at) {
			out.B = s.engine.packFrame(c, out.B, at)
		}
		s.engine.stats.MessagesOut++
		return true
	}
	if s.engine.opts.SlowPolicy != SlowClose && !s.passes(spoolHead+len(data)) {
		return s.holdOne(nil, data, kind&spoolPlain)
	}
	return s.spool(kind, data)
}

// SendShared sends a message that other sessions get too. It reports whether
// the session took it. Loop only.
func (s *Session) SendShared(m *Shared) bool {
	if s.observed {
		if m.text != nil {
			s.sending(m.text, false)
		}
		for _, b := range m.bins {
			s.sending(b, true)
		}
	}
	c := s.conn
	if c == nil {
		if s.engine.opts.SlowPolicy != SlowClose && !s.passes(len(m.frames)) {
			return s.holdShared(m)
		}
		ok := s.state == sessionOpen && (m.text == nil || s.spool(spoolText|m.plain, m.text))
		for _, b := range m.bins {
			ok = ok && s.spool(spoolBinary|m.plain, b)
		}
		return ok
	}
	sent := m
	if s.dialect != 0 {
		m = m.in(s.dialect)
	}
	e := s.engine
	var form *packedForm
	if e.packs(c, len(m.frames)) && m.plain == 0 {
		form = e.packedFor(c, m)
		m = &form.Shared
	}
	if !e.roomFor(c, len(m.frames)) {
		return s.holdShared(sent)
	}
	if form != nil {
		e.sentPacked(c, form)
	}
	e.stats.MessagesOut++
	if c.out == nil && c.shared == nil {
		// The first message of the batch is not copied; often it is the only one.
		c.shared = m
		e.mark(c)
		return true
	}
	out := e.output(c)
	out.B = append(out.B, m.frames...)
	return true
}

// Writable reports whether a volatile message would be sent at once: a
// websocket with nothing waiting, or a poll that is open and has nothing to
// answer yet. Loop only.
func (s *Session) Writable() bool {
	switch {
	case s.state != sessionOpen:
		return false
	case s.conn != nil:
		c := s.conn
		return c.out == nil && c.shared == nil && (!c.blocked || s.engine.net.Buffered(c) == 0 && s.heldFor() == nil)
	}
	return s.poll.open() && s.poll.spool == nil
}

// Buffered is the number of bytes that wait to be sent. Loop only.
func (s *Session) Buffered() int {
	if c := s.conn; c != nil {
		n := 0
		if c.out != nil {
			n = len(c.out.B)
		}
		if c.blocked {
			n += s.engine.net.Buffered(c) + s.heldBytes()
		}
		return n
	}
	if s.poll != nil && s.poll.spool != nil {
		return len(s.poll.spool.B) + s.heldBytes()
	}
	return 0
}

// Stalled is for how long nothing of what waits has been taken, in milliseconds,
// to the second; 0 if nothing waits. Loop only.
func (s *Session) Stalled() int64 {
	if c := s.conn; c != nil && c.blocked && s.engine.net.Buffered(c) > 0 {
		return int64(s.engine.seconds()-c.slow.stalled) * 1000
	}
	return 0
}

// sendPacket sends a packet without data. There are few of them, so that they
// are not held against a client with a large message on its way.
func (s *Session) sendPacket(t engineio.PacketType) {
	if s.observed {
		s.seen(engineio.Packet{Type: t}, true)
	}
	if c := s.conn; c != nil {
		if open, _ := s.engine.flows(c); open {
			out := s.engine.output(c)
			out.B = ws.AppendHeader(out.B, ws.OpText, true, false, 1)
			out.B = engineio.AppendPacket(out.B, t, nil)
		}
		return
	}
	s.spool(spoolPacket+uint8(t), nil)
}

// The spool of a polling session holds packets in a form of its own, because
// what becomes of them is open: a payload of the next poll, or frames after an
// upgrade. A record is its kind, the length of its data, the data.
const (
	spoolText   = 0
	spoolBinary = 1
	spoolPacket = 2    // plus the packet's type
	spoolPlain  = 0x80 // of a message: no reason to compress the payload
	spoolHead   = 5
)

// spool keeps a packet for the next poll.
func (s *Session) spool(kind uint8, data []byte) bool {
	e, p := s.engine, s.poll
	if s.state != sessionOpen || p == nil {
		return false
	}
	message := kind&^spoolPlain < spoolPacket
	if message && !s.spoolRoom(spoolHead+len(data)) {
		return false
	}
	if p.spool == nil {
		p.spool = e.buffers.get()
	}
	p.spool.B = append(p.spool.B, kind, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(p.spool.B[len(p.spool.B)-4:], uint32(len(data)))
	p.spool.B = append(p.spool.B, data...)
	if message {
		e.stats.MessagesOut++
	}
	if p.open() && !s.queued {
		s.queued = true
		e.polls = append(e.polls, s)
		if !e.busy {
			e.wakeSelf()
		}
	}
	return true
}

// spoolRoom is roomFor for a record of n bytes in the spool.
func (s *Session) spoolRoom(n int) bool {
	e, p := s.engine, s.poll
	if e.opts.SlowPolicy != SlowClose && !p.carried {
		return true // see hold
	}
	waiting := 0
	if p.spool != nil {
		waiting = len(p.spool.B)
	}
	if waiting+n > e.opts.SlowBytes {
		s.noteSlow(waiting + n)
	}
	if waiting >= e.opts.OutboundBurst {
		e.stats.Limits[LimitBufferedBurst]++
		s.close(TransportError, ErrSlowConsumer)
		return false
	}
	if p.over == 0 && e.opts.bursts(waiting, n) {
		p.over = e.tick()
		s.armTimer()
	}
	return true
}

// nextSpooled takes the first record off a spool.
func nextSpooled(spool []byte) (p engineio.Packet, rest []byte) {
	n := spoolHead + int(binary.LittleEndian.Uint32(spool[1:]))
	p = engineio.Packet{Type: engineio.Message, Data: spool[spoolHead:n]}
	switch kind := spool[0] &^ spoolPlain; kind {
	case spoolText:
	case spoolBinary:
		p.Binary = true
	default:
		p.Type = engineio.PacketType(kind - spoolPacket)
	}
	return p, spool[n:]
}

// appendSpooledFrames appends a spool as websocket frames.
func (s *Session) appendSpooledFrames(dst, spool []byte) []byte {
	for len(spool) > 0 {
		var p engineio.Packet
		p, spool = nextSpooled(spool)
		if p.Binary {
			dst = s.dialect.appendBinaryFrame(dst, p.Data)
			continue
		}
		dst = ws.AppendHeader(dst, ws.OpText, true, false, len(p.Data)+1)
		dst = engineio.AppendPacket(dst, p.Type, p.Data)
	}
	return dst
}
