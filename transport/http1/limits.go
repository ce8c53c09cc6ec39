// The limits a peer meets while its request is read.

package http1

// Limits bounds what one request may cost. All fields must be positive; the value is shared by all connections and must not
// change while one of them is open.
type Limits struct {
	RequestLine       int   // bytes of the request line without its CRLF; beyond it 414
	HeaderField       int   // bytes of one field line without its CRLF; beyond it 431
	HeaderTotal       int   // bytes of all field lines with their CRLFs; beyond it 431
	HeaderCount       int   // field lines; beyond it 431
	ChunkExt          int   // bytes between a chunk size and the end of its line; beyond it 400
	ChunkOverhead     int   // bytes of size lines, extensions and chunk ends in one body; beyond it 400
	Trailers          int   // bytes of trailer lines with their CRLFs; beyond it 400
	LeadingEmptyLines int   // CRLFs before a request line; beyond it 400
	Body              int64 // bytes of data in one body; beyond it 413
}

// DefaultLimits returns the limits of a server that was told nothing else. Body equals the official maxHttpBufferSize.
// Any goroutine.
func DefaultLimits() Limits {
	return Limits{
		RequestLine:       8192,
		HeaderField:       8192,
		HeaderTotal:       16384,
		HeaderCount:       100,
		ChunkExt:          256,
		ChunkOverhead:     16384,
		Trailers:          4096,
		LeadingEmptyLines: 4,
		Body:              1_000_000,
	}
}
