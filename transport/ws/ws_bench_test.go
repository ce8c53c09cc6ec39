// Benchmarks: each of the hand-written parts beside what the library or the standard library would take.

package ws_test

import (
	"bytes"
	"fmt"
	"testing"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
	"github.com/sioserver/sioserver/transport/ws"
)

func BenchmarkHeader(b *testing.B) {
	in := frame(fin|opText, pattern(64))
	b.Run("parse", func(b *testing.B) {
		var h ws.Header
		for b.Loop() {
			if n, _ := ws.ParseHeader(in, &h); n != 6 {
				b.Fatal(n)
			}
		}
	})
	b.Run("parse/library", func(b *testing.B) {
		r := bytes.NewReader(in)
		for b.Loop() {
			r.Reset(in)
			h, err := gobwas.ReadHeader(r)
			if err != nil || gobwas.CheckHeader(h, gobwas.StateServerSide) != nil {
				b.Fatal(err)
			}
		}
	})
	payload := pattern(64)
	b.Run("append", func(b *testing.B) {
		out := make([]byte, 0, 128)
		for b.Loop() {
			out = ws.AppendFrame(out[:0], ws.OpText, payload)
		}
	})
	b.Run("append/library", func(b *testing.B) {
		var out bytes.Buffer
		for b.Loop() {
			out.Reset()
			if err := gobwas.WriteFrame(&out, gobwas.NewTextFrame(payload)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnmask(b *testing.B) {
	for _, n := range []int{16, 64, 128, 191, 192, 1024, 16384} {
		p := pattern(n)
		b.Run(fmt.Sprint("here/", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				ws.Unmask(p, key)
			}
		})
		b.Run(fmt.Sprint("library/", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				gobwas.Cipher(p, [4]byte{1, 2, 3, 4}, 0)
			}
		})
	}
}

func BenchmarkUTF8(b *testing.B) {
	for _, c := range []struct {
		name string
		p    []byte
	}{
		{"ascii/1", []byte("3")},
		{"ascii/64", pattern(64)},
		{"ascii/1024", pattern(1024)},
		{"mixed/64", []byte("Grüße an alle, die hier sind, und an die, die es nicht sind....")},
		{"cyrillic/1000", bytes.Repeat([]byte("привет мир "), 50)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.p)))
			for b.Loop() {
				if !ws.ValidUTF8(c.p) {
					b.Fatal()
				}
			}
		})
		b.Run(c.name+"/std", func(b *testing.B) {
			b.SetBytes(int64(len(c.p)))
			for b.Loop() {
				if !utf8.Valid(c.p) {
					b.Fatal()
				}
			}
		})
	}
}

// BenchmarkReader is one message each: header, unmasking, UTF-8, and the call that ends a read. The key is zero so that
// the same input serves again.
func BenchmarkReader(b *testing.B) {
	lim := ws.DefaultLimits()
	run := func(name string, in []byte, messages int, read int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			var r ws.Reader
			for b.Loop() {
				got := 0
				for at := 0; at < len(in); at += read {
					p := in[at:min(at+read, len(in))]
					for {
						ev, n, err := r.Next(p, &lim)
						if err != nil {
							b.Fatal(err)
						}
						if ev.Kind == ws.None {
							break
						}
						got++
						p = p[n:]
					}
				}
				if got != messages {
					b.Fatal(got)
				}
			}
		})
	}
	for _, n := range []int{1, 64, 1024, 16384} {
		run(fmt.Sprint("text/", n), frameKey(fin|opText, pattern(n), 0), 1, 1<<20)
		run(fmt.Sprint("binary/", n), frameKey(fin|opBinary, pattern(n), 0), 1, 1<<20)
	}
	run("text/64/16 in a read", bytes.Repeat(frameKey(fin|opText, pattern(64), 0), 16), 16, 1<<20)
	run("text/64/cut", frameKey(fin|opText, pattern(64), 0), 1, 40)
	run("binary/1e6/reads of 64 KiB", frameKey(fin|opBinary, pattern(1_000_000), 0), 1, 64<<10)
	var fragments []byte
	for i := range 1000 {
		first := byte(opCont)
		switch i {
		case 0:
			first = opText
		case 999:
			first = fin | opCont
		}
		fragments = append(fragments, frameKey(first, []byte("x"), 0)...)
	}
	run("text/1000 fragments of 1", fragments, 1, 1<<20)
}

func BenchmarkAccept(b *testing.B) {
	b.Run("here", func(b *testing.B) {
		req := goodRequest()
		out := make([]byte, 0, 512)
		b.ReportAllocs()
		for b.Loop() {
			if err := ws.CheckAccept(&req); err != nil {
				b.Fatal(err)
			}
			out = ws.AppendAccept(out[:0], req.Key, ws.Answer{})
		}
	})
	b.Run("library", func(b *testing.B) {
		head := upgradeHead(sampleKey)
		p := &pipe{in: bytes.NewReader(nil)}
		b.ReportAllocs()
		for b.Loop() {
			p.in.Reset(head)
			p.out.Reset()
			if _, err := gobwas.Upgrade(p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
