//go:build !race

// What the paths of every message may allocate: nothing.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

// gate fails the test if f allocates more than most times.
func gate(t *testing.T, most float64, f func()) {
	t.Helper()
	for range 100 {
		f() // the pools fill
	}
	if n := testing.AllocsPerRun(1000, f); n > most {
		t.Errorf("%v allocations, want at most %v", n, most)
	}
}

func TestAllocsOfEcho(t *testing.T) {
	for _, size := range []int{1, 100, 1000, 10_000} {
		for _, op := range []byte{opText, opBinary} {
			t.Run(fmt.Sprintf("%d bytes, opcode %d", size, op&15), func(t *testing.T) {
				n := newNull()
				c := n.websocket()
				message := appendFrame(nil, op, "4"+strings.Repeat("x", size))
				buf := make([]byte, len(message))
				before := n.bytes
				n.feed(c, buf, message)
				if n.bytes-before < size {
					t.Fatalf("%d bytes came back", n.bytes-before)
				}
				gate(t, 0, func() { n.feed(c, buf, message) })
			})
		}
	}
}

// TestAllocsOfPieces is the echo of a message that comes in two reads.
func TestAllocsOfPieces(t *testing.T) {
	n := newNull()
	c := n.websocket()
	message := appendFrame(nil, opText, "4"+strings.Repeat("x", 500))
	buf := make([]byte, len(message))
	gate(t, 0, func() {
		n.feed(c, buf, message[:100])
		n.feed(c, buf, message[100:])
	})
}

func TestAllocsOfHeartbeat(t *testing.T) {
	n := newNull()
	c := n.websocket()
	c.session.Joined()
	pong := appendFrame(nil, opText, "3")
	buf := make([]byte, len(pong))
	pings := 0
	gate(t, 0, func() {
		before := n.bytes
		n.now += 25_100
		n.engine.Advance()
		n.rest()
		if n.bytes > before {
			pings++
		}
		n.feed(c, buf, pong)
	})
	if pings < 1000 {
		t.Errorf("%d pings", pings)
	}
}

func TestAllocsOfBroadcast(t *testing.T) {
	n := newNull()
	all := n.audience(1000)
	m := NewShared([]byte(`2["news",1]`), [][]byte{{1, 2, 3}})
	shared := func() {
		for _, s := range all {
			s.SendShared(m)
		}
		n.rest()
	}
	before := n.bytes
	shared()
	if got := n.bytes - before; got != 1000*len(m.frames) {
		t.Fatalf("%d bytes were sent", got)
	}
	gate(t, 0, shared)
	// Several in one batch are put together.
	gate(t, 0, func() {
		for _, s := range all {
			s.SendShared(m)
			s.SendShared(m)
			s.Send([]byte("own"))
		}
		n.rest()
	})
}

// TestAllocsOfPolling has a poll answered and a data request taken.
func TestAllocsOfPolling(t *testing.T) {
	n := newNull()
	sid, get, post := n.polled()
	ask, tell := []byte(request("GET", sid, "")), []byte(request("POST", sid, "4hello"))
	buf := make([]byte, 1000)
	gate(t, 0, func() {
		n.feed(get, buf, ask)
		n.feed(post, buf, tell)
		n.rest()
	})
}
