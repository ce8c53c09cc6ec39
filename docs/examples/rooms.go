// Rooms: joined, left, spoken to, counted; and a namespace for each team.

package main

import (
	"context"
	"regexp"
	"slices"

	"github.com/sioserver/sioserver/loop"
)

func inRooms(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	loop.OnAck(server, "join", func(s *loop.Socket, room string) ([]string, error) {
		err := s.Join(room)
		return slices.Sorted(slices.Values(s.Rooms())), err // its own id is among them
	})
	loop.On(server, "leave", func(s *loop.Socket, room string) error { s.Leave(room); return nil })
	// To the union of some rooms but for another one: each socket gets it once.
	loop.On3(server, "say", func(s *loop.Socket, to []string, except, text string) error {
		return server.To(to...).Except(except).Emit("said", text)
	})
	// Sockets can be moved without asking them.
	loop.On2(server, "merge", func(_ *loop.Socket, from, into string) error {
		if err := server.In(from).SocketsJoin(into); err != nil {
			return err
		}
		return server.In(from).SocketsLeave(from)
	})
	// Each team has a namespace with rooms of its own, made when it is asked for.
	teams := server.OfMatch(regexp.MustCompile(`^/team-\w+$`))
	teams.OnConnection(func(s *loop.Socket) {
		_ = s.Namespace().Emit("hello", s.Namespace().Name())
	})
	return server.Run(ctx)
}
