// Decoding of a packet's text: type, attachment count, namespace, ack id and
// the check of its payload.

package socketio

import (
	"bytes"
	"unicode/utf8"
)

// Decode reads the text of one packet, without the Engine.IO type digit, into
// p. The payload is checked whole, in one pass and before anything is built
// from it: JSON syntax and UTF-8, depth, number of arguments, event name and,
// in a binary packet, that each announced attachment is cited exactly once. lim
// may be nil for the defaults. p is a view of text; after an error it holds
// nothing to rely on. Errors are of type *Error. Any goroutine.
func Decode(text []byte, lim *Limits, p *Packet) error {
	if lim == nil {
		lim = &defaultLimits
	}
	// In place: a literal with values is built elsewhere and then moved, for which
	// the processor waits (BenchmarkDecode/tiny: 35 to 26 ns).
	*p = Packet{}
	p.Namespace, p.text = rootNamespace, text
	if len(text) == 0 || text[0]-'0' > uint8(BinaryAck) {
		return ErrPacketType
	}
	p.Type = PacketType(text[0] - '0')
	i := 1
	if p.Type >= BinaryEvent {
		var err error
		if p.Attachments, i, err = attachmentCount(text, lim); err != nil {
			return err
		}
	}
	if i < len(text) && text[i] == '/' {
		end := bytes.IndexByte(text[i:], ',')
		if end < 0 {
			end = len(text) - i
		}
		if end > lim.Namespace {
			return ErrNamespaceTooLong
		}
		p.Namespace = text[i : i+end]
		if !utf8.Valid(p.Namespace) {
			return ErrNamespace
		}
		i = min(i+end+1, len(text))
	}
	i, err := p.decodeID(i)
	if err != nil {
		return err
	}
	return p.decodePayload(i, lim)
}

// attachmentCount reads the count that a binary packet announces and the dash
// behind it: plain digits, no sign, no leading zero, at least 1.
func attachmentCount(text []byte, lim *Limits) (n, next int, err error) {
	most := min(lim.Attachments, MaxAttachments)
	i := 1
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		// Past the limit the value no longer matters; it must not overflow.
		if n <= most {
			n = n*10 + int(text[i]-'0')
		}
	}
	if i == len(text) || text[i] != '-' || i == 1 || text[1] == '0' {
		return 0, 0, ErrAttachmentCount
	}
	if n > most {
		return 0, 0, ErrTooManyAttachments
	}
	return n, i + 1, nil
}

// decodeID reads the ack id at i, if there is one, and returns the position
// behind it.
func (p *Packet) decodeID(i int) (int, error) {
	text := p.text
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		p.ID = p.ID*10 + uint64(text[i]-'0')
		if p.ID > MaxID {
			return 0, ErrAckID
		}
		p.HasID = true
	}
	// The reference reads a byte order mark in this place as the id 0. It is
	// the one form of white space here that is kept: the others are refused
	// with everything that is not a digit.
	if !p.HasID && i < len(text) && text[i] == 0xef && bytes.HasPrefix(text[i:], []byte("\ufeff")) {
		p.HasID = true
		i += len("\ufeff")
	}
	return i, nil
}

// decodePayload checks what follows the header against the type of the packet.
// Only events and acks go with an id, and an ack is nothing without one.
func (p *Packet) decodePayload(i int, lim *Limits) error {
	text := p.text
	var s scanner
	s.b, s.maxDepth, s.due = text, lim.Depth, p.Attachments
	var end int
	switch p.Type {
	case Event, BinaryEvent:
		end = p.decodeArray(&s, i, true, lim)
	case Ack, BinaryAck:
		if !p.HasID {
			return ErrAckID
		}
		end = p.decodeArray(&s, i, false, lim)
	default:
		if p.HasID {
			return ErrPayload
		}
		if i == len(text) {
			return nil
		}
		if c := text[i]; p.Type == Disconnect || c != '{' && (c != '"' || p.Type == Connect) {
			return ErrPayload
		}
		if p.Type == Connect && len(text)-i > lim.AuthBytes {
			return ErrAuthTooLarge
		}
		end = s.value(i, 0)
	}
	if end < 0 {
		return s.err
	}
	if skipSpace(text, end) != len(text) {
		return ErrPayload
	}
	if s.seen != p.Attachments {
		return ErrPlaceholder
	}
	p.Payload = text[i:end]
	return nil
}

