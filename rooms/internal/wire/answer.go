// What sockets answer, as MessagePack.

package wire

import (
	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
)

// Undefined is JavaScript's, as notepack.io writes it.
const Undefined = "\xd4\x00\x00"

// ReadAnswer is an acknowledgement of a socket of another server.
func ReadAnswer(packet []byte) (rooms.Answer, error) {
	if packet == nil || string(packet) == Undefined {
		return rooms.Answer{}, nil
	}
	raw, bins, err := msgpack.ToJSON(nil, nil, packet)
	return rooms.Answer{JSON: raw, Binary: bins}, err
}
