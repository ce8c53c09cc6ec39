// Arguments out of the payload of an event or ack, one by one and on demand.

package msgpack

// NextArg splits the first argument off args, the Args of a decoded packet. arg
// is nil when there is none left. Both results are views of args. The walk
// relies on Decode having checked the bytes; over others it ends, but what it
// returns means nothing. Any goroutine.
func NextArg(args []byte) (arg, rest []byte) {
	if len(args) == 0 {
		return nil, nil
	}
	end := valueEnd(args, 0)
	return args[:end:end], args[end:]
}

// valueEnd returns the position behind the value at i, the end of b if it is not
// one. Depth costs nothing here: values inside are only counted.
func valueEnd(b []byte, i int) int {
	for due := uint64(1); due > 0; due-- {
		h, next := readHead(b, i)
		if next < 0 {
			return len(b)
		}
		switch {
		case h.kind == arrayKind:
			due += h.n
		case h.kind == mapKind:
			due += 2 * h.n
		case h.hasBytes():
			if h.n > uint64(len(b)-next) {
				return len(b)
			}
			next += int(h.n)
		}
		i = next
	}
	return i
}

// countArgs returns the number of values in args.
func countArgs(args []byte) int {
	n := 0
	for i := 0; i < len(args); n++ {
		i = valueEnd(args, i)
	}
	return n
}
