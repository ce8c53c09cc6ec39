// The errors of this package, all of them made in advance.

package socketio

// Error is a packet that breaks the grammar or passes a limit, or a value that
// has no place in a packet. Compare with errors.Is against the variables below.
type Error struct {
	// Message is the text the reference implementation gives its user, where
	// it knows the fault. It never holds input.
	Message string
	// Limit names the field of Limits that was passed, "" for other faults.
	Limit string
}

// Error returns the message with the package's name in front. Any goroutine.
func (e *Error) Error() string { return "socketio: " + e.Message }

// Faults in the grammar of a packet.
var (
	ErrPacketType      = &Error{Message: "unknown packet type"}
	ErrAttachmentCount = &Error{Message: "Illegal attachments"}
	ErrNamespace       = &Error{Message: "invalid namespace"}
	ErrAckID           = &Error{Message: "invalid packet id"}
	ErrPayload         = &Error{Message: "invalid payload"}
	ErrPlaceholder     = &Error{Message: "illegal attachments"}
)

// Faults in the order of text and binary messages.
var (
	ErrTextWhileDue        = &Error{Message: "got plaintext data when reconstructing a packet"}
	ErrBinaryWhileNoneDue  = &Error{Message: "got binary data when not reconstructing a packet"}
	ErrPacketNotBinary     = &Error{Message: "packet announces no attachments"}
	ErrAttachmentsTooLarge = &Error{Message: "packet with its attachments too large", Limit: "PacketBytes"}
)

// Limits passed by the text of a packet.
var (
	ErrTooManyAttachments = &Error{Message: "too many attachments", Limit: "Attachments"}
	ErrNamespaceTooLong   = &Error{Message: "namespace too long", Limit: "Namespace"}
	ErrAuthTooLarge       = &Error{Message: "auth payload too large", Limit: "AuthBytes"}
	ErrEventNameTooLong   = &Error{Message: "event name too long", Limit: "EventName"}
	ErrTooManyArguments   = &Error{Message: "too many arguments", Limit: "Arguments"}
	ErrTooDeep            = &Error{Message: "payload nested too deep", Limit: "Depth"}
)

// Values that cannot be encoded.
var (
	ErrNotFinite = &Error{Message: "NaN and infinity have no JSON form"}
	ErrCyclic    = &Error{Message: "value is cyclic or nested too deep"}
	ErrRawJSON   = &Error{Message: "raw message is not valid JSON in UTF-8"}
)
