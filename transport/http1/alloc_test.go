//go:build !race

// Allocation gates: reading, refusing and answering take no memory of their own.

package http1_test

import (
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

func checkAllocations(t *testing.T, runs map[string]func()) {
	t.Helper()
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, run); got != 0 {
				t.Errorf("%v allocations, want 0", got)
			}
		})
	}
}

func TestHeadAllocations(t *testing.T) {
	var h http1.Head
	var r http1.Request
	inPieces := func(raw string, size int) func() {
		buf := []byte(raw)
		return func() {
			for end := size; end <= len(buf); end += size {
				if n, err := h.Parse(buf[:end], &limits, &r); n > 0 || err != nil {
					return
				}
			}
			t.Errorf("%q: neither a head nor a fault", raw)
		}
	}
	whole := func(raw string) func() { return inPieces(raw, len(raw)) }
	checkAllocations(t, map[string]func(){
		"get":               whole(browserGet),
		"upgrade":           whole(browserUpgrade),
		"in pieces":         inPieces(browserGet, 1),
		"refused line":      whole("GET\r\n"),
		"refused field":     whole("GET / HTTP/1.1\r\nbad\r\n"),
		"refused head":      whole("GET / HTTP/1.1\r\n\r\n"),
		"refused in pieces": inPieces("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n", 1),
	})
}

func TestBodyAllocations(t *testing.T) {
	var b http1.Body
	out := make([]byte, 0, 4096)
	feed := func(raw string, length uint64) func() {
		in := []byte(raw)
		return func() {
			if err := b.Begin(&http1.Request{Chunked: length == 0, ContentLength: length}, &limits); err != nil {
				return
			}
			if _, _, done, err := b.Feed(in, out); !done && err == nil {
				t.Errorf("%q: neither a body nor a fault", raw)
			}
		}
	}
	checkAllocations(t, map[string]func(){
		"length":           feed("hello", 5),
		"length too large": feed("", 1<<62),
		"chunks":           feed("5;a=\"b\"\r\nhello\r\n0\r\nX: y\r\n\r\n", 0),
		"refused chunks":   feed("5\nhello", 0),
	})
}

func TestOtherAllocations(t *testing.T) {
	out := make([]byte, 0, 4096)
	parsed := mustParse(t, browserGet)
	query := []byte("EIO=4&transport=poll%69ng&%73id=a+b&x=y")
	var q http1.Query
	seen := 0
	checkAllocations(t, map[string]func(){
		"query":      func() { q.Parse(query, out) },
		"each pair":  func() { http1.EachPair(query, out, func(key, value []byte) { seen += len(key) + len(value) }) },
		"get field":  func() { seen += len(parsed.Get("Accept-Language")) },
		"each field": func() { parsed.Each(func(name, value []byte) { seen += len(name) + len(value) }) },
		"each value": func() { parsed.EachValue("origin", func(value []byte) { seen += len(value) }) },
		"error":      func() { http1.AppendError(out, http1.ErrTarget) },
		"continue":   func() { http1.AppendContinue(out) },
		"response": func() {
			dst := http1.AppendStatus(out, 299)
			dst, _ = http1.AppendField(dst, "Content-Type", "text/plain")
			dst, _ = http1.AppendField(dst, "Access-Control-Allow-Origin", parsed.Origin)
			dst = http1.AppendDate(dst, []byte("Sun, 06 Nov 1994 08:49:37 GMT"))
			dst = http1.AppendConnection(dst, 0, true)
			http1.AppendBody(dst, 299, false, "hello")
		},
	})
	if seen == 0 {
		t.Error("no field and no pair was seen")
	}
}
