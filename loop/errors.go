// Errors users meet, and the reasons why sockets disconnect.

package loop

import (
	"errors"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// DisconnectReason is why a socket disconnected, in the official words.
type DisconnectReason string

// The reasons a disconnect handler can be given.
const (
	// TransportError: the transport failed or the client broke one of its rules.
	TransportError DisconnectReason = "transport error"
	// TransportClose: the client closed the transport.
	TransportClose DisconnectReason = "transport close"
	// ForcedClose: this side closed the connection.
	ForcedClose DisconnectReason = "forced close"
	// ForcedServerClose: the same, while a polling client had no request open.
	ForcedServerClose DisconnectReason = "forced server close"
	// PingTimeout: the client did not answer a heartbeat in time.
	PingTimeout DisconnectReason = "ping timeout"
	// ParseError: the client sent an invalid Engine.IO packet.
	ParseError DisconnectReason = "parse error"
	// ServerShuttingDown: the server ends.
	ServerShuttingDown DisconnectReason = "server shutting down"
	// ClientNamespaceDisconnect: the client left the namespace.
	ClientNamespaceDisconnect DisconnectReason = "client namespace disconnect"
	// ServerNamespaceDisconnect: this side disconnected the socket.
	ServerNamespaceDisconnect DisconnectReason = "server namespace disconnect"
)

// The errors of this package. They are compared with errors.Is.
var (
	// ErrDisconnected: the socket is not connected any more.
	ErrDisconnected = errors.New("loop: the socket is disconnected")
	// ErrTimeout: no answer came in time. Its text is the reference's.
	ErrTimeout = errors.New("operation has timed out")
	// ErrReserved: the event name belongs to the protocol.
	ErrReserved = errors.New("loop: the event name is reserved (connect, connect_error, disconnect, disconnecting, newListener, removeListener)")
	// ErrOnLoop: the call waits for an answer, which an inline handler must not
	// do. Use a handler that runs off the loop, or a callback.
	ErrOnLoop = errors.New("loop: the call would block the event loop it is made on")
	// ErrTooManyAcks: the socket owes as many acknowledgements as Limits.Acks.
	ErrTooManyAcks = errors.New("loop: the socket has too many acknowledgements outstanding")
	// ErrTooManyRooms: the socket is in as many rooms as Limits.Rooms.
	ErrTooManyRooms = rooms.ErrTooManyRooms
	// ErrEngineOnly: with Config.EngineOnly there are messages only.
	ErrEngineOnly = errors.New("loop: with EngineOnly a string or a []byte is sent as the event message, and nothing else")
	// ErrDropped: a volatile packet was dropped, so nobody will acknowledge it.
	ErrDropped = errors.New("loop: the volatile packet was dropped")
	// ErrAcked: the event was acknowledged before.
	ErrAcked = errors.New("loop: the event is acknowledged already")
	// ErrNoAck: the client did not ask for an acknowledgement.
	ErrNoAck = errors.New("loop: the event asks for no acknowledgement")
	// ErrArguments: an event has fewer arguments than its handler takes, or one
	// of another type.
	ErrArguments = errors.New("loop: the arguments do not fit the handler")
	// ErrClosed: the server is shut down.
	ErrClosed = errors.New("loop: the server is closed")
	// ErrLoopBusy: as many functions wait for the loop as Limits.LoopTasks.
	ErrLoopBusy = errors.New("loop: too many functions wait for the event loop")
	// ErrPendingEvents: events came faster than the handlers of the socket work,
	// and one of Limits.PendingEvents and Limits.PendingBytes was reached.
	ErrPendingEvents = errors.New("loop: too many events wait for the socket's handlers")
)

// Error is an error that is meant for the client. A middleware that returns one
// refuses the connection with its message and data; a handler that returns one
// instead of an acknowledgement answers with it. The text of any other error
// from a middleware is sent as the message; that of any other error from a
// handler stays here, as it may tell too much.
type Error struct {
	// Message is the text the client's Error object gets.
	Message string `json:"message"`
	// Data is sent along as the error's data, encoded as JSON; nil is none.
	Data any `json:"data,omitempty"`
}

// Error returns the message. Any goroutine.
func (e *Error) Error() string { return e.Message }

// reserved reports whether an event name belongs to the protocol.
func reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

// IsSlowConsumer reports whether a transport error, as [DisconnectHandler] gets
// it, says that the client was cut off because it did not keep up.
func IsSlowConsumer(err error) bool {
	return errors.Is(err, transport.ErrSlowConsumer) || errors.Is(err, transport.ErrBacklog) || errors.Is(err, transport.ErrStalled)
}
