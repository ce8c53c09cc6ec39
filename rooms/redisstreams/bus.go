// The bus of one namespace: what goes into the stream, and what over Pub/Sub.

package redisstreams

import (
	"context"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/link"
)

// bus implements [cluster.Bus].
type bus struct {
	// Immutable after open.
	cluster *Cluster
	adapter *cluster.Adapter
	nsp     string
	stream  string
	channel string // of the namespace; that of answers to this server has its uid behind
	kept    *kept
}

// open makes the adapter of a namespace.
func (c *Cluster) open(l rooms.Local) rooms.Adapter {
	b := &bus{cluster: c, nsp: l.Name(), stream: c.opts.streamOf(l.Name())}
	b.kept = &kept{local: l, most: c.opts.ReturnTime, early: func() { c.counts.early.Add(1) }, fail: b.Malformed}
	a := cluster.New(l, cluster.Options{RequestsTimeout: c.opts.RequestsTimeout, Answer: c.base.Answer, InOrder: b.kept.after})
	b.adapter = a
	b.channel = c.opts.ChannelPrefix + "#" + b.nsp + "#"
	a.Start(b)
	c.mu.Lock()
	c.mu.buses[b.nsp] = b
	c.mu.Unlock()
	kind := link.Channels
	if c.opts.UseShardedPubSub {
		kind = link.Shards
	}
	c.subscriber.Subscribe(link.Topic{Kind: kind, Name: b.channel + a.UID() + "#"}, b, b.onMessage)
	// The last, because it is the one by which servers are counted: who counts, reads.
	c.read(b.stream, func() {
		c.mu.RLock()
		defer c.mu.RUnlock()
		if c.mu.buses[b.nsp] == b {
			c.subscriber.Subscribe(link.Topic{Kind: kind, Name: b.channel}, b, b.onMessage)
		}
	})
	return &adapter{a, b}
}

// onMessage is told of a message on one of the channels.
func (b *bus) onMessage(_ string, payload []byte) {
	m, err := cluster.Decode(payload)
	if err != nil {
		b.Malformed(err)
		return
	}
	b.adapter.Receive(m)
}

// onEntry is told of an entry of the stream that is for the namespace.
func (b *bus) onEntry(id string, fields map[string]any) {
	m, err := readEntry(fields)
	if err != nil {
		b.Malformed(err)
		return
	}
	if m.UID == b.adapter.UID() {
		seq, _ := fields[fieldSeq].(string)
		if n, err := strconv.ParseUint(seq, 10, 64); err == nil {
			b.kept.back(n, id)
		}
		return
	}
	m.Offset = id
	b.adapter.Receive(m)
}

// Publish implements [cluster.Bus]. Requests and answers do not go into the
// stream.
func (b *bus) Publish(m *cluster.Message) {
	if m.To == "" && m.RequestID == "" && m.Type != cluster.ServerSideEmit {
		if err := b.add(m, nil, rooms.Target{}); err != nil {
			b.Malformed(err)
		}
		return
	}
	channel := b.channel
	if m.To != "" {
		channel += m.To + "#"
	}
	payload, err := m.AppendMsgPack(nil)
	if err != nil {
		b.Malformed(err)
		return
	}
	kind := toChannel
	if b.cluster.opts.UseShardedPubSub {
		kind = toShard
	}
	b.cluster.queue.Put(&message{kind: kind, key: channel, payload: string(payload)})
}

// add puts a message into the queue for the stream. p, if there is one, is what
// the sockets of this server get when it comes back.
func (b *bus) add(m *cluster.Message, p *rooms.Packet, t rooms.Target) error {
	data, err := dataOf(m, b.cluster.opts.OnlyPlaintext)
	if err != nil {
		return err
	}
	return b.kept.send(p, t, func(seq uint64) {
		b.cluster.queue.Put(&message{
			kind: toStream, key: b.stream, uid: m.UID, nsp: m.Namespace, mtype: m.Type, payload: data, seq: strconv.FormatUint(seq, 10),
		})
	})
}

// ServerCount implements [cluster.Bus].
func (b *bus) ServerCount(ctx context.Context) (int, error) {
	ask := goredis.Cmdable.PubSubNumSub
	if b.cluster.opts.UseShardedPubSub {
		ask = goredis.Cmdable.PubSubShardNumSub
	}
	return link.NumSub(ctx, b.cluster.opts.Client, b.channel, ask)
}

// Malformed implements [cluster.Bus].
func (b *bus) Malformed(err error) { b.cluster.base.Unusable(err) }

// Close implements [cluster.Bus].
func (b *bus) Close() error {
	b.cluster.mu.Lock()
	delete(b.cluster.mu.buses, b.nsp)
	b.cluster.mu.Unlock()
	b.cluster.subscriber.Forget(b)
	b.cluster.base.Release(b.nsp)
	b.kept.close()
	return nil
}
