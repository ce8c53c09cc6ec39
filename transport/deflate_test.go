// permessage-deflate on whole sessions: what goes out compressed, what comes in, what is kept for it.

package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// noise is n bytes that do not become fewer.
func noise(n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(n), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// TestDeflateSend sends messages of all kinds to clients of all dialects and offers.
func TestDeflateSend(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		for _, query := range []string{"EIO=4", "EIO=3", "EIO=4&b64=1", "EIO=3&b64=1"} {
			for _, offer := range []string{
				offersAll, "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
				"permessage-deflate; server_no_context_takeover; client_no_context_takeover", "permessage-deflate; server_max_window_bits=8",
			} {
				t.Run(fmt.Sprintf("takeover %v, %s, %s", takeover, query, offer), func(t *testing.T) {
					deflateSend(t, takeover, query, offer)
				})
			}
		}
	}
}

func deflateSend(t *testing.T, takeover bool, query, offer string) {
	k := newKernel(t, 1, deflating(takeover))
	twin := k.socketOf(0, query) // gets the same, plain
	w := k.pmdSocket(0, query, offer)
	plain, s := k.session(1), k.session(2)
	text, data := []byte(ticksEvent(3000, 1)), bytes.Repeat([]byte{1, 2, 3, 4, 0xff}, 500)
	shared := func(text []byte, bins ...[]byte) func(s *Session) bool {
		m := NewShared(text, bins)
		return func(s *Session) bool { return s.SendShared(m) }
	}
	uncompressed := NewShared(text, [][]byte{data})
	uncompressed.Plain()
	for _, v := range []struct {
		name   string
		send   func(s *Session) bool
		packed int // messages that go out compressed
	}{
		{"small", func(s *Session) bool { return s.Send([]byte("small")) }, 0},
		{"text", func(s *Session) bool { return s.Send(text) }, 1},
		{"the same again", func(s *Session) bool { return s.Send(text) }, 1},
		{"binary", func(s *Session) bool { return s.SendBinary(data) }, 1},
		{"shared", shared([]byte(ticksEvent(2000, 2))), 1},
		{"shared, with binary", shared([]byte(ticksEvent(2000, 3)), data, []byte{1}, data), 3},
		{"small, with large binary", shared([]byte("51-[]"), data), 1},
		{"large, with small binary", shared([]byte(ticksEvent(200, 4)), []byte{1}), 1},
		{"shared, small", shared([]byte("2[1]"), []byte{1}), 0},
		{"shared binary", shared(nil, data), 1},
		{"larger than any window", shared([]byte(ticksEvent(100_000, 5)), data), 2},
		{"noise", func(s *Session) bool { return s.SendBinary(noise(5000)) }, 0},
		{"shared noise", shared([]byte("51-[]"), noise(5000)), 0},
		{"plain", func(s *Session) bool { return s.SendPlain(text, false) && s.SendPlain(data, true) }, 0},
		{"shared, plain", func(s *Session) bool { return s.SendShared(uncompressed) }, 0},
		{"text at last", func(s *Session) bool { return s.Send(text) }, 1},
	} {
		for _, batch := range []int{1, 3} {
			w.pmd.packed, w.pmd.plain = 0, 0
			k.do(s, func() {
				for range batch {
					if !v.send(plain) || !v.send(s) {
						t.Fatalf("%s: not taken", v.name)
					}
				}
			})
			want, got := twin.frames(), w.frames()
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %d frames, want %d, or they differ", v.name, len(got), len(want))
			}
			if w.pmd.packed != batch*v.packed || w.pmd.packed+w.pmd.plain != len(want) {
				t.Errorf("%s: %d compressed, %d not, want %d", v.name, w.pmd.packed, w.pmd.plain, batch*v.packed)
			}
		}
	}
	stats := k.loops[0].engine.Stats()
	if stats.Deflated == 0 || stats.DeflatedOut == 0 || stats.DeflatedIn < 3*stats.DeflatedOut/2 {
		t.Errorf("counted %d messages, %d bytes to %d", stats.Deflated, stats.DeflatedIn, stats.DeflatedOut)
	}
	k.finish()
}

