// JSON strings: escapes in, escapes out.

package msgpack

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// str appends the string at i, its escapes decoded.
func (r *jsonReader) str(i int) int {
	start := i + 1
	end, escaped := stringEnd(r.b, start)
	if end < 0 {
		return -1
	}
	raw := r.b[start : end-1]
	if !escaped {
		r.dst = append(appendStringHead(r.dst, len(raw)), raw...)
		return end
	}
	// The length is known when the contents are written: they go where the
	// longest head would end, and then up to the one they need.
	at := len(r.dst)
	contents := at + 5
	r.dst = append(r.dst, 0, 0, 0, 0, 0)
	if !r.unescape(raw) {
		return -1
	}
	n := len(r.dst) - contents
	head := len(appendStringHead(r.dst[:at], n))
	copy(r.dst[head:], r.dst[contents:])
	r.dst = r.dst[:head+n]
	return end
}

const lowBits = 0x0101010101010101

// plainEnd returns the position of the first quote, backslash or control
// character from i on. high has the high bits of all bytes before it, and
// perhaps of a few behind. Eight bytes are looked at at once. Of the bits that
// stop only the lowest is reliable: a borrow may set others above it, never
// below.
func plainEnd(b []byte, i int) (end int, high uint64) {
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		high |= w
		quote := (w ^ '"'*lowBits) - lowBits
		slash := (w ^ '\\'*lowBits) - lowBits
		control := w - ' '*lowBits
		if stops := (quote | slash | control) & ^w & highBits; stops != 0 {
			return i + bits.TrailingZeros64(stops)>>3, high
		}
	}
	for i < len(b) && b[i] >= ' ' && b[i] != '"' && b[i] != '\\' {
		high |= uint64(b[i])
		i++
	}
	return i, high
}

// stringEnd returns the position behind the closing quote of the string whose
// contents start at i, and whether it holds escapes. end is -1 if there is no
// such string, or if it is not UTF-8.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	start := i
	var high uint64
	for {
		var h uint64
		i, h = plainEnd(b, i)
		high |= h
		if i >= len(b) || b[i] < ' ' {
			return -1, false
		}
		if b[i] == '"' {
			break
		}
		// What is escaped is looked at when it is decoded; a byte beyond ASCII is
		// none of that.
		escaped = true
		i += 2
	}
	if high&highBits != 0 && !utf8.Valid(b[start:i]) {
		return -1, false
	}
	return i + 1, escaped
}

// unescape appends the contents that raw stands for, and tells whether all
// escapes are well formed.
func (r *jsonReader) unescape(raw []byte) bool {
	for i := 0; i < len(raw); {
		plain := bytes.IndexByte(raw[i:], '\\')
		if plain < 0 {
			plain = len(raw) - i
		}
		r.dst = append(r.dst, raw[i:i+plain]...)
		if i += plain; i == len(raw) {
			break
		}
		c := raw[i+1]
		i += 2
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			rn, n := unicodeEscape(raw[i:])
			if n < 0 {
				return false
			}
			r.dst = utf8.AppendRune(r.dst, rn)
			i += n
			continue
		default:
			return false
		}
		r.dst = append(r.dst, c)
	}
	return true
}

// unicodeEscape decodes what stands behind \u, together with the escape that
// follows if the two are a surrogate pair. n is -1 if it is not four digits.
func unicodeEscape(b []byte) (r rune, n int) {
	r = hex4(b)
	switch {
	case r < 0:
		return 0, -1
	case r < 0xd800 || r > 0xdfff:
		return r, 4
	}
	if r < 0xdc00 && len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low := hex4(b[6:]); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, 10
		}
	}
	return utf8.RuneError, 4
}

// hex4 returns the value of the four hexadecimal digits that b begins with, -1
// if they are not all there.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
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

// appendJSONString appends s, which is UTF-8, as JavaScript writes it.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		end, _ := plainEnd(s, 0)
		dst = append(dst, s[:end]...)
		if end == len(s) {
			return append(dst, '"')
		}
		c := s[end]
		s = s[end+1:]
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
}
