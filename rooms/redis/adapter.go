// The adapter of one namespace: what it publishes, and what it does with what
// others publish.

package redis

import (
	"strings"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/link"
	"github.com/sioserver/sioserver/rooms/internal/pending"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// adapter implements [rooms.Adapter] and [rooms.RoomLister].
type adapter struct {
	// Immutable after newAdapter.
	cluster *Cluster
	local   rooms.Local
	nsp     string
	uid     string

	channel, requestChannel, responseChannel, ownResponses string
	waits                                                  *pending.Table
}

func newAdapter(c *Cluster, l rooms.Local) *adapter {
	key, nsp := c.opts.Key, l.Name()
	a := &adapter{cluster: c, local: l, nsp: nsp, uid: shortID(), waits: pending.NewTable(shortID)}
	a.channel = key + "#" + nsp + "#"
	a.requestChannel = key + "-request#" + nsp + "#"
	a.responseChannel = key + "-response#" + nsp + "#"
	a.ownResponses = a.responseChannel + a.uid + "#"
	return a
}

// open asks for the subscriptions.
func (a *adapter) open() {
	s := a.cluster.subscriber
	s.Subscribe(link.Topic{Kind: link.Patterns, Name: a.channel + "*"}, a, a.onBroadcast)
	s.Subscribe(link.Topic{Kind: link.Channels, Name: a.responseChannel}, a, a.onResponse)
	s.Subscribe(link.Topic{Kind: link.Channels, Name: a.ownResponses}, a, a.onResponse)
	// The last, because it is the one by which servers are counted.
	s.Subscribe(link.Topic{Kind: link.Channels, Name: a.requestChannel}, a, a.onRequest)
}

// Close implements [rooms.Adapter].
func (a *adapter) Close() error {
	a.cluster.subscriber.Forget(a)
	a.cluster.base.Release(a.nsp)
	return nil
}

// publish enqueues a message.
func (a *adapter) publish(channel string, payload []byte) {
	a.cluster.enqueue(message{channel: channel, payload: payload})
}

// Broadcast implements [rooms.Adapter].
func (a *adapter) Broadcast(p *rooms.Packet, t rooms.Target) error {
	if t.Flags.Local {
		return a.local.Broadcast(p, t)
	}
	args, err := a.local.Encode(p, rooms.MsgPack)
	if err != nil {
		return err
	}
	channel := a.channel
	if names := wire.Unique(t.Rooms); len(names) == 1 {
		channel += names[0] + "#"
	}
	a.publish(channel, appendBroadcast(nil, a.uid, a.nsp, p.Event, args.Bytes, t))
	return a.local.Broadcast(p, t)
}

// onBroadcast is told of a broadcast of another server, or of its own.
func (a *adapter) onBroadcast(channel string, payload []byte) {
	// The pattern lets the channels of longer names through.
	room, ok := strings.CutPrefix(channel, a.channel)
	if room = strings.TrimSuffix(room, "#"); !ok || room != "" && !a.local.HasRoom(room) {
		return
	}
	r, err := readBroadcast(payload, a.nsp)
	switch {
	case err != nil:
		a.malformed(err)
	case r.uid == a.uid || r.packet == nil:
	default:
		if err := a.local.Broadcast(r.packet, r.target); err != nil {
			a.malformed(err)
		}
	}
}

// malformed counts a message that cannot be used.
func (a *adapter) malformed(err error) {
	a.cluster.base.Unusable(err)
}

// SocketsJoin implements [rooms.Adapter].
func (a *adapter) SocketsJoin(t rooms.Target, names []string) error {
	a.local.SocketsJoin(t, names)
	return a.command(request{Type: requestRemoteJoin, Rooms: wire.OrEmpty(names)}, t)
}

// SocketsLeave implements [rooms.Adapter].
func (a *adapter) SocketsLeave(t rooms.Target, names []string) error {
	a.local.SocketsLeave(t, names)
	return a.command(request{Type: requestRemoteLeave, Rooms: wire.OrEmpty(names)}, t)
}

// DisconnectSockets implements [rooms.Adapter].
func (a *adapter) DisconnectSockets(t rooms.Target, closeConn bool) error {
	a.local.DisconnectSockets(t, closeConn)
	return a.command(request{Type: requestRemoteDisconnect, Close: &closeConn}, t)
}

// command asks the other servers to do something with the sockets of a target.
// This server has done it already, and ignores the request when it comes back.
func (a *adapter) command(r request, t rooms.Target) error {
	if t.Flags.Local {
		return nil
	}
	r.UID, r.Opts = a.uid, optionsOf(t)
	return a.request(r)
}

// request publishes a request.
func (a *adapter) request(r request) error {
	payload, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	a.publish(a.requestChannel, payload)
	return nil
}