// TestDeflateOnce: a broadcast is compressed once, on however many loops its receivers are, and for each message that they
// got last, within limits.
func TestDeflateOnce(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		t.Run(fmt.Sprintf("takeover %v", takeover), func(t *testing.T) {
			k := newKernel(t, 2, deflating(takeover))
			k.quiet = true
			var all []*socket
			for i := range 20 {
				all = append(all, k.pmdSocket(i%2, "EIO=4", offersAll))
			}
			runs := func() (n uint64) {
				for _, l := range k.loops {
					n += l.engine.Stats().Deflations
				}
				return n
			}
			broadcast := func(n int, to ...int) (run uint64) {
				t.Helper()
				text := ticksEvent(1000, n)
				m, before := NewShared([]byte(text), nil), runs()
				for _, i := range to {
					s := k.session(i + 1)
					s.Engine().Post(taskFunc(func(*Engine) { s.SendShared(m) }))
				}
				k.run()
				for _, i := range to {
					all[i].want("4" + text)
				}
				return runs() - before
			}
			everybody := make([]int, len(all))
			for i := range everybody {
				everybody[i] = i
			}
			for n := range 5 {
				if run := broadcast(n, everybody...); run != 1 {
					t.Errorf("message %d was compressed %d times", n, run)
				}
			}
			ratio := float64(all[0].pmd.bytes) / 5 / 1000
			if takeover && ratio > 0.3 || ratio > 0.45 {
				t.Errorf("ratio %.2f", ratio)
			}
			// Each with a last message of its own.
			for i := range all {
				if run := broadcast(10+i, i); run != 1 {
					t.Errorf("message to one was compressed %d times", run)
				}
			}
			want := uint64(1)
			if takeover {
				want += dictionariesMax
			}
			if run := broadcast(40, everybody...); run != want {
				t.Errorf("compressed %d times, want %d", run, want)
			}
			if run := broadcast(41, everybody...); run != 1 {
				t.Errorf("and then %d times", run)
			}
			k.finish()
		})
	}
}

// TestDeflatePrepare compresses ahead of time, as a caller off the loops does.
func TestDeflatePrepare(t *testing.T) {
	for _, v := range []struct {
		name     string
		takeover bool
		size     int
		clients  int
		plain    bool
		want     uint64
	}{
		{"nobody would want it", false, 1000, 0, false, 0},
		{"somebody", false, 1000, 1, false, 1},
		{"below the threshold", false, 98, 1, false, 0},
		{"from the threshold on", false, 99, 1, false, 1}, // the frame has 2 bytes before the type and the text
		{"not to be compressed", false, 1000, 1, true, 0},
		{"dictionaries are the loops'", true, dictionaryMax - 10, 1, false, 0},
		{"too large for them", true, dictionaryMax, 1, false, 1},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, deflating(v.takeover))
			var w *socket
			for range v.clients {
				w = k.pmdSocket(0, "EIO=4", offersAll)
			}
			e := k.loops[0].engine
			text := ticksEvent(v.size, 1)
			m := NewShared([]byte(text), nil)
			if v.plain {
				m.Plain()
			}
			for range 3 {
				e.Prepare(m)
			}
			if got := e.Stats().Deflations; got != v.want {
				t.Errorf("compressed %d times, want %d", got, v.want)
			}
			if w != nil && v.want > 0 {
				k.do(k.session(1), func() { k.session(1).SendShared(m) })
				w.want("4" + text)
				if got := e.Stats().Deflations; got != 1 || v.size > 110 && w.pmd.packed != 1 {
					t.Errorf("compressed %d times, %d came", got, w.pmd.packed)
				}
			}
			if w != nil {
				w.hangUp()
				if n := e.deflaters.conns.Load(); n != 0 {
					t.Errorf("%d connections are counted still", n)
				}
			}
			k.finish()
		})
	}
}

// TestDeflateKeep: what is kept is compressed once for all who fetch it, and never with a dictionary.
func TestDeflateKeep(t *testing.T) {
	k := newKernel(t, 1, deflating(true))
	m := NewShared([]byte(ticksEvent(1000, 1)), [][]byte{bytes.Repeat([]byte{7}, 300)})
	kept := m.Keep()
	text, bins := kept.Message()
	if want, _ := m.Message(); &text[0] != &want[0] || len(bins) != 1 {
		t.Error("its bytes are not shared")
	}
	for i := range 3 {
		w := k.pmdSocket(0, "EIO=3", offersAll)
		s := k.session(i + 1)
		k.do(s, func() { s.Send([]byte(ticksEvent(500, i))); s.SendShared(kept); s.SendShared(kept) })
		if got := w.frames(); len(got) != 5 || w.pmd.packed != 5 || got[1] != got[3] || got[2] != got[4] {
			t.Errorf("%d frames, %d compressed", len(got), w.pmd.packed)
		}
	}
	if n := k.loops[0].engine.Stats().Deflations; n != 5 {
		t.Errorf("compressed %d times, want 3 of their own and 2 kept", n)
	}
	k.finish()
}

