// Inflater: DEFLATE streams (RFC 1951) in, messages out, under limits.
//
// By hand, not by the library that compresses: this is what peers can attack. A stream is refused as soon as it is too
// long, wherever that is, and when it has more Huffman tables than contents for them: a megabyte of tables alone costs
// 0.1 ms, with the library 120. It also goes on behind a final block, where the library starts over and copies a window,
// and it has 6 KB of state instead of 40. The library is the twin in the tests, and as fast for what is no attack
// (BenchmarkInflate).

package deflate

import (
	"encoding/binary"
	"slices"

	"github.com/sioserver/sioserver/transport/ws"
)

// What Inflate can refuse.
var (
	ErrData   = &ws.CloseError{Code: ws.StatusInvalidPayload, Reason: "compressed message is malformed"}
	ErrSize   = &ws.CloseError{Code: ws.StatusTooBig, Reason: "inflated message over the limit"}
	ErrBlocks = &ws.CloseError{Code: ws.StatusPolicy, Reason: "compressed message of too many blocks"}
)

// A message may have tableFree blocks with Huffman tables of their own, and one more for each tableBytes of what it
// has inflated to. Making the tables takes about two microseconds. Compressors make new ones every few kilobytes, and not
// before 127 bytes at the least memory that zlib can be given.
const (
	tableFree  = 16
	tableBytes = 100
)

// maxMatch is the longest that one symbol can stand for.
const maxMatch = 258

// Inflater inflates messages one by one. The zero value is ready for use. It serves one goroutine at a time.
type Inflater struct {
	in            []byte // the message with its tail
	pos           int    // bytes of in that are in bits or used
	bits          uint64 // the next count bits; above them there may be more, or zeros
	count         int
	literal, dist table
	lengths       [maxLiterals + maxDists]uint8
}

// inKeep is the size up to which an Inflater keeps its memory for input.
const inKeep = 64 << 10

// Inflate appends to dst what message inflates to. dst holds what the message may refer to, the peer's window, or is
// empty; dst with the message is returned. At most limit bytes are appended, and dst never grows much beyond them. An
// error is a *ws.CloseError and comes with dst as it was, perhaps with more capacity. Nothing of message is kept.
func (f *Inflater) Inflate(dst, message []byte, limit int) ([]byte, error) {
	if len(message) == 0 {
		// A sender that flushes twice has nothing to write: so ws of Node.js sends an empty message.
		return dst, nil
	}
	f.in = append(append(f.in[:0], message...), 0x00, 0x00, 0xff, 0xff)
	f.pos, f.bits, f.count = 0, 0, 0
	start := len(dst)
	out, err := f.blocks(dst, limit)
	if cap(f.in) > inKeep {
		f.in = nil
	}
	if err != nil {
		return out[:start], err
	}
	return out, nil
}

// The types of blocks.
const (
	stored = iota
	fixed
	dynamic
)

// blocks inflates blocks up to the end of the stream.
func (f *Inflater) blocks(out []byte, limit int) ([]byte, error) {
	start, tables := len(out), 0
	for {
		before := len(out)
		f.fill()
		header := f.take(3)
		if f.count < 0 {
			return out, ErrData
		}
		final, kind := header&1 == 1, header>>1
		var err error
		switch kind {
		case stored:
			out, err = f.stored(out, start+limit)
		case fixed:
			out, err = f.symbols(out, start+limit, fixedLiterals, fixedDists)
		case dynamic:
			if tables++; tables > tableFree+(len(out)-start)/tableBytes {
				return out, ErrBlocks
			}
			if err = f.tables(); err == nil {
				out, err = f.symbols(out, start+limit, f.literal, f.dist)
			}
		default:
			err = ErrData
		}
		if err != nil {
			return out, err
		}
		if final {
			f.take(f.count & 7)
		}
		// The stream ends with the tail that the sender has cut off, the end of an empty block, which a message cut short
		// would take for something else. A sender whose last block is a final one should have added an empty block behind
		// it (section 7.2.3.4); not all do.
		switch left := len(f.in) - f.pos + f.count/8; {
		case left == 0 && f.count == 0 && kind == stored && len(out) == before:
			return out, nil
		case left == tailSize && final:
			return out, nil
		}
	}
}

