// Engine.IO packets and polling payloads, Socket.IO packets.

package wire

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Engine.IO packet types, as the digit they are on the wire.
const (
	Open    = '0'
	Close   = '1'
	Ping    = '2'
	Pong    = '3'
	Data    = '4'
	Upgrade = '5'
	Noop    = '6'
)

// Socket.IO packet types, as the digit they are on the wire.
const (
	Connect      = '0'
	Disconnect   = '1'
	Event        = '2'
	Ack          = '3'
	ConnectError = '4'
)

// Separator stands between the packets of a polling payload in revision 4.
const Separator = 0x1e

// ErrPayload is a polling payload that cannot be taken apart.
var ErrPayload = errors.New("wire: malformed polling payload")

// NextPacket takes the first packet off a complete polling payload of an
// Engine.IO revision, 3 or 4. Any goroutine.
func NextPacket(b []byte, revision int) (packet, rest []byte, err error) {
	if revision != 3 {
		packet, rest, _ = bytes.Cut(b, []byte{Separator})
		if len(packet) == 0 {
			return nil, nil, ErrPayload
		}
		return packet, rest, nil
	}
	i := bytes.IndexByte(b, ':')
	if i <= 0 || i > 9 {
		return nil, nil, ErrPayload
	}
	units, ok := parseDecimal(b[:i])
	if !ok {
		return nil, nil, ErrPayload
	}
	b = b[i+1:]
	end := 0
	for units > 0 {
		r, size := utf8.DecodeRune(b[end:])
		if size == 0 {
			return nil, nil, ErrPayload
		}
		// Revision 3 counts UTF-16 code units: a rune beyond the first plane is two.
		if r > 0xffff {
			if units == 1 {
				return nil, nil, ErrPayload
			}
			units--
		}
		units--
		end += size
	}
	return b[:end:end], b[end:], nil
}

// AppendPacket appends a packet of ASCII text to a polling payload of an
// Engine.IO revision. Any goroutine.
func AppendPacket(dst, packet []byte, revision int) []byte {
	if revision == 3 {
		dst = strconv.AppendInt(dst, int64(len(packet)), 10)
		dst = append(dst, ':')
		return append(dst, packet...)
	}
	if len(dst) > 0 {
		dst = append(dst, Separator)
	}
	return append(dst, packet...)
}

// Packet is a Socket.IO packet without attachments. Args is the rest of it,
// JSON as a rule; it and Namespace are views, Namespace is empty for "/".
type Packet struct {
	Type      byte
	HasID     bool
	ID        uint64
	Namespace []byte
	Args      []byte
}

// ParsePacket takes a message of Engine.IO, without its type digit, apart. It
// reports false for what is not a packet without attachments. Any goroutine.
func ParsePacket(b []byte) (p Packet, ok bool) {
	if len(b) == 0 || b[0] < Connect || b[0] > ConnectError {
		return p, false
	}
	p.Type, b = b[0], b[1:]
	if len(b) > 0 && b[0] == '/' {
		p.Namespace, b, _ = bytes.Cut(b, []byte{','})
	}
	for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
		p.HasID = true
		p.ID = p.ID*10 + uint64(b[0]-'0')
		b = b[1:]
	}
	p.Args = b
	return p, true
}

// EventName is the first item of an event's arguments if that is a string
// without escapes, and where the arguments go on behind it: at a comma or at the
// closing bracket. It is a view. Any goroutine.
func EventName(args []byte) (name, rest []byte, ok bool) {
	if len(args) < 3 || args[0] != '[' || args[1] != '"' {
		return nil, nil, false
	}
	end := bytes.IndexByte(args[2:], '"')
	if end < 0 || bytes.IndexByte(args[2:2+end], '\\') >= 0 {
		return nil, nil, false
	}
	return args[2 : 2+end], args[3+end:], true
}
