// The events of CONTRACT.md that reach others, and those that end somebody.

package main

import (
	"strings"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func broadcasts(n *loop.Namespace) {
	n.On("room", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			_ = s.Namespace().To(room).EmitArgs("room", e.Args())
		}
	})
	n.On("room-others", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			_ = s.To(room).EmitArgs("room", e.Args())
		}
	})
	n.On("room-except", func(s *loop.Socket, e *loop.Event) {
		var room, except string
		if a := e.Args(); a.Bind(&room, &except) == nil {
			_ = s.Namespace().To(room).Except(except).Emit("room", room, a.Slice(2, a.Len()))
		}
	})
	n.On("union", func(s *loop.Socket, e *loop.Event) {
		var list []string
		if a := e.Args(); a.Bind(&list) == nil {
			_ = s.Namespace().To(list...).EmitArgs("union", a.Slice(1, a.Len()))
		}
	})
	n.On("bcast", func(s *loop.Socket, e *loop.Event) { _ = s.Namespace().To().EmitArgs("bcast", e.Args()) })
	n.On("bcast-others", func(s *loop.Socket, e *loop.Event) { _ = s.Broadcast().EmitArgs("bcast", e.Args()) })
	n.On("bcast-except", func(s *loop.Socket, e *loop.Event) {
		if except, ok := first(e); ok {
			_ = s.Namespace().Except(except).EmitArgs("bcast", e.Args().Slice(1, e.Args().Len()))
		}
	})
}

func volatiles(n *loop.Namespace) {
	// The burst is one turn of the loop, as it is one turn of the reference.
	n.On("volatile-burst", func(s *loop.Socket, e *loop.Event) {
		var count int
		if e.Args().Decode(0, &count) != nil {
			return
		}
		for i := range count {
			_ = s.Volatile().Emit("v", i)
		}
		_ = s.Emit("v-end")
	}, loop.Inline())
	n.On("volatile-room", func(s *loop.Socket, e *loop.Event) {
		if room, ok := first(e); ok {
			_ = s.Namespace().To(room).Volatile().EmitArgs("v", e.Args().Slice(1, 2))
			_ = e.Ack()
		}
	})
	n.On("volatile-flood", func(s *loop.Socket, e *loop.Event) {
		var room string
		var count, size int
		if e.Args().Bind(&room, &count, &size) != nil {
			return
		}
		ballast, ack := strings.Repeat("x", size), e.Later()
		go func() {
			for i := range count {
				_ = s.Namespace().To(room).Volatile().Emit("v", i, ballast)
				time.Sleep(time.Millisecond)
			}
			_ = ack()
		}()
	})
}

func leaving(n *loop.Namespace) {
	loop.On(n, "kick", func(s *loop.Socket, closeConn bool) error {
		s.Disconnect(closeConn)
		return nil
	})
	loop.On2(n, "kick-room", func(s *loop.Socket, room string, closeConn bool) error {
		return s.Namespace().In(room).DisconnectSockets(closeConn)
	})
}
