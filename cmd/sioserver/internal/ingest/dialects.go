// The dialects: from a message to what it asks for.

package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
	roomsredis "github.com/sioserver/sioserver/rooms/redis"
)

// socketIO hears @socket.io/redis-emitter, and the servers of the reference with
// @socket.io/redis-adapter, in one namespace.
func (i *Ingest) socketIO(key, namespace string) *door {
	events, requests := key+"#"+namespace+"#", key+"-request#"+namespace+"#"
	return &door{
		source: dialectSocketIO, patterns: []string{glob(events) + "*"}, channels: []string{requests},
		handle: func(channel string, payload []byte) error {
			var c *roomsredis.Command
			var err error
			if channel == requests {
				c, err = roomsredis.ReadRequest(payload)
			} else {
				c, err = roomsredis.ReadEvent(payload, namespace)
			}
			if err != nil {
				return err
			}
			if c == nil {
				return errIgnored
			}
			return i.do(namespace, c.Target, func(o loop.BroadcastOperator) error { return obey(o, c) })
		},
	}
}

// obey does what a command says.
func obey(o loop.BroadcastOperator, c *roomsredis.Command) error {
	switch {
	case c.Packet != nil:
		return o.EmitArgs(c.Packet.Event, loop.ArgsOf(c.Packet.Args[0].(rooms.RawArgs)))
	case c.Join != nil:
		return o.SocketsJoin(c.Join...)
	case c.Leave != nil:
		return o.SocketsLeave(c.Leave...)
	}
	return o.DisconnectSockets(c.Close)
}

// names is a name, a number, a list of them, or nothing.
type names []string

// UnmarshalJSON implements [json.Unmarshaler].
func (n *names) UnmarshalJSON(text []byte) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, x := range list {
		switch x := x.(type) {
		case nil:
		case string:
			*n = append(*n, x)
		case json.Number:
			*n = append(*n, x.String())
		default:
			return fmt.Errorf("%s is no name", text)
		}
	}
	return nil
}

// pythonMessage is what python-socketio publishes.
type pythonMessage struct {
	Method    string            `json:"method"`
	Namespace string            `json:"namespace"`
	Event     string            `json:"event"`
	Data      []json.RawMessage `json:"data"`
	Binary    bool              `json:"binary"`
	Room      names             `json:"room"`
	SkipSID   names             `json:"skip_sid"`
	SID       string            `json:"sid"`
}

// errPickle is told of publishers that are too old.
var errPickle = errors.New("it is a Python pickle, which is not read: anybody who can publish could run code with it. Upgrade python-socketio to 5.14 or later, which publishes JSON")

// python hears python-socketio and Flask-SocketIO as write-only managers.
func (i *Ingest) python(channel string) *door {
	return &door{source: dialectPython, channels: []string{channel}, handle: func(_ string, payload []byte) error {
		if len(payload) > 0 && payload[0] == 0x80 {
			return errPickle
		}
		var m pythonMessage
		if err := json.Unmarshal(payload, &m); err != nil {
			return err
		}
		return i.obeyPython(&m)
	}}
}

func (i *Ingest) obeyPython(m *pythonMessage) error {
	t := rooms.Target{Flags: rooms.Flags{Compress: true}}
	switch m.Method {
	case "emit":
		args, err := m.args()
		if err != nil {
			return err
		}
		t.Rooms, t.Except = m.Room, m.SkipSID
		return i.do(m.Namespace, t, func(o loop.BroadcastOperator) error { return o.EmitArgs(m.Event, args) })
	case "disconnect", "enter_room", "leave_room":
		if m.SID == "" {
			return fmt.Errorf("%s without a sid", m.Method)
		}
		t.Rooms = []string{m.SID}
		return i.do(m.Namespace, t, func(o loop.BroadcastOperator) error {
			switch m.Method {
			case "enter_room":
				return o.SocketsJoin(m.Room...)
			case "leave_room":
				return o.SocketsLeave(m.Room...)
			}
			return o.DisconnectSockets(false)
		})
	case "close_room":
		if len(m.Room) == 0 {
			return errors.New("close_room without a room")
		}
		t.Rooms = m.Room
		return i.do(m.Namespace, t, func(o loop.BroadcastOperator) error { return o.SocketsLeave(m.Room...) })
	case "callback":
		return errIgnored
	}
	return fmt.Errorf("the method %q is not known", m.Method)
}

// args are the arguments of an event. Those of a binary one are a list with
// placeholders, and what belongs there behind it, in base64.
func (m *pythonMessage) args() (loop.Args, error) {
	list := m.Data
	raw := rooms.RawArgs{Form: rooms.JSON}
	if m.Binary {
		if len(m.Data) == 0 {
			return loop.Args{}, errors.New("a binary event without data")
		}
		if err := json.Unmarshal(m.Data[0], &list); err != nil {
			return loop.Args{}, err
		}
		for _, text := range m.Data[1:] {
			var b []byte // of base64
			if err := json.Unmarshal(text, &b); err != nil {
				return loop.Args{}, err
			}
			raw.Binary = append(raw.Binary, b)
		}
	}
	raw.Count = len(list)
	for n, arg := range list {
		if n > 0 {
			raw.Bytes = append(raw.Bytes, ',')
		}
		var b bytes.Buffer
		if err := json.Compact(&b, arg); err != nil {
			return loop.Args{}, err
		}
		raw.Bytes = append(raw.Bytes, b.Bytes()...)
	}
	return loop.ArgsOf(raw), nil
}

// laravelMessage is what Laravel's redis broadcaster publishes.
type laravelMessage struct {
	Event  string          `json:"event"`
	Data   json.RawMessage `json:"data"`
	Socket *string         `json:"socket"`
}

// laravel hears Laravel's broadcasting: the channel is the room, and clients get
// its name and the data, as Laravel Echo expects them.
func (i *Ingest) laravel(prefix string) *door {
	return &door{source: dialectLaravel, patterns: []string{glob(prefix) + "*"}, handle: func(channel string, payload []byte) error {
		var m laravelMessage
		if err := json.Unmarshal(payload, &m); err != nil {
			return err
		}
		if m.Event == "" {
			return errors.New("it has no event")
		}
		room := strings.TrimPrefix(channel, prefix)
		t := rooms.Target{Rooms: []string{room}, Flags: rooms.Flags{Compress: true}}
		if m.Socket != nil && *m.Socket != "" {
			t.Except = []string{*m.Socket}
		}
		if len(m.Data) == 0 {
			m.Data = json.RawMessage("null")
		}
		return i.do("/", t, func(o loop.BroadcastOperator) error { return o.Emit(m.Event, room, m.Data) })
	}}
}
