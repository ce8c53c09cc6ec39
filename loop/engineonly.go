// Engine.IO without Socket.IO: sessions as sockets, messages as the event "message".

package loop

import (
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/transport"
)

// eventMessage is the one event there is with Config.EngineOnly.
const eventMessage = "message"

// The parts of packets that messages are turned into. They are never written to.
var (
	nameMessage = []byte(eventMessage)
	argBinary   = []byte(`{"_placeholder":true,"num":0}`)
)

// engineOnly checks that no part of Socket.IO is asked for beside EngineOnly.
func (c *Config) engineOnly(check func(ok bool, format string, args ...any)) {
	if c.EngineOnly {
		check(c.Parser == JSON, "Parser has no meaning with EngineOnly: leave it out")
		check(c.ConnectionStateRecovery == nil, "ConnectionStateRecovery is a part of Socket.IO, which EngineOnly leaves out")
	}
}

// beginEngineOnly makes a session a socket of "/".
func (l *Loop) beginEngineOnly(s *transport.Session, c *client) { l.join(s, c, l.server.root, nil) }

// message brings a message to the handlers of the client's one socket.
func (l *Loop) message(c *client, data []byte, binary bool) {
	if c.first == 0 {
		return // disconnected by this side, while the client did not know
	}
	slot := c.first - 1
	p := &l.packet
	*p = socketio.Packet{Type: socketio.Event, Name: nameMessage, NumArgs: 1}
	var bins [][]byte
	if binary {
		p.Args, bins = argBinary, [][]byte{clone(data)}
	} else {
		l.arg = socketio.AppendString(l.arg[:0], string(data))
		p.Args = l.arg
	}
	l.dispatch(l.sockets.At(slot), slot, p, bins)
}

// messageParser is the parser of servers with Config.EngineOnly: events of the
// name "message" are messages, and what begins and ends a membership is nothing.
type messageParser struct{}

// Encode implements [Parser].
func (messageParser) Encode(p *Packet) (m Messages, err error) {
	if p.Type == socketio.Connect || p.Type == socketio.Disconnect {
		return m, nil
	}
	list, _ := p.Data.([]any)
	if p.Type != socketio.Event || p.HasID || len(list) != 2 || list[0] != eventMessage {
		return m, ErrEngineOnly
	}
	switch v := list[1].(type) {
	case string:
		m.Text = []byte(v)
	case []byte:
		m.Binary = [][]byte{v}
	default:
		err = ErrEngineOnly
	}
	return m, err
}

// NewDecoder implements [Parser].
func (messageParser) NewDecoder() Decoder { return messageDecoder{} }

type messageDecoder struct{}

// Add implements [Decoder].
func (messageDecoder) Add(message []byte, binary bool) (*Packet, error) {
	p := &Packet{Type: socketio.Event, Namespace: "/", Data: []any{eventMessage, string(message)}}
	if binary {
		p.Data = []any{eventMessage, message}
	}
	return p, nil
}
