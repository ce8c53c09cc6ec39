// Placeholders: the objects that stand in the JSON of a binary packet for its
// attachments.

package socketio

import "bytes"

var (
	placeholderKey = []byte("_placeholder")
	numberKey      = []byte("num")
)

// placeholder gathers the two members of an object that make it a placeholder.
// As in JavaScript the last of several equal keys counts, a key may be spelt
// with escapes, and other members do no harm.
type placeholder struct {
	set bool   // _placeholder is true
	num []byte // JSON of num
}

func (m *placeholder) member(key []byte, escaped bool, value []byte) {
	// Neither key is longer than 12 characters, each at most 6 bytes escaped.
	if escaped && len(key) <= 6*len(placeholderKey) {
		var buf [6 * 12]byte
		key = unescape(buf[:0], key)
	}
	switch {
	case bytes.Equal(key, placeholderKey):
		m.set = string(value) == "true"
	case bytes.Equal(key, numberKey):
		m.num = value
	}
}

// index returns the number of the attachment, -1 unless it is written as plain
// digits, which JSON itself keeps from starting with a zero, and is below due.
func (m *placeholder) index(due int) int {
	if len(m.num) == 0 || len(m.num) > len("63") {
		return -1
	}
	n := 0
	for _, c := range m.num {
		if c-'0' > 9 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if n >= due {
		return -1
	}
	return n
}

// use records that the text cites an attachment. Each may be cited once, or a
// small packet would grow without bound when the application sends it on. seen
// is the count of placeholders before the object began: one inside another
// would be lost with the other's members.
func (s *scanner) use(m *placeholder, seen int) bool {
	n := m.index(s.due)
	if n < 0 || s.seen != seen {
		return false
	}
	bit := uint64(1) << n
	if s.used&bit != 0 {
		return false
	}
	s.used |= bit
	s.seen++
	return true
}

// findPlaceholder tells whether the object text is a placeholder, and for
// which of due attachments; -1 stands for none of them. text is valid JSON.
func findPlaceholder(text []byte, due int) (n int, found bool) {
	var m placeholder
	i := skipSpace(text, 1)
	for text[i] == '"' {
		key := i + 1
		keyEnd, escaped := stringEnd(text, key)
		at := skipSpace(text, skipSpace(text, keyEnd)+1)
		i = valueEnd(text, at)
		m.member(text[key:keyEnd-1], escaped, text[at:i])
		if i = skipSpace(text, i); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
	if !m.set {
		return -1, false
	}
	return m.index(due), true
}
