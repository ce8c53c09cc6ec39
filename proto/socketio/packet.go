// Packet types, limits and the view of a decoded packet.

package socketio

// PacketType is the type of a Socket.IO packet, the digit it travels as.
type PacketType uint8

// The packet types, the same in revisions 4 and 5.
const (
	Connect PacketType = iota
	Disconnect
	Event
	Ack
	ConnectError
	BinaryEvent
	BinaryAck
)

var typeNames = [...]string{
	"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK",
}

// String returns the name of the type in the protocol text, "unknown" if it
// has none. Any goroutine.
func (t PacketType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

const (
	// MaxID is the largest ack id and the largest integer event name: the last
	// integer that JavaScript tells from its neighbours.
	MaxID = 1<<53 - 1

	// MaxAttachments is the most attachments one packet can carry, whatever
	// the limits say: one word holds which of them the text has cited.
	MaxAttachments = 64
)

// Limits bound what one packet may hold. A field of 0 allows nothing; start
// from DefaultLimits.
type Limits struct {
	Depth       int // arrays and objects open at once, the payload included
	Arguments   int // arguments of an event after its name, or of an ack
	EventName   int // bytes of an event name as sent, escapes not decoded
	Namespace   int // bytes of a namespace with its leading slash
	Attachments int // binary attachments; at most MaxAttachments
	AuthBytes   int // bytes of the payload of CONNECT
	PacketBytes int // bytes of a binary packet's text and attachments together
}

var defaultLimits = Limits{
	Depth:       64,
	Arguments:   4096,
	EventName:   1 << 10,
	Namespace:   256,
	Attachments: 10,
	AuthBytes:   64 << 10,
	PacketBytes: 4 << 20,
}

// DefaultLimits returns the limits that apply where none are given: depth 64,
// 4096 arguments, event names of 1 KiB, namespaces of 256 bytes, 10
// attachments, 64 KiB of auth and 4 MiB for a packet with its attachments.
// Any goroutine.
func DefaultLimits() Limits { return defaultLimits }

// Packet is one decoded packet. Its slices are views of the decoded text: they
// live as long as that memory does and must not be written to.
type Packet struct {
	Type        PacketType
	HasID       bool
	NameEscaped bool   // Name still holds JSON escapes; EventName decodes them
	Attachments int    // attachments that follow, 0 unless the type is binary
	NumArgs     int    // values in Args
	ID          uint64 // ack id, at most MaxID; meaningful if HasID
	Namespace   []byte // "/" when the packet names none
	Payload     []byte // JSON of the payload without space around it, nil if absent
	Name        []byte // event name: what stands between the quotes, or the digits of an integer
	Args        []byte // JSON of the arguments, "a,b,c", after the name; NextArg walks them

	text []byte // all that was decoded
}

// rootNamespace is what Namespace points to when a packet names none. It is
// never written to.
var rootNamespace = []byte("/")

// EventName returns the decoded name of an event. It copies; a lookup in a map
// by string(p.Name) needs no copy as long as NameEscaped is false.
// Any goroutine.
func (p *Packet) EventName() string {
	if !p.NameEscaped {
		return string(p.Name)
	}
	return string(unescape(nil, p.Name))
}

// AppendEventName appends the decoded name of an event to dst.
// Any goroutine.
func (p *Packet) AppendEventName(dst []byte) []byte {
	if !p.NameEscaped {
		return append(dst, p.Name...)
	}
	return unescape(dst, p.Name)
}
