// Answers, appended piece by piece: status line, fields, framing, body.

package http1

import (
	"errors"
	"strconv"
)

// ErrResponseField is returned for a field that must not be written: a name that is no token, or a value with CR, LF or NUL. It is
// a fault of the program, not of the peer.
var ErrResponseField = errors.New("http1: response field with an illegal name or value")

// AppendStatus appends the status line. The version is 1.1 whatever the request said (RFC 9110 6.2). A code outside 100 to 999
// becomes 500; one without a name here gets an empty reason. Any goroutine.
func AppendStatus(dst []byte, code int) []byte {
	if code < 100 || code > 999 {
		code = 500
	}
	dst = append(dst, "HTTP/1.1 "...)
	if known := reason(code); known != "" {
		return append(dst, known...)
	}
	dst = strconv.AppendInt(dst, int64(code), 10)
	return append(dst, " \r\n"...)
}

// reason returns the rest of the status line behind the version, for the codes a server of this kind has a use for.
func reason(code int) string {
	switch code {
	case 101:
		return "101 Switching Protocols\r\n"
	case 200:
		return "200 OK\r\n"
	case 204:
		return "204 No Content\r\n"
	case 206:
		return "206 Partial Content\r\n"
	case 301:
		return "301 Moved Permanently\r\n"
	case 302:
		return "302 Found\r\n"
	case 304:
		return "304 Not Modified\r\n"
	case 307:
		return "307 Temporary Redirect\r\n"
	case 308:
		return "308 Permanent Redirect\r\n"
	case 400:
		return "400 Bad Request\r\n"
	case 401:
		return "401 Unauthorized\r\n"
	case 403:
		return "403 Forbidden\r\n"
	case 404:
		return "404 Not Found\r\n"
	case 405:
		return "405 Method Not Allowed\r\n"
	case 406:
		return "406 Not Acceptable\r\n"
	case 408:
		return "408 Request Timeout\r\n"
	case 409:
		return "409 Conflict\r\n"
	case 413:
		return "413 Content Too Large\r\n"
	case 414:
		return "414 URI Too Long\r\n"
	case 415:
		return "415 Unsupported Media Type\r\n"
	case 417:
		return "417 Expectation Failed\r\n"
	case 421:
		return "421 Misdirected Request\r\n"
	case 426:
		return "426 Upgrade Required\r\n"
	case 429:
		return "429 Too Many Requests\r\n"
	case 431:
		return "431 Request Header Fields Too Large\r\n"
	case 500:
		return "500 Internal Server Error\r\n"
	case 501:
		return "501 Not Implemented\r\n"
	case 503:
		return "503 Service Unavailable\r\n"
	case 505:
		return "505 HTTP Version Not Supported\r\n"
	}
	return ""
}

// AppendContinue appends the interim answer that Request.ExpectContinue waits for. Any goroutine.
func AppendContinue(dst []byte) []byte {
	return append(dst, "HTTP/1.1 100 Continue\r\n\r\n"...)
}

// AppendField appends one field line. With ErrResponseField dst comes back as it was. Any goroutine.
func AppendField[V string | []byte](dst []byte, name string, value V) ([]byte, error) {
	if len(name) == 0 {
		return dst, ErrResponseField
	}
	for i := range len(name) {
		if octets[name[i]]&token == 0 {
			return dst, ErrResponseField
		}
	}
	for i := range len(value) {
		if c := value[i]; c == '\r' || c == '\n' || c == 0 {
			return dst, ErrResponseField
		}
	}
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...), nil
}

// AppendDate appends the Date line; date is an IMF-fixdate (RFC 9110 5.6.7), 29 bytes, which the caller formats once a second. An
// empty one appends nothing. Any goroutine.
func AppendDate(dst, date []byte) []byte {
	if len(date) == 0 {
		return dst
	}
	dst = append(append(dst, "Date: "...), date...)
	return append(dst, "\r\n"...)
}

// AppendConnection appends what a peer of HTTP/1.minor must be told about the connection, which goes on if keepAlive is true. Only
// the exception of a version is said: close in 1.1, keep-alive in 1.0; and close in 1.0 too, for proxies that guess. Any goroutine.
func AppendConnection(dst []byte, minor int, keepAlive bool) []byte {
	if !keepAlive {
		return append(dst, "Connection: close\r\n"...)
	}
	if minor == 0 {
		return append(dst, "Connection: keep-alive\r\n"...)
	}
	return dst
}

// AppendKeepAlive appends for how many seconds the peer may leave the connection idle. Clients that know the field open another one
// in time, instead of sending a request into a connection that is being closed. Any goroutine.
func AppendKeepAlive(dst []byte, seconds int64) []byte {
	dst = strconv.AppendInt(append(dst, "Keep-Alive: timeout="...), seconds, 10)
	return append(dst, "\r\n"...)
}

// AppendBody ends the fields and appends the body of an answer with status code. Content-Length is written where the status allows
// a body. To HEAD, told by head, go the same fields and no body; 1xx, 204 and 304 get neither (RFC 9112 6.3). Any goroutine.
func AppendBody[B string | []byte](dst []byte, code int, head bool, body B) []byte {
	if code < 200 || code == 204 || code == 304 {
		return append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	if head {
		return dst
	}
	return append(dst, body...)
}
