// What emitters publish: broadcasts from a process that is no server.

package redisstreams

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
)

// NewEmitter makes an emitter like the npm package @socket.io/redis-streams-emitter.
// Of the options, Client, StreamName, StreamCount, MaxLen and OnlyPlaintext count,
// which are those of the servers.
func NewEmitter(o Options) cluster.Emitter { return cluster.NewEmitter(outlet{o.withDefaults()}) }

// outlet implements [cluster.Outlet].
type outlet struct{ opts Options }

// Broadcast implements [cluster.Outlet].
func (o outlet) Broadcast(ctx context.Context, nsp string, p *rooms.Packet, t rooms.Target) error {
	return o.publish(ctx, nsp, func(a *cluster.Adapter) error { return a.Broadcast(p, t) })
}

// SocketsJoin implements [cluster.Outlet].
func (o outlet) SocketsJoin(ctx context.Context, nsp string, t rooms.Target, names []string) error {
	return o.publish(ctx, nsp, func(a *cluster.Adapter) error { return a.SocketsJoin(t, names) })
}

// SocketsLeave implements [cluster.Outlet].
func (o outlet) SocketsLeave(ctx context.Context, nsp string, t rooms.Target, names []string) error {
	return o.publish(ctx, nsp, func(a *cluster.Adapter) error { return a.SocketsLeave(t, names) })
}

// DisconnectSockets implements [cluster.Outlet].
func (o outlet) DisconnectSockets(ctx context.Context, nsp string, t rooms.Target, closeConn bool) error {
	return o.publish(ctx, nsp, func(a *cluster.Adapter) error { return a.DisconnectSockets(t, closeConn) })
}

// ServerSideEmit implements [cluster.Outlet].
func (o outlet) ServerSideEmit(ctx context.Context, nsp string, p *rooms.Packet) error {
	return o.publish(ctx, nsp, func(a *cluster.Adapter) error { return a.ServerSideEmit(p) })
}

// publish adds the message that an adapter makes to the stream.
func (o outlet) publish(ctx context.Context, nsp string, make func(*cluster.Adapter) error) error {
	outside := &outside{name: nsp}
	a := cluster.New(outside, cluster.Options{UID: cluster.EmitterUID})
	a.Start(outside)
	if err := make(a); err != nil {
		return fmt.Errorf("redisstreams: encoding: %w", err)
	}
	m := outside.message
	data, err := dataOf(m, o.opts.OnlyPlaintext)
	if err != nil {
		return fmt.Errorf("redisstreams: encoding: %w", err)
	}
	err = o.opts.Client.XAdd(ctx, &goredis.XAddArgs{
		Stream: o.opts.streamOf(nsp), MaxLen: o.opts.MaxLen, Approx: true, Values: fields(m.UID, m.Namespace, m.Type, data),
	}).Err()
	if err != nil {
		return fmt.Errorf("redisstreams: publishing: %w", err)
	}
	return nil
}

// outside is a namespace without sockets, and a bus that keeps the message.
type outside struct {
	rooms.Local // what is not called
	name        string
	message     *cluster.Message
}

func (o *outside) Name() string                                { return o.name }
func (o *outside) Broadcast(*rooms.Packet, rooms.Target) error { return nil }
func (o *outside) SocketsJoin(rooms.Target, []string)          {}
func (o *outside) SocketsLeave(rooms.Target, []string)         {}
func (o *outside) DisconnectSockets(rooms.Target, bool)        {}

func (o *outside) Encode(p *rooms.Packet, f rooms.Form) (rooms.RawArgs, error) {
	raw, bins, err := socketio.AppendArgs(nil, nil, p.Args)
	return rooms.RawArgs{Form: f, Bytes: raw, Count: len(p.Args), Binary: bins}, err
}

func (o *outside) Publish(m *cluster.Message)               { o.message = m }
func (o *outside) ServerCount(context.Context) (int, error) { return 1, nil }
func (o *outside) Malformed(error)                          {}
func (o *outside) Close() error                             { return nil }
