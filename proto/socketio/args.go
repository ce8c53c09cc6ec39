// Arguments out of the payload of an event or ack, one by one and on demand.

package socketio

import "bytes"

// NextArg splits the first argument off args, the Args of a decoded packet. arg
// is nil when there is none left. Both results are views of args. The walk
// relies on Decode having checked the text; over other text it ends, but what
// it returns means nothing. Any goroutine.
func NextArg(args []byte) (arg, rest []byte) {
	start := skipSpace(args, 0)
	if start == len(args) {
		return nil, nil
	}
	end := valueEnd(args, start)
	next := skipSpace(args, end)
	if next < len(args) && args[next] == ',' {
		next++
	}
	return args[start:end:end], args[next:]
}

// valueEnd returns the position behind the value at i of valid JSON text.
func valueEnd(b []byte, i int) int {
	switch b[i] {
	case '"':
		return rawStringEnd(b, i+1)
	case '{', '[':
		return rawContainerEnd(b, i+1)
	}
	for i++; i < len(b); i++ {
		switch b[i] {
		case ',', ']', '}', ' ', '\n', '\t', '\r':
			return i
		}
	}
	return i
}

// rawStringEnd returns the position behind the closing quote of the string
// whose contents start at i.
func rawStringEnd(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for i-slashes > 0 && b[i-slashes-1] == '\\' {
			slashes++
		}
		i++
		if slashes&1 == 0 {
			return i
		}
	}
}

// rawContainerEnd returns the position behind the bracket or brace that closes
// the one before i.
func rawContainerEnd(b []byte, i int) int {
	depth := 1
	for i < len(b) {
		switch b[i] {
		case '"':
			i = rawStringEnd(b, i+1)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}
