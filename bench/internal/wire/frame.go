// Websocket frames (RFC 6455 section 5): heads, masking, parsing.

package wire

import (
	"encoding/binary"
	"errors"
)

// The opcodes of RFC 6455 section 5.2.
const (
	OpContinuation = 0
	OpText         = 1
	OpBinary       = 2
	OpClose        = 8
	OpPing         = 9
	OpPong         = 10
)

// Faults of a frame.
var (
	ErrFrameReserved = errors.New("wire: a reserved bit or opcode is set")
	ErrFrameControl  = errors.New("wire: a control frame is fragmented or too long")
	ErrFrameSize     = errors.New("wire: a frame is larger than the limit")
	ErrFrameLength   = errors.New("wire: a frame's length is not in its shortest form")
)

// Frame is one frame. Payload is a view of the parsed bytes, already unmasked.
type Frame struct {
	Fin, RSV1, Masked bool
	Op                byte
	Payload           []byte
}

// ParseFrame takes the first frame off b, unmasking it in place. Frames with
// more than limit bytes of payload are refused. Any goroutine.
func ParseFrame(b []byte, limit uint64) (f Frame, n int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	f.Fin, f.RSV1, f.Op, f.Masked = b[0]&0x80 != 0, b[0]&0x40 != 0, b[0]&0x0f, b[1]&0x80 != 0
	if b[0]&0x30 != 0 || f.Op > OpPong || f.Op > OpBinary && f.Op < OpClose {
		return f, 0, ErrFrameReserved
	}
	size, head := uint64(b[1]&0x7f), 2
	if f.Op >= OpClose && (!f.Fin || f.RSV1 || size > 125) {
		return f, 0, ErrFrameControl
	}
	switch size {
	case 126:
		if len(b) < 4 {
			return f, 0, nil
		}
		size, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
		if size < 126 {
			return f, 0, ErrFrameLength
		}
	case 127:
		if len(b) < 10 {
			return f, 0, nil
		}
		size, head = binary.BigEndian.Uint64(b[2:]), 10
		if size < 1<<16 {
			return f, 0, ErrFrameLength
		}
	}
	if size > limit {
		return f, 0, ErrFrameSize
	}
	var key uint32
	if f.Masked {
		if len(b) < head+4 {
			return f, 0, nil
		}
		key = binary.LittleEndian.Uint32(b[head:])
		head += 4
	}
	if uint64(len(b)-head) < size {
		return f, 0, nil
	}
	n = head + int(size)
	f.Payload = b[head:n:n]
	if f.Masked {
		Mask(f.Payload, key)
	}
	return f, n, nil
}

// AppendFrameHead appends the head of a final frame with size bytes of
// payload. With masked, key goes into it and the payload must be passed through
// Mask. Any goroutine.
func AppendFrameHead(dst []byte, op byte, rsv1 bool, size int, masked bool, key uint32) []byte {
	first := 0x80 | op
	if rsv1 {
		first |= 0x40
	}
	var bit byte
	if masked {
		bit = 0x80
	}
	switch {
	case size < 126:
		dst = append(dst, first, bit|byte(size))
	case size < 1<<16:
		dst = append(dst, first, bit|126, byte(size>>8), byte(size))
	default:
		dst = append(dst, first, bit|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	if masked {
		dst = binary.LittleEndian.AppendUint32(dst, key)
	}
	return dst
}

// AppendFrame appends a final frame with a copy of payload, masked by key if
// masked. Any goroutine.
func AppendFrame(dst []byte, op byte, rsv1 bool, payload []byte, masked bool, key uint32) []byte {
	dst = AppendFrameHead(dst, op, rsv1, len(payload), masked, key)
	start := len(dst)
	dst = append(dst, payload...)
	if masked {
		Mask(dst[start:], key)
	}
	return dst
}

// Mask applies a masking key to b in place, which begins at the key's first
// byte. Any goroutine.
func Mask(b []byte, key uint32) {
	if key == 0 {
		return
	}
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}
