// Handlers that panic: what it belongs to ends, everything else goes on.

package transport

import (
	"strings"
	"testing"
)

// panicky is a kernel whose handler panics where f says so. A bystander shows whether the engine is still well.
func panicky(t *testing.T, loops int) (*kernel, *socket) {
	k := newKernel(t, loops, nil)
	k.catch = true
	w := k.socket(0)
	k.session(1).Joined()
	k.log = nil
	k.onMessage = func(s *Session, data []byte, _ bool) {
		if string(data) == "panic" {
			panic(handlerPanic("message"))
		}
		s.Send(data)
	}
	return k, w
}

// well demands that the bystander is served, over time as well.
func well(k *kernel, w *socket) {
	k.t.Helper()
	w.text("4hello")
	w.want("4hello")
	c := k.poller(0)
	if r := c.deliver("4polled"); r.short() != "200 ok" {
		k.t.Errorf("%v", r)
	}
	for range 51 {
		if len(w.got) == 0 {
			k.advance(500)
		}
	}
	w.want("2")
	w.text("3")
	if n := k.stats().Panics; n == 0 {
		k.t.Error("no panic was counted")
	}
	if e := k.loops[0].engine; e.busy || e.serving.session != nil {
		k.t.Error("the engine believes to be busy")
	}
	k.onMessage, k.onClose, k.onOpen = nil, nil, nil
	k.finish()
}

// halfPost is a data request without its last byte.
func halfPost(sid string) string {
	whole := request("POST", sid, "4a")
	return whole[:len(whole)-1]
}

const internal = "transport error: internal error"

func TestPanicInMessage(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		k, other := panicky(t, 1)
		w := k.socket(0)
		w.send(frame(opText, "4a") + frame(opText, "4panic") + frame(opText, "4b"))
		w.want("4a", "close:1011")
		k.told("2 open", "2 message a", "2 message panic", "2 close "+internal)
		well(k, other)
	})
	t.Run("polling", func(t *testing.T) {
		k, other := panicky(t, 1)
		c := k.poller(0)
		c.poll()
		c.post.begin(request("POST", c.sid, "4a\x1e4panic\x1e4b"))
		if !c.post.over || len(c.post.take()) > 0 {
			t.Error("the data request goes on")
		}
		c.get.want("200 4a\x1e1")
		k.told("2 open", "2 message a", "2 message panic", "2 close "+internal)
		well(k, other)
	})
	t.Run("polling, body in pieces", func(t *testing.T) {
		k, other := panicky(t, 1)
		c := k.poller(0)
		c.post.cut = eachByte
		c.post.begin(request("POST", c.sid, "4panic"))
		if !c.post.over {
			t.Error("the data request goes on")
		}
		k.told("2 open", "2 message panic", "2 close "+internal)
		well(k, other)
	})
	t.Run("polling from another loop", func(t *testing.T) {
		k, other := panicky(t, 2)
		c := k.poller(0)
		c.get, c.post = k.dial(1), k.dial(1)
		c.poll()
		c.post.begin(request("POST", c.sid, "4panic"))
		if !c.post.over {
			t.Error("the data request goes on")
		}
		c.get.want("200 1")
		k.told("2 open", "2 message panic", "2 close "+internal)
		well(k, other)
	})
	t.Run("upgraded", func(t *testing.T) {
		k, other := panicky(t, 1)
		w := k.poller(0).upgraded(0)
		w.text("4panic")
		w.want("close:1011")
		k.told("2 open", "2 upgrade", "2 message panic", "2 close "+internal)
		well(k, other)
	})
	t.Run("and again in close", func(t *testing.T) {
		k, other := panicky(t, 1)
		k.onClose = func(*Session, CloseReason, error) { panic(handlerPanic("close")) }
		w := k.socket(0)
		w.text("4panic")
		w.want("close:1011")
		c := k.poller(0)
		c.post.begin(request("POST", c.sid, "4panic"))
		k.told("2 open", "2 message panic", "2 close "+internal, "3 open", "3 message panic", "3 close "+internal)
		if n := k.stats().Panics; n != 4 {
			t.Errorf("%d panics", n)
		}
		well(k, other)
	})
}

func TestPanicInOpen(t *testing.T) {
	for _, text := range []string{upgradeRequest("") + frame(opText, "4x"), request("GET", "", "")} {
		for _, cut := range []func([]byte) [][]byte{nil, eachByte} {
			k, other := panicky(t, 1)
			k.onOpen = func(*Session, *Hello) { panic(handlerPanic("open")) }
			c := k.dial(0)
			c.cut = cut
			c.send(text)
			if !c.over && !c.shut {
				t.Error("the connection stays")
			}
			k.onOpen = nil
			k.told("2 open", "2 close "+internal)
			well(k, other)
		}
	}
}

func TestPanicInUpgrade(t *testing.T) {
	k, other := panicky(t, 1)
	k.onUpgrade = func(*Session) { panic(handlerPanic("upgrade")) }
	w := k.poller(0).upgraded(0)
	w.want("close:1011")
	k.told("2 open", "2 upgrade", "2 close "+internal)
	well(k, other)
}

