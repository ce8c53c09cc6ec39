// The incremental reader of request bodies, by length or by chunks.

package http1

// Body remembers how far the body of one request was read. Begin starts it; the value then belongs to that connection until the
// body is done.
type Body struct {
	lim      *Limits
	fault    *Error
	left     uint64 // data bytes to come: of the body, or of the chunk being read
	size     uint64 // data bytes announced by all chunks so far
	overhead int    // framing bytes so far
	run      int    // bytes of this chunk's extensions, or of all trailer lines
	state    state
	digits   uint8 // of the chunk size
	letters  uint8 // of the trailer's name, as far as forbidden names go
	names    uint8 // forbidden names the trailer may still become, one bit each
	skip     bool  // nobody wants the data, however much there is
}

// Begin starts the body of r. It refuses with ErrBodyTooLarge what is announced beyond lim.Body, before a byte of it is read. lim
// must outlive the body. Loop only.
func (b *Body) Begin(r *Request, lim *Limits) error {
	*b = Body{lim: lim, state: bodyDone}
	switch {
	case r.Chunked:
		b.state = chunkStart
	case r.ContentLength > 0:
		b.left, b.state = r.ContentLength, bodyFixed
		if r.ContentLength > uint64(lim.Body) {
			b.fault = ErrBodyTooLarge
			return ErrBodyTooLarge
		}
	}
	return nil
}

// Skip goes on with a body that nobody wants, to find its end: from here on Feed drops the data and does not care how much it is.
// The limits of the framing stay. It reports whether there is an end to be found: not if the body is over already, and not behind a
// fault other than ErrBodyTooLarge, which leaves the framing lost. After ErrBodyTooLarge Feed goes on behind the bytes it took. Loop
// only.
func (b *Body) Skip() bool {
	if b.fault == ErrBodyTooLarge {
		b.fault = nil
	}
	b.skip = true
	return b.fault == nil && b.state != bodyDone
}

// View returns the body itself when it has a Content-Length and all of it lies at the front of in, which saves the copy that Feed
// makes; it is a view of in, and len(body) bytes of in are used up. Otherwise nothing happens and ok is false. A request without a
// body gives an empty one. Call it right after Begin or not at all. Loop only.
func (b *Body) View(in []byte) (body []byte, ok bool) {
	if b.fault != nil || b.state > bodyFixed || b.left > uint64(len(in)) {
		return nil, false
	}
	body = in[:b.left:b.left]
	b.left, b.state = 0, bodyDone
	return body, true
}

// Feed reads body bytes from in, appends the data among them to out and returns how many bytes it took. Once done it takes no more:
// what is left in in belongs to the next request. out grows with the data that came, never with the data that was announced.
//
// An error is always an *Error, is repeated by later calls, and is the end of the connection; see Skip. Loop only.
func (b *Body) Feed(in, out []byte) (consumed int, grown []byte, done bool, err error) {
	n := 0
	for b.fault == nil && b.state != bodyDone {
		if n == len(in) {
			return n, out, false, nil
		}
		if b.state > chunkData {
			if b.fault = b.step(in[n]); b.fault != ErrBodyTooLarge {
				n++ // else Skip goes on with the byte behind the size
			}
			continue
		}
		part := in[n:]
		if uint64(len(part)) > b.left {
			part = part[:b.left]
		}
		if !b.skip {
			out = append(out, part...)
		}
		n += len(part)
		b.left -= uint64(len(part))
		if b.left == 0 {
			b.state = afterData[b.state]
		}
	}
	if b.fault != nil {
		return n, out, false, b.fault
	}
	return n, out, true, nil
}
