// Compression: our own both ways, and a sender that keeps its context.

package wire_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

func TestDeflateAlone(t *testing.T) {
	d, err := wire.NewDeflater(1)
	if err != nil {
		t.Fatal(err)
	}
	var f wire.Inflater
	for _, size := range []int{0, 1, 100, 5000, 100000} {
		want := bytes.Repeat([]byte("abc123"), size/6+1)[:size]
		got, err := f.Inflate(d.Append(nil, want), nil, 1<<20)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d came back, error %v", size, len(got), err)
		}
	}
}

// TestInflateTakeover: the standard library keeps one writer for many messages,
// as a server with context takeover does.
func TestInflateTakeover(t *testing.T) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 6)
	if err != nil {
		t.Fatal(err)
	}
	var f wire.Inflater
	var window []byte
	total := 0
	for i := range 300 {
		want := fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, i, bytes.Repeat([]byte{byte('a' + i%26)}, i*7))
		out.Reset()
		_, _ = w.Write(want)
		_ = w.Flush()
		got, err := f.Inflate(out.Bytes()[:out.Len()-4], window, 1<<20)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("message %d behind %d bytes: error %v", i, total, err)
		}
		window = wire.AppendWindow(window, got)
		total += len(want)
	}
	if total <= 1<<15 || len(window) != 1<<15 {
		t.Errorf("%d bytes left a window of %d", total, len(window))
	}
}

func TestInflateRefuses(t *testing.T) {
	d, err := wire.NewDeflater(1)
	if err != nil {
		t.Fatal(err)
	}
	var f wire.Inflater
	bomb := d.Append(nil, make([]byte, 1<<20))
	if _, err := f.Inflate(bomb, nil, 1000); !errors.Is(err, wire.ErrInflate) {
		t.Errorf("a bomb: error %v", err)
	}
	if _, err := f.Inflate([]byte{0xff, 0xff, 0xff}, nil, 1000); !errors.Is(err, wire.ErrInflate) {
		t.Errorf("rubbish: error %v", err)
	}
	if got, err := f.Inflate(d.Append(nil, []byte("still works")), nil, 1000); err != nil || string(got) != "still works" {
		t.Errorf("afterwards: %q, error %v", got, err)
	}
	if _, err := wire.NewDeflater(99); err == nil {
		t.Error("level 99 is accepted")
	}
}
