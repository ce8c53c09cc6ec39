// BroadcastOperator: events and commands for many sockets.

package loop

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// BroadcastOperator addresses sockets of a namespace: all of them, or the
// members of rooms, on all servers. It is a value: each method that narrows or
// flags it returns a new one, so one may be kept and used by several
// goroutines. Its methods may be called from any goroutine.
type BroadcastOperator struct {
	ns     *Namespace
	target rooms.Target
}

func (n *Namespace) operator() BroadcastOperator {
	return BroadcastOperator{n, rooms.Target{Flags: usual}}
}

// Emit sends an event to every socket of the namespace. See
// [BroadcastOperator.Emit].
func (n *Namespace) Emit(event string, args ...any) error { return n.operator().Emit(event, args...) }

// Send is Emit of the event "message".
func (n *Namespace) Send(args ...any) error { return n.Emit("message", args...) }

// EmitWithAck sends an event to every socket of the namespace and waits for
// their acknowledgements. See [BroadcastOperator.EmitWithAck].
func (n *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return n.operator().EmitWithAck(ctx, event, args...)
}

// To addresses the members of rooms, and sockets by their ids. Repeated calls
// add up; a socket in several of the rooms gets a packet once.
func (n *Namespace) To(names ...string) BroadcastOperator { return n.operator().To(names...) }

// In is To.
func (n *Namespace) In(names ...string) BroadcastOperator { return n.operator().To(names...) }

// Except leaves out the members of rooms, and sockets by their ids.
func (n *Namespace) Except(names ...string) BroadcastOperator { return n.operator().Except(names...) }

// Local addresses the sockets of this server only.
func (n *Namespace) Local() BroadcastOperator { return n.operator().Local() }

// Volatile lets a packet be dropped where it cannot be sent at once.
func (n *Namespace) Volatile() BroadcastOperator { return n.operator().Volatile() }

// Compress says whether a packet may be compressed, which is the default.
func (n *Namespace) Compress(on bool) BroadcastOperator { return n.operator().Compress(on) }

// Conflate gives events a key. See [BroadcastOperator.Conflate].
func (n *Namespace) Conflate(key string) BroadcastOperator { return n.operator().Conflate(key) }

// Timeout limits the wait for acknowledgements.
func (n *Namespace) Timeout(d time.Duration) BroadcastOperator { return n.operator().Timeout(d) }

// SocketsJoin puts every socket of the namespace into rooms.
func (n *Namespace) SocketsJoin(names ...string) error { return n.operator().SocketsJoin(names...) }

// SocketsLeave takes every socket of the namespace out of rooms.
func (n *Namespace) SocketsLeave(names ...string) error { return n.operator().SocketsLeave(names...) }

// DisconnectSockets disconnects every socket of the namespace.
func (n *Namespace) DisconnectSockets(closeConn bool) error {
	return n.operator().DisconnectSockets(closeConn)
}

// Broadcast addresses every socket of the namespace but this one.
func (s *Socket) Broadcast() BroadcastOperator { return s.ns.operator().Except(s.ID()) }

// To addresses the members of rooms but this socket.
func (s *Socket) To(names ...string) BroadcastOperator { return s.Broadcast().To(names...) }

// In is To.
func (s *Socket) In(names ...string) BroadcastOperator { return s.To(names...) }

// Except addresses every socket but this one and the members of rooms.
func (s *Socket) Except(names ...string) BroadcastOperator { return s.Broadcast().Except(names...) }

// Local addresses the sockets of this server but this one.
func (s *Socket) Local() BroadcastOperator { return s.Broadcast().Local() }

// To adds rooms, and sockets by their ids, to those addressed.
func (o BroadcastOperator) To(names ...string) BroadcastOperator {
	o.target.Rooms = slices.Concat(o.target.Rooms, names)
	return o
}

// In is To.
func (o BroadcastOperator) In(names ...string) BroadcastOperator { return o.To(names...) }

// Except adds rooms, and sockets by their ids, to those left out.
func (o BroadcastOperator) Except(names ...string) BroadcastOperator {
	o.target.Except = slices.Concat(o.target.Except, names)
	return o
}

// Local addresses the sockets of this server only.
func (o BroadcastOperator) Local() BroadcastOperator { o.target.Flags.Local = true; return o }

// Volatile lets a packet be dropped where it cannot be sent at once.
func (o BroadcastOperator) Volatile() BroadcastOperator { o.target.Flags.Volatile = true; return o }

// Compress says whether a packet may be compressed, which is the default.
func (o BroadcastOperator) Compress(on bool) BroadcastOperator {
	o.target.Flags.Compress = on
	return o
}

