// JSON text to MessagePack, in one strict pass over the text, RFC 8259.

package msgpack

import (
	"strconv"

	"github.com/sioserver/sioserver/proto/socketio"
)

// FromJSON appends to dst what jsonArgs stand for: JSON in the form of a text
// packet's arguments, "a,b,c", with the attachments bins. Each placeholder
// becomes binary data; attachments that none cites are left out. Numbers without
// a fraction become integers, all their digits kept up to 64 bits; half a
// surrogate pair becomes U+FFFD.
//
// Errors, with dst as it was, are socketio.ErrRawJSON for text that is not JSON
// or nested too deep, and socketio.ErrPlaceholder for one that cites no
// attachment or one cited before. Any goroutine.
func FromJSON(dst, jsonArgs []byte, bins [][]byte) ([]byte, error) {
	r := jsonReader{b: jsonArgs, bins: bins, dst: dst}
	i := r.space(0)
	if i == len(jsonArgs) {
		return dst, nil
	}
	for {
		i = r.space(r.value(i, 0))
		if i == len(jsonArgs) {
			return r.dst, nil
		}
		if i < 0 || jsonArgs[i] != ',' {
			break
		}
		i = r.space(i + 1)
	}
	if r.badPlaceholder {
		return dst, socketio.ErrPlaceholder
	}
	return dst, socketio.ErrRawJSON
}

// jsonReader turns JSON into MessagePack. Positions are indices into b; -1
// stands for a fault, and the methods pass it on.
type jsonReader struct {
	b    []byte
	bins [][]byte
	dst  []byte

	used           uint64 // bit n: attachment n has been cited
	usedBeyond     []bool // the same from attachment 64 on
	badPlaceholder bool
}

// single reads text that must be one value.
func (r *jsonReader) single() bool { return r.space(r.value(r.space(0), 0)) == len(r.b) }

// space returns the position of the first byte from i on that is not white
// space.
func (r *jsonReader) space(i int) int {
	if i < 0 {
		return -1
	}
	for i < len(r.b) && (r.b[i] == ' ' || r.b[i] == '\n' || r.b[i] == '\t' || r.b[i] == '\r') {
		i++
	}
	return i
}

// value appends the value at i and returns the position behind it. depth counts
// the arrays and objects around it.
func (r *jsonReader) value(i, depth int) int {
	if i < 0 || i >= len(r.b) {
		return -1
	}
	switch c := r.b[i]; c {
	case '"':
		return r.str(i)
	case '{':
		return r.object(i, depth+1)
	case '[':
		return r.array(i, depth+1)
	case 't':
		return r.literal(i, "true", 0xc3)
	case 'f':
		return r.literal(i, "false", 0xc2)
	case 'n':
		return r.literal(i, "null", 0xc0)
	}
	return r.number(i)
}

func (r *jsonReader) literal(i int, text string, code byte) int {
	if len(r.b)-i < len(text) || string(r.b[i:i+len(text)]) != text {
		return -1
	}
	r.dst = append(r.dst, code)
	return i + len(text)
}

func (r *jsonReader) array(i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	at, n := len(r.dst), 0
	r.dst = append(r.dst, 0)
	i = r.space(i + 1)
	if i < len(r.b) && r.b[i] == ']' {
		r.dst[at] = 0x90
		return i + 1
	}
	for {
		i = r.space(r.value(i, depth))
		if i < 0 || i >= len(r.b) {
			return -1
		}
		n++
		switch r.b[i] {
		case ',':
			i = r.space(i + 1)
		case ']':
			r.dst = closeContainer(r.dst, at, n, 0x90, 0xdc)
			return i + 1
		default:
			return -1
		}
	}
}

func (r *jsonReader) object(i, depth int) int {
	if depth > maxDepth {
		return -1
	}
	at, n := len(r.dst), 0
	r.dst = append(r.dst, 0)
	i = r.space(i + 1)
	if i < len(r.b) && r.b[i] == '}' {
		r.dst[at] = 0x80
		return i + 1
	}
	var mark placeholder
	for {
		if i >= len(r.b) || r.b[i] != '"' {
			return -1
		}
		key := len(r.dst)
		i = r.space(r.str(i))
		if i < 0 || i >= len(r.b) || r.b[i] != ':' {
			return -1
		}
		keyEnd := len(r.dst)
		from := r.space(i + 1)
		if i = r.value(from, depth); i < 0 {
			return -1
		}
		if len(r.bins) > 0 {
			mark.member(r.dst[key:keyEnd], r.b[from:i])
		}
		n++
		if i = r.space(i); i >= len(r.b) {
			return -1
		}
		switch r.b[i] {
		case ',':
			i = r.space(i + 1)
		case '}':
			if mark.set {
				return r.attachment(&mark, at, i+1)
			}
			r.dst = closeContainer(r.dst, at, n, 0x80, 0xde)
			return i + 1
		default:
			return -1
		}
	}
}

// placeholder gathers the two members of an object that make it stand for an
// attachment. As in JavaScript the last of several equal keys counts, and other
// members do no harm.
type placeholder struct {
	set bool   // _placeholder is true
	num []byte // JSON of num
}

// member takes a member in: its key as a MessagePack string, its value as JSON.
func (m *placeholder) member(key, value []byte) {
	switch string(key) {
	case "\xac_placeholder":
		m.set = string(value) == "true"
	case "\xa3num":
		m.num = value
	}
}

// attachment puts the binary data that mark stands for in the place of the
// object begun at position at, and returns next. Each may be cited once, or a
// short text would grow without bound.
func (r *jsonReader) attachment(mark *placeholder, at, next int) int {
	n, err := strconv.ParseUint(string(mark.num), 10, 31)
	if err != nil || n >= uint64(len(r.bins)) || r.cited(int(n)) {
		r.badPlaceholder = true
		return -1
	}
	bin := r.bins[n]
	r.dst = append(appendBinHead(r.dst[:at], len(bin)), bin...)
	return next
}

// cited marks attachment n and tells whether it was marked before.
func (r *jsonReader) cited(n int) bool {
	if n < 64 {
		before := r.used>>n&1 != 0
		r.used |= 1 << n
		return before
	}
	if r.usedBeyond == nil {
		r.usedBeyond = make([]bool, len(r.bins))
	}
	before := r.usedBeyond[n]
	r.usedBeyond[n] = true
	return before
}

// number appends the number at i.
func (r *jsonReader) number(i int) int {
	end, integer := numberEnd(r.b, i)
	if end < 0 {
		return -1
	}
	lit := string(r.b[i:end])
	if integer {
		if n, err := strconv.ParseInt(lit, 10, 64); err == nil {
			r.dst = appendInt(r.dst, n)
			return end
		}
		if n, err := strconv.ParseUint(lit, 10, 64); err == nil {
			r.dst = appendUint(r.dst, n)
			return end
		}
	}
	// What is too large is infinity, with an error that does not matter.
	f, _ := strconv.ParseFloat(lit, 64)
	r.dst = appendFloat(r.dst, f)
	return end
}

// numberEnd returns the position behind the number at i, -1 if there is none,
// and whether it has neither fraction nor exponent.
func numberEnd(b []byte, i int) (end int, integer bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digitsEnd(b, i); i < 0 {
		return -1, false
	}
	integer = true
	if i < len(b) && b[i] == '.' {
		integer = false
		if i = digitsEnd(b, i+1); i < 0 {
			return -1, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		integer = false
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		i = digitsEnd(b, i)
	}
	return i, integer
}

// digitsEnd returns the position behind a run of one or more digits at i, -1 if
// there is no digit.
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
