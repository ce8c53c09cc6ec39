// Inflating: what comes out, what is refused and when, what it costs.

package deflate_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/deflate"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// messages seeds the table test and the fuzz target: of RFC 7692 section 7.2.3, and what is wrong.
var messages = []struct {
	name, hex, want string // want "!" is refused
}{
	{"one block", "f248cdc9c90700", "Hello"},
	{"without compression", "000500faff48656c6c6f00", "Hello"},
	{"final block", "f348cdc9c9070000", "Hello"},
	{"final stored block", "010500faff48656c6c6f00", "Hello"},
	{"final block without the empty one", "f348cdc9c90700", "Hello"},
	{"two blocks", "f248050000 00ffff cac9c90700", "Hello"},
	{"final block between", "f34805000000 00ffff cac9c90700", "Hello"},
	{"empty", "00", ""},
	{"nothing", "", ""},
	{"empty fixed block", "0200", ""},
	{"block type 3", "0700", "!"},
	{"garbage", "ffffffff", "!"},
	{"cut in a block", "f248cdc9", "!"},
	{"cut behind the length", "000500faff48", "!"},
	{"cut in the length", "0005", "!"},
	{"lengths disagree", "00050000ff48656c6c6f00", "!"},
	{"distance before the start", "02020000", "!"},
	{"length code 286", "1b0300", "!"},
	{"gzip", "1f8b08000000000000fff248cdc9c907000000ffff", "!"},
	{"zlib", "789cf248cdc9c90700", "!"},
}

func TestInflate(t *testing.T) {
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			in := unhex(t, m.hex)
			out, err := new(deflate.Inflater).Inflate(nil, in, 100)
			switch {
			case m.want == "!":
				if err != deflate.ErrData || len(out) > 0 {
					t.Errorf("%q, %v, want a refusal", out, err)
				}
			case err != nil || string(out) != m.want:
				t.Errorf("%q, %v, want %q", out, err, m.want)
			}
			if m.hex == "" || m.name == "cut behind the length" {
				return // the twin knows no better
			}
			if got, err := twin(nil, in); (err != nil) != (m.want == "!") || err == nil && string(got) != m.want {
				t.Errorf("the twin has %q, %v", got, err)
			}
		})
	}
}

// TestInflateRoundTrip inflates what the library compresses, of all kinds and sizes, with and without a window.
func TestInflateRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var f deflate.Inflater
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for size := 0; size < 300_000; size = size*3/2 + 1 {
		for kind, message := range map[string][]byte{
			"json": event(size, size), "noise": noise[:size], "zeros": make([]byte, size),
			"text": bytes.Repeat([]byte("the quick brown fox "), size/20+1)[:size],
		} {
			for _, level := range []int{-2, 0, 1, 2, 3, 4, 5, 6, 7, 9} {
				for _, window := range [][]byte{nil, event(5000, 7), noise[:32768]} {
					in := packed(level, window, message)
					out, err := f.Inflate(bytes.Clone(window), in, len(message))
					if err != nil || !bytes.Equal(out, append(bytes.Clone(window), message...)) {
						t.Fatalf("%s of %d bytes, level %d, window of %d: %v", kind, size, level, len(window), err)
					}
					if level == 0 && size > 0 || len(window) == 0 && len(message) > 0 {
						if out, err := f.Inflate(bytes.Clone(window), in, len(message)-1); err != deflate.ErrSize || len(out) != len(window) {
							t.Fatalf("%s of %d bytes, level %d, one too long: %v", kind, size, level, err)
						}
					}
				}
			}
		}
	}
}

// TestInflateLimit has a bomb: what is refused must not have been made.
func TestInflateLimit(t *testing.T) {
	bomb := packed(9, nil, make([]byte, 200_000_000))
	var f deflate.Inflater
	for _, limit := range []int{0, 1, 257, 258, 259, 1000, 65_536, 1_000_000} {
		out, err := f.Inflate(nil, bomb, limit)
		if err != deflate.ErrSize || len(out) > 0 || cap(out) > 2*limit+2048 {
			t.Errorf("limit %d: %d bytes, %v", limit, cap(out), err)
		}
		exact := packed(9, nil, make([]byte, limit))
		out, err = f.Inflate(nil, exact, limit)
		if err != nil || len(out) != limit || cap(out) > 2*limit+2048 {
			t.Errorf("limit %d, as many bytes: %d of %d, %v", limit, len(out), cap(out), err)
		}
	}
}

