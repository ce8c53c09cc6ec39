// The relay of development mode: clients talk without a backend.

package serve

import (
	"context"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// relayPart is the part that relays: see Config.Relay.
type relayPart struct{}

// Start implements [node.Part].
func (relayPart) Start(_ context.Context, n *node.Node) error {
	relay(n.Server.Root())
	return nil
}

// Prepare implements [node.Part].
func (relayPart) Prepare(*config.Config) (func(), error) { return nil, nil }

// Stop implements [node.Part].
func (relayPart) Stop(context.Context) error { return nil }

// relay lets the clients of a namespace talk to each other. Everything runs on
// the loops, and arguments travel as they came.
//
//	echo(...args)         sends echo(...args) back, and acknowledges with args
//	join(room), leave(room)
//	room(room, ...args)   sends room(room, ...args) to the members of the room
//	bcast(...args)        sends bcast(...args) to everybody
func relay(n *loop.Namespace) {
	n.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	}, loop.Inline())
	n.On("join", func(s *loop.Socket, e *loop.Event) {
		if room, ok := roomOf(e); ok && s.Join(room) == nil {
			acknowledge(e)
		}
	}, loop.Inline())
	n.On("leave", func(s *loop.Socket, e *loop.Event) {
		if room, ok := roomOf(e); ok {
			s.Leave(room)
			acknowledge(e)
		}
	}, loop.Inline())
	n.On("room", func(_ *loop.Socket, e *loop.Event) {
		if room, ok := roomOf(e); ok {
			_ = n.To(room).EmitArgs("room", e.Args())
		}
	}, loop.Inline())
	n.On("bcast", func(_ *loop.Socket, e *loop.Event) {
		_ = n.To().EmitArgs("bcast", e.Args())
	}, loop.Inline())
}

// acknowledge answers an event if the client wants an answer.
func acknowledge(e *loop.Event) {
	if e.WantsAck() {
		_ = e.AckArgs(loop.Args{})
	}
}

// roomOf is the room that an event names first.
func roomOf(e *loop.Event) (room string, ok bool) {
	err := e.Args().Decode(0, &room)
	return room, err == nil && room != ""
}
