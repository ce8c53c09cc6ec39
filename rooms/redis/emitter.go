// Emitter: broadcasts from a process that is no server.

package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/wire"
)

// emitterUID is what emitters call themselves.
const emitterUID = "emitter"

// ErrReserved: the event has a name that clients keep for themselves.
var ErrReserved = errors.New("redis: the event name is reserved")

// Emitter sends events to the clients of all servers of a cluster, and commands
// for their sockets, like the npm package @socket.io/redis-emitter. It is a
// value: To, Except, Volatile and Compress return new ones. Its methods may be
// called from any goroutine; they wait until Redis has taken what they publish,
// or ctx is done. Acknowledgements are not supported.
type Emitter struct {
	client goredis.UniversalClient
	key    string
	nsp    string
	target rooms.Target
}

// NewEmitter makes an emitter for the namespace "/". key is that of the servers
// ([Options].Key), "" for the default.
func NewEmitter(client goredis.UniversalClient, key string) Emitter {
	setDefault(&key, "socket.io")
	return Emitter{client: client, key: key, nsp: "/", target: rooms.Target{Flags: rooms.Flags{Compress: true}}}
}

// Of addresses another namespace. A missing slash is added in front.
func (e Emitter) Of(nsp string) Emitter {
	if !strings.HasPrefix(nsp, "/") {
		nsp = "/" + nsp
	}
	e.nsp = nsp
	return e
}

// To adds rooms, and sockets by their ids, to those addressed.
func (e Emitter) To(names ...string) Emitter {
	e.target.Rooms = slices.Concat(e.target.Rooms, names)
	return e
}

// In is To.
func (e Emitter) In(names ...string) Emitter { return e.To(names...) }

// Except adds rooms, and sockets by their ids, to those left out.
func (e Emitter) Except(names ...string) Emitter {
	e.target.Except = slices.Concat(e.target.Except, names)
	return e
}

// Volatile lets the event be dropped where it cannot be sent at once.
func (e Emitter) Volatile() Emitter { e.target.Flags.Volatile = true; return e }

// Compress says whether the event may be compressed, which is the default.
func (e Emitter) Compress(on bool) Emitter { e.target.Flags.Compress = on; return e }

// Emit sends an event to the sockets addressed. The arguments follow the rules
// of encoding/json, but a []byte is binary. The error is [ErrReserved], tells what
// cannot be encoded, or is that of Redis.
func (e Emitter) Emit(ctx context.Context, event string, args ...any) error {
	if socketio.Reserved(event) {
		return fmt.Errorf("%w: %q", ErrReserved, event)
	}
	raw, err := msgpack.AppendArgs(nil, args)
	if err != nil {
		return fmt.Errorf("redis: encoding arguments: %w", err)
	}
	channel := e.key + "#" + e.nsp + "#"
	if names := wire.Unique(e.target.Rooms); len(names) == 1 {
		channel += names[0] + "#"
	}
	return e.publish(ctx, channel, appendEmitted(nil, e.nsp, event, raw, e.target))
}

// SocketsJoin puts the sockets addressed into rooms.
func (e Emitter) SocketsJoin(ctx context.Context, names ...string) error {
	return e.request(ctx, request{Type: requestRemoteJoin, Opts: optionsOf(e.target), Rooms: wire.OrEmpty(names)})
}

// SocketsLeave takes the sockets addressed out of rooms.
func (e Emitter) SocketsLeave(ctx context.Context, names ...string) error {
	return e.request(ctx, request{Type: requestRemoteLeave, Opts: optionsOf(e.target), Rooms: wire.OrEmpty(names)})
}

// DisconnectSockets disconnects the sockets addressed, with their whole
// connections if closeConn is true.
func (e Emitter) DisconnectSockets(ctx context.Context, closeConn bool) error {
	return e.request(ctx, request{Type: requestRemoteDisconnect, Opts: optionsOf(e.target), Close: &closeConn})
}

// ServerSideEmit sends an event to the servers of the cluster, all of them.
func (e Emitter) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	data := []json.RawMessage{}
	for _, v := range append([]any{event}, args...) {
		raw, bins, err := socketio.AppendArgs(nil, nil, []any{v})
		if err != nil {
			return fmt.Errorf("redis: encoding arguments: %w", err)
		}
		if raw, err = wire.PlainJSON(raw, bins); err != nil {
			return err
		}
		data = append(data, raw)
	}
	return e.request(ctx, request{UID: emitterUID, Type: requestServerSideEmit, Data: data})
}

func (e Emitter) request(ctx context.Context, r request) error {
	payload, err := wire.Marshal(r)
	if err != nil {
		return err
	}
	return e.publish(ctx, e.key+"-request#"+e.nsp+"#", payload)
}

func (e Emitter) publish(ctx context.Context, channel string, payload []byte) error {
	if err := e.client.Publish(ctx, channel, payload).Err(); err != nil {
		return fmt.Errorf("redis: publishing: %w", err)
	}
	return nil
}
