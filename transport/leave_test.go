// Connections that leave: with their bytes, behind the answers that are due, or not at all.

package transport

import (
	"strings"
	"testing"
)

const away = "POST /away HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"

// leavers is a kernel whose connections leave with requests for /away.
func leavers(t *testing.T, change func(*Options)) *kernel {
	k := newKernel(t, 1, change)
	k.onForeign = func(h *Hello) bool { return string(h.Request.Path) == "/away" }
	k.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { ref.Respond(200, nil, []byte("here")) }
	return k
}

func TestLeave(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := leavers(t, nil)
		c := k.dial(0)
		c.cut = cut
		c.begin(probe)
		c.want("200 here")
		c.send(away)
		if !c.left || !strings.HasPrefix(away, string(c.unread)) || !strings.Contains(string(c.unread), "\r\n\r\n") {
			t.Errorf("left %v with %q", c.left, c.unread)
		}
		if n := k.stats().Requests; n != 2 {
			t.Errorf("%d requests counted", n)
		}
		k.log = nil
		k.finish()
	})
}

// TestLeaveInOrder: what was asked before is answered before.
func TestLeaveInOrder(t *testing.T) {
	t.Run("an answer in the same batch", func(t *testing.T) {
		k := leavers(t, nil)
		c := k.dial(0)
		c.methods = []string{"GET"}
		c.send(probe + away)
		c.want("200 here")
		if !c.left || string(c.unread) != away {
			t.Errorf("left %v with %q", c.left, c.unread)
		}
		k.log = nil
		k.finish()
	})
	t.Run("a poll that waits", func(t *testing.T) {
		k := leavers(t, nil)
		c := k.poller(0)
		c.poll()
		c.get.send(away)
		c.get.send("def" + probe)
		k.advance(5_000)
		if c.get.left {
			t.Fatal("it left before the poll was answered")
		}
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("news")) })
		c.get.want("200 4news")
		if !c.get.left || string(c.get.unread) != away+"def"+probe {
			t.Errorf("left %v with %q", c.get.left, c.get.unread)
		}
		k.log = nil
		k.finish()
	})
	t.Run("an answer that waits for the peer", func(t *testing.T) {
		k := leavers(t, nil)
		page := []byte(strings.Repeat("x", 10_000))
		k.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { ref.Respond(200, nil, page) }
		c := k.dial(0)
		c.window = 1000
		c.methods = []string{"GET"}
		c.send(probe + away)
		k.advance(3_000)
		if c.left {
			t.Fatal("it left before the answer was taken")
		}
		c.drain(endless)
		k.within(0, 1_100, "departure", func() bool { return c.left })
		c.want("200 " + string(page))
		k.log = nil
		k.finish()
	})
	t.Run("the last request", func(t *testing.T) {
		k := leavers(t, nil)
		c := k.dial(0)
		c.methods = []string{"GET"}
		c.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + away)
		c.want("200 here")
		if c.left || !c.shut {
			t.Errorf("left %v, shut %v", c.left, c.shut)
		}
		k.log = nil
		k.finish()
	})
}

// TestLeaveBytes: so much may come behind a request that has to wait.
func TestLeaveBytes(t *testing.T) {
	for _, v := range []struct {
		name string
		head string
		more int
		over bool
	}{
		{"below", "GET /away HTTP/1.1\r\nHost: a\r\n\r\n", gateSlack, false},
		{"above", "GET /away HTTP/1.1\r\nHost: a\r\n\r\n", gateSlack + 1, true},
		{"a body below", "PUT /away HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", gateSlack + 1000, false},
		{"a body above", "PUT /away HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n", gateSlack + 1001, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := leavers(t, func(o *Options) { o.MaxPayload, o.HTTP.Body = 1000, 1000 })
			c := k.poller(0)
			c.poll()
			c.get.send(v.head)
			c.get.send(strings.Repeat("x", v.more))
			if over := c.get.shut || c.get.over; over != v.over {
				t.Errorf("over %v, want %v", over, v.over)
			}
			if n := k.stats().Limits[LimitGateBytes]; (n == 1) != v.over {
				t.Errorf("%d hits", n)
			}
			k.log = nil
			k.finish()
		})
	}
}

// TestLeaveFails: a connection that cannot go is told so, and its body read over.
func TestLeaveFails(t *testing.T) {
	k := leavers(t, nil)
	k.refuseMoves = true
	c := k.dial(0)
	c.begin(away)
	c.want("503 Service unavailable")
	if c.shut || c.over {
		t.Error("it ends before the body does")
	}
	c.send("def")
	if !c.shut {
		t.Error("it goes on behind the body")
	}
	k.log = nil
	k.finish()
}

// TestLeaveGone: a peer that goes before its connection could leave.
func TestLeaveGone(t *testing.T) {
	k := leavers(t, nil)
	c := k.poller(0)
	c.poll()
	c.get.send(away)
	c.get.hangUp()
	if c.get.left {
		t.Error("a connection that is gone has left")
	}
	k.log = nil
	k.finish()
}
