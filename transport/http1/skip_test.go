// Bodies that are read over: where they end, what is kept of them, and when there is no end to be found.

package http1_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

func TestSkip(t *testing.T) {
	lim := limits
	lim.Body = 10
	long := strings.Repeat("x", 1000)
	for _, v := range []struct {
		name   string
		length uint64 // 0 for chunked
		in     string
		end    int // bytes of in that belong to the body, -1 if it goes on behind in
		err    error
	}{
		{"length", 1000, long + "GET", 1000, nil},
		{"length, more to come", 1001, long, -1, nil},
		{"far more", 1<<64 - 1, long, -1, nil},
		{"one chunk", 0, "3e8\r\n" + long + "\r\n0\r\n\r\nGET", 1012, nil},
		{"second chunk", 0, "a\r\n0123456789\r\n1\r\nx\r\n3e8;a=b\r\n" + long + "\r\n0\r\nt: v\r\n\r\nGET", 15 + 6 + 9 + 1002 + 11, nil},
		{"with an extension", 0, "3e8 ;a\r\n" + long + "\r\n0\r\n\r\n", 1015, nil},
		{"a size near the end of numbers", 0, "ffffffffffffffff\r\n" + long, -1, nil},
		{"sizes that wrap", 0, "8\r\n01234567\r\n3\r\nabc\r\nfffffffffffffffe\r\n" + long, -1, nil},
		{"broken behind it", 0, "3e8\r\n" + long + "zz", 0, http1.ErrChunk},
		{"a broken extension behind the size", 0, "3e8;;\r\n", 0, http1.ErrChunk},
		{"framing without end", 0, "b\r\n" + long[:11] + "\r\n" + strings.Repeat("1\r\nx\r\n", 10_000), 0, http1.ErrChunkOverhead},
		{"a forbidden trailer", 0, "b\r\n" + long[:11] + "\r\n0\r\nHost: a\r\n\r\n", 0, http1.ErrTrailer},
	} {
		t.Run(v.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for name, reads := range map[string][][]byte{
				"whole": {[]byte(v.in)}, "bytes": eachByte([]byte(v.in)), "random": cutAtRandom(rng, []byte(v.in)),
			} {
				var b http1.Body
				err := b.Begin(&http1.Request{Chunked: v.length == 0, ContentLength: v.length}, &lim)
				refusals, end := 0, -1
				refused := func() {
					if refusals++; err != http1.ErrBodyTooLarge || !b.Skip() {
						t.Fatalf("%s: refused with %v, for good", name, err)
					}
					err = nil
				}
				if err != nil {
					refused()
				}
				taken := 0
				for _, read := range reads {
					for len(read) > 0 && err == nil && end < 0 {
						n, out, done, fault := b.Feed(read, nil)
						if len(out) > 0 && refusals > 0 {
							t.Fatalf("%s: %d bytes are kept", name, len(out))
						}
						taken, read, err = taken+n, read[n:], fault
						if done {
							end = taken
						}
						if err == http1.ErrBodyTooLarge {
							refused()
						}
					}
				}
				if v.err != nil {
					if err != v.err || b.Skip() {
						t.Errorf("%s: got %v, want %v for good", name, err, v.err)
					}
				} else if err != nil || end != v.end {
					t.Errorf("%s: ends at %d, %v, want %d", name, end, err, v.end)
				}
				if refusals != 1 {
					t.Errorf("%s: refused %d times", name, refusals)
				}
			}
		})
	}
}

// A body can be skipped before anything is wrong with it.
func TestSkipEarly(t *testing.T) {
	var b http1.Body
	for _, r := range []http1.Request{{ContentLength: 5}, {Chunked: true}} {
		if err := b.Begin(&r, &limits); err != nil || !b.Skip() {
			t.Fatalf("%+v: %v", r, err)
		}
	}
	if n, out, done, err := b.Feed([]byte("5\r\nhello\r\n0\r\n\r\n!"), []byte("kept")); n != 15 || string(out) != "kept" || !done || err != nil {
		t.Errorf("%d %q %v %v", n, out, done, err)
	}
	if b.Skip() {
		t.Error("there is no end behind the end")
	}
	if err := b.Begin(&http1.Request{}, &limits); err != nil || b.Skip() {
		t.Error("no body has an end to be found")
	}
	// Begun again it is as before.
	_ = b.Begin(&http1.Request{ContentLength: 2}, &limits)
	if _, out, done, err := b.Feed([]byte("hi"), nil); string(out) != "hi" || !done || err != nil {
		t.Errorf("%q %v %v", out, done, err)
	}
}
