// Bodies beyond the cases: memory, views, repeated faults, where one request ends.

package http1_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/http1"
)

func TestBodyByLength(t *testing.T) {
	var b http1.Body
	if err := b.Begin(&http1.Request{HasContentLength: true, ContentLength: 5}, &limits); err != nil {
		t.Fatal(err)
	}
	out := []byte("kept ")
	n, out, done, err := b.Feed([]byte("he"), out)
	if n != 2 || done || err != nil || string(out) != "kept he" {
		t.Fatalf("first part: %d %q %v %v", n, out, done, err)
	}
	n, out, done, err = b.Feed([]byte("lloGET"), out)
	if n != 3 || !done || err != nil || string(out) != "kept hello" {
		t.Fatalf("second part: %d %q %v %v", n, out, done, err)
	}
	n, out, done, err = b.Feed([]byte("GET"), out)
	if n != 0 || !done || err != nil || string(out) != "kept hello" {
		t.Errorf("after the end: %d %q %v %v", n, out, done, err)
	}
}

func TestNoBody(t *testing.T) {
	for _, r := range []http1.Request{{}, {HasContentLength: true}} {
		var b http1.Body
		if err := b.Begin(&r, &limits); err != nil {
			t.Fatal(err)
		}
		if n, out, done, err := b.Feed([]byte("GET"), nil); n != 0 || len(out) != 0 || !done || err != nil {
			t.Errorf("%d %q %v %v", n, out, done, err)
		}
		if body, ok := b.View([]byte("GET")); !ok || len(body) != 0 {
			t.Errorf("view %q %v", body, ok)
		}
	}
}

func TestBodyView(t *testing.T) {
	in := []byte("helloGET")
	var b http1.Body
	begin := func(r http1.Request) {
		if err := b.Begin(&r, &limits); err != nil {
			t.Fatal(err)
		}
	}
	begin(http1.Request{ContentLength: 5})
	body, ok := b.View(in)
	if !ok || string(body) != "hello" || &body[0] != &in[0] || cap(body) != 5 {
		t.Errorf("got %q, %v, capacity %d", body, ok, cap(body))
	}
	if n, _, done, err := b.Feed(in[5:], nil); n != 0 || !done || err != nil {
		t.Errorf("after a view: %d %v %v", n, done, err)
	}

	begin(http1.Request{ContentLength: 9})
	if body, ok := b.View(in); ok || body != nil {
		t.Errorf("of a part: got %q, %v", body, ok)
	}
	if n, out, done, err := b.Feed([]byte("helloGETX"), nil); n != 9 || string(out) != "helloGETX" || !done || err != nil {
		t.Errorf("after a refused view: %d %q %v %v", n, out, done, err)
	}

	begin(http1.Request{Chunked: true})
	if body, ok := b.View([]byte("0\r\n\r\n")); ok {
		t.Errorf("of chunks: got %q", body)
	}

	if err := b.Begin(&http1.Request{ContentLength: 1_000_001}, &limits); err != http1.ErrBodyTooLarge {
		t.Errorf("got %v", err)
	}
	if body, ok := b.View(in); ok {
		t.Errorf("of a refused body: got %q", body)
	}
}

func TestFaultIsRepeated(t *testing.T) {
	var b http1.Body
	if err := b.Begin(&http1.Request{Chunked: true}, &limits); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := b.Feed([]byte("x"), nil); err != http1.ErrChunk {
		t.Fatalf("got %v", err)
	}
	if n, out, done, err := b.Feed([]byte("1\r\nx\r\n0\r\n\r\n"), nil); n != 0 || len(out) != 0 || done || err != http1.ErrChunk {
		t.Errorf("%d %q %v %v", n, out, done, err)
	}
	if err := b.Begin(&http1.Request{ContentLength: 1}, &limits); err != nil {
		t.Fatal(err)
	}
	if _, _, done, err := b.Feed([]byte("x"), nil); !done || err != nil {
		t.Errorf("begun again: %v %v", done, err)
	}
}

// What is announced reserves nothing.
func TestAnnouncedSizeReservesNothing(t *testing.T) {
	for name, start := range map[string]struct {
		r  http1.Request
		in string
	}{
		"length": {http1.Request{ContentLength: 1_000_000}, "x"},
		"chunk":  {http1.Request{Chunked: true}, "f4240\r\nx"},
	} {
		t.Run(name, func(t *testing.T) {
			var b http1.Body
			if err := b.Begin(&start.r, &limits); err != nil {
				t.Fatal(err)
			}
			_, out, done, err := b.Feed([]byte(start.in), nil)
			if string(out) != "x" || done || err != nil || cap(out) > 64 {
				t.Errorf("%q %v %v, capacity %d", out, done, err, cap(out))
			}
		})
	}
}

// A body may be as large as a program wants; only the limit decides.
func TestOtherBodyLimit(t *testing.T) {
	lim := limits
	lim.Body = 1 << 40
	var b http1.Body
	if err := b.Begin(&http1.Request{ContentLength: 1 << 40}, &lim); err != nil {
		t.Error(err)
	}
	if err := b.Begin(&http1.Request{ContentLength: 1<<40 + 1}, &lim); err != http1.ErrBodyTooLarge {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	faults := []*http1.Error{
		http1.ErrControl, http1.ErrEmptyLines, http1.ErrRequestLineTooLong, http1.ErrRequestLine, http1.ErrVersion,
		http1.ErrMethod, http1.ErrTarget, http1.ErrTooManyFields, http1.ErrFieldTooLong, http1.ErrFieldsTooLong, http1.ErrField,
		http1.ErrHost, http1.ErrContentLength, http1.ErrFraming, http1.ErrTransferEncoding, http1.ErrExpect, http1.ErrBodyTooLarge,
		http1.ErrChunk, http1.ErrChunkExtTooLong, http1.ErrChunkOverhead, http1.ErrTrailer, http1.ErrTrailersTooLong, http1.ErrTimeout,
	}
	texts := map[string]bool{}
	for _, fault := range faults {
		text := fault.Error()
		if !strings.HasPrefix(text, "http1: ") || texts[text] {
			t.Errorf("text %q", text)
		}
		texts[text] = true
		answer := http1.AppendError([]byte("before"), fault)
		resp := readResponse(t, bytes.TrimPrefix(answer, []byte("before")), "GET")
		if resp.code != fault.Status || !resp.close || resp.body != "" || resp.length != 0 {
			t.Errorf("%s: %+v", text, resp)
		}
		var as *http1.Error
		if !errors.As(error(fault), &as) || as != fault {
			t.Errorf("%s is not itself", text)
		}
	}
}
