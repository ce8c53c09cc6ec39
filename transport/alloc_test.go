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
		for _, v := range []struct {
			query, prefix string
			op            byte
		}{{"EIO=4", "4", opText}, {"EIO=4", "4", opBinary}, {"EIO=3", "4", opText}, {"EIO=3", "\x04", opBinary}, {"EIO=3&b64=1", "\x04", opBinary}} {
			t.Run(fmt.Sprintf("%d bytes, %s, opcode %d", size, v.query, v.op&15), func(t *testing.T) {
				n := newNull()
				c := n.websocketOf(v.query)
				message := appendFrame(nil, v.op, v.prefix+strings.Repeat("x", size))
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
	for _, query := range []string{"EIO=4", "EIO=3", "EIO=3&b64=1"} {
		t.Run(query, func(t *testing.T) { allocsOfBroadcast(t, query) })
	}
}

func allocsOfBroadcast(t *testing.T, query string) {
	n := newNull()
	all, own := n.audience(1000, query), []byte("own")
	m := NewShared([]byte(`2["news",1]`), [][]byte{{1, 2, 3}})
	shared := func() {
		for _, s := range all {
			s.SendShared(m)
		}
		n.rest()
	}
	before := n.bytes
	shared()
	if got := n.bytes - before; got != 1000*len(m.in(all[0].dialect).frames) {
		t.Fatalf("%d bytes were sent", got)
	}
	gate(t, 0, shared)
	// Several in one batch are put together.
	gate(t, 0, func() {
		for _, s := range all {
			s.SendShared(m)
			s.SendShared(m)
			s.Send(own)
		}
		n.rest()
	})
}

// TestAllocsOfCompressedPolling has a long message compressed on its way out.
func TestAllocsOfCompressedPolling(t *testing.T) {
	for _, accept := range []string{"gzip", "deflate"} {
		n := newNull()
		sid, get, post := n.polled("EIO=4")
		ask := []byte(request("GET", sid, "", "Accept-Encoding: "+accept))
		tell := []byte(request("POST", sid, "4"+strings.Repeat("hello", 600)))
		buf := make([]byte, 4000)
		exchange := func() {
			n.feed(get, buf, ask)
			n.feed(post, buf, tell)
			n.rest()
		}
		gate(t, 0, exchange)
		if s := n.engine.Stats(); s.CompressedOut == 0 || s.CompressedOut > s.CompressedIn/4 {
			t.Errorf("%d bytes became %d", s.CompressedIn, s.CompressedOut)
		}
	}
}

// TestAllocsOfDeflate has compressed messages out and in: deliveries of a broadcast, with a dictionary and without, and an
// echo. The forms of a broadcast are made once for all deliveries.
func TestAllocsOfDeflate(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		t.Run(fmt.Sprintf("takeover %v", takeover), func(t *testing.T) {
			n := newNullWith(deflating(takeover))
			all := n.pmdAudience(1000, offersAll)
			messages := []*Shared{NewShared([]byte(ticksEvent(1000, 1)), nil), NewShared([]byte(ticksEvent(1000, 2)), nil)}
			shared := func() {
				for _, m := range messages {
					for _, s := range all {
						s.SendShared(m)
					}
					n.rest()
				}
			}
			before := n.bytes
			shared()
			if got := n.bytes - before; got > 2*1000*500 {
				t.Fatalf("%d bytes were sent", got)
			}
			gate(t, 0, shared)
		})
	}
	n := newNullWith(deflating(false))
	c := n.pmdAudience(1, offersAll)[0].conn
	for _, size := range []int{10, 1000, 10_000} {
		message := []byte(new(pmdClient).frame(opText, "4"+ticksEvent(size, 1)))
		buf := make([]byte, len(message))
		gate(t, 0, func() { n.feed(c, buf, message) })
	}
	if n.engine.Stats().Inflated == 0 || n.engine.Stats().Deflated == 0 {
		t.Error("nothing was compressed")
	}
}

// TestAllocsOfPolling has a poll answered and a data request taken.
func TestAllocsOfPolling(t *testing.T) {
	for _, v := range []struct{ query, kind, body string }{
		{"EIO=4", "text/plain", "4hello"},
		{"EIO=4", "text/plain", "bAQID"},
		{"EIO=3", "text/plain", "6:4hello"},
		{"EIO=3", "application/octet-stream", "\x01\x04\xff\x04abc"},
		{"EIO=3&b64=1", "text/plain", "6:b4AQI="},
		{"EIO=3&j=1", "application/x-www-form-urlencoded", "d=6%3A4hello"},
	} {
		t.Run(fmt.Sprintf("%s %q", v.query, v.body), func(t *testing.T) {
			n := newNull()
			sid, get, post := n.polled(v.query)
			own := func(text string) []byte { return []byte(strings.Replace(text, "EIO=4", v.query, 1)) }
			ask, tell := own(request("GET", sid, "")), own(request("POST", sid, v.body, "Content-Type: "+v.kind))
			buf := make([]byte, 1000)
			gate(t, 0, func() {
				n.feed(get, buf, ask)
				n.feed(post, buf, tell)
				n.rest()
			})
		})
	}
}
