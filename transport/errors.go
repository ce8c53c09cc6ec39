// Why sessions close, and what a refused request is told.

package transport

import (
	"bytes"
	"encoding/json"
)

// CloseReason is why a session ended, in the words that Socket.IO hands to
// disconnect handlers.
type CloseReason uint8

// The close reasons of Engine.IO sessions, and the one that Socket.IO adds for
// a polling client with no request open.
const (
	// TransportError is a failed transport or a broken transport rule.
	TransportError CloseReason = iota + 1
	// TransportClose is a transport closed by the peer.
	TransportClose
	// ForcedClose is a session closed by this side.
	ForcedClose
	// ForcedServerClose is a session closed by this side while the client had
	// no request open to be told so.
	ForcedServerClose
	// PingTimeout is a missing heartbeat.
	PingTimeout
	// ParseError is a packet or payload that breaks Engine.IO.
	ParseError
	// ServerShuttingDown is a session closed because the server ends.
	ServerShuttingDown

	// CloseReasons is one more than the last of them.
	CloseReasons
)

var closeReasons = [...]string{
	TransportError:     "transport error",
	TransportClose:     "transport close",
	ForcedClose:        "forced close",
	ForcedServerClose:  "forced server close",
	PingTimeout:        "ping timeout",
	ParseError:         "parse error",
	ServerShuttingDown: "server shutting down",
}

// String returns the official text of the reason. Any goroutine.
func (r CloseReason) String() string {
	if int(r) < len(closeReasons) {
		return closeReasons[r]
	}
	return ""
}

// Error is a fault of a transport, the description that goes with a close
// reason.
type Error struct{ text string }

// Error returns the text of the fault, for transport errors the official one.
// Any goroutine.
func (e *Error) Error() string { return e.text }

// The descriptions of closed sessions.
var (
	ErrOverlap        = &Error{"overlap from client"}
	ErrDataOverlap    = &Error{"data request overlap from client"}
	ErrPollAborted    = &Error{"poll connection closed prematurely"}
	ErrDataAborted    = &Error{"data request connection closed prematurely"}
	ErrInvalidContent = &Error{"invalid content"}
	ErrHeartbeat      = &Error{"invalid heartbeat direction"}
	ErrTooManyPackets = &Error{"too many packets in one payload"}
	ErrPacketType     = &Error{"packet type not allowed from a client"}
	ErrText           = &Error{"payload is not UTF-8"}
	ErrPongFlood      = &Error{"too many unsolicited pongs"}
	ErrSlowConsumer   = &Error{"slow consumer: the outbound queue is full"}
	ErrBacklog        = &Error{"slow consumer: the outbound queue stays too long"}
	ErrStalled        = &Error{"slow consumer: no progress in writing"}
	ErrConnectTimeout = &Error{"no namespace joined within connectTimeout"}
	ErrMessageSize    = &Error{"message too large"}
	ErrMessageTimeout = &Error{"a fragmented message was not completed in time"}
	ErrTLS            = &Error{"broken TLS record"}
	ErrWrite          = &Error{"write error"}
	ErrInternal       = &Error{"internal error"}

	ErrRawInput = &Error{"too many bytes that the protocol leaves unused"}
	ErrRawIdle  = &Error{"nothing came for too long"}
	ErrEnding   = &Error{"the server ends"}

	ErrHandshakeTimeout = &Error{"TLS handshake not completed in time"}
	ErrProxyTimeout     = &Error{"PROXY header not complete in time"}
)

// HandshakeError is a refusal of an Engine.IO request, with the code and the
// message of the protocol.
type HandshakeError struct {
	Code    int
	Status  int // of the HTTP answer
	Message string

	// What an operator is told besides, and the client is not.
	Name     string // of the cause, for code 3
	Previous string // the transport or revision that the session has, for a mismatch
	Err      error  // behind it, nil if there is none
}

// Error returns the message. Any goroutine.
func (e *HandshakeError) Error() string { return e.Message }

// The refusals of Engine.IO.
var (
	ErrTransportUnknown    = &HandshakeError{Code: 0, Status: 400, Message: "Transport unknown"}
	ErrSessionUnknown      = &HandshakeError{Code: 1, Status: 400, Message: "Session ID unknown"}
	ErrBadHandshakeMethod  = &HandshakeError{Code: 2, Status: 400, Message: "Bad handshake method"}
	ErrBadRequest          = badRequest("DUPLICATE_PARAMETER", "")
	ErrInvalidOrigin       = badRequest("INVALID_ORIGIN", "")
	ErrTransportHandshake  = badRequest("TRANSPORT_HANDSHAKE_ERROR", "")
	ErrMiddleware          = badRequest("MIDDLEWARE_FAILURE", "")
	ErrIDGeneration        = badRequest("ID_GENERATION_ERROR", "")
	ErrForbidden           = &HandshakeError{Code: 4, Status: 403, Message: "Forbidden"}
	ErrUnsupportedProtocol = &HandshakeError{Code: 5, Status: 400, Message: "Unsupported protocol version"}

	errNameTaken    = nameTaken()
	errNotPolling   = badRequest("TRANSPORT_MISMATCH", "websocket")
	errNotWebSocket = badRequest("TRANSPORT_MISMATCH", "polling")
	errRevision     = [...]*HandshakeError{3: badRequest("PROTOCOL_MISMATCH", "3"), 4: badRequest("PROTOCOL_MISMATCH", "4")}
)

// badRequest is a refusal of code 3, whose causes clients are not told apart.
func badRequest(name, previous string) *HandshakeError {
	return &HandshakeError{Code: 3, Status: 400, Message: "Bad request", Name: name, Previous: previous}
}

// nameTaken is the refusal of a handshake whose id another session has.
func nameTaken() *HandshakeError {
	e := *badRequest("ID_GENERATION_ERROR", "")
	e.Err = ErrNameTaken
	return &e
}

// appendText appends a text as a JSON string.
func appendText(dst []byte, text string) []byte {
	for i := range len(text) {
		if b := text[i]; b < ' ' || b >= 0x7f || b == '"' || b == '\\' {
			var out bytes.Buffer
			w := json.NewEncoder(&out)
			w.SetEscapeHTML(false)
			_ = w.Encode(text) // a string never fails
			return append(dst, bytes.TrimSuffix(out.Bytes(), []byte{'\n'})...)
		}
	}
	return append(append(append(dst, '"'), text...), '"')
}
