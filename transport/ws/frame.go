// Frame headers (RFC 6455 section 5.2): client headers are parsed and checked, server headers and frames are appended.
//
// By hand, because this runs for every message: 5 ns to parse and check, 5 to append, against 50 each way through an
// io.Reader or io.Writer (BenchmarkHeader). The tests hold both directions against the library.

package ws

import (
	"encoding/binary"

	gobwas "github.com/gobwas/ws"
)

// OpCode is a frame's opcode.
type OpCode = gobwas.OpCode

// The opcodes of RFC 6455 section 11.8; all others are reserved.
const (
	OpContinuation OpCode = gobwas.OpContinuation
	OpText         OpCode = gobwas.OpText
	OpBinary       OpCode = gobwas.OpBinary
	OpClose        OpCode = gobwas.OpClose
	OpPing         OpCode = gobwas.OpPing
	OpPong         OpCode = gobwas.OpPong
)

// MaxHeader is the longest client frame header in bytes: two, a 64-bit length and the masking key.
const MaxHeader = 14

const (
	maxControl = gobwas.MaxControlFramePayloadSize

	finBit  = 0x80
	rsv1Bit = 0x40
	rsvBits = 0x70
	maskBit = 0x80
	opBits  = 0x0f
)

// Header is a client frame's header that ParseHeader found legal.
type Header struct {
	Length uint64 // payload bytes, at most 1<<63-1: compare with a limit before making it an int
	Key    uint32 // masking key as Unmask takes it
	OpCode OpCode
	Fin    bool
	RSV1   bool // only ever on the first frame of a data message
}

// ParseHeader reads the header of a client frame at the start of p into h and returns its size in bytes. 0 without an
// error means that p ends before the header does; h is then untouched. An error is a *CloseError with status 1002, and
// comes as soon as the bytes allow, for reserved opcodes, reserved bits no extension gives a meaning to, control frames
// that are fragmented or over 125 bytes, a missing mask, lengths not in their shortest form and lengths over 63 bits.
// Whether RSV1 was negotiated and whether the opcode fits the message before it is for Reader to say. Nothing of p is
// kept. Any goroutine.
func ParseHeader(p []byte, h *Header) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if firstByte[p[0]] == 0 {
		return 0, firstByteError(p[0], stateIdleRSV1)
	}
	return parseHeader(p, h)
}

// parseHeader is ParseHeader for a non-empty p whose first byte is known to be legal.
func parseHeader(p []byte, h *Header) (n int, err error) {
	if len(p) < 2 {
		return 0, nil
	}
	if p[1]&maskBit == 0 {
		return 0, ErrUnmasked
	}
	n = 6
	length := uint64(p[1] &^ maskBit)
	if length > maxControl {
		if p[0]&0x08 != 0 {
			return 0, ErrControlLength
		}
		if n, length, err = extendedLength(p[2:], length); n == 0 {
			return 0, err
		}
	}
	if len(p) < n {
		return 0, nil
	}
	h.Length = length
	h.Key = binary.LittleEndian.Uint32(p[n-4:])
	h.OpCode = OpCode(p[0] & opBits)
	h.Fin = p[0]&finBit != 0
	h.RSV1 = p[0]&rsv1Bit != 0
	return n, nil
}

// extendedLength reads the 16-bit (form 126) or 64-bit (form 127) length at the start of p and returns it with the size
// of the whole header; the size is 0 when p is too short or the length is refused.
func extendedLength(p []byte, form uint64) (n int, length uint64, err error) {
	if form == 126 {
		if len(p) < 2 {
			return 0, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(p))
		if length <= maxControl {
			return 0, 0, ErrLengthForm
		}
		return 8, length, nil
	}
	if len(p) > 0 && p[0]&0x80 != 0 {
		return 0, 0, ErrLengthSign
	}
	// Six zero bytes leave at most 16 bits of length, whatever follows.
	if len(p) >= 6 && binary.BigEndian.Uint32(p)|uint32(binary.BigEndian.Uint16(p[4:])) == 0 {
		return 0, 0, ErrLengthForm
	}
	if len(p) < 8 {
		return 0, 0, nil
	}
	return MaxHeader, binary.BigEndian.Uint64(p), nil
}