// fill makes at least 56 bits available, or all there are.
func (f *Inflater) fill() {
	if f.pos+8 <= len(f.in) {
		f.bits |= binary.LittleEndian.Uint64(f.in[f.pos:]) << f.count
		n := (63 - f.count) >> 3
		f.pos += n
		f.count += n * 8
		return
	}
	for f.count <= 56 && f.pos < len(f.in) {
		f.bits |= uint64(f.in[f.pos]) << f.count
		f.pos++
		f.count += 8
	}
}

// take returns the next n bits, of those made available. count is negative behind the end.
func (f *Inflater) take(n int) uint32 {
	v := uint32(f.bits) & (1<<n - 1)
	f.bits >>= n
	f.count -= n
	return v
}

// stored takes a block without compression.
func (f *Inflater) stored(out []byte, end int) ([]byte, error) {
	// What was made available beyond the header's byte is read again from where it came.
	f.pos -= f.count / 8
	f.bits, f.count = 0, 0
	if len(f.in)-f.pos < 4 {
		return out, ErrData
	}
	n := int(binary.LittleEndian.Uint16(f.in[f.pos:]))
	if n^0xffff != int(binary.LittleEndian.Uint16(f.in[f.pos+2:])) {
		return out, ErrData
	}
	f.pos += 4
	if n > len(f.in)-f.pos {
		return out, ErrData
	}
	if n > end-len(out) {
		return out, ErrSize
	}
	out = append(out, f.in[f.pos:f.pos+n]...)
	f.pos += n
	return out, nil
}

// symbols takes the contents of a compressed block. Its loop keeps the state of the bits in registers.
func (f *Inflater) symbols(dst []byte, end int, literal, dist table) ([]byte, error) {
	in, pos, bits, count := f.in, f.pos, f.bits, f.count
	out, at := dst[:cap(dst)], len(dst)
	room := min(len(out)-maxMatch, end)
	for {
		if at > room {
			if at > end {
				return out, ErrSize
			}
			out = grow(out, at, end)
			room = min(len(out)-maxMatch, end)
		}
		// Enough for a length, a distance, and their extra bits: 15 + 5 + 15 + 13.
		if count < 48 {
			if pos+8 <= len(in) {
				bits |= binary.LittleEndian.Uint64(in[pos:]) << (count & 63)
				n := (63 - count) >> 3
				pos += n
				count += n * 8
			} else {
				for count <= 56 && pos < len(in) {
					bits |= uint64(in[pos]) << (count & 63)
					pos++
					count += 8
				}
			}
		}
		e := literal[bits&(1<<literalRoot-1)]
		if e.kind() == kindTable {
			bits >>= literalRoot
			count -= literalRoot
			e = literal[e.value()+uint32(bits)&(1<<e.extra()-1)]
		}
		bits >>= e.size()
		count -= int(e.size())
		if e.kind() == kindLiteral {
			if count < 0 {
				return out, ErrData
			}
			out[at] = byte(e.value())
			at++
			continue
		}
		if e.kind() != kindLength {
			if e.kind() != kindEnd || count < 0 {
				return out, ErrData
			}
			f.pos, f.bits, f.count = pos, bits, count
			return out[:at], nil
		}
		length := int(e.value() + uint32(bits)&(1<<e.extra()-1))
		bits >>= e.extra()
		count -= int(e.extra())

		e = dist[bits&(1<<distRoot-1)]
		if e.kind() == kindTable {
			bits >>= distRoot
			count -= distRoot
			e = dist[e.value()+uint32(bits)&(1<<e.extra()-1)]
		}
		bits >>= e.size()
		count -= int(e.size())
		back := int(e.value() + uint32(bits)&(1<<e.extra()-1))
		bits >>= e.extra()
		count -= int(e.extra())
		if e.kind() != kindLength || back > at || count < 0 {
			return out, ErrData
		}
		if back >= length {
			copy(out[at:at+length], out[at-back:])
		} else {
			// What is copied repeats itself.
			for n := 0; n < length; {
				n += copy(out[at+n:at+length], out[at-back:at+n])
			}
		}
		at += length
	}
}

// grow returns out with more room behind its first n bytes, up to end and what the last symbol may be too long by.
func grow(out []byte, n, end int) []byte {
	size := max(2*len(out), 1024)
	size = max(min(size, end+maxMatch), n+maxMatch)
	return slices.Grow(out[:n], size-n)[:size]
}
