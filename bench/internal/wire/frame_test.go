// Frames: a table, three ways of feeding it, and a naive twin for masking.

package wire_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

const limit = 1 << 20

var frames = []struct {
	name string
	in   []byte
	op   byte
	fin  bool
	rsv1 bool
	want string
	err  error
}{
	{name: "text of RFC 6455 section 5.7", in: []byte{0x81, 0x05, 'H', 'e', 'l', 'l', 'o'}, op: wire.OpText, fin: true, want: "Hello"},
	{name: "masked text of RFC 6455 section 5.7", in: []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}, op: wire.OpText, fin: true, want: "Hello"},
	{name: "first fragment", in: []byte{0x01, 0x03, 'H', 'e', 'l'}, op: wire.OpText, want: "Hel"},
	{name: "last fragment", in: []byte{0x80, 0x02, 'l', 'o'}, op: wire.OpContinuation, fin: true, want: "lo"},
	{name: "ping", in: []byte{0x89, 0x00}, op: wire.OpPing, fin: true},
	{name: "compressed", in: []byte{0xc1, 0x01, 'x'}, op: wire.OpText, fin: true, rsv1: true, want: "x"},
	{name: "16 bits of length", in: append([]byte{0x82, 126, 0x01, 0x00}, make([]byte, 256)...), op: wire.OpBinary, fin: true, want: string(make([]byte, 256))},
	{name: "64 bits of length", in: append([]byte{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, make([]byte, 65536)...), op: wire.OpBinary, fin: true, want: string(make([]byte, 65536))},
	{name: "reserved bit", in: []byte{0x91, 0x00}, err: wire.ErrFrameReserved},
	{name: "reserved opcode", in: []byte{0x83, 0x00}, err: wire.ErrFrameReserved},
	{name: "opcode 11", in: []byte{0x8b, 0x00}, err: wire.ErrFrameReserved},
	{name: "fragmented ping", in: []byte{0x09, 0x00}, err: wire.ErrFrameControl},
	{name: "long ping", in: []byte{0x89, 126, 0, 126}, err: wire.ErrFrameControl},
	{name: "16 bits for 125", in: []byte{0x81, 126, 0, 125}, err: wire.ErrFrameLength},
	{name: "64 bits for 65535", in: []byte{0x81, 127, 0, 0, 0, 0, 0, 0, 255, 255}, err: wire.ErrFrameLength},
	{name: "beyond the limit", in: []byte{0x81, 127, 0, 0, 0, 0, 0, 16, 0, 1}, err: wire.ErrFrameSize},
	{name: "top bit of the length", in: []byte{0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255}, err: wire.ErrFrameSize},
}

func TestParseFrame(t *testing.T) {
	for _, c := range frames {
		t.Run(c.name, func(t *testing.T) {
			f, n, err := wire.ParseFrame(bytes.Clone(c.in), limit)
			if !errors.Is(err, c.err) || err != nil && n != 0 {
				t.Fatalf("error %v with %d bytes taken, want %v", err, n, c.err)
			}
			if err != nil {
				return
			}
			if n != len(c.in) || f.Op != c.op || f.Fin != c.fin || f.RSV1 != c.rsv1 || string(f.Payload) != c.want {
				t.Errorf("got %+v after %d bytes", f, n)
			}
			// Every beginning of a frame is too short, and is left as it was.
			for cut := range min(len(c.in), 400) {
				part := bytes.Clone(c.in[:cut])
				if _, n, err := wire.ParseFrame(part, limit); n != 0 || err != nil || !bytes.Equal(part, c.in[:cut]) {
					t.Fatalf("%d bytes: took %d, error %v", cut, n, err)
				}
			}
		})
	}
}

// TestFramesCut: a stream of frames cut at random gives the same messages as
// the whole.
func TestFramesCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []string
	for i := range 200 {
		p := make([]byte, rng.IntN(300))
		for j := range p {
			p[j] = byte(rng.Uint32())
		}
		stream = wire.AppendFrame(stream, wire.OpBinary, false, p, i%2 == 0, rng.Uint32())
		want = append(want, string(p))
	}
	for name, step := range map[string]func() int{"whole": func() int { return len(stream) }, "byte by byte": func() int { return 1 }, "at random": func() int { return 1 + rng.IntN(97) }} {
		t.Run(name, func(t *testing.T) {
			var buf []byte
			var got []string
			for rest := stream; len(rest) > 0; {
				n := min(step(), len(rest))
				buf = append(buf, rest[:n]...)
				rest = rest[n:]
				for {
					f, n, err := wire.ParseFrame(buf, limit)
					if err != nil {
						t.Fatal(err)
					}
					if n == 0 {
						break
					}
					got = append(got, string(f.Payload))
					buf = buf[n:]
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%d frames, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("frame %d differs", i)
				}
			}
		})
	}
}

func TestMaskAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for size := range 70 {
		key := rng.Uint32()
		b := make([]byte, size)
		want := make([]byte, size)
		for i := range b {
			b[i] = byte(rng.Uint32())
			want[i] = b[i] ^ byte(key>>(8*(i%4)))
		}
		wire.Mask(b, key)
		if !bytes.Equal(b, want) {
			t.Fatalf("%d bytes: differ", size)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, c := range frames {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, n, err := wire.ParseFrame(bytes.Clone(b), limit)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("took %d of %d, error %v", n, len(b), err)
		}
		if n == 0 || !fr.Fin {
			return
		}
		again := wire.AppendFrame(nil, fr.Op, fr.RSV1, fr.Payload, false, 0)
		g, m, err := wire.ParseFrame(again, limit)
		if err != nil || m != len(again) || g.Op != fr.Op || !bytes.Equal(g.Payload, fr.Payload) {
			t.Fatalf("%+v became %+v, error %v", fr, g, err)
		}
	})
}
