// What goes to other servers and what comes from them: arguments between the
// forms of this server and those of adapters, and the rooms of all servers.

package loop

import (
	"context"
	"errors"
	"slices"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// ServerCount is the number of servers that share the namespace, this one
// included, as far as the adapter knows.
func (n *Namespace) ServerCount(ctx context.Context) (int, error) { return n.adapter.ServerCount(ctx) }

// AllRooms are the names of the rooms that have members, on all servers. An
// adapter that cannot ask the others gives those of this server. When ctx is
// done before all have answered, it returns those found so far with ctx's error.
// An inline handler must not call it ([ErrOnLoop]).
func (n *Namespace) AllRooms(ctx context.Context) ([]string, error) {
	if n.server.onLoop() {
		return nil, ErrOnLoop
	}
	names := n.Rooms()
	var err error
	for _, part := range n.parts() {
		if a, ok := part.adapter.(rooms.RoomLister); ok {
			more, e := a.AllRooms(ctx)
			names, err = append(names, more...), errors.Join(err, e)
		}
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// Rooms implements [rooms.Local].
func (p local) Rooms() []string { return p.ns.Rooms() }

// HasRoom implements [rooms.Local].
func (p local) HasRoom(name string) bool {
	for _, s := range p.ns.shards {
		if s.HasRoom(name) {
			return true
		}
	}
	return false
}

// WatchRooms implements [rooms.Local].
func (p local) WatchRooms(f func(rooms.Change)) (stop func()) {
	return p.ns.OnRoomEvent(func(e RoomEvent) { f(e.Change) })
}

// Encode implements [rooms.Local]. A packet that this server has encoded for its
// own sockets is not encoded again if it is text.
func (p local) Encode(packet *rooms.Packet, f rooms.Form) (rooms.RawArgs, error) {
	var a Args
	if text, bins, ok := encodedText(packet); ok && p.ns.server.custom == nil && p.ns.server.form == formJSON {
		var decoded socketio.Packet
		if err := socketio.Decode(text, &unlimited, &decoded); err == nil {
			a = Args{raw: decoded.Args, n: decoded.NumArgs, bins: bins, form: formJSON}
		}
	}
	if a.n == 0 {
		raw, bins, err := formJSON.appendArgs(nil, nil, unpacked(packet.Args))
		if err != nil {
			return rooms.RawArgs{}, err
		}
		a = counted(raw, bins, formJSON)
	}
	if f == rooms.JSON {
		return rooms.RawArgs{Form: f, Bytes: a.raw, Count: a.n, Binary: a.bins}, nil
	}
	raw, err := msgpack.FromJSON(nil, a.raw, a.bins)
	return rooms.RawArgs{Form: f, Bytes: raw, Count: a.n}, err
}

// encodedText is the packet as text with its attachments, if it has been encoded
// so.
func encodedText(packet *rooms.Packet) (text []byte, bins [][]byte, ok bool) {
	m, ok := packet.Encoded.(*transport.Shared)
	if !ok {
		return nil, nil, false
	}
	text, bins = m.Message()
	return text, bins, text != nil
}

// ArgsOf are arguments that came in one of the forms of servers. They share its
// memory. Any goroutine.
func ArgsOf(raw rooms.RawArgs) Args {
	a := Args{raw: raw.Bytes, n: raw.Count, bins: raw.Binary, form: formJSON}
	if raw.Form == rooms.MsgPack {
		a.form = formMsgPack
	}
	return a
}

// unpacked are the arguments of a packet as handlers and encoders take them.
func unpacked(args []any) []any {
	if len(args) != 1 {
		return args
	}
	raw, ok := args[0].(rooms.RawArgs)
	if !ok {
		return args
	}
	return []any{ArgsOf(raw)}
}
