// Closing: status codes, the errors that carry them, and close frames (RFC 6455 sections 5.5.1 and 7.4).

package ws

import (
	"encoding/binary"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// StatusCode is a close status code as it stands in the body of a close frame.
type StatusCode = gobwas.StatusCode

// The status codes this server sends or treats specially. 1012 and 1013 were registered after the RFC.
const (
	StatusNormal         StatusCode = gobwas.StatusNormalClosure
	StatusGoingAway      StatusCode = gobwas.StatusGoingAway
	StatusProtocolError  StatusCode = gobwas.StatusProtocolError
	StatusUnsupported    StatusCode = gobwas.StatusUnsupportedData
	StatusNone           StatusCode = gobwas.StatusNoStatusRcvd // a close frame without a body; never on the wire
	StatusAbnormal       StatusCode = gobwas.StatusAbnormalClosure
	StatusInvalidPayload StatusCode = gobwas.StatusInvalidFramePayloadData
	StatusPolicy         StatusCode = gobwas.StatusPolicyViolation
	StatusTooBig         StatusCode = gobwas.StatusMessageTooBig
	StatusInternalError  StatusCode = gobwas.StatusInternalServerError
	StatusServiceRestart StatusCode = 1012
	StatusTryAgainLater  StatusCode = 1013
)

// CloseError is a peer's fault together with the status code to close with. The values are preallocated; compare them
// with ==. Reason is for logs and counters: the peer gets the code alone.
type CloseError struct {
	Code   StatusCode
	Reason string
}

// Error returns the reason with the package's name in front. Any goroutine.
func (e *CloseError) Error() string { return "ws: " + e.Reason }

// What a Reader or ParseHeader can refuse.
var (
	ErrReservedOpCode    = &CloseError{StatusProtocolError, "reserved opcode"}
	ErrReservedBits      = &CloseError{StatusProtocolError, "reserved bits without a meaning"}
	ErrFragmentedControl = &CloseError{StatusProtocolError, "fragmented control frame"}
	ErrControlLength     = &CloseError{StatusProtocolError, "control frame over 125 bytes"}
	ErrUnmasked          = &CloseError{StatusProtocolError, "client frame without a mask"}
	ErrLengthForm        = &CloseError{StatusProtocolError, "length not in its shortest form"}
	ErrLengthSign        = &CloseError{StatusProtocolError, "length with the top bit set"}
	ErrNothingToContinue = &CloseError{StatusProtocolError, "continuation without a message"}
	ErrInterleaved       = &CloseError{StatusProtocolError, "new message inside a fragmented one"}
	ErrCloseBody         = &CloseError{StatusProtocolError, "close body of one byte"}
	ErrCloseCode         = &CloseError{StatusProtocolError, "close code that may not be sent"}
	ErrCloseReason       = &CloseError{StatusInvalidPayload, "close reason is not UTF-8"}
	ErrText              = &CloseError{StatusInvalidPayload, "text is not UTF-8"}
	ErrFragments         = &CloseError{StatusPolicy, "too many fragments"}
	ErrEmptyFragments    = &CloseError{StatusPolicy, "too many empty fragments"}
	ErrMessageSize       = &CloseError{StatusTooBig, "message over the limit"}
)

// ValidCode reports whether code may stand in a close frame: 1000 to 1003, 1007 to 1014 (the RFC's and those registered
// since) and 3000 to 4999. Any goroutine.
func ValidCode(code StatusCode) bool {
	switch {
	case code >= 3000:
		return code <= 4999
	case code >= 1007:
		return code <= 1014
	default:
		return code >= 1000 && code <= 1003
	}
}

// parseClose splits the body of a close frame; reason is a view of it.
func parseClose(body []byte) (code StatusCode, reason []byte, err error) {
	switch len(body) {
	case 0:
		return StatusNone, nil, nil
	case 1:
		return 0, nil, ErrCloseBody
	}
	code = StatusCode(binary.BigEndian.Uint16(body))
	if !ValidCode(code) {
		return 0, nil, ErrCloseCode
	}
	if reason = body[2:]; !utf8.Valid(reason) {
		return 0, nil, ErrCloseReason
	}
	return code, reason, nil
}

// AppendClose appends a close frame with code and reason to dst and returns it grown. A code that may not be sent, such
// as StatusNone, gives a frame without a body: so the answer to any Close event is AppendClose(dst, ev.Code, ""). The
// reason must be UTF-8; it is cut between two characters where it exceeds 123 bytes. Any goroutine.
func AppendClose(dst []byte, code StatusCode, reason string) []byte {
	if !ValidCode(code) {
		return AppendHeader(dst, OpClose, true, false, 0)
	}
	if n := maxControl - 2; len(reason) > n {
		for !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	dst = AppendHeader(dst, OpClose, true, false, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}
