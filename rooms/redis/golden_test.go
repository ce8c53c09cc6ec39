// Recordings of the official adapters and emitter, read and written again.

package redis

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// TestGolden: what the libraries have published is read and written again as it
// was, to the byte.
func TestGolden(t *testing.T) {
	seen := map[requestType]bool{}
	for _, m := range redistest.Recordings(t, "testdata/*.json") {
		t.Run(m.File+"/"+m.Step+"/"+m.By, func(t *testing.T) {
			var again []byte
			var kind requestType
			var err error
			switch {
			case strings.Contains(m.Channel, "-request#"):
				again, kind, err = requestAgain(m.Payload)
				seen[kind] = true
			case strings.Contains(m.Channel, "-response#"):
				again, kind, err = responseAgain(m)
				seen[kind] = true
			default:
				again, err = broadcastAgain(m)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, m.Payload) {
				t.Errorf("written again:\n%q\nrecorded:\n%q", again, m.Payload)
			}
		})
	}
	for kind := requestSockets; kind <= responseBroadcastAck; kind++ {
		if !seen[kind] {
			t.Errorf("no message of type %d was recorded", kind)
		}
	}
}

// broadcastAgain writes a broadcast from what was read of it.
func broadcastAgain(m redistest.Recorded) ([]byte, error) {
	_, rest, _ := strings.Cut(m.Channel, "#")
	nsp, room, _ := strings.Cut(rest, "#")
	r, err := readBroadcast(m.Payload, nsp)
	if err != nil {
		return nil, err
	}
	if room = strings.TrimSuffix(room, "#"); (room != "") != (len(r.target.Rooms) == 1) || room != "" && r.target.Rooms[0] != room {
		return nil, fmt.Errorf("on the channel of room %q it is for %q", room, r.target.Rooms)
	}
	args, err := argsAgain(r.packet)
	if r.uid == cluster.EmitterUID {
		return appendEmitted(nil, nsp, r.packet.Event, args, r.target), err
	}
	return appendBroadcast(nil, r.uid, nsp, r.packet.Event, args, r.target), err
}

// argsAgain are the arguments by way of JSON, in which this server's clients get
// them and send them.
func argsAgain(p *rooms.Packet) (args []byte, err error) {
	for rest := p.Args[0].(rooms.RawArgs).Bytes; len(rest) > 0; {
		var arg, raw []byte
		var bins [][]byte
		arg, rest = msgpack.NextArg(rest)
		if raw, bins, err = msgpack.ToJSON(nil, nil, arg); err != nil {
			return nil, err
		}
		if args, err = msgpack.FromJSON(args, raw, bins); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func requestAgain(payload []byte) ([]byte, requestType, error) {
	r, err := readRequest(payload)
	if err != nil {
		return nil, noRequest, err
	}
	id, _ := r.id()
	again := request{UID: r.UID, RequestID: id, Type: r.kind(), Data: r.Data}
	switch r.kind() {
	case requestBroadcast:
		p, err := wire.ReadPacket(r.packet, "/", "/")
		if err != nil {
			return nil, r.kind(), err
		}
		args, err := argsAgain(p)
		t := r.target()
		t.Flags.Timeout = time.Duration(r.Opts.Flags.Timeout) * time.Millisecond
		return appendBroadcastRequest(nil, r.UID, id, "/", p.Event, args, t), r.kind(), err
	case requestRemoteJoin, requestRemoteLeave:
		if r.Opts != nil {
			again.Rooms = r.names()
		}
	case requestSockets:
		again.Rooms = wire.Plain(r.Rooms)
	case requestRemoteDisconnect:
		again.Close = &r.Close
	}
	if r.Opts != nil {
		again.Opts = optionsOf(r.target())
	} else if r.SID != "" {
		b, err := wire.Marshal(struct {
			request
			SID   string `json:"sid"`
			Room  string `json:"room,omitempty"`
			Close *bool  `json:"close,omitempty"`
		}{request{UID: r.UID, RequestID: id, Type: r.kind()}, r.target().Rooms[0], r.names()[0], again.Close})
		return b, r.kind(), err
	}
	b, err := wire.Marshal(again)
	return b, again.Type, err
}

func responseAgain(m redistest.Recorded) (_ []byte, kind requestType, err error) {
	r, err := readResponse(m.Payload)
	if err != nil {
		return nil, noRequest, err
	}
	again := response{Type: r.Type, RequestID: r.RequestID, Data: r.Data}
	switch {
	case r.Type == responseBroadcastAck:
		answer, err := wire.ReadAnswer(r.packet)
		if err != nil {
			return nil, r.Type, err
		}
		b, err := appendAck(nil, r.RequestID, answer)
		if string(r.packet) == wire.Undefined { // version 7, see appendAck
			b = append(msgpack.AppendString(slices.Concat([]byte{0x83}, b[1:]), "packet"), wire.Undefined...)
		}
		return b, r.Type, err
	case r.Type == responseClientCount:
		again.ClientCount = &r.ClientCount
	case r.Rooms != nil:
		list, err := listOf[wire.Name](r.Rooms)
		if err != nil {
			return nil, noRequest, err
		}
		again.Rooms = wire.Plain(list)
	case m.Step == "sockets":
		if again.Sockets, err = listOf[string](r.Sockets); err != nil {
			return nil, noRequest, err
		}
	case r.Sockets != nil:
		list, err := listOf[wire.Socket](r.Sockets)
		if err != nil {
			return nil, noRequest, err
		}
		again.Sockets = wire.Outgoing(wire.Infos(list))
	}
	if again.Type == 0 {
		r.Type = noRequest
	}
	b, err := wire.Marshal(again)
	return b, r.Type, err
}
