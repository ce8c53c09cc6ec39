//go:build !race

// The echo path must not allocate, and a session must stay small.

package worker

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

func TestEchoAllocatesNothing(t *testing.T) {
	w, far := prepared(t, echoJob())
	w.beginRun(w.now)
	buf := make([]byte, 4096)
	back := make([]byte, 0, 4096)
	echo := func() {
		w.emit(0, w.streams[0], w.now, 1)
		n, err := unix.Read(far, buf)
		if err != nil {
			t.Fatal(err)
		}
		f, _, _ := wire.ParseFrame(buf[:n], 4096)
		back = wire.AppendFrame(back[:0], wire.OpText, false, f.Payload, false, 0)
		if _, err := unix.Write(far, back); err != nil {
			t.Fatal(err)
		}
		w.read(0, &w.sessions[0], linkMain, unix.EPOLLIN)
	}
	echo()
	if n := testing.AllocsPerRun(500, echo); n != 0 {
		t.Errorf("%g allocations for an echo", n)
	}
	if c := w.streams[0].count; c.Unique != c.Sent || c.Sent < 500 {
		t.Errorf("counts %+v", c)
	}
}

func TestSessionSize(t *testing.T) {
	if n := unsafe.Sizeof(session{}); n > 160 {
		t.Errorf("a session has %d bytes", n)
	}
}
