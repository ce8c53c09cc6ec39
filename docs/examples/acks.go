// Acknowledgements in both directions, with deadlines.

package main

import (
	"context"
	"errors"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func acks(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	// The result of the handler is the acknowledgement. It may take its time:
	// other clients do not wait for it.
	loop.OnAck(server, "double", func(_ *loop.Socket, n int) (int, error) { return 2 * n, nil })

	// Acknowledged later, by whatever goroutine.
	server.On("slowly", func(_ *loop.Socket, e *loop.Event) {
		ack := e.Later()
		time.AfterFunc(50*time.Millisecond, func() { _ = ack("done") })
	})

	// The server asks the client, and goes on without it after a while. The
	// socket's Context ends with the socket.
	loop.OnAck(server, "ask me", func(s *loop.Socket, question string) (string, error) {
		wait, cancel := context.WithTimeout(s.Context(), 500*time.Millisecond)
		defer cancel()
		answer, err := loop.Call[string](wait, s, "question", question)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return "no answer", nil
		case err != nil:
			return "", err
		}
		return answer, nil
	})

	// Everybody is asked at once. Who has not answered in time is missing from the
	// list, and the error says so.
	loop.OnAck(server, "ask all", func(s *loop.Socket, question string) (map[string]any, error) {
		answers, err := server.Timeout(500*time.Millisecond).EmitWithAck(s.Context(), "question", question)
		texts := []string{}
		for _, a := range answers {
			var text string
			if a.Decode(0, &text) == nil {
				texts = append(texts, text)
			}
		}
		return map[string]any{"answers": texts, "complete": err == nil}, nil
	})
	return server.Run(ctx)
}
