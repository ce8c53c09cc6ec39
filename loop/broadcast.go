// Broadcasts on this server: from a target to lists of sockets, one for each loop.

package loop

import (
	"sync"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// delivery is a list of sockets of one loop, and what is to be done with them.
type delivery struct {
	loop     *Loop
	sockets  []socketRef
	message  *transport.Shared
	volatile bool
	ack      *broadcastAck
}

var deliveries = sync.Pool{New: func() any { return new(delivery) }}

// deliveryKeep is the number of sockets up to which a delivery keeps its memory
// for the next.
const deliveryKeep = 64 << 10

func (d *delivery) release() {
	list := d.sockets[:0]
	if cap(list) > deliveryKeep {
		list = nil
	}
	*d = delivery{sockets: list}
	deliveries.Put(d)
}

// broadcast sends a message to the sockets of a target on this server and
// returns their number. ack, if there is one, is told their answers.
func (n *Namespace) broadcast(m *transport.Shared, t *rooms.Target, ack *broadcastAck) (total int) {
	first := 0     // loop with a receiver
	var here *Loop // the one that this runs on, if it has a receiver
	for i, shard := range n.shards {
		d := deliveries.Get().(*delivery)
		d.sockets = shard.Select(d.sockets, t)
		if len(d.sockets) == 0 {
			d.release()
			continue
		}
		if total == 0 {
			first = i
		}
		total += len(d.sockets)
		m.Hold()
		d.loop, d.message, d.volatile, d.ack = n.server.loops[i], m, t.Flags.Volatile, ack
		if d.loop.direct() {
			here = d.loop
			d.Run(d.loop.engine)
		} else {
			d.loop.engine.Post(d)
		}
	}
	if size := place(receiverBounds[:], float64(total)); here != nil {
		here.stats.broadcasts[size]++
	} else {
		n.server.receivers[first].counts[size].Add(1)
	}
	return total
}

// Run implements [transport.Task].
func (d *delivery) Run(*transport.Engine) {
	l := d.loop
	for _, ref := range d.sockets {
		e := l.connected(ref)
		if e != nil && d.volatile && !e.session.Writable() {
			l.stats.volatileDropped++
			e = nil
		}
		if e == nil {
			if d.ack != nil {
				d.ack.tell(rooms.Answer{None: true})
			}
			continue
		}
		if d.ack != nil && !l.await(l.handle(e, ref.slot()), d.ack.request()) {
			continue
		}
		if e.handle != nil && e.handle.watched() {
			l.broadcasting(e.handle, d.message)
		}
		e.session.SendShared(d.message)
	}
	l.stats.deliveries += uint64(len(d.sockets))
	l.engine.Lent(d.message)
	d.release()
}

// local is the server's side of a namespace's adapter.
type local struct{ ns *Namespace }

// Name implements [rooms.Local].
func (p local) Name() string { return p.ns.name }

// Broadcast implements [rooms.Local].
func (p local) Broadcast(packet *rooms.Packet, t rooms.Target) error {
	if r := p.ns.recovery; packet.Offset != "" && !t.Flags.Volatile && r != nil && r.keeper != nil {
		return p.ns.log(packet.Event, unpacked(packet.Args), t, packet.Offset)
	}
	m, ok := packet.Encoded.(*transport.Shared)
	if !ok {
		var err error
		if m, err = p.ns.encode(0, false, packet.Event, unpacked(packet.Args), t.Flags); err != nil {
			return err
		}
		defer m.Release()
	}
	p.ns.broadcast(m, &t, nil)
	return nil
}

// SocketsJoin implements [rooms.Local].
func (p local) SocketsJoin(t rooms.Target, names []string) {
	for _, shard := range p.ns.shards {
		shard.JoinAll(&t, names)
	}
}

// SocketsLeave implements [rooms.Local].
func (p local) SocketsLeave(t rooms.Target, names []string) {
	for _, shard := range p.ns.shards {
		shard.LeaveAll(&t, names)
	}
}

// DisconnectSockets implements [rooms.Local].
func (p local) DisconnectSockets(t rooms.Target, closeConn bool) {
	for i, shard := range p.ns.shards {
		l := p.ns.server.loops[i]
		task := &expelTask{loop: l, sockets: shard.Select(nil, &t), closeConn: closeConn}
		if l.direct() {
			task.Run(l.engine)
		} else if len(task.sockets) > 0 {
			l.engine.Post(task)
		}
	}
}

// expelTask disconnects sockets of one loop.
type expelTask struct {
	loop      *Loop
	sockets   []socketRef
	closeConn bool
}

// Run implements [transport.Task].
func (t *expelTask) Run(e *transport.Engine) {
	for _, ref := range t.sockets {
		if x := t.loop.connected(ref); x != nil {
			(&disconnectTask{t.loop.handle(x, ref.slot()), t.closeConn}).Run(e)
		}
	}
}
