// Chat: names, messages to all others, who is typing, who comes and goes.

package main

import (
	"context"

	"github.com/sioserver/sioserver/loop"
)

func chat(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	// Socket.Data is where a socket's state lives; other servers see it too.
	name := func(s *loop.Socket) string { n, _ := loop.DataAs[string](s); return n }
	loop.OnAck(server, "log in", func(s *loop.Socket, who string) (here int, err error) {
		s.SetData(who)
		if err := s.Join("members"); err != nil {
			return 0, err
		}
		members, err := server.In("members").Sockets(s.Context())
		if err != nil {
			return 0, err
		}
		return len(members), s.To("members").Emit("joined", who, len(members))
	})
	loop.On(server, "message", func(s *loop.Socket, text string) error {
		return s.To("members").Emit("message", name(s), text)
	})
	// Nobody minds if one of these is lost.
	loop.On0(server, "typing", func(s *loop.Socket) error {
		return s.To("members").Volatile().Emit("typing", name(s))
	})
	server.OnDisconnect(func(s *loop.Socket, _ loop.DisconnectReason, _ error) {
		if who := name(s); who != "" {
			_ = server.To("members").Emit("left", who)
		}
	})
	return server.Run(ctx)
}
