// The relay of development mode: clients talk without a backend.

package main

import "github.com/sioserver/sioserver/loop"

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
		acknowledge(e, e.Args())
	}, loop.Inline())
	n.On("join", func(s *loop.Socket, e *loop.Event) {
		if room, ok := roomOf(e); ok && s.Join(room) == nil {
			acknowledge(e, loop.Args{})
		}
	}, loop.Inline())
	n.On("leave", func(s *loop.Socket, e *loop.Event) {
		if room, ok := roomOf(e); ok {
			s.Leave(room)
			acknowledge(e, loop.Args{})
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
func acknowledge(e *loop.Event, a loop.Args) {
	if e.WantsAck() {
		_ = e.AckArgs(a)
	}
}

// roomOf is the room that an event names first.
func roomOf(e *loop.Event) (room string, ok bool) {
	err := e.Args().Decode(0, &room)
	return room, err == nil && room != ""
}