// firstByte says for each first byte of a frame in which states of a Reader it is legal: one bit per state. No bit at
// all: never.
var firstByte = func() (table [256]uint8) {
	for i := range table {
		b := byte(i)
		for _, s := range []state{stateIdle, stateIdleRSV1, stateOpen} {
			if firstByteError(b, s) == nil {
				table[i] |= 1 << s
			}
		}
	}
	return table
}()

// firstByteError is the slow form of firstByte: what is wrong with b in state s.
func firstByteError(b byte, s state) error {
	op := OpCode(b & opBits)
	rsv := b & rsvBits
	switch {
	case op.IsReserved():
		return ErrReservedOpCode
	// RFC 7692 section 6.1 gives RSV1 a meaning on the first frame of a data message and nowhere else. RSV2 and RSV3
	// have none in any extension.
	case rsv != 0 && (rsv != rsv1Bit || s != stateIdleRSV1 || (op != OpText && op != OpBinary)):
		return ErrReservedBits
	case op.IsControl() && b&finBit == 0:
		return ErrFragmentedControl
	case op == OpContinuation && s != stateOpen:
		return ErrNothingToContinue
	case (op == OpText || op == OpBinary) && s == stateOpen:
		return ErrInterleaved
	}
	return nil
}

// HeaderSize is the size in bytes of a server frame's header for a payload of length bytes: 2, 4 or 10. Any goroutine.
func HeaderSize(length int) int {
	switch {
	case length <= maxControl:
		return 2
	case length <= 0xffff:
		return 4
	default:
		return 10
	}
}

// AppendHeader appends the header of a server frame, which is unmasked, to dst and returns it grown. The caller appends
// length payload bytes behind it. rsv1 marks the first frame of a compressed message. Control frames need fin and a
// length of at most 125. Any goroutine.
func AppendHeader(dst []byte, op OpCode, fin, rsv1 bool, length int) []byte {
	b := byte(op)
	if fin {
		b |= finBit
	}
	if rsv1 {
		b |= rsv1Bit
	}
	switch {
	case length <= maxControl:
		return append(dst, b, byte(length))
	case length <= 0xffff:
		return append(dst, b, 126, byte(length>>8), byte(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, b, 127), uint64(length))
	}
}

// AppendFrame appends payload as one whole server frame to dst and returns it grown. For pings and pongs see AppendPing
// and AppendPong, for close frames AppendClose. Any goroutine.
func AppendFrame(dst []byte, op OpCode, payload []byte) []byte {
	return append(AppendHeader(dst, op, true, false, len(payload)), payload...)
}

// NextFrame splits the first frame off frames that were appended by this package. payload is a view. Any goroutine.
func NextFrame(frames []byte) (op OpCode, payload, rest []byte) {
	at, n := 2, int(frames[1])
	switch n {
	case 126:
		at, n = 4, int(binary.BigEndian.Uint16(frames[2:]))
	case 127:
		at, n = 10, int(binary.BigEndian.Uint64(frames[2:]))
	}
	return OpCode(frames[0] & opBits), frames[at : at+n : at+n], frames[at+n:]
}

// AppendPing appends a ping to dst and returns it grown. Of payload the first 125 bytes are sent. Any goroutine.
func AppendPing(dst, payload []byte) []byte {
	return AppendFrame(dst, OpPing, payload[:min(len(payload), maxControl)])
}

// AppendPong appends a pong to dst and returns it grown. Of payload the first 125 bytes are sent; that is all of a
// received ping. Any goroutine.
func AppendPong(dst, payload []byte) []byte {
	return AppendFrame(dst, OpPong, payload[:min(len(payload), maxControl)])
}
