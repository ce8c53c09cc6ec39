//go:build !race

// Decoding allocates nothing.

package engineio_test

import (
	"testing"

	"github.com/sioserver/sioserver/proto/engineio"
)

func TestDecodeDoesNotAllocate(t *testing.T) {
	payload := []byte("42[\"a\",1]\x1e42[\"b\",2]\x1e3")
	frame := []byte(`42["message","hello"]`)
	n := testing.AllocsPerRun(1000, func() {
		rest := payload
		for rest != nil {
			_, r, err := engineio.V4.NextPacket(rest, false)
			if err != nil {
				t.Fatal(err)
			}
			rest = r
		}
		if _, err := engineio.V4.DecodeFrame(frame, false); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Fatalf("%v allocations, want 0", n)
	}
}
