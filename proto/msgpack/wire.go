// The forms of MessagePack values: reading and writing of their heads.

package msgpack

import (
	"encoding/binary"
	"math"
)

// kind tells values apart by what they mean, not by how they are written.
type kind uint8

const (
	invalidKind kind = iota
	nilKind
	undefinedKind // fixext 1 of type 0
	boolKind
	intKind   // fits an int64
	uintKind  // larger than any int64
	floatKind // widened to 64 bits
	strKind
	binKind  // bin, or an extension of type 0: what notepack.io makes of an ArrayBuffer
	dateKind // fixext 8 of type 0: milliseconds since 1970
	timeKind // extension of type -1: the timestamp of the MessagePack text
	extKind  // any other extension
	arrayKind
	mapKind
)

// kindNames are how type errors call a value, in the words of encoding/json.
var kindNames = [...]string{
	"", "null", "undefined", "bool", "number", "number", "number", "string", "binary", "date", "date",
	"extension", "array", "object",
}

// head is what stands before the contents of a value.
type head struct {
	kind kind
	ext  int8   // type of an extension
	n    uint64 // the bits of a number, 1 for true, bytes of contents, or members
}

// wideForms are the heads from 0xc0 to 0xdf: the bytes of the operand behind the
// first, and what it is. Signed integers and floats are told apart by the code.
var wideForms = [32]struct {
	kind  kind
	width uint8
}{
	0x00: {nilKind, 0},
	0x02: {boolKind, 0}, 0x03: {boolKind, 0},
	0x04: {binKind, 1}, 0x05: {binKind, 2}, 0x06: {binKind, 4},
	0x07: {extKind, 1}, 0x08: {extKind, 2}, 0x09: {extKind, 4},
	0x0a: {floatKind, 4}, 0x0b: {floatKind, 8},
	0x0c: {uintKind, 1}, 0x0d: {uintKind, 2}, 0x0e: {uintKind, 4}, 0x0f: {uintKind, 8},
	0x10: {intKind, 1}, 0x11: {intKind, 2}, 0x12: {intKind, 4}, 0x13: {intKind, 8},
	0x14: {extKind, 0}, 0x15: {extKind, 0}, 0x16: {extKind, 0}, 0x17: {extKind, 0}, 0x18: {extKind, 0},
	0x19: {strKind, 1}, 0x1a: {strKind, 2}, 0x1b: {strKind, 4},
	0x1c: {arrayKind, 2}, 0x1d: {arrayKind, 4},
	0x1e: {mapKind, 2}, 0x1f: {mapKind, 4},
}

const (
	codeFixExt1 = 0xd4
	codeFixExt8 = 0xd7

	extJS        = 0  // what notepack.io uses for undefined, dates and ArrayBuffers
	extTimestamp = -1 // of the MessagePack text
)

// readHead reads the head at i and returns the position behind it: where the
// contents start. next is -1 if no value starts there or b ends within the head.
// Whether the contents are all there is for the caller to see.
func readHead(b []byte, i int) (h head, next int) {
	if i >= len(b) {
		return head{}, -1
	}
	switch c := b[i]; {
	case c < 0x80:
		return head{kind: intKind, n: uint64(c)}, i + 1
	case c < 0x90:
		return head{kind: mapKind, n: uint64(c & 0x0f)}, i + 1
	case c < 0xa0:
		return head{kind: arrayKind, n: uint64(c & 0x0f)}, i + 1
	case c < 0xc0:
		return head{kind: strKind, n: uint64(c & 0x1f)}, i + 1
	case c >= 0xe0:
		return head{kind: intKind, n: uint64(int8(c))}, i + 1
	}
	return readWideHead(b, i)
}

// readWideHead reads a head whose first byte is from 0xc0 to 0xdf.
func readWideHead(b []byte, i int) (h head, next int) {
	code := b[i]
	form := wideForms[code&0x1f]
	i++
	if len(b)-i < int(form.width) {
		return head{}, -1
	}
	h.kind = form.kind
	switch form.width {
	case 1:
		h.n = uint64(b[i])
	case 2:
		h.n = uint64(binary.BigEndian.Uint16(b[i:]))
	case 4:
		h.n = uint64(binary.BigEndian.Uint32(b[i:]))
	case 8:
		h.n = binary.BigEndian.Uint64(b[i:])
	}
	i += int(form.width)
	switch h.kind {
	case invalidKind:
		return head{}, -1
	case boolKind:
		h.n = uint64(code & 1)
	case uintKind:
		if h.n <= math.MaxInt64 {
			h.kind = intKind
		}
	case intKind:
		unused := 64 - 8*int(form.width)
		h.n = uint64(int64(h.n<<unused) >> unused)
	case floatKind:
		if form.width == 4 {
			h.n = math.Float64bits(float64(math.Float32frombits(uint32(h.n))))
		}
	case extKind:
		return readExtHead(b, i, code, h)
	}
	return h, i
}

