// Negotiation against tables and a slow twin; bodies against the readers of the standard library.

package coding_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/coding"
)

func best(lines []string, offered ...coding.Coding) coding.Coding {
	var a coding.Accept
	for _, l := range lines {
		a.Add([]byte(l))
	}
	return a.Best(offered...)
}

func TestBest(t *testing.T) {
	for _, v := range []struct {
		lines string // by "|"
		want  coding.Coding
	}{
		{"", coding.Identity},
		{"gzip", coding.Gzip},
		{"deflate", coding.Deflate},
		{"gzip, deflate", coding.Gzip},
		{"deflate, gzip", coding.Gzip},
		{"deflate,gzip;q=0.9", coding.Deflate},
		{"gzip, deflate, br, zstd", coding.Gzip},
		{"br, zstd", coding.Identity},
		{"GZip", coding.Gzip},
		{"x-gzip", coding.Gzip},
		{"X-GZIP;q=0.5, deflate;q=0.4", coding.Gzip},
		{"x-deflate", coding.Identity},
		{"gzipp", coding.Identity},
		{"*", coding.Gzip},
		{"*;q=0", coding.Identity},
		{"gzip;q=0, *", coding.Deflate},
		{"gzip;q=0.1, *;q=0.2", coding.Deflate},
		{"gzip;q=0, deflate;q=0, *", coding.Identity},
		{"identity", coding.Identity},
		{"identity, gzip;q=0.5", coding.Identity},
		{"identity;q=0.5, gzip;q=0.5", coding.Gzip},
		{"identity;q=0", coding.Identity},
		{"identity;q=0, gzip;q=0.001", coding.Gzip},
		{"identity;q=0, gzip;q=0", coding.Identity},
		{"gzip;q=0", coding.Identity},
		{"gzip;q=0.0", coding.Identity},
		{"gzip;q=0.000", coding.Identity},
		{"gzip;q=0.001", coding.Gzip},
		{"gzip;q=0.0001", coding.Identity},
		{"gzip;q=1.000", coding.Gzip},
		{"gzip;q=7", coding.Gzip},
		{"gzip;q=.5", coding.Gzip},
		{"gzip;Q=1", coding.Gzip},
		{"gzip ; q=1", coding.Gzip},
		{"gzip;\tq=0.5\t", coding.Gzip},
		{"gzip;q=", coding.Identity},
		{"gzip;q=x", coding.Identity},
		{"gzip;q=-1", coding.Identity},
		{"gzip;q=1.1.1", coding.Identity},
		{"gzip;q=1;q=0", coding.Identity},
		{"gzip;x=1", coding.Identity},
		{"gzip;", coding.Gzip},
		{"gzip;q=0, gzip", coding.Gzip},
		{",, ,gzip", coding.Gzip},
		{";q=1, deflate", coding.Deflate},
		{"br|deflate", coding.Deflate},
		{"gzip;q=0|*|", coding.Deflate},
		{"\x00, \xff;q=1, deflate", coding.Deflate},
	} {
		if got := best(strings.Split(v.lines, "|"), coding.Gzip, coding.Deflate); got != v.want {
			t.Errorf("%q: %v, want %v", v.lines, got, v.want)
		}
	}
	if got := best(nil, coding.Gzip); got != coding.Identity {
		t.Errorf("without a line: %v", got)
	}
	if got := best([]string{"gzip, br"}, coding.Brotli, coding.Gzip); got != coding.Brotli || got.String() != "br" {
		t.Errorf("the first of those offered: %v", got)
	}
	if got := best([]string{"gzip, br, *"}); got != coding.Identity {
		t.Errorf("nothing offered: %v", got)
	}
}