// Conflate gives the event a key: under [SlowConflate] it takes the place of an
// earlier one with the same name and key that still waits for a client that does
// not keep up. The key "" is none.
func (o BroadcastOperator) Conflate(key string) BroadcastOperator {
	o.target.Flags.Conflate = key
	return o
}

// Timeout limits the wait for acknowledgements.
func (o BroadcastOperator) Timeout(d time.Duration) BroadcastOperator {
	o.target.Flags.Timeout = d
	return o
}

// Emit sends an event to the sockets addressed, as they are at the moment of
// the call: one that joins a room before it is reached, one that leaves
// afterwards too. The arguments are encoded once, like those of [Socket.Emit].
func (o BroadcastOperator) Emit(event string, args ...any) error {
	if reserved(event) {
		return ErrReserved
	}
	if o.ns.dynamic != nil {
		return o.each(func(o BroadcastOperator) error { return o.Emit(event, args...) })
	}
	if o.ns.recoverable(o.target.Flags.Volatile) {
		return o.ns.keep(event, args, o.target)
	}
	m, err := o.ns.encode(0, false, event, args, o.target.Flags)
	if err != nil {
		return err
	}
	if !o.ns.alone {
		return o.ns.adapter.Broadcast(&rooms.Packet{Event: event, Args: slices.Clone(args), Encoded: m}, o.target)
	}
	o.ns.broadcast(m, &o.target, nil)
	m.Release()
	return nil
}

// EmitArgs is Emit with arguments as they came. On a server that is alone it
// allocates nothing, however many sockets are addressed.
func (o BroadcastOperator) EmitArgs(event string, a Args) error {
	n := o.ns
	if n.dynamic != nil || !n.alone || n.recoverable(o.target.Flags.Volatile) {
		return o.Emit(event, a)
	}
	if reserved(event) {
		return ErrReserved
	}
	m := emissions.Get().(*emission)
	defer m.release()
	var err error
	if a.n > 0 {
		if m.args, m.bins, err = n.server.form.appendCited(m.args, m.bins, a); err != nil {
			return err
		}
	}
	shared, err := n.encoded(m, 0, false, event, o.target.Flags)
	if err != nil {
		return err
	}
	n.broadcast(shared, &o.target, nil)
	shared.Release()
	return nil
}

// SocketsJoin puts the sockets addressed into rooms.
func (o BroadcastOperator) SocketsJoin(names ...string) error {
	return o.each(func(o BroadcastOperator) error { return o.ns.adapter.SocketsJoin(o.target, names) })
}

// SocketsLeave takes the sockets addressed out of rooms.
func (o BroadcastOperator) SocketsLeave(names ...string) error {
	return o.each(func(o BroadcastOperator) error { return o.ns.adapter.SocketsLeave(o.target, names) })
}

// DisconnectSockets disconnects the sockets addressed, with their whole
// connections if closeConn is true.
func (o BroadcastOperator) DisconnectSockets(closeConn bool) error {
	return o.each(func(o BroadcastOperator) error { return o.ns.adapter.DisconnectSockets(o.target, closeConn) })
}

// parts are operators for the single namespaces addressed: the operator's own,
// or the children of a parent.
func (o BroadcastOperator) parts() (list []BroadcastOperator) {
	for _, n := range o.ns.parts() {
		list = append(list, BroadcastOperator{n, o.target})
	}
	return list
}

// each does something with every one of the operator's parts.
func (o BroadcastOperator) each(do func(BroadcastOperator) error) (err error) {
	for _, part := range o.parts() {
		err = errors.Join(err, do(part))
	}
	return err
}

// encode encodes an event for many sockets. id is that of the wish for
// acknowledgements if hasID.
func (n *Namespace) encode(id uint64, hasID bool, event string, args []any, flags rooms.Flags) (*transport.Shared, error) {
	m := emissions.Get().(*emission)
	defer m.release()
	var err error
	if m.args, m.bins, err = n.server.form.appendArgs(m.args, m.bins, args); err != nil {
		return nil, err
	}
	return n.encoded(m, id, hasID, event, flags)
}

// encoded is encode once the arguments are in an emission.
func (n *Namespace) encoded(m *emission, id uint64, hasID bool, event string, flags rooms.Flags) (*transport.Shared, error) {
	m.text = n.server.form.appendEvent(m.text, n.name, id, hasID, len(m.bins), event, m.args)
	shared, err := n.share(m, id, hasID, event, flags, transport.LendShared)
	if err == nil {
		n.server.prepare(shared)
	}
	return shared, err
}
