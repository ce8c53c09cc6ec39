// Sharded Pub/Sub: the bus of the reference's createShardedAdapter, with channels
// of their own for rooms.

package redis

import (
	"context"
	"unicode/utf16"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/link"
)

// shardedBus implements [cluster.Bus] for one namespace.
type shardedBus struct {
	cluster *Cluster
	adapter *cluster.Adapter
	channel string // of the namespace
	own     string // for answers to this server
	mode    SubscriptionMode
	local   rooms.Local
	unwatch func()
}

// openSharded makes the adapter of a namespace.
func openSharded(c *Cluster, l rooms.Local) rooms.Adapter {
	a := cluster.New(l, cluster.Options{RequestsTimeout: c.opts.RequestsTimeout, Answer: c.base.Answer})
	b := &shardedBus{cluster: c, adapter: a, channel: c.opts.Key + "#" + l.Name() + "#", mode: c.opts.SubscriptionMode, local: l}
	b.own = b.channel + a.UID() + "#"
	a.Start(b)
	c.subscriber.Subscribe(link.Topic{Kind: link.Shards, Name: b.channel}, b, b.receive)
	c.subscriber.Subscribe(link.Topic{Kind: link.Shards, Name: b.own}, b, b.receive)
	if b.mode != Static {
		b.unwatch = l.WatchRooms(b.onRoom)
		b.subscribeAll()
	}
	return a
}

// receive is told of a message on any of the bus's channels.
func (b *shardedBus) receive(_ string, payload []byte) {
	m, err := cluster.Decode(payload)
	if err != nil {
		b.Malformed(err)
		return
	}
	b.adapter.Receive(m)
}

// onRoom follows the rooms of this server with subscriptions.
func (b *shardedBus) onRoom(c rooms.Change) {
	t := link.Topic{Kind: link.Shards, Name: b.roomChannel(c.Room)}
	switch {
	case c.Type == rooms.ChangesMissed:
		b.subscribeAll()
	case !b.separate(c.Room):
	case c.Type == rooms.RoomCreated:
		b.cluster.subscriber.Subscribe(t, b, b.receive)
	case c.Type == rooms.RoomDeleted:
		b.cluster.subscriber.Unsubscribe(t, b)
	}
}

// subscribeAll subscribes to the channels of all rooms there are, after news of
// some were missed. Those of single sockets have none but with [DynamicPrivate].
func (b *shardedBus) subscribeAll() {
	if b.mode == DynamicPrivate {
		b.cluster.base.Answer(func(ctx context.Context) {
			sockets, _ := b.local.FetchSockets(ctx, rooms.Target{})
			for _, s := range sockets {
				b.cluster.subscriber.Subscribe(link.Topic{Kind: link.Shards, Name: b.roomChannel(s.ID)}, b, b.receive)
			}
		})
	}
	for _, name := range b.local.Rooms() {
		if b.separate(name) {
			b.cluster.subscriber.Subscribe(link.Topic{Kind: link.Shards, Name: b.roomChannel(name)}, b, b.receive)
		}
	}
}

func (b *shardedBus) roomChannel(room string) string { return b.channel + room + "#" }

// idUnits is the length of the id of a socket, in units of UTF-16.
const idUnits = 20

// separate reports whether a room has a channel of its own. Which rooms are those
// of single sockets is told by the length of their names, as in the reference.
func (b *shardedBus) separate(room string) bool {
	return b.mode == DynamicPrivate || b.mode == Dynamic && len(utf16.Encode([]rune(room))) != idUnits
}

// Publish implements [cluster.Bus].
func (b *shardedBus) Publish(m *cluster.Message) {
	channel := b.channel
	switch {
	case m.To != "":
		channel += m.To + "#"
	case m.Room != "" && b.separate(m.Room):
		channel = b.roomChannel(m.Room)
	}
	var payload []byte
	if m.Binary {
		var err error
		if payload, err = m.AppendMsgPack(nil); err != nil {
			b.Malformed(err)
			return
		}
	} else {
		payload = m.AppendText(nil)
	}
	b.cluster.enqueue(message{channel: channel, payload: payload, sharded: true})
}

// ServerCount implements [cluster.Bus].
func (b *shardedBus) ServerCount(ctx context.Context) (int, error) {
	return link.NumSub(ctx, b.cluster.opts.Client, b.channel, goredis.Cmdable.PubSubShardNumSub)
}

// Malformed implements [cluster.Bus].
func (b *shardedBus) Malformed(err error) {
	b.cluster.base.Unusable(err)
}

// Close implements [cluster.Bus].
func (b *shardedBus) Close() error {
	if b.unwatch != nil {
		b.unwatch()
	}
	b.cluster.subscriber.Forget(b)
	b.cluster.base.Release(b.local.Name())
	return nil
}
