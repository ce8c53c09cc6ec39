// What the hot path of the generator costs in this package.

package wire_test

import (
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

func BenchmarkAppendFrame(b *testing.B) {
	payload := make([]byte, 140)
	buf := make([]byte, 0, 1024)
	b.SetBytes(int64(len(payload)))
	for i := range b.N {
		buf = wire.AppendFrame(buf[:0], wire.OpText, false, payload, true, uint32(i))
	}
}

func BenchmarkParseFrame(b *testing.B) {
	frame := wire.AppendFrame(nil, wire.OpText, false, make([]byte, 140), false, 0)
	b.SetBytes(int64(len(frame)))
	for range b.N {
		_, _, _ = wire.ParseFrame(frame, limit)
	}
}
