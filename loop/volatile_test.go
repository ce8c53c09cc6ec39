// Volatile packets: sent at once or not at all.

package loop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// TestVolatileBurst: of several in one turn the first goes out, and none behind
// an ordinary packet of the turn.
func TestVolatileBurst(t *testing.T) {
	s, _ := connected(t, loop.Config{}, func(s *loop.Server) {
		s.On("burst", func(s *loop.Socket, _ *loop.Event) {
			for i := range 3 {
				_ = s.Volatile().Emit("v", i)
			}
			_ = s.Emit("end")
			_ = s.Volatile().Emit("v", "behind")
		}, loop.Inline())
		s.On("room-burst", func(s *loop.Socket, _ *loop.Event) {
			for i := range 3 {
				_ = s.Namespace().Volatile().Emit("v", i)
			}
			_ = s.Namespace().Emit("end")
			_ = s.Namespace().Volatile().Emit("v", "behind")
		}, loop.Inline())
		s.On("with-binary", func(s *loop.Socket, _ *loop.Event) {
			_ = s.Volatile().Emit("v", []byte{1})
			_ = s.Volatile().Emit("v", []byte{2})
		}, loop.Inline())
	})
	c, _ := s.connect(t, "websocket")
	for range 3 {
		c.mustWrite(t, `2["burst"]`)
		c.expect(t, `2["v",0]`, `2["end"]`)
		c.mustWrite(t, `2["room-burst"]`)
		c.expect(t, `2["v",0]`, `2["end"]`)
		c.mustWrite(t, `2["with-binary"]`)
		c.expect(t, `51-["v",{"_placeholder":true,"num":0}]`)
		if p, err := c.next(); err != nil || string(p.bin) != "\x01" {
			t.Fatalf("attachment %v, %v", p, err)
		}
	}
	if n := s.stats(t).VolatileDropped; n != 3*(3+3+1) {
		t.Errorf("%d counted as dropped", n)
	}
}

// TestVolatileBlocked: nothing volatile waits for a client that does not read.
func TestVolatileBlocked(t *testing.T) {
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{OutboundBytes: 64 << 20, OutboundStall: time.Hour}}, nil)
	c, _ := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	ballast := strings.Repeat("x", 256<<10)
	const sent = 128 // far more than the kernel takes, 32 MB
	for i := range sent {
		if err := sock.Emit("n", i, ballast); err != nil {
			t.Fatal(err)
		}
	}
	s.stats(t) // ends the turn
	for range 10 {
		if err := sock.Volatile().Emit("dropped"); err != nil {
			t.Fatal(err)
		}
		if err := s.Root().Volatile().Emit("dropped"); err != nil {
			t.Fatal(err)
		}
	}
	if err := sock.Emit("last"); err != nil {
		t.Fatal(err)
	}
	next := 0
	for {
		m := c.mustNext(t)
		switch {
		case m == `2["last"]`:
			if next != sent {
				t.Errorf("%d packets of %d", next, sent)
			}
			if n := s.stats(t).VolatileDropped; n != 20 {
				t.Errorf("%d counted as dropped, want 20", n)
			}
			return
		case strings.HasPrefix(m, `2["n",`):
			next++
		case m == `2["dropped"]`:
			t.Error("a packet that should be dropped came")
		}
	}
}
