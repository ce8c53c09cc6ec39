// Recordings of the official sharded adapter, read and written again.

package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// TestGolden: what the library has published is read and written again as it
// was, to the byte, the head as well as the object.
func TestGolden(t *testing.T) {
	seen := map[Type]bool{}
	for _, r := range redistest.Recordings(t, "testdata/*.json") {
		t.Run(r.File+"/"+r.Step+"/"+r.By, func(t *testing.T) {
			m, err := Decode(r.Payload)
			if err != nil {
				t.Fatal(err)
			}
			seen[m.Type] = true
			o, err := readObject(m)
			if err != nil {
				t.Fatal(err)
			}
			again, err := o.again(m)
			if err != nil {
				t.Fatal(err)
			}
			again.UID, again.Namespace = m.UID, m.Namespace
			var text []byte
			if again.Binary {
				text, err = again.AppendMsgPack(nil)
			} else {
				text = again.AppendText(nil)
			}
			if err != nil || !bytes.Equal(text, r.Payload) {
				t.Errorf("%v; written again:\n%q\nrecorded:\n%q", err, text, r.Payload)
			}
		})
	}
	// The other types are of buses that cannot count servers.
	for kind := Broadcast; kind <= BroadcastAck; kind++ {
		if !seen[kind] {
			t.Errorf("no message of type %d was recorded", kind)
		}
	}
}

// again writes an object from what was read of it, by the methods that write
// those of this server.
func (o *object) again(m *Message) (*Message, error) {
	var w writer
	var sent *Message
	a := &Adapter{local: encoder{}, bus: busFunc(func(m *Message) { sent = m }), opts: Options{RequestsTimeout: time.Second}}
	t := o.target()
	switch m.Type {
	case Broadcast:
		if o.Opts.Flags.Timeout > 0 {
			t.Flags.Timeout = time.Duration(o.Opts.Flags.Timeout) * time.Millisecond
		}
		id := ""
		if o.RequestID != nil {
			id = *o.RequestID
		}
		p, err := o.event(m.Namespace)
		if err == nil {
			err = a.publishBroadcast(p, t, id)
		}
		return sent, err
	case SocketsJoin, SocketsLeave:
		err := a.command(m.Type, t, "rooms", wire.Plain(o.Rooms))
		return sent, err
	case DisconnectSockets:
		err := a.command(m.Type, t, "close", o.Close)
		return sent, err
	case FetchSockets:
		if err := w.add("opts", optionsOf(t)); err != nil {
			return nil, err
		}
		err := w.add("requestId", *o.RequestID)
		if err != nil {
			return nil, err
		}
		return w.message(m.Type)
	case ServerSideEmit:
		p, err := o.serverEvent()
		id := ""
		if o.RequestID != nil {
			id = *o.RequestID
		}
		if err == nil {
			err = a.serverEvent(p, id)
		}
		return sent, err
	}
	key, raw, bins, err := o.answerAgain(m.Type)
	a.respond(m, m.Type, o, key, raw, bins)
	return sent, err
}

// answerAgain is what an answer says, beside the request it is for.
func (o *object) answerAgain(t Type) (key string, raw json.RawMessage, bins [][]byte, err error) {
	switch t {
	case FetchSocketsResponse:
		raw, err = wire.Marshal(wire.Outgoing(wire.Infos(o.Sockets)))
		return "sockets", raw, nil, err
	case BroadcastClientCount:
		raw, err = wire.Marshal(o.ClientCount)
		return "clientCount", raw, nil, err
	}
	answer, err := o.answer()
	return "packet", answer.JSON, answer.Binary, err
}

// encoder is a server as far as encoding goes.
type encoder struct{ rooms.Local }

func (encoder) Name() string { return "/" }

// Encode hands JSON on, and turns MessagePack into it.
func (encoder) Encode(p *rooms.Packet, _ rooms.Form) (rooms.RawArgs, error) {
	args := p.Args[0].(rooms.RawArgs)
	if args.Form == rooms.JSON {
		return args, nil
	}
	out := rooms.RawArgs{Count: args.Count}
	for rest := args.Bytes; len(rest) > 0; {
		var arg []byte
		var err error
		arg, rest = msgpack.NextArg(rest)
		if len(out.Bytes) > 0 {
			out.Bytes = append(out.Bytes, ',')
		}
		if out.Bytes, out.Binary, err = msgpack.ToJSON(out.Bytes, out.Binary, arg); err != nil {
			return out, err
		}
	}
	return out, nil
}

// busFunc is a bus that is only published on.
type busFunc func(m *Message)

func (f busFunc) Publish(m *Message) { f(m) }
func (busFunc) Malformed(error)      {}
func (busFunc) Close() error         { return nil }

// ServerCount implements [Bus].
func (busFunc) ServerCount(context.Context) (int, error) { return 2, nil }
