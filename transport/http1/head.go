// The incremental reader of request heads: lines, their limits, and where to go on.

package http1

// Head remembers how far an unfinished request head was read. The zero value waits for the first byte. It belongs to one
// connection and serves its requests one after the other.
//
// A head nearly always arrives whole and is then read in one pass, straight into the Request. One that does not is verified line
// by line as it comes, which needs only these offsets, and is read once more when it is complete. So a head that arrives byte by
// byte costs two passes, and a thousand connections with half a head hold no thousand Requests.
type Head struct {
	line   uint32 // where the line being read starts
	scan   uint32 // nothing before this offset ends that line
	fields uint32 // where the field lines start, 0 while the request line is being read
	count  uint32 // field lines read
	empty  uint32 // empty lines before the request line
}

// Parse reads one head. buf holds all bytes from the first of this head on; when a call wants more, the next one must begin with
// the same bytes, at any address. It returns the length of the head, empty lines in front included, or 0 and no error when more
// bytes are needed. Only with a length greater than 0 is r filled; its views are valid while buf is.
//
// An error is always an *Error, and the end of the connection. Parse allocates nothing. Loop only.
func (h *Head) Parse(buf []byte, lim *Limits, r *Request) (n int, err error) {
	if int(h.scan) > len(buf) {
		*h = Head{}
	}
	resumed := *h != Head{}
	*r = Request{}
	n, fault := h.read(buf, lim, r)
	if fault == nil && n == 0 {
		return 0, nil
	}
	*h = Head{}
	if fault == nil && resumed {
		*r = Request{}
		n, fault = h.read(buf[:n], lim, r)
		*h = Head{}
	}
	if fault == nil {
		fault = r.settle()
	}
	if fault != nil {
		return 0, fault
	}
	return n, nil
}

// read walks the lines from where h stands. Each verdict follows from the bytes up to it and from nothing r has gathered, so that
// it is the same in one call and in many.
func (h *Head) read(buf []byte, lim *Limits, r *Request) (int, *Error) {
	if h.fields == 0 {
		more, fault := h.readRequestLine(buf, lim, r)
		if more || fault != nil {
			return 0, fault
		}
	}
	line, scan := int(h.line), int(h.scan)
	start, count := int(h.fields), int(h.count)
	for line < len(buf) && buf[line] != '\r' {
		if count == lim.HeaderCount {
			return 0, ErrTooManyFields
		}
		last, tooLong := line+lim.HeaderField, ErrFieldTooLong
		if rest := start + lim.HeaderTotal - 2; rest < last {
			last, tooLong = rest, ErrFieldsTooLong
		}
		if last < line {
			return 0, tooLong
		}
		// A name holds no control, so in a line not looked at yet the search for its end starts behind the name:
		// BenchmarkHead/get 603 to 521 ns, best of 40.
		colon := 0
		if scan == line {
			colon = endOfToken(buf, line)
			scan = min(colon, last+1)
		}
		end, fault := endOfLine(buf, scan, last)
		if fault != nil {
			return 0, fault
		}
		if end > last {
			return 0, tooLong
		}
		if end+1 >= len(buf) {
			h.line, h.scan, h.count = uint32(line), uint32(end), uint32(count)
			return 0, nil
		}
		if colon == 0 {
			colon = endOfToken(buf, line)
		}
		// White space before the colon, a folded line and an empty name all fail here (RFC 9112 5.1, 5.2).
		if colon == line || buf[colon] != ':' {
			return 0, ErrField
		}
		if fault := r.keepField(buf[line:colon], trim(buf[colon+1:end])); fault != nil {
			return 0, fault
		}
		line, scan = end+2, end+2
		count++
	}
	if line+1 < len(buf) {
		if buf[line+1] != '\n' {
			return 0, ErrControl
		}
		r.fields = buf[start:line]
		return line + 2, nil
	}
	h.line, h.scan, h.count = uint32(line), uint32(line), uint32(count)
	return 0, nil
}

// readRequestLine skips empty lines (RFC 9112 2.2) and reads the first line. more tells that it is not complete.
func (h *Head) readRequestLine(buf []byte, lim *Limits, r *Request) (more bool, fault *Error) {
	line := int(h.line)
	for line < len(buf) && buf[line] == '\r' {
		if int(h.empty) == lim.LeadingEmptyLines {
			return false, ErrEmptyLines
		}
		if line+1 == len(buf) {
			break
		}
		if buf[line+1] != '\n' {
			return false, ErrControl
		}
		line += 2
		h.empty++
	}
	h.line = uint32(line)
	last := line + lim.RequestLine
	end, fault := endOfLine(buf, max(line, int(h.scan)), last)
	if fault != nil {
		return false, fault
	}
	if end > last {
		return false, ErrRequestLineTooLong
	}
	if end+1 >= len(buf) {
		h.scan = uint32(end)
		return true, nil
	}
	if fault := r.readRequestLine(buf[line:end]); fault != nil {
		return false, fault
	}
	h.line, h.scan, h.fields = uint32(end+2), uint32(end+2), uint32(end+2)
	return false, nil
}

// endOfToken returns where the token that starts at from ends.
func endOfToken(buf []byte, from int) int {
	for from < len(buf) && octets[buf[from]]&token != 0 {
		from++
	}
	return from
}

// endOfLine returns where the text of a line ends, looking from scan on and not beyond last. A result greater than last means that
// the line is too long; one that is the last index of buf or its length, that more bytes are needed. Otherwise CRLF stands there.
func endOfLine(buf []byte, scan, last int) (int, *Error) {
	to := min(len(buf), last+1)
	end := indexControl(buf, scan, to)
	if end == to {
		return end, nil
	}
	if buf[end] != '\r' || end+1 < len(buf) && buf[end+1] != '\n' {
		return 0, ErrControl
	}
	return end, nil
}
