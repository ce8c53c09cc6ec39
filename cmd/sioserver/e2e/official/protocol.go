// The servers of the suites of the protocols: Engine.IO 3 and 4, Socket.IO 5.

package main

import (
	"encoding/json"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// protocolConfig are the options of the servers.
func protocolConfig(engineOnly bool, revision int) loop.Config {
	return loop.Config{
		EngineOnly:        engineOnly,
		AllowEIO3:         revision == 3,
		PingInterval:      300 * time.Millisecond,
		PingTimeout:       200 * time.Millisecond,
		ConnectTimeout:    time.Second,
		MaxHTTPBufferSize: 1_000_000,
		CORS:              &loop.CORS{Origin: "*"},
	}
}

// echo sends every message back.
func echo(s *loop.Server) {
	s.On("message", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("message", e.Args()) })
}

// protocol registers the namespaces and events of the suite of Socket.IO.
func protocol(s *loop.Server) {
	for _, n := range []*loop.Namespace{s.Root(), s.Of("/custom")} {
		n.OnConnection(func(s *loop.Socket) {
			auth := s.Handshake().RawAuth()
			if auth == nil {
				auth = json.RawMessage("{}")
			}
			_ = s.Emit("auth", auth)
		})
	}
	s.On("message", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("message-back", e.Args()) })
	s.On("message-with-ack", func(_ *loop.Socket, e *loop.Event) { _ = e.AckArgs(e.Args()) })
}
