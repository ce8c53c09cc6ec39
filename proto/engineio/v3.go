// Engine.IO revision 3: websocket frames and polling payloads.

package engineio

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// v3 implements Codec for revision 3.
type v3 struct{}

func (v3) Revision() int { return 3 }

func (v3) DecodeFrame(frame []byte, binary bool) (Packet, error) {
	if binary {
		return decodeTyped(frame)
	}
	return decodeV3(frame)
}

func (v3) NextPacket(payload []byte, binary bool) (Packet, []byte, error) {
	if binary {
		return nextOctets(payload)
	}
	return nextText(payload)
}

func (v3) AppendPayload(dst []byte, p Packet, _ bool) []byte {
	if p.Binary {
		dst = strconv.AppendInt(dst, int64(len("b4")+base64.StdEncoding.EncodedLen(len(p.Data))), 10)
		dst = append(dst, ":b4"...)
		return base64.StdEncoding.AppendEncode(dst, p.Data)
	}
	dst = strconv.AppendInt(dst, int64(1+utf16Len(p.Data)), 10)
	return AppendPacket(append(dst, ':'), p.Type, p.Data)
}

func (v3) BinaryPayloads() bool { return true }

func (v3) AppendBinaryPayload(dst []byte, p Packet) []byte {
	kind, first := byte(0), '0'+byte(p.Type)
	if p.Binary {
		kind, first = 1, byte(p.Type)
	}
	dst = append(dst, kind)
	at := len(dst)
	dst = strconv.AppendInt(dst, int64(1+len(p.Data)), 10)
	for i := at; i < len(dst); i++ {
		dst[i] -= '0' // lengths are digits of value 0 to 9 here
	}
	return append(append(dst, octetsEnd, first), p.Data...)
}

func (v3) AppendBinaryPrefix(dst []byte) []byte { return append(dst, byte(Message)) }

// decodeV3 decodes a text packet. The base64 form of a binary one has its type
// behind the b.
func decodeV3(text []byte) (Packet, error) {
	if len(text) == 0 || text[0] != 'b' {
		return decodeText(text)
	}
	p, err := decodeText(text[1:])
	if err != nil {
		return Packet{}, err
	}
	if p.Type != Message {
		return Packet{}, ErrPacketType
	}
	p.Binary = true
	p.Data, err = decodeBase64(p.Data)
	return p, err
}

// decodeTyped decodes a binary packet, which begins with its type as a byte.
func decodeTyped(data []byte) (Packet, error) {
	if len(data) == 0 {
		return Packet{}, ErrEmptyPacket
	}
	if data[0] != byte(Message) {
		return Packet{}, ErrPacketType
	}
	return Packet{Type: Message, Binary: true, Data: data[1:]}, nil
}

// maxLength is the number of digits a length may have. No payload is that long.
const maxLength = 10

// nextText takes the first packet off a text payload: its length in UTF-16 code
// units, a colon, the packet.
func nextText(payload []byte) (Packet, []byte, error) {
	n, digits := 0, 0
	for digits < len(payload) && digits < maxLength && payload[digits]-'0' <= 9 {
		n = n*10 + int(payload[digits]-'0')
		digits++
	}
	if digits == 0 || digits == len(payload) || payload[digits] != ':' {
		return Packet{}, nil, ErrLength
	}
	rest := payload[digits+1:]
	size, ok := cutUTF16(rest, n)
	if !ok {
		return Packet{}, nil, ErrLength
	}
	text := rest[:size]
	if rest = rest[size:]; len(rest) == 0 {
		rest = nil
	}
	if n == 0 {
		return Packet{Empty: true}, rest, nil
	}
	p, err := decodeV3(text)
	return p, rest, err
}

// octetsEnd ends a length in a binary payload.
const octetsEnd = 0xff

// nextOctets takes the first packet off a binary payload: 0 for text or 1 for
// binary, the length in bytes as digits, the end of the length, the packet.
func nextOctets(payload []byte) (Packet, []byte, error) {
	if len(payload) == 0 || payload[0] > 1 {
		return Packet{}, nil, ErrLength
	}
	binary := payload[0] == 1
	end := bytes.IndexByte(payload, octetsEnd)
	if end < 2 || end > 1+maxLength {
		return Packet{}, nil, ErrLength
	}
	n := 0
	for _, d := range payload[1:end] {
		if d > 9 {
			return Packet{}, nil, ErrLength
		}
		n = n*10 + int(d)
	}
	rest := payload[end+1:]
	if n > len(rest) {
		return Packet{}, nil, ErrLength
	}
	data := rest[:n]
	if rest = rest[n:]; len(rest) == 0 {
		rest = nil
	}
	decode := decodeV3
	if binary {
		decode = decodeTyped
	}
	p, err := decode(data)
	return p, rest, err
}

// utf16Len is the length of UTF-8 text in UTF-16 code units, which is what
// JavaScript counts: a character beyond the basic plane is two.
func utf16Len(text []byte) (n int) {
	for _, b := range text {
		// Each character has one byte that is no continuation, and those of
		// four bytes, which begin with 11110, count twice.
		if b&0xc0 != 0x80 {
			n++
		}
		if b >= 0xf0 {
			n++
		}
	}
	return n
}

// cutUTF16 returns how many bytes of UTF-8 text are n UTF-16 code units. It
// fails if the text is shorter or the cut would fall inside a character.
func cutUTF16(text []byte, n int) (size int, ok bool) {
	for n > 0 && size < len(text) {
		if text[size] < utf8.RuneSelf {
			size++
			n--
			continue
		}
		r, width := utf8.DecodeRune(text[size:])
		size += width
		n--
		if r > 0xffff {
			n--
		}
	}
	return size, n == 0
}
