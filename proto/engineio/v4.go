// Engine.IO revision 4: websocket frames and polling payloads.

package engineio

import (
	"bytes"
	"encoding/base64"
)

// v4 implements Codec for revision 4.
type v4 struct{}

func (v4) Revision() int { return 4 }

func (v4) DecodeFrame(frame []byte, binary bool) (Packet, error) {
	if binary {
		return Packet{Type: Message, Binary: true, Data: frame}, nil
	}
	return decodeV4(frame)
}

func (v4) NextPacket(payload []byte, _ bool) (Packet, []byte, error) {
	text, rest, more := bytes.Cut(payload, separator)
	p, err := decodeV4(text)
	if err != nil {
		return Packet{}, nil, err
	}
	if !more {
		return p, nil, nil
	}
	// After a last separator rest is empty and not nil: the caller asks again
	// and meets ErrEmptyPacket behind the packets before it.
	return p, rest, nil
}

var separator = []byte{Separator}

func (v4) AppendPayload(dst []byte, p Packet, first bool) []byte {
	if !first {
		dst = append(dst, Separator)
	}
	if p.Binary {
		dst = append(dst, 'b')
		return base64.StdEncoding.AppendEncode(dst, p.Data)
	}
	return AppendPacket(dst, p.Type, p.Data)
}

func (v4) BinaryPayloads() bool { return false }

func (c v4) AppendBinaryPayload(dst []byte, p Packet) []byte {
	return c.AppendPayload(dst, p, len(dst) == 0)
}

func (v4) AppendBinaryPrefix(dst []byte) []byte { return dst }

// decodeV4 decodes a text packet, the base64 form of a binary one included.
func decodeV4(text []byte) (Packet, error) {
	if len(text) > 0 && text[0] == 'b' {
		data, err := decodeBase64(text[1:])
		return Packet{Type: Message, Binary: true, Data: data}, err
	}
	return decodeText(text)
}

var (
	padded   = base64.StdEncoding.Strict()
	unpadded = base64.RawStdEncoding.Strict()
)

// decodeBase64 decodes p in place: each group of four bytes is read before the
// three it becomes are written over it. Padding may be left out, line breaks,
// which package base64 skips, may not be there.
func decodeBase64(p []byte) ([]byte, error) {
	if bytes.ContainsAny(p, "\r\n") {
		return nil, ErrBase64
	}
	enc := padded
	if len(p)%4 != 0 {
		enc = unpadded
	}
	n, err := enc.Decode(p, p)
	if err != nil {
		return nil, ErrBase64
	}
	return p[:n], nil
}
