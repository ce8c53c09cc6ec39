// Typed events: structs in, structs out, binary values among them, and what does not fit is refused.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/sioserver/sioserver/loop"
)

// upload is what clients send: {name: "a.txt", tags: ["x"], data: <binary>}.
type upload struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
	Data []byte   `json:"data"` // a Buffer, an ArrayBuffer or a File at the other side
}

// stored is what they are answered.
type stored struct {
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func typed(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	loop.OnAck(server, "upload", func(_ *loop.Socket, u upload) (stored, error) {
		if u.Name == "" {
			return stored{}, &loop.Error{Message: "a name is missing"}
		}
		sum := sha256.Sum256(u.Data)
		return stored{u.Name, len(u.Data), hex.EncodeToString(sum[:])}, nil
	})
	// Two arguments, no answer.
	loop.On2(server, "move", func(s *loop.Socket, x, y float64) error {
		return s.Broadcast().Emit("moved", map[string]any{"id": s.ID(), "x": x, "y": y})
	})
	// Arguments that are only passed on need no type: nothing is decoded.
	server.On("relay", func(s *loop.Socket, e *loop.Event) { _ = s.Broadcast().EmitArgs("relayed", e.Args()) })
	return server.Run(ctx)
}
