// A parsed request head: views of the buffer, flags, and access to all field lines.

package http1

import "bytes"

// Request is what Head.Parse found. All slices are views of the parsed buffer: read them before it is reused, copy what is kept.
// A field that was not sent is nil, one sent without a value is empty and not nil; of a repeated field the first line is shown.
type Request struct {
	Method    []byte // a token, upper and lower case told apart
	Target    []byte // as sent
	Path      []byte // of the target, not decoded; "*" for the asterisk, "/" where absolute-form has none
	RawQuery  []byte // after the first '?', not decoded; nil without one
	Authority []byte // host and port of absolute-form, else nil
	Minor     int    // of the version: HTTP/1.Minor

	Host                   []byte // of the target in absolute-form (RFC 9112 3.2.2), else of the field; verified
	Origin                 []byte
	ContentType            []byte
	ContentEncoding        []byte
	AcceptEncoding         []byte
	UserAgent              []byte
	Upgrade                []byte
	SecWebSocketKey        []byte
	SecWebSocketVersion    []byte
	SecWebSocketProtocol   []byte
	SecWebSocketExtensions []byte

	// How many lines there were of fields that should come once, or whose lines combine to a list.
	OriginLines     int
	EncodingLines   int // of AcceptEncoding
	UpgradeLines    int
	KeyLines        int
	VersionLines    int
	ProtocolLines   int
	ExtensionsLines int

	ContentLength    uint64 // bytes announced, 0 without HasContentLength; not yet compared with a limit
	HasContentLength bool
	Chunked          bool
	KeepAlive        bool // the connection may go on after the answer (RFC 9112 9.3)
	UpgradeRequested bool // Connection names upgrade; look at Upgrade for the protocol and at Minor, since 1.0 cannot
	ExpectContinue   bool // the peer waits for AppendContinue, or a final answer, before it sends the body

	fields []byte // all field lines, verified

	// Gathered line by line, judged by settle.
	hostLines, lengthLines, codingLines int
	foreignCoding, foreignExpectation   bool
	connClose, connKeepAlive            bool
}

// HasBody tells whether body bytes follow the head. Loop only.
func (r *Request) HasBody() bool { return r.Chunked || r.ContentLength > 0 }

// Each calls f with every field line in order, name as sent, value without surrounding white space. The slices are views of the
// head buffer. Loop only.
func (r *Request) Each(f func(name, value []byte)) {
	for rest := r.fields; len(rest) > 0; {
		var name, value []byte
		name, value, rest = nextField(rest)
		f(name, value)
	}
}

// EachValue calls f with the value of every line of one field in order; upper and lower case of name do not matter. The slices are
// views of the head buffer. Loop only.
func (r *Request) EachValue(name string, f func(value []byte)) {
	for rest := r.fields; len(rest) > 0; {
		var n, value []byte
		n, value, rest = nextField(rest)
		if equalFold(n, name) {
			f(value)
		}
	}
}

// Get returns the value of the first line of a field, a view of the head buffer, or nil when there is none; upper and lower case of
// name do not matter. It walks the field lines: for what a Request holds as a field of its own, read that. Loop only.
func (r *Request) Get(name string) []byte {
	for rest := r.fields; len(rest) > 0; {
		var n, value []byte
		n, value, rest = nextField(rest)
		if equalFold(n, name) {
			return value
		}
	}
	return nil
}

// nextField splits the first line off verified field lines. A CR can stand nowhere but before the LF, and a name holds no colon.
func nextField(lines []byte) (name, value, rest []byte) {
	end := bytes.IndexByte(lines, '\r')
	colon := bytes.IndexByte(lines, ':')
	return lines[:colon], trim(lines[colon+1 : end]), lines[end+2:]
}

// settle judges what only the whole head can tell.
func (r *Request) settle() *Error {
	if r.hostLines > 1 || r.hostLines == 0 && r.Minor > 0 {
		return ErrHost
	}
	if r.Authority != nil {
		r.Host = r.Authority
	}
	// RFC 9112 6.1 and 6.3 offer repairs for each of these. They are refused, since somebody in front of us may have
	// repaired the other way.
	if r.codingLines+r.lengthLines > 1 || r.codingLines > 0 && r.Minor == 0 {
		return ErrFraming
	}
	if r.foreignCoding {
		return ErrTransferEncoding
	}
	r.Chunked = r.codingLines > 0
	r.HasContentLength = r.lengthLines > 0
	if r.foreignExpectation {
		return ErrExpect
	}
	// RFC 9110 10.1.1: a 1.0 peer does not know the interim answer.
	r.ExpectContinue = r.ExpectContinue && r.Minor > 0
	r.KeepAlive = !r.connClose && (r.Minor > 0 || r.connKeepAlive)
	return nil
}
