//go:build !race

// What negotiating and compressing may allocate: nothing.

package coding_test

import (
	"testing"

	"github.com/sioserver/sioserver/transport/coding"
)

func TestAllocs(t *testing.T) {
	line, body, out := []byte("gzip, deflate;q=0.5, *;q=0"), text(4096), make([]byte, 0, 8192)
	if n := testing.AllocsPerRun(1000, func() {
		var a coding.Accept
		a.Add(line)
		out = coding.Append(out[:0], body, a.Best(coding.Gzip, coding.Deflate), coding.DefaultLevel)
	}); n >= 1 { // the collector may take a compressor in between
		t.Errorf("%v allocations", n)
	}
}