// decodeArray checks the array at i, with an event name as its first item if
// named, and returns the position behind it.
func (p *Packet) decodeArray(s *scanner, i int, named bool, lim *Limits) int {
	b := s.b
	if i >= len(b) || b[i] != '[' {
		return s.fail(ErrPayload)
	}
	if s.maxDepth < 1 {
		return s.fail(ErrTooDeep)
	}
	i = skipSpace(b, i+1)
	if named {
		if i = p.decodeName(s, i, lim); i < 0 {
			return -1
		}
		if i = skipSpace(b, i); i < len(b) && b[i] == ',' {
			i = skipSpace(b, i+1)
		} else {
			return s.arrayClose(i)
		}
	} else if i < len(b) && b[i] == ']' {
		return i + 1
	}
	first := i
	for {
		if p.NumArgs == lim.Arguments {
			return s.fail(ErrTooManyArguments)
		}
		end := s.value(i, 1)
		if end < 0 {
			return -1
		}
		p.NumArgs++
		p.Args = b[first:end]
		if i = skipSpace(b, end); i >= len(b) || b[i] != ',' {
			return s.arrayClose(i)
		}
		i = skipSpace(b, i+1)
	}
}

// arrayClose returns the position behind the bracket at i.
func (s *scanner) arrayClose(i int) int {
	if i >= len(s.b) || s.b[i] != ']' {
		return s.fail(ErrPayload)
	}
	return i + 1
}

// decodeName reads the event name at i and returns the position behind it: a
// string that is neither empty nor reserved, or a non-negative integer.
func (p *Packet) decodeName(s *scanner, i int, lim *Limits) int {
	b := s.b
	if i >= len(b) {
		return s.fail(ErrPayload)
	}
	if b[i] != '"' {
		return p.decodeIntegerName(s, i)
	}
	end, escaped := stringEnd(b, i+1)
	if end < 0 {
		return s.fail(ErrPayload)
	}
	p.Name, p.NameEscaped = b[i+1:end-1], escaped
	if len(p.Name) > lim.EventName {
		return s.fail(ErrEventNameTooLong)
	}
	if len(p.Name) == 0 || Reserved(string(p.Name)) || escaped && !usableEscapedName(p.Name) {
		return s.fail(ErrPayload)
	}
	return end
}

// decodeIntegerName reads a name sent as a number. It stands for its decimal
// text, so only plain digits will do, and only up to where JavaScript would
// still print the same digits.
func (p *Packet) decodeIntegerName(s *scanner, i int) int {
	b := s.b
	var n uint64
	end := i
	for ; end < len(b) && b[end]-'0' <= 9; end++ {
		if n = n*10 + uint64(b[end]-'0'); n > MaxID {
			return s.fail(ErrPayload)
		}
	}
	// A fraction or an exponent is refused by whoever looks for the comma.
	if end == i || b[i] == '0' && end-i > 1 {
		return s.fail(ErrPayload)
	}
	p.Name = b[i:end]
	return end
}

// Reserved tells whether name is one of the six event names that sockets raise
// themselves and no packet may carry. Any goroutine.
func Reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// usableEscapedName tells whether the contents of an escaped string may be an
// event name: every surrogate paired, and not a reserved name in disguise.
func usableEscapedName(raw []byte) bool {
	var buf [len("removeListener")]byte
	n := 0
	for len(raw) > 0 {
		r, size, paired := nextRune(raw)
		if !paired {
			return false
		}
		if r < utf8.RuneSelf && n < len(buf) {
			buf[n] = byte(r)
			n++
		} else {
			// No reserved name goes on like this.
			n = len(buf) + 1
		}
		raw = raw[size:]
	}
	return n > len(buf) || !Reserved(string(buf[:n]))
}