// TestDeflateReceive sends compressed messages of all kinds.
func TestDeflateReceive(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		t.Run(fmt.Sprintf("takeover %v", takeover), func(t *testing.T) {
			for _, cut := range []func([]byte) [][]byte{nil, eachByte, cutAtRandom(newRandom(1))} {
				k := newKernel(t, 1, deflating(takeover))
				k.onMessage = echo
				w := k.pmdSocket(0, "EIO=4", offersAll)
				if w.pmd.clientTakeover != takeover {
					t.Fatal("agreed otherwise")
				}
				w.cut = cut
				k.told("1 open")
				text := ticksEvent(3000, 1)
				for range 3 {
					w.send(w.pmd.frame(opText, "4"+text))
					w.want("4" + text)
				}
				w.send(w.pmd.frame(opBinary, "\x01\x02") + frame(opText, "4plain") + w.pmd.frame(opText, "4é"))
				w.want("binary:0102", "4plain", "4é")
				// In fragments, with a ping between.
				packed := w.pmd.pack("4" + text)
				w.send(frame(0x41, packed[:10]) + frame(opPing, "p") + frame(0x00, "") + frame(0x80, packed[10:]))
				w.want("pong:p", "4"+text)
				packed = w.pmd.pack("4" + text)
				w.send(frame(0x41, packed) + frame(0x80, ""))
				w.want("4" + text)
				stats := k.loops[0].engine.Stats()
				if stats.Inflated != 7 || stats.InflatedOut != 5*3001+2+3 || stats.InflatedIn == 0 || stats.InflatedIn > 8000 {
					t.Errorf("counted %+v", stats)
				}
				if takeover {
					if n := cap(k.loops[0].engine.takeovers[0].window); n > 1<<15 {
						t.Errorf("%d bytes are kept", n)
					}
				}
				k.finish()
			}
		})
	}
}

// TestDeflateFaults has messages for which the connection ends.
func TestDeflateFaults(t *testing.T) {
	const limit = 10_000
	pack := func(text string) string { return new(pmdClient).pack(text) }
	for _, v := range []struct {
		name, frames, want string
		inflated           uint64 // limit hits
	}{
		{"exactly the limit", frame(0xc1, pack("4"+strings.Repeat("x", limit-1))), "", 0},
		{"over the limit", frame(0xc1, pack("4"+strings.Repeat("x", limit))), "close:1009", 1},
		{"a bomb", frame(0xc1, pack("4"+strings.Repeat("x", 5_000_000))), "close:1009", 1},
		{"a bomb in fragments", frame(0x41, pack(strings.Repeat("x", 5_000_000))[:3000]) + frame(0x80, ""), "close:1009", 1},
		{"over the limit before it is inflated", frame(0xc2, pack(string(noise(limit+100)))), "close:1009", 0},
		{"no UTF-8", frame(0xc1, pack("4\xff")), "close:1007", 0},
		{"half a character", frame(0xc1, pack("4\xc3")), "close:1007", 0},
		{"not deflate", frame(0xc1, "\xff\xff\xff"), "close:1007", 0},
		{"cut short", frame(0xc1, pack("4" + ticksEvent(500, 1))[:100]), "close:1007", 0},
		{"a context that was given up", frame(0xc1, pack("4"+ticksEvent(500, 1))) + frame(0xc1, (&pmdClient{sent: []byte("4" + ticksEvent(500, 1))}).pack("4"+ticksEvent(500, 1))), "close:1007", 0},
		{"compressed ping", frame(0xc9, "x"), "close:1002", 0},
		{"compressed continuation", frame(0x41, "x") + frame(0xc0, "x"), "close:1002", 0},
		{"nothing more after a fault", frame(0xc1, "\x07") + frame(opText, "4x"), "close:1007", 0},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { deflating(false)(o); o.MaxPayload = limit })
			w := k.pmdSocket(0, "EIO=4", offersAll)
			other := k.pmdSocket(0, "EIO=4", offersAll)
			k.log = nil
			w.send(v.frames)
			k.run()
			if got := strings.Join(w.frames(), " "); got != v.want {
				t.Errorf("frames %q, want %q", got, v.want)
			}
			if v.want != "" && !strings.HasPrefix(k.log[len(k.log)-1], "1 close transport error: ws: ") {
				t.Errorf("told %q", k.log)
			}
			if got := k.loops[0].engine.Stats().Limits[LimitInflated]; got != v.inflated {
				t.Errorf("%d limit hits, want %d", got, v.inflated)
			}
			// Nobody else is disturbed.
			other.send(other.pmd.frame(opText, "4fine"))
			if got := k.log[len(k.log)-1]; got != "2 message fine" {
				t.Errorf("told %q", got)
			}
			k.finish()
		})
	}
}

