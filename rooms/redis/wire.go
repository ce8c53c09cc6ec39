// Broadcasts on the wire: MessagePack arrays [uid, packet, options].

package redis

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

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

// appendBroadcast appends a broadcast. args are MessagePack.
func appendBroadcast(dst []byte, uid, nsp, event string, args []byte, t rooms.Target) []byte {
	dst = msgpack.AppendString(msgpack.AppendArrayHead(dst, 3), uid)
	dst = msgpack.AppendEvent(dst, nsp, 0, false, event, args)
	return appendOptions(dst, t, 0)
}

// appendOptions appends whom and how. timeout is for broadcasts with answers.
func appendOptions(dst []byte, t rooms.Target, timeout time.Duration) []byte {
	dst = msgpack.AppendMapHead(dst, 3)
	dst = appendNames(msgpack.AppendString(dst, "rooms"), t.Rooms)
	dst = appendNames(msgpack.AppendString(dst, "except"), t.Except)
	flags := 0
	for _, set := range []bool{t.Flags.Volatile, !t.Flags.Compress, timeout > 0} {
		if set {
			flags++
		}
	}
	dst = msgpack.AppendMapHead(msgpack.AppendString(dst, "flags"), flags)
	if t.Flags.Volatile {
		dst = append(msgpack.AppendString(dst, "volatile"), msgpackTrue)
	}
	if !t.Flags.Compress {
		dst = append(msgpack.AppendString(dst, "compress"), msgpackFalse)
	}
	if timeout > 0 {
		dst, _ = msgpack.AppendArgs(msgpack.AppendString(dst, "timeout"), []any{timeout.Milliseconds()})
	}
	return dst
}

const (
	msgpackFalse = 0xc2
	msgpackTrue  = 0xc3
)

// appendNames appends the names of rooms, each once.
func appendNames(dst []byte, names []string) []byte {
	names = unique(names)
	dst = msgpack.AppendArrayHead(dst, len(names))
	for _, name := range names {
		dst = msgpack.AppendString(dst, name)
	}
	return dst
}

// unique is names without repetitions, in their order. Nobody else's list is
// changed.
func unique(names []string) []string {
	if len(names) < 2 {
		return names
	}
	seen := make(map[string]bool, len(names))
	list := make([]string, 0, len(names))
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	return list
}

// received is a broadcast of another server.
type received struct {
	uid    string
	packet *rooms.Packet // nil if it is for another namespace
	target rooms.Target
}

// readBroadcast reads a broadcast for a namespace.
func readBroadcast(b []byte, nsp string) (r received, err error) {
	items, n, err := msgpack.Items(b)
	if err != nil {
		return r, err
	}
	if n < 3 {
		return r, fmt.Errorf("redis: a broadcast of %d items, it has 3", n)
	}
	uid, items := msgpack.NextArg(items)
	packet, items := msgpack.NextArg(items)
	options, _ := msgpack.NextArg(items)
	if err = msgpack.Unmarshal(uid, &r.uid); err != nil {
		return r, err
	}
	if r.target, err = readOptions(options); err != nil {
		return r, err
	}
	r.packet, err = readPacket(packet, nsp)
	return r, err
}

// readPacket reads an event, nil if it is for another namespace. One without a
// namespace is for "/".
func readPacket(b []byte, nsp string) (*rooms.Packet, error) {
	var p socketio.Packet
	err := msgpack.Decode(b, &limits, &p)
	if err == socketio.ErrNamespace {
		// The emitters of version 1 leave the namespace out.
		if b, err = withNamespace(b); err == nil {
			err = msgpack.Decode(b, &limits, &p)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case p.Type != socketio.Event:
		return nil, fmt.Errorf("redis: a packet of type %s where an event was due", p.Type)
	case string(p.Namespace) != nsp:
		return nil, nil
	}
	args := rooms.RawArgs{Form: rooms.MsgPack, Bytes: p.Args, Count: p.NumArgs}
	return &rooms.Packet{Event: string(p.Name), Args: []any{args}}, nil
}

// withNamespace adds the namespace "/" to a packet without one, and makes the
// type of one with binary data that of any other event.
func withNamespace(b []byte) ([]byte, error) {
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
	return msgpack.AppendString(msgpack.AppendString(b, "nsp"), "/"), nil
}

// wireOptions are whom and how, as they are read from MessagePack and from JSON.
type wireOptions struct {
	Rooms  []roomName `json:"rooms"`
	Except []roomName `json:"except"`
	Flags  struct {
		Volatile bool    `json:"volatile"`
		Compress *bool   `json:"compress"`
		Timeout  float64 `json:"timeout"`
	} `json:"flags"`
}

// roomName is the name of a room, which with JavaScript may be a number.
type roomName string

// UnmarshalJSON takes strings and numbers.
func (n *roomName) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		*n = roomName(s)
		return err
	}
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	*n = roomName(strconv.FormatFloat(f, 'f', -1, 64))
	return nil
}

func readOptions(b []byte) (rooms.Target, error) {
	var w wireOptions
	if err := msgpack.Unmarshal(b, &w); err != nil {
		return rooms.Target{}, err
	}
	return w.target(), nil
}

func (w *wireOptions) target() rooms.Target {
	return rooms.Target{
		Rooms: plain(w.Rooms), Except: plain(w.Except),
		Flags: rooms.Flags{Volatile: w.Flags.Volatile, Compress: w.Flags.Compress == nil || *w.Flags.Compress},
	}
}

func plain(names []roomName) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = string(n)
	}
	return list
}
