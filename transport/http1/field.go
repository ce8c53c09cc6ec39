// What one field line means to the engine.

package http1

import "math"

// keepField takes what the engine asks for out of a line with a verified name, and a value without control but HTAB. It must judge
// the line alone: what depends on other lines waits for settle. The set is closed; most names are told apart by their length.
func (r *Request) keepField(name, value []byte) *Error {
	switch len(name) {
	case 4:
		if isName(name, "host") {
			r.hostLines++
			r.Host = value
			if !validAuthority(value) {
				return ErrHost
			}
		}
	case 6:
		if isName(name, "origin") {
			keepFirst(&r.Origin, &r.OriginLines, value)
		} else if isName(name, "expect") {
			if equalFold(value, "100-continue") {
				r.ExpectContinue = true
			} else {
				r.foreignExpectation = true
			}
		}
	case 7:
		if isName(name, "upgrade") {
			keepFirst(&r.Upgrade, &r.UpgradeLines, value)
		}
	case 10:
		if isName(name, "connection") {
			r.readConnection(value)
		} else if r.UserAgent == nil && isName(name, "user-agent") {
			r.UserAgent = value
		}
	case 12:
		if r.ContentType == nil && isName(name, "content-type") {
			r.ContentType = value
		}
	case 14:
		if isName(name, "content-length") {
			return r.readContentLength(value)
		}
	case 15:
		if isName(name, "accept-encoding") {
			keepFirst(&r.AcceptEncoding, &r.EncodingLines, value)
		}
	case 16:
		if r.ContentEncoding == nil && isName(name, "content-encoding") {
			r.ContentEncoding = value
		}
	case 17:
		if isName(name, "sec-websocket-key") {
			keepFirst(&r.SecWebSocketKey, &r.KeyLines, value)
		} else if isName(name, "transfer-encoding") {
			r.codingLines++
			r.foreignCoding = !equalFold(value, "chunked") // of two lines settle wants none
		}
	case 21:
		if isName(name, "sec-websocket-version") {
			keepFirst(&r.SecWebSocketVersion, &r.VersionLines, value)
		}
	case 22:
		if isName(name, "sec-websocket-protocol") {
			keepFirst(&r.SecWebSocketProtocol, &r.ProtocolLines, value)
		}
	case 24:
		if isName(name, "sec-websocket-extensions") {
			keepFirst(&r.SecWebSocketExtensions, &r.ExtensionsLines, value)
		}
	}
	return nil
}

// keepFirst counts a line and keeps the value of the first.
func keepFirst(view *[]byte, lines *int, value []byte) {
	if *lines == 0 {
		*view = value
	}
	*lines++
}

// readContentLength reads 1*DIGIT (RFC 9110 8.6). A number beyond 64 bits is well-formed and larger than any limit.
func (r *Request) readContentLength(value []byte) *Error {
	if len(value) == 0 {
		return ErrContentLength
	}
	var length uint64
	tooLarge := false
	for _, c := range value {
		digit := uint64(c - '0')
		if digit > 9 {
			return ErrContentLength
		}
		tooLarge = tooLarge || length > (math.MaxUint64-digit)/10
		length = length*10 + digit
	}
	if tooLarge {
		return ErrBodyTooLarge
	}
	r.ContentLength = length
	r.lengthLines++
	return nil
}

// readConnection adds the options of one Connection line; several lines are one list (RFC 9110 7.6.1). Options that mean nothing
// here are passed over, and so are empty elements.
func (r *Request) readConnection(value []byte) {
	for len(value) > 0 {
		n := 0
		for n < len(value) && value[n] != ',' {
			n++
		}
		option := trim(value[:n])
		value = value[min(n+1, len(value)):]
		switch len(option) {
		case 5:
			r.connClose = r.connClose || equalFold(option, "close")
		case 7:
			r.UpgradeRequested = r.UpgradeRequested || equalFold(option, "upgrade")
		case 10:
			r.connKeepAlive = r.connKeepAlive || equalFold(option, "keep-alive")
		}
	}
}
