// Events between the servers of a cluster.

package loop

import (
	"context"
	"errors"
	"fmt"

	"github.com/sioserver/sioserver/rooms"
)

// ErrServerReserved: the name belongs to the server's own events.
var ErrServerReserved = errors.New("loop: the event name is reserved (connect, connection, new_namespace)")

// ServerEvent is an event that another server of the cluster has sent with
// [Namespace.ServerSideEmit].
type ServerEvent struct {
	name  string
	args  Args
	reply func(rooms.Answer)
	acked bool
}

// Name is the name of the event.
func (e *ServerEvent) Name() string { return e.name }

// Args are its arguments, the receiver's for good.
func (e *ServerEvent) Args() Args { return e.args }

// WantsAck reports whether the sender waits for an answer.
func (e *ServerEvent) WantsAck() bool { return e.reply != nil }

// Ack answers the sender with a value; of Args that is the first. The error is [ErrNoAck], [ErrAcked], or
// tells what cannot be encoded. The goroutine of the handler only.
func (e *ServerEvent) Ack(v any) error {
	switch {
	case e.reply == nil:
		return ErrNoAck
	case e.acked:
		return ErrAcked
	}
	if a, ok := v.(Args); ok {
		v = a.Slice(0, 1)
	}
	raw, bins, err := formJSON.appendArgs(nil, nil, []any{v})
	if err != nil {
		return err
	}
	e.acked = true
	e.reply(rooms.Answer{JSON: raw, Binary: bins})
	return nil
}

// ServerHandler handles an event of another server. It runs off the loops, on a
// goroutine of its own.
type ServerHandler func(e *ServerEvent)

// OnServerEvent adds a handler for an event that other servers send with
// [Namespace.ServerSideEmit]. Any goroutine.
func (n *Namespace) OnServerEvent(event string, h ServerHandler) {
	n.changeHooks(func(k *hooks) {
		k.server = append(k.server[:len(k.server):len(k.server)], serverHook{event, h})
	})
}

type serverHook struct {
	event string
	run   ServerHandler
}

// ServerSideEmit sends an event to the other servers of the cluster, not to this
// one. A server that is alone sends it to nobody. The error is
// [ErrServerReserved], that of the adapter, or tells what cannot be encoded.
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	p, err := n.serverPacket(event, args)
	if err != nil {
		return err
	}
	for _, part := range n.parts() {
		err = errors.Join(err, part.adapter.ServerSideEmit(p))
	}
	return err
}

// ServerSideEmitWithAck sends an event to the other servers and waits for the
// answer of each. When ctx is done before they are complete, it returns those so
// far with ctx's error. An inline handler must not call it ([ErrOnLoop]).
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	p, err := n.serverPacket(event, args)
	if err != nil {
		return nil, err
	}
	if n.server.onLoop() {
		return nil, ErrOnLoop
	}
	var list []Args
	for _, part := range n.parts() {
		answers, e := part.adapter.ServerSideEmitWithAck(ctx, p)
		for _, a := range answers {
			list = append(list, answered(a))
		}
		err = errors.Join(err, e)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return list, err
}

// serverPacket checks and encodes an event for other servers.
func (n *Namespace) serverPacket(event string, args []any) (*rooms.Packet, error) {
	switch event {
	case "connect", "connection", "new_namespace":
		return nil, fmt.Errorf("%w: %q", ErrServerReserved, event)
	}
	// Encoded here, so that each server gets what every other one gets.
	raw, bins, err := formJSON.appendArgs(nil, nil, args)
	if err != nil {
		return nil, err
	}
	return &rooms.Packet{Event: event, Args: []any{Args{raw: raw, n: len(args), bins: bins}}}, nil
}

// answered makes arguments of an answer.
func answered(a rooms.Answer) Args {
	n := 0
	if a.JSON != nil {
		n = 1
	}
	return Args{raw: a.JSON, n: n, bins: a.Binary}
}

// ServerSideEvent implements [rooms.Local].
func (p local) ServerSideEvent(packet *rooms.Packet, answer func(rooms.Answer)) {
	s := p.ns.server
	raw, bins, err := formJSON.appendArgs(nil, nil, unpacked(packet.Args))
	if err != nil {
		s.fail(nil, err)
		return
	}
	args := counted(raw, bins, formJSON).Clone()
	for _, h := range p.ns.hooks.Load().server {
		if h.event == packet.Event {
			e := &ServerEvent{name: packet.Event, args: args, reply: answer}
			s.workers.do(s, func() { s.guard("a server event's handler", func() { h.run(e) }) })
		}
	}
}
