// Classes of octets, and the few comparisons over them.

package http1

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Classes an octet can belong to, as bits of octets.
const (
	token   = 1 << iota // tchar, RFC 9110 5.6.2
	target              // an octet of a path or query, RFC 3986 2; '%' and '?' are left to slower code
	regName             // an octet of a registered name, RFC 3986 3.2.2, without '%'
	hexadec             // 0-9, a-f, A-F
	notText             // a control other than HTAB: never inside a line
	loose               // an octet browsers leave in a query as it is, against RFC 3986
)

var octets = func() (t [256]uint8) {
	set := func(class uint8, s string) {
		for i := range len(s) {
			t[s[i]] |= class
		}
	}
	for c := range 256 {
		if c < 0x20 && c != '\t' || c == 0x7f {
			t[c] |= notText
		}
	}
	const (
		digits  = "0123456789"
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		marks   = "-._~"
		subs    = "!$&'()*+,;="
	)
	set(token|target|regName, digits+letters)
	set(token, "!#$%&'*+-.^_`|~")
	set(target|regName, marks+subs)
	// Brackets and bars stand in targets that browsers do not encode; the other reserved octets are allowed by RFC 3986 itself.
	set(target, ":@/[]|")
	set(loose, "{}^`")
	set(hexadec, digits+"abcdefABCDEF")
	return t
}()

const (
	each01 = 0x0101010101010101
	each20 = 0x2020202020202020
	each60 = 0x6060606060606060
	each7f = 0x7f7f7f7f7f7f7f7f
	each80 = 0x8080808080808080
)

// indexControl returns the index of the first control other than HTAB in buf[from:to], or to. It looks at eight octets at a
// time: BenchmarkHead spends most of its bytes in field values, where nothing else needs looking at.
func indexControl(buf []byte, from, to int) int {
	i := from
	for i+8 <= to {
		found := controls(binary.LittleEndian.Uint64(buf[i:]))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if buf[i] != '\t' {
			return i
		}
		i++
	}
	for i < to && octets[buf[i]]&notText == 0 {
		i++
	}
	return i
}

// controls sets the top bit of each octet of x that is below 0x20 (adding 0x60 does not reach that bit) or DEL (adding 1 does).
// Octets from 0x80 up are text. No carry crosses an octet, so all bits are exact.
func controls(x uint64) uint64 {
	low := x & each7f
	return (^(low + each60) | (low + each01)) &^ x & each80
}

// lower maps A-Z to a-z and leaves all other octets alone.
func lower(c byte) byte {
	if c-'A' < 26 {
		c += 'a' - 'A'
	}
	return c
}

// isName compares a token with a lower-case name of at least four letters and hyphens, of the same length. Words are compared, the
// last one overlapping; setting bit 0x20 folds letters, and makes no other octet of a token a letter or a hyphen.
func isName(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	last := len(want) - 8
	if last < 0 {
		last += 4
		return binary.LittleEndian.Uint32(name)|each20&math.MaxUint32 == word4(want) &&
			binary.LittleEndian.Uint32(name[last:])|each20&math.MaxUint32 == word4(want[last:])
	}
	for i := 0; i < last; i += 8 {
		if binary.LittleEndian.Uint64(name[i:])|each20 != word8(want[i:]) {
			return false
		}
	}
	return binary.LittleEndian.Uint64(name[last:])|each20 == word8(want[last:])
}

func word4(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func word8(s string) uint64 {
	return uint64(word4(s)) | uint64(word4(s[4:]))<<32
}

// equalFold compares with ASCII letters folded.
func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// trim cuts optional white space, SP and HTAB, from both ends. The result is never nil.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// unhex returns the value of a hexadecimal digit, or 16 and more for any other octet.
func unhex(c byte) uint8 {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c|0x20-'a' < 6:
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
