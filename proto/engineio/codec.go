// The revisions of the protocol behind one interface.

package engineio

// Codec encodes and decodes the packets of one revision of Engine.IO. Its
// methods keep no state and may be called from any goroutine.
type Codec interface {
	// Revision is the number clients send as EIO in the query.
	Revision() int
	// DecodeFrame decodes one complete websocket message. The packet is a view
	// of frame; base64 is decoded in place, which overwrites frame.
	DecodeFrame(frame []byte, binary bool) (Packet, error)
	// NextPacket decodes the first packet of a polling payload that is not
	// empty and returns what follows it, nil after the last. binary tells that
	// the body came as application/octet-stream. The packet is a view of
	// payload; base64 is decoded in place, which overwrites payload.
	NextPacket(payload []byte, binary bool) (p Packet, rest []byte, err error)
	// AppendPayload appends packet p to a polling payload under construction
	// in dst, in the form that is text. first tells that p opens the payload.
	AppendPayload(dst []byte, p Packet, first bool) []byte
	// BinaryPayloads reports whether the revision has a form of payloads for
	// clients that can read bytes, used for payloads with a binary packet and
	// sent as application/octet-stream.
	BinaryPayloads() bool
	// AppendBinaryPayload appends packet p to a payload in that form.
	AppendBinaryPayload(dst []byte, p Packet) []byte
	// AppendBinaryPrefix appends what stands in front of the data in a binary
	// websocket frame: nothing in revision 4.
	AppendBinaryPrefix(dst []byte) []byte
}

// V3 is Engine.IO revision 3, spoken by clients of Socket.IO 1 and 2.
var V3 Codec = v3{}

// V4 is Engine.IO revision 4, spoken by clients of Socket.IO 3 and later.
var V4 Codec = v4{}

// AppendPacket appends the text form of a packet, the same in each revision:
// the type digit and the data. Any goroutine.
func AppendPacket(dst []byte, t PacketType, data []byte) []byte {
	return append(append(dst, '0'+byte(t)), data...)
}
