// A message that each client gets with its handshake.

package transport

import "github.com/sioserver/sioserver/proto/engineio"

// Initial is a message directly behind the open packet, over polling in the same
// payload. It is read-only once an engine exists.
type Initial struct {
	Data   []byte // without its type
	Binary bool
}

func (i *Initial) packet() engineio.Packet {
	return engineio.Packet{Type: engineio.Message, Data: i.Data, Binary: i.Binary}
}

// appendFrame appends the message as a websocket frame.
func (i *Initial) appendFrame(dst []byte, d dialect) []byte {
	if i.Binary {
		return d.appendBinaryFrame(dst, i.Data)
	}
	return appendTextFrame(dst, i.Data)
}
