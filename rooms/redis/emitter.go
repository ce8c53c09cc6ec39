// What emitters publish: broadcasts from a process that is no server.

package redis

import (
	"context"
	"encoding/json"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// NewEmitter makes an emitter like the npm package @socket.io/redis-emitter. key is
// that of the servers ([Options].Key), "" for the default.
func NewEmitter(client goredis.UniversalClient, key string) cluster.Emitter {
	setDefault(&key, "socket.io")
	return cluster.NewEmitter(outlet{client, key})
}

// outlet implements [cluster.Outlet].
type outlet struct {
	client goredis.UniversalClient
	key    string
}

// Broadcast implements [cluster.Outlet].
func (o outlet) Broadcast(ctx context.Context, nsp string, p *rooms.Packet, t rooms.Target) error {
	raw, err := msgpack.AppendArgs(nil, p.Args)
	if err != nil {
		return fmt.Errorf("redis: encoding arguments: %w", err)
	}
	channel := o.key + "#" + nsp + "#"
	if names := wire.Unique(t.Rooms); len(names) == 1 {
		channel += names[0] + "#"
	}
	return o.publish(ctx, channel, appendEmitted(nil, nsp, p.Event, raw, t))
}

// SocketsJoin implements [cluster.Outlet].
func (o outlet) SocketsJoin(ctx context.Context, nsp string, t rooms.Target, names []string) error {
	return o.request(ctx, nsp, request{Type: requestRemoteJoin, Opts: optionsOf(t), Rooms: wire.OrEmpty(names)})
}

// SocketsLeave implements [cluster.Outlet].
func (o outlet) SocketsLeave(ctx context.Context, nsp string, t rooms.Target, names []string) error {
	return o.request(ctx, nsp, request{Type: requestRemoteLeave, Opts: optionsOf(t), Rooms: wire.OrEmpty(names)})
}

// DisconnectSockets implements [cluster.Outlet].
func (o outlet) DisconnectSockets(ctx context.Context, nsp string, t rooms.Target, closeConn bool) error {
	return o.request(ctx, nsp, request{Type: requestRemoteDisconnect, Opts: optionsOf(t), Close: &closeConn})
}

// ServerSideEmit implements [cluster.Outlet].
func (o outlet) ServerSideEmit(ctx context.Context, nsp string, p *rooms.Packet) error {
	data := []json.RawMessage{}
	for _, v := range append([]any{p.Event}, p.Args...) {
		raw, bins, err := socketio.AppendArgs(nil, nil, []any{v})
		if err != nil {
			return fmt.Errorf("redis: encoding arguments: %w", err)
		}
		if raw, err = wire.PlainJSON(raw, bins); err != nil {
			return err
		}
		data = append(data, raw)
	}
	return o.request(ctx, nsp, request{UID: cluster.EmitterUID, Type: requestServerSideEmit, Data: data})
}

func (o outlet) request(ctx context.Context, nsp string, r request) error {
	payload, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	return o.publish(ctx, o.key+"-request#"+nsp+"#", payload)
}

func (o outlet) publish(ctx context.Context, channel string, payload []byte) error {
	if err := o.client.Publish(ctx, channel, payload).Err(); err != nil {
		return fmt.Errorf("redis: publishing: %w", err)
	}
	return nil
}
