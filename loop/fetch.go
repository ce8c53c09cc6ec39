// Finding sockets, and asking many of them at once.

package loop

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// Sockets are the sockets of this server that the operator addresses. It asks
// every loop and waits for the answers, so an inline handler must not call it
// ([ErrOnLoop]).
func (o BroadcastOperator) Sockets(ctx context.Context) ([]*Socket, error) {
	s := o.ns.server
	if s.onLoop() {
		return nil, ErrOnLoop
	}
	answers := make(chan []*Socket, len(s.loops))
	asked := 0
	parts := o.ns.parts()
	for i, l := range s.loops {
		var refs []socketRef
		for _, n := range parts {
			refs = n.shards[i].Select(refs, &o.target)
		}
		if len(refs) == 0 {
			continue
		}
		asked++
		l.engine.Post(&handlesTask{l, refs, func(list []*Socket) { answers <- list }})
	}
	var all []*Socket
	for range asked {
		select {
		case list := <-answers:
			all = append(all, list...)
		case <-ctx.Done():
			return all, ctx.Err()
		case <-s.done:
			return all, ErrClosed
		}
	}
	return all, nil
}

// Sockets are the sockets of the namespace on this server. See
// [BroadcastOperator.Sockets].
func (n *Namespace) Sockets(ctx context.Context) ([]*Socket, error) { return n.operator().Sockets(ctx) }

// handlesTask turns references into handles on the loop.
type handlesTask struct {
	loop *Loop
	refs []socketRef
	done func([]*Socket)
}

// Run implements [transport.Task].
func (t *handlesTask) Run(*transport.Engine) {
	list := make([]*Socket, 0, len(t.refs))
	for _, ref := range t.refs {
		if e := t.loop.connected(ref); e != nil {
			list = append(list, t.loop.handle(e, ref.slot()))
		}
	}
	t.done(list)
}

// EmitWithAck sends an event and waits for the acknowledgement of every socket
// addressed, on all servers; those that disconnect meanwhile are left out. When
// ctx is done or the time of [BroadcastOperator.Timeout] is over, it returns the
// answers so far with ctx's error or [ErrTimeout]. An answer is the first
// argument of an acknowledgement. It must not be called by an inline handler
// ([ErrOnLoop]).
func (o BroadcastOperator) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	switch {
	case reserved(event):
		return nil, ErrReserved
	case o.ns.server.onLoop():
		return nil, ErrOnLoop
	}
	ctx, cancel := o.limited(ctx)
	defer cancel() // nobody waits for the answers that are left
	parts := o.parts()
	c := newCollector()
	for _, part := range parts {
		n := 1
		if !part.ns.alone && !o.target.Flags.Local {
			var err error
			if n, err = part.ns.adapter.ServerCount(ctx); err != nil {
				return nil, err
			}
		}
		c.await(n)
	}
	for _, part := range parts {
		err := part.ns.adapter.BroadcastWithAck(ctx, &rooms.Packet{Event: event, Args: args}, o.target, c.expect, c.answer)
		if err != nil {
			return nil, err
		}
	}
	c.await(0)
	select {
	case <-c.done:
		return c.list(), nil
	case <-ctx.Done():
		return c.list(), context.Cause(ctx)
	case <-o.ns.server.done:
		return c.list(), ErrClosed
	}
}

// limited is ctx with the operator's timeout, whose cause is [ErrTimeout].
func (o BroadcastOperator) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if d := o.target.Flags.Timeout; d > 0 {
		return context.WithTimeoutCause(ctx, d, ErrTimeout)
	}
	return context.WithCancel(ctx)
}

// collector gathers the answers to a broadcast.
type collector struct {
	done chan struct{}
	mu   struct {
		sync.Mutex
		answers  []Args
		expected int // answers of the servers that have told
		servers  int // that have not told yet how many answers they expect
		over     bool
	}
}

func newCollector() *collector { return &collector{done: make(chan struct{})} }

// await adds servers that will tell how many answers they expect. The last one
// is added before the first one tells.
func (c *collector) await(servers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.servers += servers; servers == 0 {
		c.check()
	}
}

// expect adds the sockets of a server to those that answer.
func (c *collector) expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.expected += n
	c.mu.servers--
	c.check()
}

func (c *collector) answer(a rooms.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.None {
		c.mu.expected--
		c.check()
		return
	}
	c.mu.answers = append(c.mu.answers, answered(a))
	c.check()
}

// check ends the wait when all answers are in.
func (c *collector) check() {
	if !c.mu.over && c.mu.servers <= 0 && len(c.mu.answers) >= c.mu.expected {
		c.mu.over = true
		close(c.done)
	}
}

func (c *collector) list() []Args {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Args{}, c.mu.answers...)
}

// broadcastAck is the wish for the answers of many sockets.
type broadcastAck struct {
	id     uint64
	answer func(rooms.Answer)
	told   atomic.Int64 // answers so far
}

// tell passes an answer on.
func (b *broadcastAck) tell(a rooms.Answer) {
	b.told.Add(1)
	b.answer(a)
}

// request is the wish for the answer of one of them.
func (b *broadcastAck) request() *ackRequest {
	return &ackRequest{id: b.id, deliver: func(a Args, err error) {
		if err != nil {
			b.tell(rooms.Answer{None: true})
			return
		}
		raw, bins := a.Slice(0, 1).json()
		answer := rooms.Answer{JSON: clone(raw)}
		for _, bin := range bins {
			answer.Binary = append(answer.Binary, clone(bin))
		}
		b.tell(answer)
	}}
}

// BroadcastWithAck implements [rooms.Local].
func (p local) BroadcastWithAck(ctx context.Context, packet *rooms.Packet, t rooms.Target, answer func(rooms.Answer)) (int, error) {
	ack := &broadcastAck{id: p.ns.acks.Add(1) - 1, answer: answer}
	m, err := p.ns.encode(ack.id, true, packet.Event, unpacked(packet.Args), t.Flags)
	if err != nil {
		return 0, err
	}
	n := p.ns.broadcast(m, &t, ack)
	m.Release()
	context.AfterFunc(ctx, func() {
		if ack.told.Load() < int64(n) {
			p.ns.forget(ack.id)
		}
	})
	return n, nil
}

// forget drops the answers to a broadcast that nobody waits for any more.
func (n *Namespace) forget(id uint64) {
	for _, l := range n.server.loops {
		l.engine.Post(&forgetAllTask{l, n, id})
	}
}

// forgetAllTask drops the answers with one id on one loop.
type forgetAllTask struct {
	loop *Loop
	ns   *Namespace
	id   uint64
}

// Run implements [transport.Task].
func (t *forgetAllTask) Run(*transport.Engine) {
	t.loop.waiting.Each(func(p *pendingAck) {
		if p.socket != nil && p.id == t.id && p.socket.ns == t.ns {
			t.loop.giveUp(p.socket, t.id)
		}
	})
}

// quote is an untrusted name as logs show it.
func quote(name []byte) string {
	const most = 128
	if len(name) > most {
		name = name[:most]
	}
	return string(socketio.AppendString(nil, string(name)))
}
