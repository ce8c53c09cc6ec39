// The sockets of a namespace a page at a time, and what waits for clients.

package loop

import (
	"context"
	"slices"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// SocketStatus is a socket and how its client keeps up, as of one moment.
type SocketStatus struct {
	Socket   *Socket
	Buffered int           // bytes that wait to be sent to the client
	Stalled  time.Duration // since the client has taken any of them, in whole seconds
	Dropped  uint64        // messages, since it does not keep up; see [SlowPolicy]
	Network  Network       // told by [Server.Status] alone, at the price of a system call for each socket
}

// Cursor is a place in the list of a namespace's sockets. The zero Cursor is its
// begin, and its end.
type Cursor uint64

func cursor(loop int, slot uint32) Cursor { return Cursor(uint64(loop)<<32 | uint64(slot)) }

// scanTurn is how many records one task looks at: a loop is kept for some tens of
// microseconds.
const scanTurn = 1024

// Scan lists sockets of the namespace on this server, most of them at a time at
// most, from a place on. It returns the place to go on from, which is 0 at the
// end. A socket that is there from the first call to the last is listed once; one
// that comes or goes meanwhile may be missing. No loop does more than a small
// piece of it in one turn. It waits for loops, so an inline handler must not call
// it ([ErrOnLoop]).
func (n *Namespace) Scan(ctx context.Context, from Cursor, most int) (list []SocketStatus, next Cursor, err error) {
	s := n.server
	if s.onLoop() {
		return nil, from, ErrOnLoop
	}
	at, slot := int(from>>32), uint32(from)
	for at < len(s.loops) && len(list) < most {
		part, err := ask(ctx, s.loops[at], func(l *Loop) scanned { return l.scan(n, slot, most-len(list)) })
		if err != nil {
			return list, cursor(at, slot), err
		}
		list = append(list, part.list...)
		if slot = part.next; slot == 0 {
			at++
		}
	}
	if at >= len(s.loops) {
		return list, 0, nil
	}
	return list, cursor(at, slot), nil
}

// scanned is a piece of a scan; next is 0 at the end of the loop's sockets.
type scanned struct {
	list []SocketStatus
	next uint32
}

// scan lists a loop's sockets from a slot on.
func (l *Loop) scan(n *Namespace, slot uint32, most int) (p scanned) {
	looked := 0
	l.sockets.EachFrom(slot, func(i uint32, e *entry) bool {
		if looked == scanTurn || len(p.list) == most {
			p.next = i
			return false
		}
		looked++
		if e.state == socketConnected && (e.ns == n || e.ns.parent == n) {
			p.list = append(p.list, l.status(e, i))
		}
		return true
	})
	return p
}

// status is a socket's status.
func (l *Loop) status(e *entry, slot uint32) SocketStatus {
	return statusOf(l.handle(e, slot), e.session)
}

// statusOf is the status of a socket of a session.
func statusOf(sock *Socket, s *transport.Session) SocketStatus {
	return SocketStatus{Socket: sock, Buffered: s.Buffered(), Stalled: milliseconds(s.Stalled()), Dropped: s.Dropped()}
}

// Status tells how the clients of sockets of this server keep up, and what their
// connections are like, in no order;
// those that have disconnected are left out. It waits for loops, so an inline
// handler must not call it ([ErrOnLoop]).
func (s *Server) Status(ctx context.Context, sockets []*Socket) (list []SocketStatus, err error) {
	if s.onLoop() {
		return nil, ErrOnLoop
	}
	byLoop := make([][]*Socket, len(s.loops))
	for _, sock := range sockets {
		byLoop[sock.loop.index] = append(byLoop[sock.loop.index], sock)
	}
	for i, mine := range byLoop {
		for piece := range slices.Chunk(mine, scanTurn) {
			part, err := ask(ctx, s.loops[i], func(l *Loop) (part []SocketStatus) {
				for _, sock := range piece {
					if e := l.connected(sock.ref); e != nil {
						st := l.status(e, sock.ref.slot())
						st.Network = networkOf(e.session)
						part = append(part, st)
					}
				}
				return part
			})
			if list = append(list, part...); err != nil {
				return list, err
			}
		}
	}
	return list, nil
}

// Queues are what waits to be sent to the clients of a server.
type Queues struct {
	Clients int            // for which something waits
	Bytes   int            // that wait for all of them
	Longest []SocketStatus // a socket of each client with the longest, the longest first
}

// Queues looks at what waits for every client, and tells of the most with the
// longest queues. No loop does more than a small piece of it in one turn. It
// waits for loops, so an inline handler must not call it ([ErrOnLoop]).
func (s *Server) Queues(ctx context.Context, most int) (q Queues, err error) {
	if s.onLoop() {
		return q, ErrOnLoop
	}
	for _, l := range s.loops {
		for next, more := uint32(0), true; more; {
			part, err := ask(ctx, l, func(l *Loop) queued { return l.queues(next, most) })
			if err != nil {
				return q, err
			}
			q.Clients += part.clients
			q.Bytes += part.bytes
			q.Longest = longest(append(q.Longest, part.list...), most)
			next, more = part.next, part.next != 0
		}
	}
	return q, nil
}

// queued is a piece of a look at the queues.
type queued struct {
	scanned
	clients, bytes int
}

// queues looks at the sessions of a loop from one on.
func (l *Loop) queues(from uint32, most int) (p queued) {
	looked := 0
	l.engine.SessionsFrom(from, func(i uint32, s *transport.Session) bool {
		if looked++; looked > scanTurn {
			p.next = i
			return false
		}
		n := s.Buffered()
		if n == 0 {
			return true
		}
		p.clients++
		p.bytes += n
		if len(p.list) >= most && (most == 0 || p.list[len(p.list)-1].Buffered >= n) {
			return true
		}
		if list := l.socketsOf(s); len(list) > 0 {
			p.list = longest(append(p.list, statusOf(list[0], s)), most)
		}
		return true
	})
	return p
}

// longest sorts queues by their length and keeps the first.
func longest(list []SocketStatus, most int) []SocketStatus {
	slices.SortFunc(list, func(a, b SocketStatus) int { return b.Buffered - a.Buffered })
	return list[:min(len(list), most)]
}

// Count is the number of sockets of this server that the operator addresses.
func (o BroadcastOperator) Count() (n int) {
	for _, part := range o.parts() {
		for _, shard := range part.ns.shards {
			n += shard.Count(&o.target)
		}
	}
	return n
}

// ask runs f on a loop and waits for what it returns.
func ask[T any](ctx context.Context, l *Loop, f func(*Loop) T) (v T, err error) {
	answer := make(chan T, 1)
	l.engine.Post(taskFunc(func() { answer <- f(l) }))
	select {
	case v = <-answer:
		return v, nil
	case <-ctx.Done():
		return v, ctx.Err()
	case <-l.server.done:
		return v, ErrClosed
	}
}