func TestPanicInDrain(t *testing.T) {
	k, other := panicky(t, 1)
	k.onDrain = func(*Session) { panic(handlerPanic("drain")) }
	w := k.socket(0)
	w.window = 0
	s := k.session(2)
	s.Joined()
	k.do(s, func() { s.Send([]byte("a")) })
	w.drain(1000)
	k.advance(1_010)
	k.told("2 open", "2 drain")
	k.do(s, func() { s.Send([]byte("b")) })
	w.want("4a", "4b")
	w.hangUp()
	well(k, other)
}

// TestPanicInClose closes sessions in every way there is with a handler that panics at the news.
func TestPanicInClose(t *testing.T) {
	for _, v := range []struct {
		name string
		end  func(k *kernel)
		told string
	}{
		{"peer gone", func(k *kernel) { k.socket(0).hangUp() }, "transport close"},
		{"close frame", func(k *kernel) { k.socket(0).send(frame(opClose, "")) }, "transport close"},
		{"fault", func(k *kernel) { k.socket(0).send("junk") }, "transport error: ws: reserved bits without a meaning"},
		{"parse error", func(k *kernel) { k.socket(0).text("9") }, "parse error: engineio: unknown packet type"},
		{"write error", func(k *kernel) {
			w := k.socket(0)
			w.fault = faultReturned
			s := k.session(2)
			k.do(s, func() { s.Send(nil) })
		}, "transport error: write error"},
		{"write closes", func(k *kernel) {
			w := k.socket(0)
			w.fault = faultClosed
			s := k.session(2)
			k.do(s, func() { s.Send(nil) })
		}, "transport close"},
		{"close", func(k *kernel) { k.socket(0); s := k.session(2); k.do(s, s.Close) }, "forced close"},
		{
			"poll aborted", func(k *kernel) { c := k.poller(0); c.poll(); c.get.hangUp() },
			"transport error: poll connection closed prematurely",
		},
		{
			"data aborted", func(k *kernel) { c := k.poller(0); c.post.send(halfPost(c.sid)); c.post.hangUp() },
			"transport error: data request connection closed prematurely",
		},
		{"overlap", func(k *kernel) { c := k.poller(0); c.poll(); c.poll() }, "transport error: overlap from client"},
		{"data overlap", func(k *kernel) {
			c := k.poller(0)
			c.post.send(halfPost(c.sid))
			c.post = k.dial(0)
			c.post.send(request("POST", c.sid, "4a"))
		}, "transport error: data request overlap from client"},
		{
			"polled garbage", func(k *kernel) { c := k.poller(0); c.poll(); c.post.send(request("POST", c.sid, "z")) },
			"parse error: engineio: unknown packet type",
		},
		{"close packet", func(k *kernel) { c := k.poller(0); c.poll(); c.post.send(request("POST", c.sid, "1")) }, "transport close"},
		{
			"garbage behind a poll", func(k *kernel) { c := k.poller(0); c.poll(); c.get.send("GARBAGE\r\n\r\n") },
			"transport error: poll connection closed prematurely",
		},
		{
			"upgrade behind a poll", func(k *kernel) { c := k.poller(0); c.poll(); c.get.send(upgradeRequest("")) },
			"transport error: poll connection closed prematurely",
		},
		{"lingering", func(k *kernel) { c := k.poller(0); closeSecond(c); c.poll() }, "forced server close"},
		{"timeout", func(k *kernel) {
			k.socket(0)
			k.session(2).Joined()
			k.within(0, 46_000, "end", func() bool {
				for _, p := range k.peers[:1] {
					if len(p.got) > 0 {
						p.take()
						p.send(frame(opText, "3"))
					}
				}
				return k.closed > 0
			})
		}, "ping timeout"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k, other := panicky(t, 1)
			k.onClose = func(*Session, CloseReason, error) { panic(handlerPanic("close")) }
			v.end(k)
			if got := k.log[len(k.log)-1]; got != "2 close "+v.told || k.closed != 1 {
				t.Errorf("told %q, want %q", k.log, v.told)
			}
			k.log = nil
			k.advance(100)
			well(k, other)
		})
	}
}

func closeSecond(c *poller) { s := c.k.session(2); c.k.do(s, s.Close) }

// TestPanicOfNeighbour answers the last request of a connection while the session of a request behind it panics.
func TestPanicOfNeighbour(t *testing.T) {
	k, other := panicky(t, 1)
	a, b := k.poller(0), k.poller(0)
	k.onClose = func(*Session, CloseReason, error) { panic(handlerPanic("close")) }
	// Two polls on one connection, the first of which ends it.
	c := k.dial(0)
	c.send(request("GET", a.sid, "") + request("GET", b.sid, ""))
	c.conn.first.keep = false
	s := k.session(2)
	k.do(s, func() { s.Send([]byte("x")) })
	c.methods = []string{"GET", "GET"}
	if got := c.responses(); len(got) != 1 || got[0].body != "4x" {
		t.Errorf("%v", got)
	}
	if !c.over && !c.shut {
		t.Error("the connection stays")
	}
	well(k, other)
}

