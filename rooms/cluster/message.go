// Message: what one server tells others.

package cluster

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// Type says what a message is.
type Type int

// The types of messages, with the names they have in the reference. Heartbeats
// are of transports that cannot count servers.
const (
	InitialHeartbeat Type = iota + 1
	Heartbeat
	Broadcast
	SocketsJoin
	SocketsLeave
	DisconnectSockets
	FetchSockets
	FetchSocketsResponse
	ServerSideEmit
	ServerSideEmitResponse
	BroadcastClientCount
	BroadcastAck
	AdapterClose
)

// Message is what one server tells others. It is immutable.
type Message struct {
	UID       string // of the sender's adapter
	Namespace string
	Type      Type
	// Data is the message's object, nil if it has none: JSON, or MessagePack if
	// Binary, which it is if there are binary values in it.
	Data   []byte
	Binary bool

	// For the bus, not on the wire.
	To        string // the adapter that an answer is for, "" for all
	RequestID string // of a message that is to be answered, else ""
	Room      string // of a broadcast without answers to exactly one room
	Offset    string // of a broadcast, for [rooms.Packet]
}

// AppendText appends the message as one JSON object. It has no binary values.
// Any goroutine.
func (m *Message) AppendText(dst []byte) []byte {
	head := struct {
		Type Type            `json:"type"`
		Data json.RawMessage `json:"data,omitempty"`
		UID  string          `json:"uid"`
		NSP  string          `json:"nsp"`
	}{m.Type, m.Data, m.UID, m.Namespace}
	raw, _ := wire.Marshal(head) // Data is JSON
	return append(dst, raw...)
}

// AppendMsgPack appends the message as one MessagePack map. The error tells that
// Data is not what it is said to be. Any goroutine.
func (m *Message) AppendMsgPack(dst []byte) (_ []byte, err error) {
	members := 4
	if m.Data == nil {
		members = 3
	}
	dst = msgpack.AppendMapHead(dst, members)
	dst = append(msgpack.AppendString(dst, "type"), byte(m.Type))
	if m.Data != nil {
		dst = msgpack.AppendString(dst, "data")
		if m.Binary {
			dst = append(dst, m.Data...)
		} else if dst, err = msgpack.FromJSON(dst, m.Data, nil); err != nil {
			return dst, err
		}
	}
	dst = msgpack.AppendString(msgpack.AppendString(dst, "uid"), m.UID)
	return msgpack.AppendString(msgpack.AppendString(dst, "nsp"), m.Namespace), nil
}

var errMessage = errors.New("cluster: a message is neither a JSON object nor a MessagePack map")

// Decode reads a message in either form. Its slices are views of b. Any
// goroutine.
func Decode(b []byte) (*Message, error) {
	if len(b) == 0 {
		return nil, errMessage
	}
	m := &Message{}
	if b[0] == '{' {
		var head struct {
			UID  string          `json:"uid"`
			NSP  string          `json:"nsp"`
			Type Type            `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(b, &head); err != nil {
			return nil, err
		}
		m.UID, m.Namespace, m.Type, m.Data = head.UID, head.NSP, head.Type, head.Data
		return m, nil
	}
	m.Binary = true
	err := wire.EachMember(b, func(key string, value []byte) error {
		switch key {
		case "uid":
			return msgpack.Unmarshal(value, &m.UID)
		case "nsp":
			return msgpack.Unmarshal(value, &m.Namespace)
		case "type":
			return msgpack.Unmarshal(value, &m.Type)
		case "data":
			m.Data = value
		}
		return nil
	})
	return m, err
}

// Bus carries messages between the adapters of one namespace. Its methods may
// be called from any goroutine.
type Bus interface {
	// Publish sends a message to the other servers, or to the one it names, and
	// does not wait. The order of its calls is kept.
	Publish(m *Message)
	// ServerCount is the number of servers, this one included.
	ServerCount(ctx context.Context) (int, error)
	// Malformed is told of a message that cannot be used.
	Malformed(err error)
	// Close ends the bus. Nothing is received after it.
	Close() error
}
