// Emitter: broadcasts from a process that is no server.

package redisstreams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
)

// emitterUID is what emitters call themselves.
const emitterUID = "emitter"

// ErrReserved: the event has a name that clients keep for themselves.
var ErrReserved = errors.New("redisstreams: the event name is reserved")

// Emitter sends events to the clients of all servers of a cluster, and commands
// for their sockets, like the npm package @socket.io/redis-streams-emitter. It is
// a value: To, Except, Volatile and Compress return new ones. Its methods may be
// called from any goroutine; they wait until Redis has taken what they publish,
// or ctx is done. Acknowledgements are not supported.
type Emitter struct {
	opts   Options
	nsp    string
	target rooms.Target
}

// NewEmitter makes an emitter for the namespace "/". Of the options, Client,
// StreamName, StreamCount, MaxLen and OnlyPlaintext count, which are those of the
// servers.
func NewEmitter(o Options) Emitter {
	return Emitter{opts: o.withDefaults(), nsp: "/", target: rooms.Target{Flags: rooms.Flags{Compress: true}}}
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
	return e.publish(ctx, func(a *cluster.Adapter) error {
		return a.Broadcast(&rooms.Packet{Event: event, Args: args}, e.target)
	})
}

// SocketsJoin puts the sockets addressed into rooms.
func (e Emitter) SocketsJoin(ctx context.Context, names ...string) error {
	return e.publish(ctx, func(a *cluster.Adapter) error { return a.SocketsJoin(e.target, names) })
}

// SocketsLeave takes the sockets addressed out of rooms.
func (e Emitter) SocketsLeave(ctx context.Context, names ...string) error {
	return e.publish(ctx, func(a *cluster.Adapter) error { return a.SocketsLeave(e.target, names) })
}

// DisconnectSockets disconnects the sockets addressed, with their whole
// connections if closeConn is true.
func (e Emitter) DisconnectSockets(ctx context.Context, closeConn bool) error {
	return e.publish(ctx, func(a *cluster.Adapter) error { return a.DisconnectSockets(e.target, closeConn) })
}

// ServerSideEmit sends an event to the servers of the cluster, all of them.
func (e Emitter) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	return e.publish(ctx, func(a *cluster.Adapter) error {
		return a.ServerSideEmit(&rooms.Packet{Event: event, Args: args})
	})
}

// publish adds the message that an adapter makes to the stream.
func (e Emitter) publish(ctx context.Context, make func(*cluster.Adapter) error) error {
	outside := &outside{name: e.nsp}
	a := cluster.New(outside, cluster.Options{UID: emitterUID})
	a.Start(outside)
	if err := make(a); err != nil {
		return fmt.Errorf("redisstreams: encoding: %w", err)
	}
	m := outside.message
	data, err := dataOf(m, e.opts.OnlyPlaintext)
	if err != nil {
		return fmt.Errorf("redisstreams: encoding: %w", err)
	}
	err = e.opts.Client.XAdd(ctx, &goredis.XAddArgs{
		Stream: e.opts.streamOf(e.nsp), MaxLen: e.opts.MaxLen, Approx: true, Values: fields(m.UID, m.Namespace, m.Type, data),
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
