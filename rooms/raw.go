// RawArgs: arguments on their way between servers, encoded.

package rooms

// Form is how arguments are encoded.
type Form uint8

const (
	// JSON is text, the arguments separated by commas, with placeholders where
	// binary values belong.
	JSON Form = iota
	// MsgPack is MessagePack, one value after the other, binary values inline.
	MsgPack
)

// RawArgs are encoded arguments. As the only item of Packet.Args they stand for
// all arguments of the packet: adapters hand over in this form what other
// servers have sent. Immutable.
type RawArgs struct {
	Form   Form
	Bytes  []byte
	Count  int      // arguments in Bytes
	Binary [][]byte // of the form JSON, what its placeholders cite
}