// TestPanicOfWriting has a session break while the input of another is answered: that one is not to blame.
func TestPanicOfWriting(t *testing.T) {
	k, other := panicky(t, 1)
	w := k.socket(0)
	w.fault = faultReturned
	s := k.session(2)
	k.onMessage = func(*Session, []byte, bool) { s.Send([]byte("x")) }
	k.onClose = func(*Session, CloseReason, error) { panic(handlerPanic("close")) }
	other.text("4hello")
	if !w.over || other.over || other.shut {
		t.Errorf("closed: %v, the bystander: %v", w.over, other.over || other.shut)
	}
	k.onMessage = echo
	well(k, other)
}

func TestPanicInRequest(t *testing.T) {
	for _, cut := range []func([]byte) [][]byte{nil, eachByte} {
		k, other := panicky(t, 1)
		k.onRequest = func(ExchangeRef, *Hello, []byte) { panic(handlerPanic("request")) }
		c := k.dial(0)
		c.cut = cut
		c.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" + probe)
		if !c.over {
			t.Error("the connection stays")
		}
		k.told("request POST /x ab")
		well(k, other)
	}
}

func TestPanicInTimer(t *testing.T) {
	k, other := panicky(t, 1)
	e := k.loops[0].engine
	k.onTimer = func(owner uint32) {
		k.armed[e]--
		if owner%2 == 0 {
			panic(handlerPanic("timer"))
		}
	}
	for owner := range uint32(6) {
		e.Arm(k.now+50+int64(owner/4)*10, owner)
		k.armed[e]++
	}
	k.advance(60)
	if len(k.log) != 6 {
		t.Errorf("%d timers in time, want 6: %q", len(k.log), k.log)
	}
	k.log = nil
	well(k, other)
}

func TestPanicInTask(t *testing.T) {
	k, other := panicky(t, 1)
	e := k.loops[0].engine
	var ran strings.Builder
	task := func(name string, f func()) {
		e.Post(taskFunc(func(*Engine) {
			ran.WriteString(name)
			f()
		}))
	}
	none := func() {}
	task("a", none)
	task("b", func() {
		task("f", none)
		task("g", func() { panic(handlerPanic("task")) })
		task("h", none)
		panic(handlerPanic("task"))
	})
	task("c", none)
	task("d", func() { panic(handlerPanic("task")) })
	task("e", func() { task("i", none); task("j", none) })
	k.run()
	if ran.String() != "abcdefghij" {
		t.Errorf("ran %s", &ran)
	}
	well(k, other)
}

// TestPanicDuringShutdown closes an engine whose handler panics at each close.
func TestPanicDuringShutdown(t *testing.T) {
	k, _ := panicky(t, 1)
	for range 5 {
		k.socket(0)
		c := k.poller(0)
		c.poll()
	}
	k.onClose = func(*Session, CloseReason, error) { panic(handlerPanic("close")) }
	e := k.loops[0].engine
	e.Post(taskFunc(func(e *Engine) { e.Close() }))
	k.run()
	if k.closed != 11 {
		t.Errorf("%d sessions closed, want 11", k.closed)
	}
	k.onClose = nil
	k.finish()
}

func TestShutdown(t *testing.T) {
	k := newKernel(t, 2, nil)
	k.onRequest = func(ExchangeRef, *Hello, []byte) {}
	w := k.socket(0)
	idle := k.dial(0)
	half := k.dial(0)
	half.send("GET / HT")
	foreign := k.dial(0)
	foreign.send(probe)
	polling := k.poller(0)
	polling.get = k.dial(1)
	polling.poll()
	posting := k.poller(0)
	posting.post.send(halfPost(posting.sid))
	upgrading := k.poller(0)
	candidate := upgrading.candidate(0)
	candidate.text("2probe")
	lingering := k.poller(0)
	s := k.session(5)
	k.do(s, s.Close)
	slow := k.socket(1)
	slow.window = 10
	s = k.session(6)
	k.do(s, func() { s.Send(make([]byte, 1000)) })
	k.log = nil
	for _, l := range k.loops {
		l.engine.Post(taskFunc(func(e *Engine) { e.Close() }))
	}
	k.run()
	if len(k.log) != 5 || k.closed != 6 {
		t.Errorf("told %q", k.log)
	}
	for _, line := range k.log {
		if !strings.HasSuffix(line, " close server shutting down") {
			t.Errorf("told %q", line)
		}
	}
	w.want("close:1005")
	polling.get.want("200 1")
	candidate.want("3probe", "close:1005")
	for _, p := range []*peer{idle, half, foreign, lingering.get, posting.post} {
		if got := p.take(); len(got) > 0 && p != lingering.get {
			t.Errorf("peer %d got %q", p.number, got)
		}
	}
	slow.drain(10_000)
	k.advance(100)
	if got := slow.frames(); len(got) != 2 || got[1] != "close:1005" {
		t.Errorf("slow client got %d frames", len(got))
	}
	k.advance(k.opts.LingerTimeout + 20)
	k.checkEmpty()
}
