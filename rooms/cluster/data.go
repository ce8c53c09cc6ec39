// The objects of messages, written and read in both forms.

package cluster

import (
	"encoding/json"
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// object is what the messages of all types hold, those members set that are
// there.
type object struct {
	RequestID   *string
	Opts        *wire.Options
	Rooms       []wire.Name
	Close       bool
	ClientCount int
	Sockets     []wire.Socket

	packet []byte // as it came
	binary bool
}

// readObject reads the object of a message.
func readObject(m *Message) (o object, err error) {
	o.binary = m.Binary
	if m.Data == nil {
		return o, nil
	}
	if !m.Binary {
		var raw struct {
			RequestID   *string         `json:"requestId"`
			Opts        *wire.Options   `json:"opts"`
			Rooms       []wire.Name     `json:"rooms"`
			Close       bool            `json:"close"`
			ClientCount int             `json:"clientCount"`
			Sockets     []wire.Socket   `json:"sockets"`
			Packet      json.RawMessage `json:"packet"`
		}
		err = json.Unmarshal(m.Data, &raw)
		return object{raw.RequestID, raw.Opts, raw.Rooms, raw.Close, raw.ClientCount, raw.Sockets, raw.Packet, false}, err
	}
	err = wire.EachMember(m.Data, func(key string, value []byte) error {
		switch key {
		case "requestId":
			return msgpack.Unmarshal(value, &o.RequestID)
		case "opts":
			return msgpack.Unmarshal(value, &o.Opts)
		case "rooms":
			return msgpack.Unmarshal(value, &o.Rooms)
		case "close":
			return msgpack.Unmarshal(value, &o.Close)
		case "clientCount":
			return msgpack.Unmarshal(value, &o.ClientCount)
		case "sockets":
			return msgpack.Unmarshal(value, &o.Sockets)
		case "packet":
			o.packet = value
		}
		return nil
	})
	return o, err
}

// target is whom a message is for.
func (o *object) target() rooms.Target {
	if o.Opts == nil {
		return rooms.Target{Flags: rooms.Flags{Compress: true}}
	}
	return o.Opts.Target()
}

// event is the event of a broadcast, nil if it is for another namespace.
func (o *object) event(nsp string) (*rooms.Packet, error) {
	if o.binary {
		return wire.ReadPacket(o.packet, nsp, nsp)
	}
	var p struct {
		Type int             `json:"type"`
		Data json.RawMessage `json:"data"`
		NSP  *string         `json:"nsp"`
	}
	if err := json.Unmarshal(o.packet, &p); err != nil {
		return nil, err
	}
	switch {
	case p.Type != int(socketio.Event):
		return nil, fmt.Errorf("cluster: a packet of type %d where an event was due", p.Type)
	case p.NSP != nil && *p.NSP != nsp:
		return nil, nil
	}
	return list(p.Data)
}

// serverEvent is the event of a message between servers.
func (o *object) serverEvent() (*rooms.Packet, error) {
	if !o.binary {
		return list(o.packet)
	}
	items, n, err := msgpack.Items(o.packet)
	if err != nil {
		return nil, err
	}
	name, items := msgpack.NextArg(items)
	var event string
	if err := msgpack.Unmarshal(name, &event); err != nil {
		return nil, err
	}
	return &rooms.Packet{Event: event, Args: []any{rooms.RawArgs{Form: rooms.MsgPack, Bytes: items, Count: n - 1}}}, nil
}

// list is a JSON array of an event's name and its arguments.
func list(raw json.RawMessage) (*rooms.Packet, error) {
	var data []json.RawMessage
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, err
	}
	return wire.Event(data)
}

// answer is what a socket or a server has answered.
func (o *object) answer() (rooms.Answer, error) {
	if o.binary {
		return wire.ReadAnswer(o.packet)
	}
	return rooms.Answer{JSON: o.packet}, nil
}

// writer builds the object of a message.
type writer struct{ members []member }

type member struct {
	key  string
	raw  []byte
	bins [][]byte
}

// add adds a member.
func (w *writer) add(key string, v any) error {
	raw, err := wire.Marshal(v)
	w.addRaw(key, raw, nil)
	return err
}

// addRaw adds a member of JSON with attachments.
func (w *writer) addRaw(key string, raw []byte, bins [][]byte) {
	w.members = append(w.members, member{key, raw, bins})
}

// message completes a message: in JSON, or in MessagePack if there are binary
// values.
func (w *writer) message(t Type) (*Message, error) {
	m := &Message{Type: t}
	for _, part := range w.members {
		m.Binary = m.Binary || len(part.bins) > 0
	}
	if m.Binary {
		m.Data = msgpack.AppendMapHead(nil, len(w.members))
		for _, part := range w.members {
			var err error
			if m.Data, err = msgpack.FromJSON(msgpack.AppendString(m.Data, part.key), part.raw, part.bins); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	m.Data = append(m.Data, '{')
	for i, part := range w.members {
		if i > 0 {
			m.Data = append(m.Data, ',')
		}
		m.Data = append(socketio.AppendString(m.Data, part.key), ':')
		m.Data = append(m.Data, part.raw...)
	}
	m.Data = append(m.Data, '}')
	return m, nil
}

// eventList is the JSON array of an event's name and its arguments.
func eventList(event string, args rooms.RawArgs) []byte {
	raw := socketio.AppendString([]byte{'['}, event)
	if len(args.Bytes) > 0 {
		raw = append(append(raw, ','), args.Bytes...)
	}
	return append(raw, ']')
}

// packet is the JSON of a broadcast's packet. The namespace is that of the
// message.
func packet(event string, args rooms.RawArgs) []byte {
	raw := append([]byte(`{"type":2,"data":`), eventList(event, args)...)
	return append(raw, '}')
}
