// Compressing: what a peer with the agreed window makes of it, across messages too.

package deflate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sioserver/sioserver/transport/deflate"
)

// peer inflates as a client with context takeover does, with a window of 1<<bits bytes and no more.
type peer struct {
	inflater deflate.Inflater
	window   []byte
	bits     uint8
}

func (p *peer) take(t *testing.T, packed, want []byte) {
	t.Helper()
	out, err := p.inflater.Inflate(p.window, packed, len(want))
	if err != nil || !bytes.Equal(out[len(p.window):], want) {
		t.Fatalf("a message of %d bytes: %v", len(want), err)
	}
	// The twin has the whole of what it needs in its window.
	if got, err := twin(p.window, packed); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("the twin, a message of %d bytes: %v", len(want), err)
	}
	p.window = out
	if over := len(out) - 1<<p.bits; over > 0 {
		p.window = out[over:]
	}
}

// reach is how far back a message refers, found by giving the inflater less and less of a window.
func reach(packed, window []byte, size int) int {
	var f deflate.Inflater
	low, high := 0, len(window)
	for low < high {
		mid := (low + high) / 2
		if _, err := f.Inflate(bytes.Clone(window[len(window)-mid:]), packed, size); err == nil {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// TestCompressDictionary is server context takeover: the dictionary of each message is the one before.
func TestCompressDictionary(t *testing.T) {
	for level := deflate.MinLevel; level <= deflate.MaxLevel; level++ {
		for bits := uint8(deflate.MinWindowBits); bits <= deflate.MaxWindowBits; bits++ {
			t.Run(fmt.Sprintf("level %d, %d bits", level, bits), func(t *testing.T) {
				c := deflate.NewCompressor(level)
				p := peer{bits: bits}
				var last []byte
				rnd := rand.New(rand.NewPCG(uint64(level), uint64(bits)))
				sent, got := 0, 0
				for n := range 40 {
					message := event(20+rnd.IntN(1<<rnd.IntN(15)), n%7)
					packed, ok := c.Compress(message, last, bits)
					if !ok {
						continue // goes out plain: the window stays as it is
					}
					p.take(t, packed, message)
					last = message
					if n%5 == 4 {
						last = nil // also if nothing is remembered
					}
					sent, got = sent+len(packed), got+len(message)
				}
				if sent == 0 || sent > got*6/10 {
					t.Errorf("%d bytes to %d", got, sent)
				}
			})
		}
	}
}

// TestCompressWindow looks how far references go in a message longer than the window, and in one that continues others.
func TestCompressWindow(t *testing.T) {
	message := append(event(40_000, 1), event(40_000, 1)...)
	for bits := uint8(deflate.MinWindowBits); bits <= deflate.MaxWindowBits; bits++ {
		c := deflate.NewCompressor(1)
		for _, size := range []int{1 << bits, 1<<bits + 1, 3 << bits, len(message)} {
			size = min(size, len(message))
			packed, ok := c.Compress(message[:size], nil, bits)
			if !ok {
				t.Fatalf("%d bytes do not become fewer", size)
			}
			packed = bytes.Clone(packed)
			if out, back := slowly(t, packed); !bytes.Equal(out, message[:size]) || back > 1<<bits {
				t.Errorf("%d bits, %d bytes: a reference goes %d bytes back", bits, size, back)
			}
			dict := message[:min(size, 1<<bits)]
			packed, ok = c.Compress(message[:size], dict, bits)
			if n := reach(packed, dict, size); !ok || n == 0 || n > 1<<bits {
				t.Errorf("%d bits, %d bytes: the dictionary is used %d bytes back, %v", bits, size, n, ok)
			}
		}
	}
}

// TestCompressIncompressible: what does not become smaller is not worth a frame.
func TestCompressIncompressible(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	c := deflate.NewCompressor(1)
	for _, size := range []int{0, 1, 100, 5000, 65_536, 100_000} {
		if packed, ok := c.Compress(noise[:size], nil, 15); ok {
			t.Errorf("%d bytes of noise to %d", size, len(packed))
		}
	}
	if packed, ok := c.Compress(noise[:5000], noise[:5000], 15); !ok || len(packed) > 200 {
		t.Errorf("noise that was sent before: %d bytes, %v", len(packed), ok)
	}
}

func TestCompressAllocs(t *testing.T) {
	c := deflate.NewCompressor(1)
	var f deflate.Inflater
	first, second := event(1000, 1), event(1000, 2)
	var out []byte
	step := func() {
		for _, bits := range []uint8{15, 9} {
			packed, ok := c.Compress(second, first, bits)
			out, _ = f.Inflate(append(out[:0], first...), packed, 2000)
			if !ok || !bytes.Equal(out[len(first):], second) {
				t.Fatal("lost")
			}
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, level := range []int{1, 2, 3, 4, 5, 6, 7, 9} {
		for _, dict := range []bool{false, true} {
			b.Run(fmt.Sprintf("level%d/dict=%v", level, dict), func(b *testing.B) {
				c := deflate.NewCompressor(level)
				messages := [16][]byte{}
				for i := range messages {
					messages[i] = event(1023, i)
				}
				n, in, out := 0, 0, 0
				b.ReportAllocs()
				for b.Loop() {
					var last []byte
					if dict {
						last = messages[n%16]
					}
					n++
					packed, _ := c.Compress(messages[n%16], last, 15)
					in, out = in+len(messages[n%16]), out+len(packed)
				}
				b.ReportMetric(float64(out)/float64(in), "ratio")
			})
		}
	}
}

func BenchmarkCompressLarge(b *testing.B) {
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		for _, level := range []int{1, 3, 6} {
			b.Run(fmt.Sprintf("%d/level%d", size, level), func(b *testing.B) {
				c := deflate.NewCompressor(level)
				message := event(size, 1)
				b.SetBytes(int64(size))
				for b.Loop() {
					c.Compress(message, nil, 15)
				}
			})
		}
	}
}
