// What the kernel tells of connections.

package loop_test

import (
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	s, sockets := connected(t, loop.Config{Loops: 1}, func(s *loop.Server) {
		s.On("echo", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("echo", e.Args()) })
	})
	look := func(sock *loop.Socket) loop.Network {
		t.Helper()
		list, err := s.Server.Status(t.Context(), []*loop.Socket{sock})
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0].Network
	}
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	before := look(sock)
	const size = 10_000
	c.mustWrite(t, `2["echo","`+strings.Repeat("x", size)+`"]`)
	c.mustNext(t)
	after := look(sock)
	if before.RTT <= 0 || before.BytesIn == 0 || after.BytesIn < before.BytesIn+size || after.BytesIn > before.BytesIn+2*size || after.BytesOut < before.BytesOut {
		t.Errorf("%+v, then %+v", before, after)
	}
	s.connect(t, "polling")
	if n := look(within(t, "the connection", sockets)); n.BytesIn != 0 || n.BytesOut != 0 {
		t.Errorf("over polling %+v", n)
	}
	list, _, err := s.Root().Scan(t.Context(), 0, 10)
	if err != nil || len(list) != 2 || list[0].Network != (loop.Network{}) {
		t.Errorf("%+v, %v", list, err)
	}
}
