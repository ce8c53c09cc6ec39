// JSON strings: escapes in, escapes out.

package socketio

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// nextRune decodes the character or escape at the start of the string contents
// b, which stringEnd has accepted. paired is false for half of a surrogate
// pair, read as U+FFFD.
func nextRune(b []byte) (r rune, n int, paired bool) {
	if b[0] != '\\' {
		r, n = utf8.DecodeRune(b)
		return r, n, true
	}
	switch b[1] {
	case 'b':
		return '\b', 2, true
	case 'f':
		return '\f', 2, true
	case 'n':
		return '\n', 2, true
	case 'r':
		return '\r', 2, true
	case 't':
		return '\t', 2, true
	case 'u':
		return nextUnicodeEscape(b)
	}
	return rune(b[1]), 2, true
}

// nextUnicodeEscape decodes the \u escape at the start of b, or the two that
// form a surrogate pair.
func nextUnicodeEscape(b []byte) (r rune, n int, paired bool) {
	r = hex4(b, 2)
	if r < 0xd800 || r > 0xdfff {
		return r, 6, true
	}
	if r < 0xdc00 && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low := hex4(b, 8); low >= 0xdc00 && low <= 0xdfff {
			return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, 12, true
		}
	}
	return utf8.RuneError, 6, false
}

// unescape appends the text that the string contents raw stand for. Half a
// surrogate pair becomes U+FFFD.
func unescape(dst, raw []byte) []byte {
	for len(raw) > 0 {
		r, n, _ := nextRune(raw)
		dst = utf8.AppendRune(dst, r)
		raw = raw[n:]
	}
	return dst
}

// AppendString appends s as a JSON string. Quotes, backslashes and control
// characters are escaped as JavaScript does, each byte that is not UTF-8
// becomes U+FFFD. Any goroutine.
func AppendString(dst []byte, s string) []byte {
	start := len(dst)
	dst, ascii := appendEscaped(append(dst, '"'), s)
	if !ascii && !utf8.ValidString(s) {
		dst = append(dst[:start], '"')
		for _, r := range s {
			var buf [utf8.UTFMax]byte
			dst, _ = appendEscaped(dst, string(utf8.AppendRune(buf[:0], r)))
		}
	}
	return append(dst, '"')
}

// appendEscaped appends the contents of a string without a look at its UTF-8;
// it only tells whether there is any to look at. One look at all of it costs a
// sixth of one at each character: BenchmarkAppendString/chinese, 1.2 against
// 7.6 microseconds.
func appendEscaped(dst []byte, s string) (grown []byte, ascii bool) {
	var high uint64
	for {
		n, h := plainLen(s)
		high |= h
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return dst, high&highBits == 0
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
}

// plainLen returns how many bytes of s need no escape. high has the high bits
// of all of them, and perhaps of a few behind.
func plainLen(s string) (n int, high uint64) {
	for len(s)-n >= 8 {
		w := leUint64(s[n:])
		high |= w
		if stops := stringStops(w); stops != 0 {
			return n + bits.TrailingZeros64(stops)>>3, high
		}
		n += 8
	}
	for n < len(s) && s[n] >= ' ' && s[n] != '"' && s[n] != '\\' {
		high |= uint64(s[n])
		n++
	}
	return n, high
}

func leUint64(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.LittleEndian.Uint64(b[:])
}

// appendEscape appends the escape of a quote, a backslash or a control
// character.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
