// Authentication: middleware that looks at the auth payload, and one for each event.

package main

import (
	"context"
	"errors"
	"strings"

	"github.com/sioserver/sioserver/loop"
)

// user is whom a token stands for.
type user struct {
	Name  string `json:"name"`
	Admin bool   `json:"admin"`
}

// lookUp would ask a database, or check a signature. It may block: middleware
// runs off the event loops.
func lookUp(_ context.Context, token string) (user, error) {
	name, ok := strings.CutPrefix(token, "token-of-")
	if !ok {
		return user{}, errors.New("unknown token")
	}
	return user{name, name == "root"}, nil
}

func auth(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	server.Use(func(s *loop.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := s.Handshake().Auth(&auth); err != nil {
			return err
		}
		u, err := lookUp(s.Context(), auth.Token)
		if err != nil {
			// The client's connect_error has this text, and the data.
			return &loop.Error{Message: "not authorized", Data: map[string]string{"hint": "log in again"}}
		}
		s.SetData(u)
		return nil
	})
	server.OnConnection(func(s *loop.Socket) {
		// Middleware for events, with the socket it belongs to.
		s.Use(func(s *loop.Socket, e *loop.Event) error {
			u, _ := loop.DataAs[user](s)
			if strings.HasPrefix(e.Name(), "admin ") && !u.Admin {
				return &loop.Error{Message: "not allowed"}
			}
			return nil
		})
	})
	loop.OnAck0(server, "who am i", func(s *loop.Socket) (user, error) {
		u, _ := loop.DataAs[user](s)
		return u, nil
	})
	loop.OnAck0(server, "admin stats", func(s *loop.Socket) (int, error) {
		return server.Connections(), nil
	})
	return server.Run(ctx)
}
