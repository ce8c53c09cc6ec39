// Broadcasting from an HTTP handler, on the same port: POST /notify {"room":"x","text":"y"}.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/sioserver/sioserver/loop"
)

func overHTTP(ctx context.Context, addr string) error {
	server, err := loop.New(loop.Config{Listen: []string{addr}})
	if err != nil {
		return err
	}
	loop.OnAck(server, "subscribe", func(s *loop.Socket, room string) (bool, error) { return true, s.Join(room) })
	server.HandleHTTP("POST /notify", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n struct{ Room, Text string }
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil || n.Room == "" {
			http.Error(w, `want {"room": "…", "text": "…"}`, http.StatusBadRequest)
			return
		}
		members, err := server.In(n.Room).FetchSockets(r.Context()) // on all servers of a cluster
		if err == nil {
			err = server.To(n.Room).Emit("notice", n.Text)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, "told %d\n", len(members))
	}))
	return server.Run(ctx)
}