// TestDeflateNotAgreed: who did not offer, or nothing acceptable, has no reserved bits.
func TestDeflateNotAgreed(t *testing.T) {
	for _, offer := range []string{"", "foo", "permessage-deflate; bar", "permessage-deflate; server_max_window_bits=7"} {
		k := newKernel(t, 1, deflating(true))
		w := &socket{peer: k.dial(0)}
		w.send(upgradeRequest("", "Sec-WebSocket-Extensions: "+offer))
		if r := w.accepted(); w.pmd != nil {
			t.Errorf("%q: %v", offer, r.fields)
		}
		w.frames()
		k.do(k.session(1), func() { k.session(1).Send([]byte(ticksEvent(1000, 1))) })
		w.want("4" + ticksEvent(1000, 1))
		w.send(frame(0xc1, "\x00"))
		w.want("close:1002")
		k.finish()
	}
	k := one(t) // off by default
	w := &socket{peer: k.dial(0)}
	w.send(upgradeRequest("", "Sec-WebSocket-Extensions: "+offersAll))
	if w.accepted(); w.pmd != nil {
		t.Error("agreed to by default")
	}
}

// TestDeflateUpgrade probes with compressed messages and goes on with them, on another loop than it came to.
func TestDeflateUpgrade(t *testing.T) {
	k := newKernel(t, 2, deflating(true))
	c := k.poller(0)
	w := &socket{peer: k.dial(1)}
	w.send(upgradeRequest("&sid="+c.sid, "Sec-WebSocket-Extensions: foo, "+offersAll))
	w.accepted()
	if w.pmd == nil {
		t.Fatal("not agreed to")
	}
	w.send(w.pmd.frame(opText, "2probe"))
	w.want("3probe")
	k.do(k.session(1), func() { k.session(1).Send([]byte(ticksEvent(1000, 1))) })
	w.send(w.pmd.frame(opText, "5"))
	w.want("4" + ticksEvent(1000, 1))
	for n := range 3 {
		k.do(k.session(1), func() { k.session(1).Send([]byte(ticksEvent(1000, n))) })
		w.want("4" + ticksEvent(1000, n))
	}
	if w.pmd.packed != 3 {
		t.Errorf("%d compressed", w.pmd.packed)
	}
	if !k.session(1).Deflates() {
		t.Error("the session does not say so")
	}
	k.finish()
}

// TestDeflateSlow: the limits on what waits are on what goes out, and a dictionary is only what has been taken.
func TestDeflateSlow(t *testing.T) {
	k := newKernel(t, 1, deflating(true))
	w := k.pmdSocket(0, "EIO=4", offersAll)
	s := k.session(1)
	w.window = 100
	sent := 0
	for n := range 200 {
		k.do(s, func() {
			if s.SendShared(NewShared([]byte(ticksEvent(2000, n)), nil)) {
				sent++
			}
		})
	}
	if waiting := s.Buffered(); sent != 200 || waiting > 200*2000/2 {
		t.Errorf("%d sent, %d bytes wait", sent, waiting)
	}
	for range 1000 {
		w.drain(endless)
	}
	if got := w.frames(); len(got) != 200 || got[199] != "4"+ticksEvent(2000, 199) {
		t.Errorf("%d came", len(got))
	}
	k.finish()
}

// TestDeflateIdle: what a connection keeps that has agreed.
func TestDeflateIdle(t *testing.T) {
	k := newKernel(t, 1, deflating(false))
	w := k.pmdSocket(0, "EIO=4", offersAll)
	k.onMessage = echo
	w.send(w.pmd.frame(opText, "4"+ticksEvent(5000, 1)))
	w.want("4" + ticksEvent(5000, 1))
	e := k.loops[0].engine
	e.conns.At(0).frames.Close() // holds nothing but a state
	if e.takeovers != nil || cap(e.inflated) > inflatedKeep || e.buffers.lent != 0 {
		t.Errorf("something is kept: %d, %d, %d", len(e.takeovers), cap(e.inflated), e.buffers.lent)
	}
	k.finish()
}
