// The check of MessagePack bytes: one pass, nothing built, nothing believed that
// the bytes do not bear out.

package msgpack

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/socketio"
)

// scanner walks over values once. Positions are indices into b; -1 stands for a
// fault, which err then names.
type scanner struct {
	b        []byte
	maxDepth int
	err      error
}

func (s *scanner) fail(err error) int {
	s.err = err
	return -1
}

// values returns the position behind the n values that start at i. depth counts
// the arrays and maps around them.
func (s *scanner) values(i int, n uint64, depth int) int {
	b := s.b
	for ; n > 0; n-- {
		if i >= len(b) {
			return s.fail(ErrMalformed)
		}
		// Small integers and short strings are most of what is sent.
		if c := b[i]; c < 0x80 || c >= 0xe0 {
			i++
			continue
		} else if c&0xe0 == 0xa0 {
			end := i + 1 + int(c&0x1f)
			if end > len(b) || !validText(b, i+1, end) {
				return s.fail(ErrMalformed)
			}
			i = end
			continue
		}
		if i = s.wide(i, depth); i < 0 {
			return -1
		}
	}
	return i
}

// wide returns the position behind the value at i, of whatever form.
func (s *scanner) wide(i, depth int) int {
	b := s.b
	h, next := readHead(b, i)
	if next < 0 {
		return s.fail(ErrMalformed)
	}
	left := uint64(len(b) - next)
	switch h.kind {
	case arrayKind:
		if depth >= s.maxDepth {
			return s.fail(socketio.ErrTooDeep)
		}
		// Each member takes a byte at least.
		if h.n > left {
			return s.fail(ErrMalformed)
		}
		return s.values(next, h.n, depth+1)
	case mapKind:
		if depth >= s.maxDepth {
			return s.fail(socketio.ErrTooDeep)
		}
		if h.n > left/2 {
			return s.fail(ErrMalformed)
		}
		return s.members(next, h.n, depth+1)
	}
	if !h.hasBytes() {
		return next
	}
	if h.n > left {
		return s.fail(ErrMalformed)
	}
	end := next + int(h.n)
	if h.kind == strKind && !validText(b, next, end) {
		return s.fail(ErrMalformed)
	}
	return end
}

// members returns the position behind n members of a map, whose keys are strings
// or integers.
func (s *scanner) members(i int, n uint64, depth int) int {
	for ; n > 0; n-- {
		if i >= len(s.b) || !isKey(s.b[i]) {
			return s.fail(ErrMalformed)
		}
		if i = s.values(i, 2, depth); i < 0 {
			return -1
		}
	}
	return i
}

// isKey tells whether a value that begins with c can be a key.
func isKey(c byte) bool {
	if c < 0xc0 || c >= 0xe0 {
		return c < 0x80 || c >= 0xa0
	}
	k := wideForms[c&0x1f].kind
	return k == strKind || k == intKind || k == uintKind
}

// keyAt returns where the contents of the key at i start and end: those of a
// string, none of an integer. end is -1 if there is no key.
func keyAt(b []byte, i int) (start, end int) {
	if i < len(b) && b[i]&0xe0 == 0xa0 {
		if end = i + 1 + int(b[i]&0x1f); end <= len(b) {
			return i + 1, end
		}
		return 0, -1
	}
	h, next := readHead(b, i)
	if next < 0 || !isKey(b[i]) {
		return 0, -1
	}
	if h.kind != strKind {
		return next, next
	}
	if h.n > uint64(len(b)-next) {
		return 0, -1
	}
	return next, next + int(h.n)
}

const highBits = 0x8080808080808080

// validText tells whether b[i:end] is UTF-8. Most of it is ASCII and short, so
// eight bytes are looked at at once, those beyond the end masked off.
func validText(b []byte, i, end int) bool {
	start := i
	for ; end-i >= 8; i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&highBits != 0 {
			return utf8.Valid(b[start:end])
		}
	}
	if len(b)-i >= 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		return w<<(8*(8-uint(end-i)))&highBits == 0 || utf8.Valid(b[start:end])
	}
	return utf8.Valid(b[i:end])
}

// maxDepth bounds how deep values may nest where no limits are given. Go values
// can hold themselves, and no peer accepts anything near this depth.
const maxDepth = 1000

// checkValue returns an error unless b is one value.
func checkValue(b []byte) error {
	s := scanner{b: b, maxDepth: maxDepth}
	end := s.values(0, 1, 0)
	if end < 0 {
		return s.err
	}
	if end != len(b) {
		return ErrTrailing
	}
	return nil
}

// checkValues returns an error unless b is values one after the other, or empty.
func checkValues(b []byte) error {
	s := scanner{b: b, maxDepth: maxDepth}
	for i := 0; i < len(b); {
		if i = s.values(i, 1, 0); i < 0 {
			return s.err
		}
	}
	return nil
}
