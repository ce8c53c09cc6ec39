// Events of other servers.

package wire

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// limits are those of what other servers send: they had clients with limits of
// their own, and what is too much for the clients here their sessions tell.
var limits = socketio.Limits{
	Depth: 1000, Arguments: math.MaxInt32, EventName: math.MaxInt32, Namespace: math.MaxInt32,
	Attachments: socketio.MaxAttachments, AuthBytes: math.MaxInt32, PacketBytes: math.MaxInt,
}

// ReadPacket reads an event, nil if it is for another namespace than nsp. One
// without a namespace is for the usual one.
func ReadPacket(b []byte, nsp, usual string) (*rooms.Packet, error) {
	var p socketio.Packet
	err := msgpack.Decode(b, &limits, &p)
	if err == socketio.ErrNamespace {
		if b, err = withNamespace(b, usual); err == nil {
			err = msgpack.Decode(b, &limits, &p)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case p.Type != socketio.Event:
		return nil, fmt.Errorf("wire: a packet of type %s where an Event was due", p.Type)
	case string(p.Namespace) != nsp:
		return nil, nil
	}
	args := rooms.RawArgs{Form: rooms.MsgPack, Bytes: p.Args, Count: p.NumArgs}
	return &rooms.Packet{Event: string(p.Name), Args: []any{args}}, nil
}

// withNamespace adds the namespace to a packet without one, and makes the type of
// one with binary data that of any other event.
func withNamespace(b []byte, nsp string) ([]byte, error) {
	var data []byte
	err := msgpack.EachMember(b, func(key, value []byte) {
		if string(key) == "data" {
			data = value
		}
	})
	if err != nil || data == nil {
		return nil, socketio.ErrNamespace
	}
	b = msgpack.AppendString(msgpack.AppendMapHead(nil, 3), "type")
	b = append(b, byte(socketio.Event))
	b = append(msgpack.AppendString(b, "data"), data...)
	return msgpack.AppendString(msgpack.AppendString(b, "nsp"), nsp), nil
}

// EachMember calls f with the members of a MessagePack map up to the first
// error.
func EachMember(b []byte, f func(key string, value []byte) error) error {
	var failed error
	err := msgpack.EachMember(b, func(key, value []byte) {
		if failed == nil {
			failed = f(string(key), value)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// Socket is a socket as servers tell each other of it.
type Socket struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     []Name          `json:"rooms"`
	Data      json.RawMessage `json:"data"`
}

// Infos are sockets that another server has told of.
func Infos(sockets []Socket) []rooms.SocketInfo {
	list := make([]rooms.SocketInfo, len(sockets))
	for i, s := range sockets {
		list[i] = rooms.SocketInfo{ID: s.ID, Rooms: Plain(s.Rooms), Handshake: s.Handshake, Data: s.Data}
	}
	return list
}

// OutgoingSocket is a socket of this server as others are told of it.
type OutgoingSocket struct {
	ID        string          `json:"id"`
	Handshake json.RawMessage `json:"handshake"`
	Rooms     []string        `json:"rooms"`
	Data      json.RawMessage `json:"data"`
}

// Outgoing are sockets of this server. One to which the application has attached
// nothing has an empty object, as with the reference.
func Outgoing(sockets []rooms.SocketInfo) []OutgoingSocket {
	list := make([]OutgoingSocket, len(sockets))
	for i, s := range sockets {
		o := OutgoingSocket{s.ID, s.Handshake, OrEmpty(s.Rooms), s.Data}
		if len(o.Handshake) == 0 {
			o.Handshake = json.RawMessage("null")
		}
		if len(o.Data) == 0 || string(o.Data) == "null" {
			o.Data = json.RawMessage("{}")
		}
		list[i] = o
	}
	return list
}
