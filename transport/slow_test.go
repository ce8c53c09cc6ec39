// Peers that read slowly or not at all, on websocket and polling.

package transport

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport/internal/curg"
)

// bounds sets what may wait for a client.
func bounds(bytes, burst int) func(*Options) {
	return func(o *Options) { o.OutboundBytes, o.OutboundBurst = bytes, burst }
}

func TestSlowWebSocket(t *testing.T) {
	k := newKernel(t, 1, bounds(5_000, 10_000))
	w, other := k.socket(0), k.socket(0)
	s := k.session(1)
	w.window = 100
	kilo := bytes.Repeat([]byte("x"), 1000)
	taken := 0
	for range 20 {
		k.do(s, func() {
			if s.Send(kilo) {
				taken++
			}
		})
		if k.closed > 0 {
			break
		}
		if s.Writable() || s.Buffered() == 0 {
			t.Error("writable while blocked")
		}
	}
	if taken != 11 { // 1005 bytes each, 100 of them in the kernel
		t.Errorf("%d messages were taken, want 11", taken)
	}
	if !w.over {
		t.Error("the connection stays")
	}
	k.told("1 open", "2 open", "1 close transport error: slow consumer: the outbound queue is full")
	if n := k.stats().Limits[LimitOutboundBurst]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	k.do(k.session(2), func() { k.session(2).Send([]byte("fine")) })
	other.want("4fine")
	k.finish()
}

// TestOneLargePacket always fits, whatever the limit.
func TestOneLargePacket(t *testing.T) {
	k := newKernel(t, 1, bounds(1000, 2000))
	w := k.socket(0)
	c := k.poller(0)
	large := strings.Repeat("x", 100_000)
	for n := 1; n <= 2; n++ {
		s := k.session(n)
		k.do(s, func() {
			if !s.Send([]byte(large)) {
				t.Error("refused")
			}
		})
	}
	w.want("4" + large)
	c.poll()
	c.get.want("200 4" + large)
	k.told("1 open", "2 open")
	k.finish()
}

// TestFullQueue is everything that can be sent to a queue that is full.
func TestFullQueue(t *testing.T) {
	for name, send := range map[string]func(s *Session) bool{
		"text":   func(s *Session) bool { return s.Send([]byte("x")) },
		"binary": func(s *Session) bool { return s.SendBinary([]byte("x")) },
		"shared": func(s *Session) bool { return s.SendShared(NewShared([]byte("x"), [][]byte{{1}})) },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKernel(t, 1, bounds(1000, 2000))
			w := k.socket(0)
			k.poller(0)
			w.window = 0
			for n := 1; n <= 2; n++ {
				s := k.session(n)
				k.do(s, func() { s.Send(make([]byte, 2000)) })
				k.do(s, func() {
					if send(s) {
						t.Error("taken")
					}
				})
			}
			k.told("1 open", "2 open", "1 close transport error: slow consumer: the outbound queue is full",
				"2 close transport error: slow consumer: the outbound queue is full")
			k.finish()
		})
	}
	t.Run("ping", func(t *testing.T) {
		k := newKernel(t, 1, bounds(1000, 2000))
		w := k.socket(0)
		w.window = 0
		s := k.session(1)
		k.do(s, func() { s.Send(make([]byte, 2000)) })
		w.send(frame(opPing, "x") + frame(opText, "4a"))
		k.told("1 open", "1 close transport error: slow consumer: the outbound queue is full")
		k.finish()
	})
	t.Run("attachment", func(t *testing.T) {
		k := newKernel(t, 1, bounds(1000, 2000))
		k.poller(0)
		s := k.session(1)
		k.do(s, func() {
			if s.SendShared(NewShared(make([]byte, 2000), [][]byte{{1}, {2}})) {
				t.Error("taken")
			}
		})
		k.told("1 open", "1 close transport error: slow consumer: the outbound queue is full")
		k.finish()
	})
}

