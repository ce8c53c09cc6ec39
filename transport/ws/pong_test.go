// Pongs: the limit, the newest, and how an idle connection gets rid of them.

package ws_test

import (
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/sioserver/sioserver/transport/ws"
)

func TestPongs(t *testing.T) {
	for _, c := range []struct {
		name  string
		pings int
		last  string // of the pongs before anything is written, and after
		after string
	}{
		{"one", 1, `pong "0"`, ""},
		{"at the limit", ws.MaxQueuedPongs, `pong "59"`, ""},
		{"one over", ws.MaxQueuedPongs + 1, `pong "59"`, `pong "60"`},
		{"many over", 2000, `pong "59"`, `pong "1999"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e echo
			for round := range 2 { // the second after everything was written
				e.out = nil
				for i := range c.pings {
					e.out = e.pongs.Append(e.out, fmt.Append(nil, i))
				}
				log := e.log(t)
				if len(log) != min(c.pings, ws.MaxQueuedPongs) || log[len(log)-1] != c.last {
					t.Fatalf("round %d: %d pongs, last %s", round, len(log), log[len(log)-1])
				}
				e.out = nil
				e.flush()
				want := []string{c.after}
				if c.after == "" {
					want = nil
				}
				if log := e.log(t); !slices.Equal(log, want) {
					t.Fatalf("round %d: then %q", round, log)
				}
				e.flush()
			}
		})
	}
}

// TestPongsCountHeld: the one that had to wait counts like any other once it is appended.
func TestPongsCountHeld(t *testing.T) {
	var e echo
	for range ws.MaxQueuedPongs + 1 {
		e.out = e.pongs.Append(e.out, nil)
	}
	e.out = nil
	e.flush()
	for range 2 * ws.MaxQueuedPongs {
		e.out = e.pongs.Append(e.out, pattern(125))
	}
	if n := len(e.log(t)); n != ws.MaxQueuedPongs {
		t.Errorf("%d pongs queued", n)
	}
}

func TestPongsSize(t *testing.T) {
	if n := unsafe.Sizeof(ws.Pongs{}); n > 16 {
		t.Errorf("%d bytes", n)
	}
}