// readExtHead goes on with the type of an extension, at i. notepack.io tells a
// date and undefined by the short forms, so the same bytes behind the long form
// are an ArrayBuffer.
func readExtHead(b []byte, i int, code byte, h head) (head, int) {
	if i >= len(b) {
		return head{}, -1
	}
	h.ext = int8(b[i])
	if code >= codeFixExt1 {
		h.n = 1 << (code - codeFixExt1)
	}
	switch {
	case h.ext == extJS && code == codeFixExt1:
		h.kind = undefinedKind
	case h.ext == extJS && code == codeFixExt8:
		h.kind = dateKind
	case h.ext == extJS:
		h.kind = binKind
	case h.ext == extTimestamp && (h.n == 4 || h.n == 8 || h.n == 12):
		h.kind = timeKind
	}
	return h, i + 1
}

// hasBytes tells whether n bytes of contents stand behind the head.
func (h head) hasBytes() bool {
	return h.kind >= strKind && h.kind <= extKind || h.kind == undefinedKind
}

// absent tells whether the value stands for none.
func (h head) absent() bool { return h.kind == nilKind || h.kind == undefinedKind }

// appendSized appends a head that counts n bytes or members: in the first byte
// as far as inFirst reaches, then in one byte if code8 is a form, in two or four.
func appendSized(dst []byte, n int, fix byte, inFirst int, code8, code16 byte) []byte {
	switch {
	case n <= inFirst:
		return append(dst, fix|byte(n))
	case n <= math.MaxUint8 && code8 != 0:
		return append(dst, code8, byte(n))
	case n <= math.MaxUint16:
		return append(dst, code16, byte(n>>8), byte(n))
	}
	return append(dst, code16+1, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func appendStringHead(dst []byte, n int) []byte { return appendSized(dst, n, 0xa0, 31, 0xd9, 0xda) }
func appendBinHead(dst []byte, n int) []byte    { return appendSized(dst, n, 0, -1, 0xc4, 0xc5) }
func appendArrayHead(dst []byte, n int) []byte  { return appendSized(dst, n, 0x90, 15, 0, 0xdc) }
func appendMapHead(dst []byte, n int) []byte    { return appendSized(dst, n, 0x80, 15, 0, 0xde) }

// appendUint appends n in the smallest form.
func appendUint(dst []byte, n uint64) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n <= math.MaxUint8:
		return append(dst, 0xcc, byte(n))
	case n <= math.MaxUint16:
		return append(dst, 0xcd, byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return append(dst, 0xce, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), n)
}

// appendInt appends n in the smallest form.
func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0:
		return appendUint(dst, uint64(n))
	case n >= -32:
		return append(dst, byte(n))
	case n >= math.MinInt8:
		return append(dst, 0xd0, byte(n))
	case n >= math.MinInt16:
		return append(dst, 0xd1, byte(n>>8), byte(n))
	case n >= math.MinInt32:
		return append(dst, 0xd2, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
}

// maxExact bounds the integers that a float64 tells from their neighbours.
const maxExact = 1 << 53

// isExactInteger tells whether JavaScript would print f without a fraction and
// an integer carries the same value. Minus zero is one: it becomes 0.
func isExactInteger(f float64) bool {
	return f >= -maxExact && f <= maxExact && f == math.Trunc(f)
}

// appendFloat appends f, as an integer where that says the same.
func appendFloat(dst []byte, f float64) []byte {
	if isExactInteger(f) {
		return appendInt(dst, int64(f))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f))
}

// appendFloat32 is appendFloat in half the bytes.
func appendFloat32(dst []byte, f float32) []byte {
	if isExactInteger(float64(f)) {
		return appendInt(dst, int64(f))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xca), math.Float32bits(f))
}

// closeContainer writes the head of an array or map of n members that was begun
// with one byte at position at, with code16 as its longer form. Members are
// counted as they are written, so that nothing needs to be walked twice; a
// container of 16 and more is moved up for its longer head.
func closeContainer(dst []byte, at, n int, fix, code16 byte) []byte {
	if n < 16 {
		dst[at] = fix | byte(n)
		return dst
	}
	var buf [5]byte
	longer := appendSized(buf[:0], n, fix, -1, 0, code16)
	grow := len(longer) - 1
	dst = append(dst, buf[:grow]...)
	copy(dst[at+1+grow:], dst[at+1:len(dst)-grow])
	copy(dst[at:], longer)
	return dst
}
