// Heads and bodies of HTTP/1.1 (RFC 9112), as much as both ends here need.

package wire

import (
	"bytes"
	"errors"
)

// MaxHeadBytes is how long a head may be.
const MaxHeadBytes = 32 << 10

// Faults of an HTTP message.
var (
	ErrHTTPHead  = errors.New("wire: not a head of HTTP/1.1")
	ErrHTTPSize  = errors.New("wire: an HTTP message is larger than the limit")
	ErrHTTPChunk = errors.New("wire: a chunk of an HTTP body is malformed")
)

// Message is a request or a response. The slices are views of the parsed bytes;
// Body is a copy if it came in chunks.
type Message struct {
	// Status of a response; Method and Target of a request.
	Status         int
	Method, Target []byte
	// Head is the header lines, Body what follows them.
	Head, Body []byte
}

// ParseResponse takes a response off b. Bodies of more than limit bytes are
// refused. An answer 101 ends with its head. Any goroutine.
func ParseResponse(b []byte, limit uint64) (m Message, n int, err error) {
	line, head, n, err := splitHead(b)
	if n == 0 || err != nil {
		return m, 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return m, 0, ErrHTTPHead
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return m, 0, ErrHTTPHead
		}
		m.Status = m.Status*10 + int(c-'0')
	}
	m.Head = head
	if m.Status == 101 || m.Status == 204 || m.Status == 304 {
		return m, n, nil
	}
	return m.body(b, n, limit)
}

// ParseRequest takes a request off b. Bodies of more than limit bytes are
// refused. Any goroutine.
func ParseRequest(b []byte, limit uint64) (m Message, n int, err error) {
	line, head, n, err := splitHead(b)
	if n == 0 || err != nil {
		return m, 0, err
	}
	var rest, version []byte
	var ok1, ok2 bool
	m.Method, rest, ok1 = bytes.Cut(line, []byte{' '})
	m.Target, version, ok2 = bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return m, 0, ErrHTTPHead
	}
	m.Head = head
	return m.body(b, n, limit)
}

// splitHead finds the first line, the header lines and where the head ends.
func splitHead(b []byte) (line, head []byte, n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > MaxHeadBytes {
			return nil, nil, 0, ErrHTTPHead
		}
		return nil, nil, 0, nil
	}
	line, head, _ = bytes.Cut(b[:end], []byte("\r\n"))
	return line, head, end + 4, nil
}

// body completes m with the body that begins at n.
func (m Message) body(b []byte, n int, limit uint64) (Message, int, error) {
	if v := m.Header("Transfer-Encoding"); len(v) > 0 {
		return m.chunked(b, n, limit)
	}
	size, ok := parseDecimal(m.Header("Content-Length"))
	if !ok {
		return m, 0, ErrHTTPHead
	}
	if size > limit {
		return m, 0, ErrHTTPSize
	}
	if uint64(len(b)-n) < size {
		return m, 0, nil
	}
	end := n + int(size)
	m.Body = b[n:end:end]
	return m, end, nil
}

// chunked joins the chunks that begin at n (RFC 9112 section 7.1).
func (m Message) chunked(b []byte, n int, limit uint64) (Message, int, error) {
	for {
		i := bytes.Index(b[n:], []byte("\r\n"))
		if i < 0 {
			return m, 0, nil
		}
		size, ok := parseHex(b[n : n+i])
		if !ok {
			return m, 0, ErrHTTPChunk
		}
		if size > limit || size+uint64(len(m.Body)) > limit {
			return m, 0, ErrHTTPSize
		}
		n += i + 2
		if size == 0 {
			return m.trailer(b, n)
		}
		if uint64(len(b)-n) < size+2 {
			return m, 0, nil
		}
		end := n + int(size)
		if b[end] != '\r' || b[end+1] != '\n' {
			return m, 0, ErrHTTPChunk
		}
		m.Body = append(m.Body[:len(m.Body):len(m.Body)], b[n:end]...)
		n = end + 2
	}
}

// trailer skips the lines behind the last chunk.
func (m Message) trailer(b []byte, n int) (Message, int, error) {
	for {
		i := bytes.Index(b[n:], []byte("\r\n"))
		if i < 0 {
			return m, 0, nil
		}
		n += i + 2
		if i == 0 {
			return m, n, nil
		}
	}
}

// Header is the value of the first header line with a name, nil if there is
// none. It is a view. Any goroutine.
func (m Message) Header(name string) []byte {
	rest := m.Head
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// Query is the value of a parameter in a request's target, undecoded. Any
// goroutine.
func (m Message) Query(name string) []byte {
	_, rest, _ := bytes.Cut(m.Target, []byte{'?'})
	for len(rest) > 0 {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte{'&'})
		if k, v, _ := bytes.Cut(pair, []byte{'='}); string(k) == name {
			return v
		}
	}
	return nil
}

// parseDecimal reads a length; nothing is 0.
func parseDecimal(b []byte) (v uint64, ok bool) {
	if len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return v, true
}

// parseHex reads the size of a chunk, which may have extensions behind it.
func parseHex(b []byte) (v uint64, ok bool) {
	b, _, _ = bytes.Cut(b, []byte{';'})
	b = bytes.TrimRight(b, " \t")
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}
