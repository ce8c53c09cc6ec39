// Arrays and maps taken apart: for messages that are not packets themselves but
// hold some.

package msgpack

// Items returns the items of the array that b is, one after the other in the
// form of Packet.Args, and their number. b is checked whole. The error is
// ErrMalformed, ErrTrailing, socketio.ErrTooDeep, or ErrPacketType if b is
// something else than an array. The result is a view of b. Any goroutine.
func Items(b []byte) (items []byte, n int, err error) {
	if err := checkValue(b); err != nil {
		return nil, 0, err
	}
	h, next := readHead(b, 0)
	if h.kind != arrayKind {
		return nil, 0, ErrPacketType
	}
	return b[next:], int(h.n), nil
}

// EachMember calls f with every member of the map that b is: its key, empty for
// one that is a number, and its value. b is checked whole. The errors are those
// of Items; the slices are views of b. Any goroutine.
func EachMember(b []byte, f func(key, value []byte)) error {
	if err := checkValue(b); err != nil {
		return err
	}
	h, i := readHead(b, 0)
	if h.kind != mapKind {
		return ErrPacketType
	}
	s := scanner{b: b, maxDepth: maxDepth}
	for range h.n {
		key, end := keyAt(b, i)
		i = s.values(end, 1, 0)
		f(b[key:end], b[end:i])
	}
	return nil
}

// AppendArrayHead appends the head of an array of n items, which follow it. Any
// goroutine.
func AppendArrayHead(dst []byte, n int) []byte { return appendArrayHead(dst, n) }

// AppendMapHead appends the head of a map of n members, up to 15, which follow
// it: each a key and a value. Any goroutine.
func AppendMapHead(dst []byte, n int) []byte { return append(dst, 0x80|byte(n)) }
