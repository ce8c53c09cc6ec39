// The check of MessagePack bytes: one pass, nothing built, nothing believed that
// the bytes do not bear out.

package msgpack

import (
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
			if end > len(b) || !utf8.Valid(b[i+1:end]) {
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
	if h.kind == strKind && !utf8.Valid(b[next:end]) {
		return s.fail(ErrMalformed)
	}
	return end
}

// members returns the position behind n members of a map, whose keys are strings
// or integers.
func (s *scanner) members(i int, n uint64, depth int) int {
	for ; n > 0; n-- {
		key, next := readHead(s.b, i)
		if next < 0 || key.kind != strKind && key.kind != intKind {
			return s.fail(ErrMalformed)
		}
		if i = s.values(i, 2, depth); i < 0 {
			return -1
		}
	}
	return i
}

// maxDepth bounds how deep values may nest where no limits are given. Go values
// can hold themselves, and no peer accepts anything near this depth.
const maxDepth = 1000

// check tells whether b is n values and nothing else; n below 0 is any number.
func check(b []byte, n int) error {
	s := scanner{b: b, maxDepth: maxDepth}
	i := 0
	for ; n != 0 && (n > 0 || i < len(b)); n-- {
		if i = s.values(i, 1, 0); i < 0 {
			return s.err
		}
	}
	if i != len(b) {
		return ErrTrailing
	}
	return nil
}
