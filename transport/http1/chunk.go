// The chunked coding, one octet at a time: size lines, extensions, chunk ends, trailers (RFC 9112 7.1).

package http1

// state is where in a body the next byte stands. Data states come first so that Feed tells them by one comparison.
type state uint8

const (
	bodyDone  state = iota
	bodyFixed       // data framed by Content-Length
	chunkData       // data of a chunk

	chunkStart   // first digit of a size
	chunkSize    // further digits
	extSpace     // white space, then the semicolon of an extension
	extName      // white space or the first octet of a name
	extNameMore  // within a name
	extNameSpace // white space after a name, then '=' or ';'
	extValue     // white space or the first octet of a value
	extToken     // within a value that is a token
	extQuoted    // within a quoted value
	extEscaped   // after a backslash in it
	extQuotedEnd // after the closing quote
	sizeLF       // LF of a size line
	chunkCR      // CR after data
	chunkLF      // LF after data

	trailerStart // first octet of a trailer line, or CR of the last line
	trailerName  // within its name
	trailerValue // within its value
	trailerLF    // LF of a trailer line
	lastLF       // LF that ends the body
)

// afterData says what follows the last byte of data.
var afterData = [...]state{bodyFixed: bodyDone, chunkData: chunkCR}

// Fields that would change the framing or the routing of the request they trail (RFC 9110 6.5.1). Trailers are never merged, but
// who sends these means harm.
var forbiddenTrailers = [...]string{"content-length", "transfer-encoding", "host"}

// maxSizeDigits is what 64 bits hold, so that a size never wraps. Leading zeros count: they carry no information.
const maxSizeDigits = 16

// step takes one byte that is not data.
func (b *Body) step(c byte) *Error {
	if b.state >= trailerStart {
		return b.stepTrailer(c)
	}
	b.overhead++
	if b.overhead > b.lim.ChunkOverhead {
		return ErrChunkOverhead
	}
	switch b.state {
	case chunkStart, chunkSize:
		return b.stepSize(c)
	case sizeLF:
		if c != '\n' {
			return ErrChunk
		}
		b.state = chunkData
		if b.left == 0 {
			b.state, b.run = trailerStart, 0
		}
	case chunkCR:
		if c != '\r' {
			return ErrChunk
		}
		b.state = chunkLF
	case chunkLF:
		if c != '\n' {
			return ErrChunk
		}
		b.state = chunkStart
	default:
		return b.stepExt(c)
	}
	return nil
}

// stepSize takes a byte of a size, or the one behind it. There the size is compared with what the limit leaves, before any data.
func (b *Body) stepSize(c byte) *Error {
	if digit := unhex(c); digit < 16 {
		if b.state == chunkStart {
			b.left, b.digits, b.state = 0, 0, chunkSize
		}
		if b.digits == maxSizeDigits {
			return ErrChunk
		}
		b.digits++
		b.left = b.left<<4 | uint64(digit)
		return nil
	}
	if b.state == chunkStart {
		return ErrChunk
	}
	if !b.skip && b.left > uint64(b.lim.Body)-b.size {
		return ErrBodyTooLarge
	}
	b.size += b.left
	b.run = 0
	if c == '\r' {
		b.state = sizeLF
		return nil
	}
	b.state = extSpace
	return b.stepExt(c)
}

// stepExt takes a byte of the extensions. They mean nothing here, but a reader that skips them blindly finds another line end than
// its neighbour does, so their grammar is kept to the letter:
//
//	chunk-ext = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )
func (b *Body) stepExt(c byte) *Error {
	if c == '\r' {
		if b.state != extNameMore && b.state != extToken && b.state != extQuotedEnd {
			return ErrChunk
		}
		b.state = sizeLF
		return nil
	}
	b.run++
	if b.run > b.lim.ChunkExt {
		return ErrChunkExtTooLong
	}
	if octets[c]&notText != 0 {
		return ErrChunk
	}
	space, tchar := c == ' ' || c == '\t', octets[c]&token != 0
	switch s := b.state; {
	case s == extEscaped:
		b.state = extQuoted
	case s == extQuoted && c == '"':
		b.state = extQuotedEnd
	case s == extQuoted && c == '\\':
		b.state = extEscaped
	case s == extQuoted:
	case s == extName && tchar, s == extNameMore && tchar:
		b.state = extNameMore
	case s == extValue && tchar, s == extToken && tchar:
		b.state = extToken
	case s == extValue && c == '"':
		b.state = extQuoted
	case s == extNameMore && space:
		b.state = extNameSpace
	case s == extToken && space, s == extQuotedEnd && space:
		b.state = extSpace
	case space:
	case s == extNameMore && c == '=', s == extNameSpace && c == '=':
		b.state = extValue
	case s != extName && s != extValue && c == ';':
		b.state = extName
	default:
		return ErrChunk
	}
	return nil
}

// stepTrailer takes a byte behind the last chunk. The lines obey the grammar of field lines and are dropped.
func (b *Body) stepTrailer(c byte) *Error {
	if b.state == lastLF {
		if c != '\n' {
			return ErrTrailer
		}
		b.state = bodyDone
		return nil
	}
	if b.state == trailerStart && c == '\r' {
		b.state = lastLF
		return nil
	}
	b.run++
	if b.run > b.lim.Trailers {
		return ErrTrailersTooLong
	}
	switch b.state {
	case trailerStart:
		b.state, b.letters, b.names = trailerName, 0, 1<<len(forbiddenTrailers)-1
		return b.stepTrailerName(c)
	case trailerName:
		return b.stepTrailerName(c)
	case trailerValue:
		if c == '\r' {
			b.state = trailerLF
		} else if octets[c]&notText != 0 {
			return ErrTrailer
		}
	case trailerLF:
		if c != '\n' {
			return ErrTrailer
		}
		b.state = trailerStart
	}
	return nil
}

// stepTrailerName compares the name with the forbidden ones as it comes, so that nothing of it needs keeping.
func (b *Body) stepTrailerName(c byte) *Error {
	at := int(b.letters)
	if c == ':' {
		for i, name := range forbiddenTrailers {
			if b.names>>i&1 == 1 && len(name) == at {
				return ErrTrailer
			}
		}
		if at == 0 {
			return ErrTrailer
		}
		b.state = trailerValue
		return nil
	}
	if octets[c]&token == 0 {
		return ErrTrailer
	}
	for i, name := range forbiddenTrailers {
		if at >= len(name) || name[at] != lower(c) {
			b.names &^= 1 << i
		}
	}
	// Beyond the longest forbidden name only the fact that there was a name matters.
	b.letters = uint8(min(at+1, 255))
	return nil
}
