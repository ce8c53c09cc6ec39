// The refusals: one value for each fault, with the answer it gets.

package http1

// Error is the refusal of a request. It never holds bytes of the peer. Compare by identity or read Status.
type Error struct {
	Status int    // status code of the answer
	Limit  string // name of the limit that was passed, for counters; empty when the grammar was broken

	text   string
	answer string
}

// Error returns a fixed text. Any goroutine.
func (e *Error) Error() string { return e.text }

// newError prepares a refusal and its answer, so that refusing costs one append.
func newError(status int, limit, text string) *Error {
	answer := AppendStatus(nil, status)
	answer = append(answer, "Connection: close\r\nContent-Length: 0\r\n\r\n"...)
	return &Error{Status: status, Limit: limit, text: "http1: " + text, answer: string(answer)}
}

// AppendError appends the whole answer to a refused request: status line, Connection: close, no body. Nothing may follow it on
// the connection. Any goroutine.
func AppendError(dst []byte, e *Error) []byte { return append(dst, e.answer...) }

// Refusals of a head, in the order in which they can be met.
var (
	// ErrControl: a control byte, a bare CR or a bare LF. RFC 9112 2.2 lets a recipient take a bare LF as a line end; two
	// parsers that differ on this are how requests are smuggled.
	ErrControl = newError(400, "", "control byte or bare line end in head")
	// ErrEmptyLines: more empty lines before the request line than Limits.LeadingEmptyLines.
	ErrEmptyLines = newError(400, "leading_empty_lines", "too many empty lines before the request")
	// ErrRequestLineTooLong: the request line passed Limits.RequestLine.
	ErrRequestLineTooLong = newError(414, "request_line", "request line too long")
	// ErrRequestLine: not method, space, target, space, version.
	ErrRequestLine = newError(400, "", "malformed request line")
	// ErrVersion: a major version other than 1.
	ErrVersion = newError(505, "", "unsupported version")
	// ErrMethod: CONNECT, since this is no proxy.
	ErrMethod = newError(501, "", "unsupported method")
	// ErrTarget: a target in no known form, of a foreign scheme, with a byte outside the URI set, a broken percent triplet or an
	// encoded NUL in the path.
	ErrTarget = newError(400, "", "malformed target")
	// ErrTooManyFields: more field lines than Limits.HeaderCount.
	ErrTooManyFields = newError(431, "header_count", "too many header fields")
	// ErrFieldTooLong: a field line passed Limits.HeaderField.
	ErrFieldTooLong = newError(431, "header_field", "header field too long")
	// ErrFieldsTooLong: the field lines together passed Limits.HeaderTotal.
	ErrFieldsTooLong = newError(431, "header_total", "header fields too long")
	// ErrField: a field line without a colon, with a name that is no token, or a continuation of the line before.
	ErrField = newError(400, "", "malformed header field")
	// ErrHost: Host missing in 1.1, repeated, or neither empty nor a host with an optional port.
	ErrHost = newError(400, "", "missing, repeated or malformed host")
	// ErrContentLength: not digits only.
	ErrContentLength = newError(400, "", "malformed content length")
	// ErrFraming: the length of the body is said twice, or chunked is used in 1.0.
	ErrFraming = newError(400, "", "ambiguous message framing")
	// ErrTransferEncoding: any coding but the single token chunked.
	ErrTransferEncoding = newError(501, "", "unsupported transfer encoding")
	// ErrExpect: an expectation other than 100-continue.
	ErrExpect = newError(417, "", "unknown expectation")
)

// Refusals of a body.
var (
	// ErrBodyTooLarge: announced or counted data passed Limits.Body.
	ErrBodyTooLarge = newError(413, "body", "body too large")
	// ErrChunk: a size line or the end of a chunk breaks the grammar of RFC 9112 7.1.
	ErrChunk = newError(400, "", "malformed chunk")
	// ErrChunkExtTooLong: the extensions of one chunk passed Limits.ChunkExt.
	ErrChunkExtTooLong = newError(400, "chunk_ext", "chunk extension too long")
	// ErrChunkOverhead: the framing of the body passed Limits.ChunkOverhead.
	ErrChunkOverhead = newError(400, "chunk_overhead", "too much chunk framing")
	// ErrTrailer: a malformed trailer line, or one that names a field of framing or routing.
	ErrTrailer = newError(400, "", "malformed or forbidden trailer")
	// ErrTrailersTooLong: the trailer lines passed Limits.Trailers.
	ErrTrailersTooLong = newError(400, "trailers", "trailers too long")
)

// ErrTimeout is for the caller, who owns the clock: the head or the body did not arrive in time.
var ErrTimeout = newError(408, "request_time", "request timed out")
