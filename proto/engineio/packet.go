// Packet types, the packet view and the errors of decoding.

package engineio

// PacketType is the type of an Engine.IO packet, the digit it travels as.
type PacketType uint8

// The packet types of Engine.IO, revisions 3 and 4.
const (
	Open PacketType = iota
	Close
	Ping
	Pong
	Message
	Upgrade
	Noop
)

var typeNames = [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop"}

// String returns the name of the type in the protocol text, "unknown" if it
// has none. Any goroutine.
func (t PacketType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// Packet is one decoded packet. Data is a view of the decoded bytes and lives
// as long as they do.
type Packet struct {
	Type   PacketType
	Binary bool // a message of raw bytes rather than text
	Empty  bool // nothing: a packet of length 0 in a payload of revision 3, to be ignored
	Data   []byte
}

// Error is a packet or payload that breaks the protocol. The session that sent
// it ends with the reason "parse error".
type Error struct{ text string }

// Error returns the fault with the package's name in front. Any goroutine.
func (e *Error) Error() string { return "engineio: " + e.text }

// The faults of decoding. They are preallocated: refusing costs nothing.
var (
	ErrEmptyPacket = &Error{"empty packet"}
	ErrPacketType  = &Error{"unknown packet type"}
	ErrBase64      = &Error{"invalid base64 in a binary packet"}
	ErrLength      = &Error{"invalid length in a payload"}
)

// Separator stands between the packets of a revision 4 payload.
const Separator = 0x1e

// decodeText splits a text packet into its type and data.
func decodeText(text []byte) (Packet, error) {
	if len(text) == 0 {
		return Packet{}, ErrEmptyPacket
	}
	t := PacketType(text[0] - '0')
	if t > Noop {
		return Packet{}, ErrPacketType
	}
	return Packet{Type: t, Data: text[1:]}, nil
}
