// Broadcasts on the wire: MessagePack arrays [uid, packet, options].

package redis

import (
	"fmt"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// appendBroadcast appends a broadcast. args are MessagePack.
func appendBroadcast(dst []byte, uid, nsp, event string, args []byte, t rooms.Target) []byte {
	dst = msgpack.AppendString(msgpack.AppendArrayHead(dst, 3), uid)
	dst = msgpack.AppendEvent(dst, nsp, 0, false, event, args)
	return wire.AppendOptions(dst, t, 0)
}

// appendEmitted is appendBroadcast for an emitter.
func appendEmitted(dst []byte, nsp, event string, args []byte, t rooms.Target) []byte {
	dst = msgpack.AppendString(msgpack.AppendArrayHead(dst, 3), cluster.EmitterUID)
	dst = msgpack.AppendEvent(dst, nsp, 0, false, event, args)
	return wire.AppendEmitterOptions(dst, t)
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
	if r.target, err = wire.ReadOptions(options); err != nil {
		return r, err
	}
	// The emitters of version 1 leave the namespace "/" out.
	r.packet, err = wire.ReadPacket(packet, nsp, "/")
	return r, err
}