func TestStalledWebSocket(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	k.session(1).Joined()
	s := k.session(1)
	w.window = 0
	k.do(s, func() { s.Send([]byte("x")) })
	k.within(10_000, 11_020, "end", func() bool { return w.over })
	k.told("1 open", "1 slow", "1 close transport error: slow consumer: no progress in writing")
	if n := k.stats().Limits[LimitStall]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	k.finish()
}

// TestSlowButSteady reads a little now and then while more is sent than it reads: it is not stalled.
func TestSlowButSteady(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.PingInterval, o.ConnectTimeout = 1_000_000, 0 })
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	for range 40 {
		k.do(s, func() { s.Send(bytes.Repeat([]byte("x"), 1000)) })
		k.advance(500)
		w.drain(100)
		k.advance(500)
	}
	// The same, with all the reading right in front of the writing.
	for range 20 {
		k.advance(1000)
		w.drain(100)
		k.do(s, func() { s.Send(bytes.Repeat([]byte("x"), 1000)) })
	}
	k.told("1 open")
	// Silence is what counts.
	k.within(9_000, 11_020, "end", func() bool { return w.over })
	k.finish()
}

func TestSlowPolling(t *testing.T) {
	k := newKernel(t, 1, bounds(5_000, 10_000))
	c := k.poller(0)
	s := k.session(1)
	taken := 0
	k.do(s, func() {
		for range 20 {
			if s.Send(bytes.Repeat([]byte("x"), 995)) {
				taken++
			}
		}
	})
	if taken != 10 {
		t.Errorf("%d messages were taken, want 10", taken)
	}
	k.told("1 open", "1 close transport error: slow consumer: the outbound queue is full")
	if n := k.stats().Limits[LimitBufferedBurst]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	c.poll()
	c.get.want(code(1))
	k.finish()
}

// TestUnreadAnswers sends requests without end and reads no answer.
func TestUnreadAnswers(t *testing.T) {
	page := bytes.Repeat([]byte("x"), 50_000)
	for _, v := range []struct {
		name, text string
		cut        func([]byte) [][]byte
	}{
		{"pages", strings.Repeat(probe, 500), nil},
		{"pages one by one", strings.Repeat(probe, 200), eachByte},
		{"refused handshakes", strings.Repeat("GET "+engineQuery+"&transport=x HTTP/1.1\r\nHost: a\r\n\r\n", 9_000), nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { o.MaxPipelined = 5 })
			k.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { ref.Respond(200, nil, page) }
			c := k.dial(0)
			c.window = 1000
			c.cut = v.cut
			most := 0
			feed := []byte(v.text)
			for len(feed) > 0 && !c.over {
				n := min(len(feed), 5000)
				c.push(feed[:n])
				k.run()
				most = max(most, len(c.kept))
				feed = feed[n:]
			}
			limit := k.opts.OutboundBytes + k.opts.OutboundIntact + len(page) + 1000
			if !curg.Supported {
				limit += k.opts.MaxPipelined * len(page) // answers come as from another goroutine
			}
			if most > limit {
				t.Errorf("%d bytes were kept for one client, want at most %d", most, limit)
			}
			k.advance(k.opts.StallTimeout + 1020)
			if !c.over {
				t.Error("the connection stays")
			}
			k.finish()
		})
	}
}

// TestUnreadProbes is a candidate that probes without end and reads nothing.
func TestUnreadProbes(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.OutboundBytes = 10_000 })
	c := k.poller(0)
	w := c.candidate(0)
	w.window = 0
	for range 20 {
		w.push([]byte(strings.Repeat(frame(opText, "2probe"), 1000)))
		k.run()
		if len(w.kept) > 30_000 {
			t.Fatalf("%d bytes are kept for a candidate", len(w.kept))
		}
	}
	if !w.over {
		t.Error("the candidate stays")
	}
	k.told("1 open")
	if r := c.deliver("4a"); r.short() != "200 ok" {
		t.Errorf("%v", r)
	}
	k.finish()
}
