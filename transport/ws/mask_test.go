// Unmasking against the byte-wise form and the library, at every length, key rotation and alignment.

package ws_test

import (
	"bytes"
	"testing"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/ws"
)

const key = 0xa1b2c3d4

// checkUnmask unmasks p in two pieces and compares with the library and with single bytes.
func checkUnmask(t *testing.T, p []byte, key uint32, cut int) {
	t.Helper()
	mask := [4]byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
	library, naive, got := bytes.Clone(p), bytes.Clone(p), bytes.Clone(p)
	gobwas.Cipher(library, mask, 0)
	for i := range naive {
		naive[i] ^= mask[i%4]
	}
	next := ws.Unmask(got[cut:], ws.Unmask(got[:cut], key))
	if !bytes.Equal(got, naive) || !bytes.Equal(got, library) {
		t.Fatalf("%d bytes cut at %d: % x, want % x", len(p), cut, got, naive)
	}
	last := []byte{0}
	ws.Unmask(last, next)
	if last[0] != mask[len(p)%4] {
		t.Fatalf("%d bytes cut at %d: next key %08x", len(p), cut, next)
	}
}

func TestUnmask(t *testing.T) {
	room := pattern(600)
	for n := range 300 {
		for offset := range 9 {
			p := room[offset : offset+n]
			for _, cut := range []int{0, 1, 2, 3, n / 2, n - 1} {
				checkUnmask(t, p, key, min(max(cut, 0), n))
			}
		}
	}
}

// TestUnmaskStaysInside: not a byte before or behind is touched.
func TestUnmaskStaysInside(t *testing.T) {
	for n := range 300 {
		p := make([]byte, n+64)
		ws.Unmask(p[32:32+n], key)
		if !bytes.Equal(p[:32], make([]byte, 32)) || !bytes.Equal(p[32+n:], make([]byte, 32)) {
			t.Fatalf("%d bytes: % x", n, p)
		}
	}
}
