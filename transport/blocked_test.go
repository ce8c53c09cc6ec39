// What goes on while output waits: draining, closing, pings, bodies, deadlines.

package transport

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestDrain(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	w.window = 10
	k.do(s, func() {
		s.Send(bytes.Repeat([]byte("x"), 50))
		if s.Buffered() != 53 {
			t.Errorf("%d bytes buffered in the batch", s.Buffered())
		}
	})
	if s.Buffered() != 43 || s.Writable() {
		t.Errorf("%d bytes buffered, writable %v", s.Buffered(), s.Writable())
	}
	w.drain(20)
	k.told("1 open")
	k.advance(1_010)
	k.told()
	w.drain(23)
	k.advance(1_010)
	k.told("1 drain")
	if s.Buffered() != 0 || !s.Writable() {
		t.Errorf("%d bytes buffered, writable %v", s.Buffered(), s.Writable())
	}
	w.want("4" + strings.Repeat("x", 50))
	// The next write finds out as well.
	w.window = 0
	k.do(s, func() { s.Send([]byte("a")) })
	w.drain(1000)
	if !s.Writable() {
		t.Error("not writable although all has gone out")
	}
	k.do(s, func() { s.Send([]byte("b")) })
	k.told("1 drain")
	w.want("4a", "4b")
	k.finish()
}

// TestActOnDrain sends and closes when told that all has been sent.
func TestActOnDrain(t *testing.T) {
	for _, how := range []string{"timer", "write"} {
		for _, act := range []string{"send", "close"} {
			t.Run(act+" by "+how, func(t *testing.T) {
				k := one(t)
				w := k.socket(0)
				s := k.session(1)
				k.onDrain = func(s *Session) {
					if act == "send" {
						s.Send([]byte("more"))
					} else {
						s.Send([]byte("bye"))
						s.Close()
					}
				}
				w.window = 0
				k.do(s, func() { s.Send([]byte("a")) })
				w.drain(1000)
				if how == "timer" {
					k.advance(1_010)
				} else {
					w.text("4x")
					k.do(s, func() { s.Send([]byte("b")) })
				}
				got := fmt.Sprint(w.frames())
				want := map[string]string{
					"send timer": "[4a 4more]", "close timer": "[4a 4bye close:1005]",
					"send write": "[4a 4b 4more]", "close write": "[4a 4b 4bye close:1005]",
				}[act+" "+how]
				if got != want {
					t.Errorf("%s, want %s", got, want)
				}
				k.finish()
			})
		}
	}
}

func TestPingFloodWhileBlocked(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	k.do(s, func() { s.Send([]byte("a")) })
	for i := range 2000 {
		w.push([]byte(frame(opPing, fmt.Sprint(i))))
	}
	k.run()
	w.drain(100_000)
	k.advance(1_010)
	got := w.frames()
	if len(got) != 62 || got[0] != "4a" || got[1] != "pong:0" || got[60] != "pong:59" || got[61] != "pong:1999" {
		t.Errorf("%d frames: %q", len(got), got)
	}
	// Afterwards all is as before.
	w.send(frame(opPing, "again"))
	w.want("pong:again")
	k.told("1 open", "1 drain")
	k.finish()
}

func TestFragmentsTimeout(t *testing.T) {
	end := "1 close transport error: a fragmented message was not completed in time"
	t.Run("slow message", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.PingInterval = 1_000_000 })
		w := k.socket(0)
		k.session(1).Joined()
		w.send(frame(1, "4a"))
		k.within(29_000, 31_020, "close", func() bool {
			if w.shut || w.over {
				return true
			}
			if k.now%5000 == 0 {
				w.send(frame(0, "x") + frame(opPing, ""))
			}
			return false
		})
		got := w.frames()
		if got[len(got)-1] != "close:1008" {
			t.Errorf("%q", got)
		}
		k.told("1 open", end)
		if n := k.stats().Limits[LimitMessageTime]; n != 1 {
			t.Errorf("%d limit hits", n)
		}
		k.finish()
	})
	t.Run("half a header", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.PingInterval = 1_000_000 })
		w := k.socket(0)
		k.session(1).Joined()
		w.send("\x81")
		k.advance(31_020)
		w.want("close:1008")
		k.told("1 open", end)
		k.finish()
	})
	t.Run("messages in time", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.PingInterval = 1_000_000 })
		w := k.socket(0)
		k.session(1).Joined()
		k.quiet = true
		w.send(frame(1, "4"))
		for range 6 {
			k.advance(20_000)
			w.send(frame(0x80, "") + frame(1, "4"))
		}
		k.advance(1_000)
		if w.over || w.shut {
			t.Error("closed")
		}
		k.finish()
	})
	t.Run("pieces of pings", func(t *testing.T) {
		// There is half a frame at each look, but never the same one.
		k := newKernel(t, 1, func(o *Options) { o.PingInterval = 1_000_000 })
		w := k.socket(0)
		k.session(1).Joined()
		ping := frame(opPing, "abc")
		w.send(ping[:4])
		for range 100 {
			k.advance(990)
			w.send(ping[4:] + ping[:4])
		}
		if w.over || w.shut {
			t.Error("closed")
		}
		k.finish()
	})
	t.Run("candidate", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.MessageTimeout = 3_000 })
		c := k.poller(0)
		w := c.candidate(0)
		w.send(frame(1, "2"))
		k.advance(5_000)
		w.want("close:1008")
		k.told("1 open")
		k.finish()
	})
}

