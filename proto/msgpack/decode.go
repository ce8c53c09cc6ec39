// Decoding of one packet: the check of the whole, then of what its type calls
// for.

package msgpack

import (
	"bytes"
	"strconv"

	"github.com/sioserver/sioserver/proto/socketio"
)

// maxMembers bounds the keys of a packet. Five are known; some senders add their
// own, and these are passed over.
const maxMembers = 32

var defaultLimits = socketio.DefaultLimits()

// Decode reads the packet that the binary message msg carries into p. msg is
// checked whole, in one pass and before anything is built from it: its form,
// lengths, depth, UTF-8, and then the payload against the type. lim may be nil
// for the defaults; Attachments and PacketBytes do not apply, as binary data is
// inline. p is a view of msg; after an error it holds nothing to rely on. Errors
// are of type *socketio.Error. Nothing is allocated but the digits of an event
// name that is an integer. Any goroutine.
func Decode(msg []byte, lim *socketio.Limits, p *socketio.Packet) error {
	if lim == nil {
		lim = &defaultLimits
	}
	var m members
	if err := m.read(msg, lim); err != nil {
		return err
	}
	t := m.packetType()
	if t > uint64(socketio.ConnectError) {
		return ErrPacketType
	}
	*p = socketio.Packet{Type: socketio.PacketType(t)}
	return m.decode(lim, p)
}

// members are the parts of a packet's map, nil where missing.
type members struct {
	typ, nsp, data, id []byte
}

// read finds the members in msg and checks their form.
func (m *members) read(msg []byte, lim *socketio.Limits) error {
	h, i := readHead(msg, 0)
	if i < 0 {
		return ErrMalformed
	}
	if h.kind != mapKind {
		return ErrPacketType
	}
	if h.n > maxMembers {
		return ErrMembers
	}
	s := scanner{b: msg, maxDepth: lim.Depth}
	for range h.n {
		key, keyEnd := keyAt(msg, i)
		if keyEnd < 0 {
			return ErrMalformed
		}
		if i = s.values(keyEnd, 1, 0); i < 0 {
			return s.err
		}
		var part *[]byte
		switch string(msg[key:keyEnd]) {
		case "type":
			part = &m.typ
		case "nsp":
			part = &m.nsp
		case "data":
			part = &m.data
		case "id":
			part = &m.id
		default:
			if !validText(msg, key, keyEnd) {
				return ErrMalformed
			}
			continue
		}
		// Two readers may differ in which of two they take.
		if *part != nil {
			return ErrMembers
		}
		*part = msg[keyEnd:i:i]
	}
	if i != len(msg) {
		return ErrTrailing
	}
	return nil
}

// packetType returns the type, larger than any if there is no such integer.
func (m *members) packetType() uint64 {
	h, next := readHead(m.typ, 0)
	if next < 0 || h.kind != intKind {
		return ^uint64(0)
	}
	return h.n
}

// decode checks the members against the type in p, in the order in which the
// reference does. Only events and acks go with an id, and an ack is nothing
// without one.
func (m *members) decode(lim *socketio.Limits, p *socketio.Packet) error {
	if err := m.namespace(lim, p); err != nil {
		return err
	}
	data, next := readHead(m.data, 0)
	if next > 0 && data.kind != undefinedKind {
		p.Payload = m.data
	}
	switch p.Type {
	case socketio.Connect:
		if p.Payload != nil && data.kind != mapKind {
			return socketio.ErrPayload
		}
		if len(p.Payload) > lim.AuthBytes {
			return socketio.ErrAuthTooLarge
		}
	case socketio.Disconnect:
		if p.Payload != nil {
			return socketio.ErrPayload
		}
	case socketio.ConnectError:
		if data.kind != mapKind && data.kind != strKind {
			return socketio.ErrPayload
		}
	default:
		if data.kind != arrayKind {
			return socketio.ErrPayload
		}
		if err := decodeArray(p, next, data.n, lim); err != nil {
			return err
		}
	}
	if err := m.ackID(p); err != nil {
		return err
	}
	switch p.Type {
	case socketio.Event:
	case socketio.Ack:
		if !p.HasID {
			return socketio.ErrAckID
		}
	default:
		if p.HasID {
			return socketio.ErrPayload
		}
	}
	return nil
}

// namespace reads the namespace. A name that the text form could not carry would
// be news to all that is built on names.
func (m *members) namespace(lim *socketio.Limits, p *socketio.Packet) error {
	h, next := readHead(m.nsp, 0)
	if next < 0 || h.kind != strKind {
		return socketio.ErrNamespace
	}
	name := m.nsp[next:]
	if len(name) > lim.Namespace {
		return socketio.ErrNamespaceTooLong
	}
	if len(name) == 0 || name[0] != '/' || bytes.IndexByte(name, ',') >= 0 {
		return socketio.ErrNamespace
	}
	p.Namespace = name
	return nil
}

func (m *members) ackID(p *socketio.Packet) error {
	h, next := readHead(m.id, 0)
	if next < 0 || h.kind == undefinedKind {
		return nil
	}
	if h.kind != intKind || h.n > socketio.MaxID {
		return socketio.ErrAckID
	}
	p.ID, p.HasID = h.n, true
	return nil
}

// decodeArray splits the payload of n items, which start at i, into the name, if
// it is an event, and the arguments.
func decodeArray(p *socketio.Packet, i int, n uint64, lim *socketio.Limits) error {
	if p.Type == socketio.Event {
		if n == 0 {
			return socketio.ErrPayload
		}
		n--
		var err error
		if i, err = decodeName(p, i, lim); err != nil {
			return err
		}
	}
	// There are as many items as bytes at most, so n fits an int.
	if lim.Arguments < 0 || n > uint64(lim.Arguments) {
		return socketio.ErrTooManyArguments
	}
	if n > 0 {
		p.NumArgs, p.Args = int(n), p.Payload[i:]
	}
	return nil
}

// decodeName reads the event name at i and returns the position behind it: a
// string that is neither empty nor reserved, or a non-negative integer. An
// integer stands for its decimal text, as it does for JavaScript.
func decodeName(p *socketio.Packet, i int, lim *socketio.Limits) (next int, err error) {
	h, next := readHead(p.Payload, i)
	switch {
	case h.kind == intKind && h.n <= socketio.MaxID:
		p.Name = strconv.AppendUint(nil, h.n, 10)
		return next, nil
	case h.kind != strKind || h.n == 0:
		return 0, socketio.ErrPayload
	}
	end := next + int(h.n)
	p.Name = p.Payload[next:end:end]
	if len(p.Name) > lim.EventName {
		return 0, socketio.ErrEventNameTooLong
	}
	if socketio.Reserved(string(p.Name)) {
		return 0, socketio.ErrPayload
	}
	return end, nil
}
