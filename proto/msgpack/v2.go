// The older variant, of servers and clients of version 2: some packets are JSON.

package msgpack

import "github.com/sioserver/sioserver/proto/socketio"

// DecodeV2 is Decode for the binary messages of version 2, which carry events
// and acks only. Their types 5 and 6, binary inline as ever, become Event and
// Ack. Any goroutine.
func DecodeV2(msg []byte, lim *socketio.Limits, p *socketio.Packet) error {
	if lim == nil {
		lim = &defaultLimits
	}
	var m members
	if err := m.read(msg, lim); err != nil {
		return err
	}
	*p = socketio.Packet{}
	switch m.packetType() {
	case uint64(socketio.Event), uint64(socketio.BinaryEvent):
		p.Type = socketio.Event
	case uint64(socketio.Ack), uint64(socketio.BinaryAck):
		p.Type = socketio.Ack
	default:
		return ErrPacketType
	}
	return m.decode(lim, p)
}

// DecodeV2Text is Decode for the text messages of version 2: CONNECT, DISCONNECT
// and ERROR as the JSON of an object with the keys of the packet. The JSON is
// turned into MessagePack first, in memory of its own, of which p is a view.
// Any goroutine.
func DecodeV2Text(text []byte, lim *socketio.Limits, p *socketio.Packet) error {
	if lim == nil {
		lim = &defaultLimits
	}
	r := jsonReader{b: text}
	if !r.single() {
		return ErrMalformed
	}
	var m members
	if err := m.read(r.dst, lim); err != nil {
		return err
	}
	*p = socketio.Packet{}
	switch t := m.packetType(); t {
	case uint64(socketio.Connect), uint64(socketio.Disconnect), uint64(socketio.ConnectError):
		p.Type = socketio.PacketType(t)
	default:
		return ErrPacketType
	}
	return m.decode(lim, p)
}

// AppendV2Connect appends the text message that admits a client of version 2 to
// nsp. Any goroutine.
func AppendV2Connect(dst []byte, nsp string) []byte { return appendV2(dst, '0', "", nsp) }

// AppendV2Disconnect appends the text message of a DISCONNECT packet.
// Any goroutine.
func AppendV2Disconnect(dst []byte, nsp string) []byte { return appendV2(dst, '1', "", nsp) }

// AppendV2Error appends the text message that refuses nsp to a client of version
// 2; message tells why. Any goroutine.
func AppendV2Error(dst []byte, nsp, message string) []byte { return appendV2(dst, '4', message, nsp) }

func appendV2(dst []byte, digit byte, message, nsp string) []byte {
	dst = append(dst, `{"type":`...)
	dst = append(dst, digit)
	if digit == '4' {
		dst = socketio.AppendString(append(dst, `,"data":`...), message)
	}
	if nsp == "" {
		nsp = "/"
	}
	dst = socketio.AppendString(append(dst, `,"nsp":`...), nsp)
	return append(dst, '}')
}
