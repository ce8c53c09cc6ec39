// Masking (RFC 6455 section 5.3), undone in place.
//
// Words of eight bytes win on short payloads, the library's vector code on long ones: 5.5 against 7 ns at 64 bytes, 43
// against 18 at 1 KiB, 660 against 200 at 16 KiB (BenchmarkUnmask). The library gets the whole 16-byte blocks; the odd
// bytes behind them are the words' part too.

package ws

import (
	"encoding/binary"
	"math/bits"

	gobwas "github.com/gobwas/ws"
)

// cipherMin is the payload size in bytes from which on the vector code is faster.
const cipherMin = 192

// Unmask XORs p in place with the masking key and returns the key turned for the byte that follows p, so that a payload
// can be unmasked piece by piece: each piece with the key returned by the one before. The key is the four bytes of the
// frame header read in little-endian order, as in Header.Key. Any goroutine.
func Unmask(p []byte, key uint32) uint32 {
	if len(p) >= cipherMin {
		n := len(p) &^ 15
		var mask [4]byte
		binary.LittleEndian.PutUint32(mask[:], key) // one store: four would stall the load that follows
		gobwas.Cipher(p[:n], mask, 0)
		p = p[n:]
	}
	k := uint64(key)<<32 | uint64(key)
	for len(p) >= 32 {
		q := p[:32:32]
		binary.LittleEndian.PutUint64(q, binary.LittleEndian.Uint64(q)^k)
		binary.LittleEndian.PutUint64(q[8:], binary.LittleEndian.Uint64(q[8:])^k)
		binary.LittleEndian.PutUint64(q[16:], binary.LittleEndian.Uint64(q[16:])^k)
		binary.LittleEndian.PutUint64(q[24:], binary.LittleEndian.Uint64(q[24:])^k)
		p = p[32:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	if len(p) >= 4 {
		binary.LittleEndian.PutUint32(p, binary.LittleEndian.Uint32(p)^key)
		p = p[4:]
	}
	for i := range p {
		p[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
