// The opening handshake (RFC 6455 section 4.2): whether an upgrade request may become a websocket, and the 101 answer.
//
// The caller has parsed HTTP by then and hands over views, so the answer is written directly, 0.25 us with the check,
// instead of through the library's upgrader, which starts from the raw request, 1.0 us (BenchmarkAccept). A test keeps
// the answers equal.

package ws

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
)

// Request is what CheckAccept needs of an upgrade request. The slices are views and are not kept. Values come without
// white space around them. A field sent on several lines has one value, the lines joined by commas (RFC 9110 section
// 5.3); how many lines there were says Lines, 0 for an absent field.
type Request struct {
	Upgrade    []byte // Upgrade
	Key        []byte // Sec-WebSocket-Key
	Version    []byte // Sec-WebSocket-Version
	Protocols  []byte // Sec-WebSocket-Protocol
	Extensions []byte // Sec-WebSocket-Extensions

	UpgradeLines, KeyLines, VersionLines, ProtocolLines int

	ConnectionUpgrade bool // Connection has the option "upgrade"
	ConnectionClose   bool // Connection has the option "close"
	HasBody           bool // a Content-Length over zero, or a Transfer-Encoding
	Minor             int  // x of HTTP/1.x
}

// HandshakeError is a refused upgrade: an HTTP status and a text for the body. The connection closes after the answer.
// The values are preallocated; compare them with ==.
type HandshakeError struct {
	Status int
	Body   string
	// Version asks for the field "Sec-WebSocket-Version: 13" in the answer (RFC 6455 section 4.4).
	Version bool
}

// Error returns the text with the package's name in front. Any goroutine.
func (e *HandshakeError) Error() string { return "ws: " + e.Body }

// What CheckAccept can refuse. The texts that the reference implementation has are the same as there.
var (
	ErrHTTPVersion   = &HandshakeError{Status: 400, Body: "Invalid HTTP version"}
	ErrConnection    = &HandshakeError{Status: 400, Body: "Invalid Connection header"}
	ErrRequestBody   = &HandshakeError{Status: 400, Body: "Upgrade request with a body"}
	ErrUpgradeHeader = &HandshakeError{Status: 400, Body: "Invalid Upgrade header"}
	ErrKey           = &HandshakeError{Status: 400, Body: "Missing or invalid Sec-WebSocket-Key header"}
	ErrVersion       = &HandshakeError{Status: 400, Body: "Missing or invalid Sec-WebSocket-Version header", Version: true}
	ErrProtocols     = &HandshakeError{Status: 400, Body: "Invalid Sec-WebSocket-Protocol header"}
	ErrExtensions    = &HandshakeError{Status: 400, Body: "Invalid or unacceptable Sec-WebSocket-Extensions header"}
)

// CheckAccept returns nil if req may be answered with AppendAccept, else the refusal. That the method is GET, that the
// route exists and that the origin is welcome is for the caller to know. A body is refused because its bytes would be
// read as frames, "Connection: close" because it contradicts the upgrade. Any goroutine.
func CheckAccept(req *Request) *HandshakeError {
	switch {
	case req.Minor < 1:
		return ErrHTTPVersion
	case !req.ConnectionUpgrade || req.ConnectionClose:
		return ErrConnection
	case req.UpgradeLines != 1 || !equalFold(req.Upgrade, "websocket"):
		return ErrUpgradeHeader
	case req.KeyLines != 1 || !validKey(req.Key):
		return ErrKey
	case req.VersionLines != 1 || string(req.Version) != "13":
		return ErrVersion
	case req.HasBody:
		return ErrRequestBody
	case req.ProtocolLines > 0 && !validProtocols(req.Protocols):
		return ErrProtocols
	}
	offers := NewOffers(req.Extensions)
	for {
		if _, ok := offers.Next(); !ok {
			break
		}
	}
	if offers.Malformed() {
		return ErrExtensions
	}
	return nil
}

// equalFold compares with a word of lower-case letters; only a letter's other case differs from it in that one bit.
func equalFold(p []byte, word string) bool {
	if len(p) != len(word) {
		return false
	}
	for i, c := range p {
		if c|0x20 != word[i] {
			return false
		}
	}
	return true
}

// keySize is the length of 16 bytes in base64.
const keySize = 24

// validKey checks form only. The bits of the last digit that encode nothing may be set, as clients exist that draw the
// digits instead of the bytes.
func validKey(key []byte) bool {
	if len(key) != keySize || key[22] != '=' || key[23] != '=' {
		return false
	}
	for _, c := range key[:22] {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
		default:
			return false
		}
	}
	return true
}

// maxProtocols bounds the search for equal names, which compares each with all before it.
const maxProtocols = 64

// validProtocols reports whether list is a comma-separated list of different tokens (RFC 6455 section 4.1, number 10).
func validProtocols(list []byte) bool {
	var seen [maxProtocols][]byte
	for n := range seen {
		name, rest, more := bytes.Cut(list, []byte{','})
		name = trim(name)
		if tokenEnd(name) != len(name) || len(name) == 0 {
			return false
		}
		for _, other := range seen[:n] {
			if bytes.Equal(name, other) {
				return false
			}
		}
		if !more {
			return true
		}
		seen[n], list = name, rest
	}
	return false
}

// FirstProtocol returns the first name of a Sec-WebSocket-Protocol value that CheckAccept has passed, as a view of it:
// the one the reference implementation selects. It is nil if list is empty. Any goroutine.
func FirstProtocol(list []byte) []byte {
	if len(list) == 0 {
		return nil
	}
	name, _, _ := bytes.Cut(list, []byte{','})
	return trim(name)
}

// Answer is what a 101 answer may hold besides its fixed part. All fields may be nil.
type Answer struct {
	Protocol   []byte // the one selected, of those offered
	Extensions []byte // those accepted, with their parameters
	Fields     []byte // further header lines, each ended by CRLF
}

const (
	acceptHead = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	// RFC 6455 section 1.3.
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

// AppendAccept appends the 101 answer to dst and returns it grown. key is Request.Key as CheckAccept passed it. Frames
// follow it directly. Any goroutine.
func AppendAccept(dst, key []byte, a Answer) []byte {
	var proof [keySize + len(acceptGUID)]byte
	copy(proof[:], key)
	copy(proof[keySize:], acceptGUID)
	sum := sha1.Sum(proof[:])

	dst = append(dst, acceptHead...)
	dst = base64.StdEncoding.AppendEncode(dst, sum[:])
	if len(a.Protocol) > 0 {
		dst = append(dst, "\r\nSec-WebSocket-Protocol: "...)
		dst = append(dst, a.Protocol...)
	}
	if len(a.Extensions) > 0 {
		dst = append(dst, "\r\nSec-WebSocket-Extensions: "...)
		dst = append(dst, a.Extensions...)
	}
	dst = append(dst, "\r\n"...)
	dst = append(dst, a.Fields...)
	return append(dst, "\r\n"...)
}
