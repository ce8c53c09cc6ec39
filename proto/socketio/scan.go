// A strict scanner for JSON text, RFC 8259: it finds where values end and
// builds nothing.

package socketio

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// scanner walks over JSON text once. Positions are indices into b; -1 stands
// for a fault, which err then names.
type scanner struct {
	b        []byte
	maxDepth int
	err      error

	due  int    // attachments announced; placeholders count only if it is not 0
	seen int    // placeholders so far
	used uint64 // bit n: attachment n is cited
}

func (s *scanner) fail(err error) int {
	s.err = err
	return -1
}

// value returns the position behind the value that starts at i. depth counts
// the arrays and objects around it.
func (s *scanner) value(i, depth int) int {
	b := s.b
	if i >= len(b) {
		return s.fail(ErrPayload)
	}
	end := -1
	switch c := b[i]; {
	case c == '"':
		end, _ = stringEnd(b, i+1)
	case c == '{':
		return s.object(i+1, depth+1)
	case c == '[':
		return s.array(i+1, depth+1)
	case c-'0' <= 9 || c == '-':
		end = numberEnd(b, i)
	case c == 't' && len(b)-i >= 4 && string(b[i:i+4]) == "true",
		c == 'n' && len(b)-i >= 4 && string(b[i:i+4]) == "null":
		return i + 4
	case c == 'f' && len(b)-i >= 5 && string(b[i:i+5]) == "false":
		return i + 5
	}
	if end < 0 {
		return s.fail(ErrPayload)
	}
	return end
}

// array returns the position behind the array whose bracket stands before i.
func (s *scanner) array(i, depth int) int {
	if depth > s.maxDepth {
		return s.fail(ErrTooDeep)
	}
	b := s.b
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		if i = skipSpace(b, i); i >= len(b) {
			return s.fail(ErrPayload)
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case ']':
			return i + 1
		default:
			return s.fail(ErrPayload)
		}
	}
}

// object returns the position behind the object whose brace stands before i.
func (s *scanner) object(i, depth int) int {
	if depth > s.maxDepth {
		return s.fail(ErrTooDeep)
	}
	b := s.b
	i = skipSpace(b, i)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	var mark placeholder
	seen := s.seen
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(ErrPayload)
		}
		key := i + 1
		keyEnd, escaped := stringEnd(b, key)
		if keyEnd < 0 {
			return s.fail(ErrPayload)
		}
		if i = skipSpace(b, keyEnd); i >= len(b) || b[i] != ':' {
			return s.fail(ErrPayload)
		}
		at := skipSpace(b, i+1)
		if i = s.value(at, depth); i < 0 {
			return -1
		}
		if s.due != 0 {
			mark.member(b[key:keyEnd-1], escaped, b[at:i])
		}
		if i = skipSpace(b, i); i >= len(b) {
			return s.fail(ErrPayload)
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			if mark.set && !s.use(&mark, seen) {
				return s.fail(ErrPlaceholder)
			}
			return i + 1
		default:
			return s.fail(ErrPayload)
		}
	}
}

// skipSpace returns the position of the first byte from i on that is not JSON
// white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// stringStops sets the high bit of each byte of w that is a quote, a backslash
// or a control character. Only the lowest bit set is reliable: a borrow may
// set others above it, never below.
func stringStops(w uint64) uint64 {
	quote := (w ^ '"'*lowBits) - lowBits
	slash := (w ^ '\\'*lowBits) - lowBits
	control := w - ' '*lowBits
	return (quote | slash | control) & ^w & highBits
}

// stringEnd returns the position behind the closing quote of the string whose
// contents start at i, and whether it holds escapes. Eight bytes at a time:
// byte by byte BenchmarkDecode/chat takes 117 ns instead of 94, and
// BenchmarkDecode/text-100k four times as long.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	start := i
	var high uint64
	for {
		if len(b)-i >= 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			stops := stringStops(w)
			if stops == 0 {
				high |= w
				i += 8
				continue
			}
			high |= w & (stops&-stops - 1)
			i += bits.TrailingZeros64(stops) >> 3
		} else {
			for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
				high |= uint64(b[i])
				i++
			}
			if i >= len(b) {
				return -1, false
			}
		}
		if b[i] == '"' {
			if high&highBits != 0 && !utf8.Valid(b[start:i]) {
				return -1, false
			}
			return i + 1, escaped
		}
		n := escapeLen(b, i)
		if n == 0 {
			return -1, false
		}
		escaped = true
		i += n
	}
}

// escapeLen returns the length of the escape at i, 0 if it is none.
func escapeLen(b []byte, i int) int {
	if i+1 >= len(b) || b[i] != '\\' {
		return 0
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(b, i+2) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 returns the value of the four hexadecimal digits at i, -1 if they are
// not all there.
func hex4(b []byte, i int) rune {
	if len(b)-i < 4 {
		return -1
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20-'a' < 6:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// numberEnd returns the position behind the number that starts at i, -1 if
// there is none.
func numberEnd(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digitsEnd(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = digitsEnd(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digitsEnd(b, i)
	}
	return i
}

// digitsEnd returns the position behind a run of one or more digits at i, -1
// if there is no digit.
func digitsEnd(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return -1
	}
	return i
}
