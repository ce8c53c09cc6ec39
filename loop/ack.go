// Acknowledgements that clients owe.

package loop

import (
	"context"
	"time"

	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/wheel"
)

// ackRequest is the wish for an answer to an event.
type ackRequest struct {
	id      uint64
	timeout time.Duration // 0 is none
	// deliver is called once, on the loop, with the answer or an error. The
	// arguments are views.
	deliver func(Args, error)
}

// pendingAck is an answer that a socket owes.
type pendingAck struct {
	socket  *Socket
	id      uint64
	timer   wheel.ID
	since   int64 // of the engine's clock
	deliver func(Args, error)
}

// EmitWithAck sends an event and waits for the client's acknowledgement: until
// it comes, ctx is done, or the socket disconnects. It must not be called by an
// inline handler ([ErrOnLoop]).
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return s.emitWithAck(ctx, event, args, rooms.Flags{})
}

// EmitWithAck is [Socket.EmitWithAck] with the flags: with a timeout it fails
// with [ErrTimeout] when that is over.
func (o SocketOperator) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return o.socket.emitWithAck(ctx, event, args, o.flags)
}

// EmitAck sends an event and calls back when the client acknowledges it or the
// socket disconnects ([ErrDisconnected]). The callback runs like a handler of
// the socket; its arguments are its own.
func (s *Socket) EmitAck(event string, callback func(Args, error), args ...any) error {
	return s.operator().EmitAck(event, callback, args...)
}

// EmitAck is [Socket.EmitAck] with the flags: with a timeout it calls back with
// [ErrTimeout] when that is over.
func (o SocketOperator) EmitAck(event string, callback func(Args, error), args ...any) error {
	s := o.socket
	return s.emit(event, args, o.flags, &ackRequest{timeout: o.flags.Timeout, deliver: func(a Args, err error) {
		a = a.Clone()
		s.loop.run(&s.actor, job{call: func() { s.protect("acknowledgement callback", func() { callback(a, err) }) }})
	}})
}

type ackResult struct {
	args Args
	err  error
}

func (s *Socket) emitWithAck(ctx context.Context, event string, args []any, f rooms.Flags) (Args, error) {
	if s.ns.server.onLoop() {
		return Args{}, ErrOnLoop
	}
	if err := ctx.Err(); err != nil {
		return Args{}, err
	}
	answer := make(chan ackResult, 1)
	request := &ackRequest{timeout: f.Timeout, deliver: func(a Args, err error) { answer <- ackResult{a.Clone(), err} }}
	if err := s.emit(event, args, f, request); err != nil {
		return Args{}, err
	}
	select {
	case r := <-answer:
		return r.args, r.err
	case <-ctx.Done():
		s.loop.engine.Post(&forgetTask{s, request.id})
		return Args{}, ctx.Err()
	case <-s.ns.server.done:
		return Args{}, ErrClosed
	}
}

// forgetTask drops an answer nobody waits for any more.
type forgetTask struct {
	socket *Socket
	id     uint64
}

// Run implements [transport.Task].
func (t *forgetTask) Run(*transport.Engine) { t.socket.loop.giveUp(t.socket, t.id) }

// await notes an answer that a socket owes from now on. Loop only.
func (l *Loop) await(s *Socket, r *ackRequest) bool {
	if len(s.acks) >= l.server.cfg.Limits.Acks {
		l.stats.limit(limitAcks)
		r.deliver(Args{}, ErrTooManyAcks)
		return false
	}
	p, i := l.waiting.Take()
	*p = pendingAck{socket: s, id: r.id, since: l.engine.Now(), deliver: r.deliver}
	if r.timeout > 0 {
		p.timer = l.engine.Arm(l.engine.Now()+max(1, r.timeout.Milliseconds()), i<<timerBits|timerAck)
	}
	if s.acks == nil {
		s.acks = map[uint64]uint32{}
	}
	s.acks[r.id] = i
	return true
}

// take removes an answer that a socket owes, and returns whom to tell and since
// when it was due.
func (l *Loop) take(s *Socket, id uint64) (deliver func(Args, error), since int64) {
	i, ok := s.acks[id]
	if !ok {
		return nil, 0
	}
	delete(s.acks, id)
	p := l.waiting.At(i)
	deliver, since = p.deliver, p.since
	l.engine.Disarm(p.timer)
	*p = pendingAck{}
	l.waiting.Give(i)
	return deliver, since
}

// giveUp drops an answer that nobody waits for any more.
func (l *Loop) giveUp(s *Socket, id uint64) {
	if deliver, _ := l.take(s, id); deliver != nil {
		l.stats.ackTimeouts++
	}
}

// ackTimeout ends the wait for an answer.
func (l *Loop) ackTimeout(i uint32) {
	p := l.waiting.At(i)
	p.timer = 0
	if deliver, _ := l.take(p.socket, p.id); deliver != nil {
		l.stats.ackTimeouts++
		deliver(Args{}, ErrTimeout)
	}
}

// failAcks tells everybody who waits for a socket that has disconnected.
func (l *Loop) failAcks(s *Socket) {
	for id := range s.acks {
		if deliver, _ := l.take(s, id); deliver != nil {
			l.stats.ackDisconnects++
			deliver(Args{}, ErrDisconnected)
		}
	}
	s.acks = nil
}

// acked acts on an ACK packet.
func (l *Loop) acked(s *transport.Session, c *client, e *entry, p *socketio.Packet, bins [][]byte) {
	if e.handle != nil {
		if deliver, since := l.take(e.handle, p.ID); deliver != nil {
			l.stats.acked(l.engine.Now() - since)
			deliver(Args{raw: p.Args, n: p.NumArgs, bins: bins, form: l.server.form}, nil)
			return
		}
	}
	// An answer that came too late is harmless, many of them are not.
	const minute = 60_000
	k, now := c.keep(), l.engine.Now()
	if k.unknown == 0 || now-k.since > minute {
		k.since, k.unknown = now, 0
	}
	if k.unknown++; k.unknown > l.server.cfg.Limits.UnknownAcks {
		l.stats.limit(limitUnknownAcks)
		s.Fail(errUnknownAcks)
	}
}
