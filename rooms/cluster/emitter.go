// Emitter: broadcasts from a process that is no server.

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// ErrReserved: the event has a name that clients keep for themselves.
var ErrReserved = errors.New("the event name is reserved")

// EmitterUID is what emitters call themselves where servers have an id.
const EmitterUID = "emitter"

// Outlet publishes for an [Emitter] what the methods of [rooms.Adapter] of these
// names say, for a namespace. It waits until it is published, or ctx is done. The
// errors tell what cannot be encoded, or why it was not published.
type Outlet interface {
	Broadcast(ctx context.Context, nsp string, p *rooms.Packet, t rooms.Target) error
	SocketsJoin(ctx context.Context, nsp string, t rooms.Target, names []string) error
	SocketsLeave(ctx context.Context, nsp string, t rooms.Target, names []string) error
	DisconnectSockets(ctx context.Context, nsp string, t rooms.Target, closeConn bool) error
	ServerSideEmit(ctx context.Context, nsp string, p *rooms.Packet) error
}

// Emitter sends events to the clients of all servers of a cluster, and commands
// for their sockets, like the npm packages @socket.io/redis-emitter and
// @socket.io/redis-streams-emitter. It is a value: Of, To, In, Except, Volatile and
// Compress return new ones. Its methods may be called from any goroutine; they wait
// until what they send is published, or ctx is done. Acknowledgements are not
// supported.
type Emitter struct {
	out    Outlet
	nsp    string
	target rooms.Target
}

// NewEmitter makes an emitter for the namespace "/".
func NewEmitter(out Outlet) Emitter {
	return Emitter{out: out, nsp: "/", target: rooms.Target{Flags: rooms.Flags{Compress: true}}}
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
// of encoding/json, but a []byte is binary. The error is [ErrReserved] or that of
// the [Outlet].
func (e Emitter) Emit(ctx context.Context, event string, args ...any) error {
	if socketio.Reserved(event) {
		return fmt.Errorf("%w: %q", ErrReserved, event)
	}
	return e.out.Broadcast(ctx, e.nsp, &rooms.Packet{Event: event, Args: args}, e.target)
}

// SocketsJoin puts the sockets addressed into rooms.
func (e Emitter) SocketsJoin(ctx context.Context, names ...string) error {
	return e.out.SocketsJoin(ctx, e.nsp, e.target, names)
}

// SocketsLeave takes the sockets addressed out of rooms.
func (e Emitter) SocketsLeave(ctx context.Context, names ...string) error {
	return e.out.SocketsLeave(ctx, e.nsp, e.target, names)
}

// DisconnectSockets disconnects the sockets addressed, with their whole
// connections if closeConn is true.
func (e Emitter) DisconnectSockets(ctx context.Context, closeConn bool) error {
	return e.out.DisconnectSockets(ctx, e.nsp, e.target, closeConn)
}

// ServerSideEmit sends an event to the servers of the cluster, all of them.
func (e Emitter) ServerSideEmit(ctx context.Context, event string, args ...any) error {
	return e.out.ServerSideEmit(ctx, e.nsp, &rooms.Packet{Event: event, Args: args})
}
