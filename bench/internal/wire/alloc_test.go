//go:build !race

// What must not allocate.

package wire_test

import (
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

func TestAllocations(t *testing.T) {
	frame := wire.AppendFrame(nil, wire.OpText, false, []byte(`42["echo","x"]`), false, 0)
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	buf := make([]byte, 0, 1024)
	for name, f := range map[string]func(){
		"parse a frame":    func() { _, _, _ = wire.ParseFrame(frame, limit) },
		"append a frame":   func() { buf = wire.AppendFrame(buf[:0], wire.OpText, false, answer, true, 7) },
		"parse a response": func() { _, _, _ = wire.ParseResponse(answer, limit) },
		"parse a packet":   func() { _, _ = wire.ParsePacket(frame[3:]) },
		"next packet":      func() { _, _, _ = wire.NextPacket([]byte("40\x1e2"), 4) },
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}