// slowBest is Best as one would write it first.
func slowBest(line string, offered []coding.Coding) coding.Coding {
	weights := map[string]float64{}
	for _, element := range strings.Split(line, ",") {
		name, parameter, has := strings.Cut(element, ";")
		name = strings.ToLower(strings.Trim(name, " \t"))
		if name == "x-gzip" {
			name = "gzip"
		}
		q := 1.0
		if parameter = strings.Trim(parameter, " \t"); has && parameter != "" {
			q = 0
			if value, ok := strings.CutPrefix(strings.ToLower(parameter), "q="); ok && value != "" && strings.Trim(value, "0123456789.") == "" && strings.Count(value, ".") < 2 {
				whole, part, _ := strings.Cut(value, ".")
				q, _ = strconv.ParseFloat("0"+strings.TrimLeft(whole, "0")+"."+part[:min(3, len(part))]+"0", 64)
			}
		}
		weights[name] = max(weights[name], min(1, q))
		weights["named "+name] = 1
	}
	chosen, top := coding.Identity, weights["identity"]
	for _, c := range offered {
		q := weights[c.String()]
		if weights["named "+c.String()] == 0 {
			q = weights["*"]
		}
		if q > top || q == top && q > 0 && chosen == coding.Identity {
			chosen, top = c, q
		}
	}
	return chosen
}

func FuzzAccept(f *testing.F) {
	for _, line := range []string{"gzip, deflate, br, zstd", "gzip;q=0, *;q=.25", "identity;q=0.5, x-gzip;q=0.500", "*;q=0, br;q=1.0", "gzip;q=00.5,deflate;q=9"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, r := range line {
			if r > 0x7e || r == '|' {
				return // other cases than those of ASCII mean nothing in names
			}
		}
		for _, offered := range [][]coding.Coding{{coding.Gzip, coding.Deflate}, {coding.Brotli, coding.Gzip}, {coding.Gzip}} {
			if got, want := best([]string{line}, offered...), slowBest(line, offered); got != want {
				t.Errorf("%q of %v: %v, want %v", line, offered, got, want)
			}
		}
	})
}

// inflate reads a body with the standard library, which checks the sums.
func inflate(t testing.TB, body []byte, c coding.Coding) []byte {
	t.Helper()
	var r io.Reader
	var err error
	if c == coding.Gzip {
		r, err = gzip.NewReader(bytes.NewReader(body))
	} else {
		r, err = zlib.NewReader(bytes.NewReader(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func text(n int) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for b.Len() < n {
		fmt.Fprintf(&b, `42["price",{"id":%d,"text":"some words that come again"}]`, r.IntN(1000))
	}
	return b.Bytes()[:n]
}

func TestCompressor(t *testing.T) {
	noise := make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, c := range []coding.Coding{coding.Gzip, coding.Deflate} {
		for level := coding.MinLevel; level <= coding.MaxLevel; level++ {
			for _, body := range [][]byte{nil, {1}, text(100), text(1024), text(100_000), noise} {
				got := coding.Append([]byte("before"), body, c, level)
				if !bytes.HasPrefix(got, []byte("before")) || !bytes.Equal(inflate(t, got[6:], c), body) {
					t.Errorf("%v, level %d, %d bytes: other bytes came back", c, level, len(body))
				}
				if len(body) == 100_000 && len(got) > len(body)/4 {
					t.Errorf("%v, level %d: %d bytes of %d", c, level, len(got), len(body))
				}
				// In pieces, and by a compressor whose last body was given up.
				z := coding.Borrow(level)
				z.Begin(nil, c)
				z.Write(text(5000))
				z.Return()
				z = coding.Borrow(level)
				z.Begin([]byte("x"), c)
				for rest := body; len(rest) > 0; {
					n := min(len(rest), 1+rand.IntN(30_000))
					z.Write(rest[:n])
					rest = rest[n:]
				}
				got = z.End()
				z.Return()
				if !bytes.Equal(inflate(t, got[1:], c), body) {
					t.Errorf("%v, level %d, %d bytes in pieces: other bytes came back", c, level, len(body))
				}
			}
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1024, 4096, 16 << 10, 32 << 10} {
		for _, level := range []int{1, 4, 6} {
			b.Run(fmt.Sprintf("%d/level%d", n, level), func(b *testing.B) {
				body := text(n)
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					out = coding.Append(out[:0], body, coding.Gzip, level)
				}
				b.ReportMetric(float64(len(out))/float64(n), "ratio")
			})
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	line := []byte("gzip, deflate, br, zstd")
	for b.Loop() {
		var a coding.Accept
		a.Add(line)
		if a.Best(coding.Gzip, coding.Deflate) != coding.Gzip {
			b.Fatal("not gzip")
		}
	}
}