// TestInflateWindow: what is behind the window's end is not to be had.
func TestInflateWindow(t *testing.T) {
	window := event(2000, 1)
	in := packed(6, window, event(2000, 1))
	var f deflate.Inflater
	if out, err := f.Inflate(bytes.Clone(window), in, 2100); err != nil || !bytes.Equal(out[len(window):], window) {
		t.Fatalf("%d bytes, %v", len(out), err)
	}
	if out, err := f.Inflate(nil, in, 2100); err != deflate.ErrData || len(out) > 0 {
		t.Errorf("without the window: %d bytes, %v", len(out), err)
	}
	if out, err := f.Inflate(bytes.Clone(window[1:]), in, 2100); err != deflate.ErrData || len(out) != len(window)-1 {
		t.Errorf("with less: %d bytes, %v", len(out), err)
	}
}

// TestInflateBlocks has streams of tables with little behind them.
func TestInflateBlocks(t *testing.T) {
	var f deflate.Inflater
	for _, v := range []struct {
		name           string
		blocks, shares int // a share is 258 bytes of a block
		err            error
	}{
		{"as many empty ones as are free", 16, 0, nil},
		{"one more", 17, 0, deflate.ErrBlocks},
		{"thousands that are worth it", 4000, 1, nil},
		{"a megabyte of empty ones", 60_000, 0, deflate.ErrBlocks},
	} {
		t.Run(v.name, func(t *testing.T) {
			var s stream
			want := 0
			for range v.blocks {
				s.table()
				for range v.shares {
					s.put(1, 2)
					s.put(3, 2)
					s.put(0, 1) // the distance
					want += 1 + 258
				}
				s.put(0, 1)
			}
			in := s.end()
			out, err := f.Inflate(nil, in, 2_000_000)
			if err != v.err || err == nil && string(out) != strings.Repeat("a", want) {
				t.Errorf("%d bytes to %d, want %d, %v", len(in), len(out), want, err)
			}
			if got, err := twin(nil, in); err != nil || len(got) != want {
				t.Errorf("the twin has %d bytes, %v", len(got), err)
			}
		})
	}
}

// TestInflateKeeps: memory for one large message is not kept, and neither message nor window is touched.
func TestInflateKeeps(t *testing.T) {
	in := packed(0, nil, make([]byte, 500_000))
	before := bytes.Clone(in)
	var f deflate.Inflater
	if _, err := f.Inflate(nil, in, 1_000_000); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, before) {
		t.Error("the message has changed")
	}
	if n := f.Held(); n > 100_000 {
		t.Errorf("%d bytes are kept", n)
	}
}

func FuzzInflate(f *testing.F) {
	for _, m := range messages {
		f.Add(unhex(f, m.hex), []byte(nil))
	}
	for level := range 10 {
		f.Add(packed(level, nil, event(1000, 1)), []byte(nil))
		f.Add(packed(level, event(1000, 1), event(1000, 2)), event(1000, 1))
	}
	var s stream
	s.table()
	s.put(1, 2)
	s.put(3, 2)
	s.put(0, 2)
	f.Add(s.end(), []byte(nil))
	var inflater deflate.Inflater
	f.Fuzz(func(t *testing.T, in, window []byte) {
		if len(in) > 1<<12 || len(window) > 1<<15 { // the twin is slow
			return
		}
		const limit = 100_000
		want, wantErr := twin(window, in)
		out, err := inflater.Inflate(bytes.Clone(window), in, limit)
		switch {
		case err == nil && (wantErr != nil && len(in) > 0 || !bytes.Equal(out[len(window):], want)):
			t.Errorf("%d bytes, the twin has %d, %v", len(out)-len(window), len(want), wantErr)
		case err == deflate.ErrSize && wantErr == nil && len(want) <= limit:
			t.Errorf("too long at %d bytes", len(want))
		case err == deflate.ErrData && wantErr == nil && !bytes.HasSuffix(want, []byte{0x00, 0x00, 0xff, 0xff}):
			// The twin lets a stored block that was cut swallow the tail.
			t.Errorf("refused, the twin has %d bytes", len(want))
		case err != nil && len(out) != len(window):
			t.Error("an error with bytes")
		case err != nil && !errors.Is(err, deflate.ErrData) && !errors.Is(err, deflate.ErrSize) && !errors.Is(err, deflate.ErrBlocks):
			t.Errorf("error %v", err)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000, 100_000} {
		for _, level := range []int{1, 6} {
			b.Run(fmt.Sprintf("%d/level%d", size, level), func(b *testing.B) {
				in := packed(level, nil, event(size, 1))
				var f deflate.Inflater
				var out []byte
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					var err error
					if out, err = f.Inflate(out[:0], in, 1_000_000); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