func TestCloseWhileBlocked(t *testing.T) {
	for _, v := range []struct {
		name string
		end  func(k *kernel, w *socket)
		last string
		told string
	}{
		{"server", func(k *kernel, _ *socket) { s := k.session(1); k.do(s, s.Close) }, "close:1005", "forced close"},
		{"peer", func(_ *kernel, w *socket) { w.send(frame(opClose, "\x03\xe8")) }, "close:1000", "transport close"},
		{"fault", func(_ *kernel, w *socket) { w.send("junk") }, "close:1002", "transport error: ws: reserved bits without a meaning"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := one(t)
			w := k.socket(0)
			s := k.session(1)
			w.window = 5
			k.do(s, func() { s.Send([]byte("a long message")) })
			v.end(k, w)
			k.told("1 open", "1 close "+v.told)
			if w.over || w.shut {
				t.Error("closed before all was sent")
			}
			w.drain(5)
			k.advance(3_000)
			if w.over || w.shut {
				t.Error("closed before all was sent")
			}
			w.drain(1000)
			k.advance(60)
			if !w.over && !w.shut {
				t.Error("not closed after all was sent")
			}
			w.want("4a long message", v.last)
			k.finish()
		})
		t.Run(v.name+", deaf", func(t *testing.T) {
			k := one(t)
			w := k.socket(0)
			s := k.session(1)
			w.window = 5
			k.do(s, func() { s.Send([]byte("a long message")) })
			v.end(k, w)
			k.within(0, k.opts.StallTimeout+1020, "end", func() bool { return w.over })
			k.finish()
		})
	}
}

// TestPollCloseWhileBlocked ends a connection whose last answer has not gone out.
func TestPollCloseWhileBlocked(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	c.window = 10
	c.begin("GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	k.advance(1_000)
	if c.over {
		t.Fatal("closed before all was sent")
	}
	c.drain(1000)
	k.advance(60)
	c.want("404 not here")
	if !c.over {
		t.Error("not closed after all was sent")
	}
	k.finish()
}

// TestSlowDownload reads a large answer slowly and steadily: neither the idle deadline nor that of the close cuts it short.
func TestSlowDownload(t *testing.T) {
	for _, fields := range []string{"", "Connection: close\r\n"} {
		k := one(t)
		page := bytes.Repeat([]byte("x"), 100_000)
		k.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { ref.Respond(200, nil, page) }
		c := k.dial(0)
		c.window = 0
		c.begin("GET /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n")
		for range 101 {
			k.advance(1000)
			c.drain(1000)
		}
		if r := c.responses(); len(r) != 1 || len(r[0].body) != len(page) {
			t.Errorf("%q: the download was cut short: %d bytes are left", fields, len(c.got))
		}
		k.within(0, k.opts.KeepAlive+keepAliveGrace+k.opts.StallTimeout, "end", func() bool { return c.over })
		k.finish()
	}
}

// TestIdleWithOutput reaches the idle deadline while an answer waits for the end of the batch.
func TestIdleWithOutput(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.poll()
	c.post.push([]byte(request("POST", c.sid, "1")))
	k.now += k.opts.KeepAlive + keepAliveGrace + 100
	k.run()
	c.get.want("200 6")
	k.finish()
}

// TestBodyWhileBlocked receives a body while an answer waits for a peer that does not read: the end of the body must not
// end the watch over the peer.
func TestBodyWhileBlocked(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.post.window = 0
	c.post.push([]byte(probe))
	k.run()
	whole := request("POST", c.sid, "4a")
	c.post.send(whole[:len(whole)-1])
	k.advance(2_000)
	c.post.send(whole[len(whole)-1:])
	k.within(7_000, 10_020, "end", func() bool { return c.post.over })
	k.finish()
}
