// How polling sessions end: overlaps, aborts, closes of ours and of the client.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

func TestOverlap(t *testing.T) {
	t.Run("GET", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		second := k.dial(0)
		second.begin(request("GET", c.sid, ""))
		second.want("400")
		c.get.want("200 1")
		k.told("1 open", "1 close transport error: overlap from client")
		if r := second.ask(request("GET", c.sid, "")); r.short() != code(1) {
			t.Errorf("afterwards %v", r)
		}
		k.finish()
	})
	t.Run("GET on one connection", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		c.poll()
		c.get.want("200 1", "400")
		k.told("1 open", "1 close transport error: overlap from client")
		k.finish()
	})
	for _, complete := range []bool{true, false} {
		t.Run(fmt.Sprintf("POST, the second complete %v", complete), func(t *testing.T) {
			k := one(t)
			c := k.poller(0)
			c.poll()
			whole := request("POST", c.sid, "4a")
			c.post.send(whole[:len(whole)-1])
			second := k.dial(0)
			second.methods = []string{"POST"}
			if complete {
				second.send(whole)
			} else {
				second.send(whole[:len(whole)-1])
			}
			second.want("400")
			c.get.want("200 1")
			if !c.post.over || len(c.post.take()) > 0 {
				t.Error("the first data request was not cut off")
			}
			k.told("1 open", "1 close transport error: data request overlap from client")
			if !complete {
				second.send("a")
				second.want()
			}
			if r := second.ask(request("GET", c.sid, "")); r.short() != code(1) {
				t.Errorf("afterwards %v", r)
			}
			k.finish()
		})
	}
	t.Run("POST behind the poll of its connection", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		whole := request("POST", c.sid, "4a")
		c.get.send(whole[:len(whole)-1])
		c.post.begin(whole)
		c.post.want("400")
		k.told("1 open", "1 close transport error: data request overlap from client")
		k.finish()
	})
	t.Run("POST after POST", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.post.methods = []string{"POST", "POST", "POST"}
		c.post.send(strings.Repeat(request("POST", c.sid, "4a"), 3))
		c.post.want("200 ok", "200 ok", "200 ok")
		k.told("1 open", "1 message a", "1 message a", "1 message a")
		k.finish()
	})
}

func TestAborts(t *testing.T) {
	t.Run("GET", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		c.get.hangUp()
		k.told("1 open", "1 close transport error: poll connection closed prematurely")
		k.finish()
	})
	t.Run("POST", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		whole := request("POST", c.sid, "4a")
		c.post.send(whole[:len(whole)-1])
		c.post.hangUp()
		c.get.want("200 1")
		k.told("1 open", "1 close transport error: data request connection closed prematurely")
		k.finish()
	})
	t.Run("POST before its body", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		whole := request("POST", c.sid, "4a")
		c.post.send(whole[:len(whole)-2])
		c.post.hangUp()
		k.told("1 open", "1 close transport error: data request connection closed prematurely")
		k.finish()
	})
	t.Run("POST before its head is complete", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.post.send(request("POST", c.sid, "4a")[:40])
		c.post.hangUp()
		k.told("1 open")
		c.post = k.dial(0)
		if r := c.deliver("4b"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 message b")
		k.finish()
	})
	t.Run("between requests", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.get.hangUp()
		c.post.hangUp()
		c.get = k.dial(0)
		c.poll()
		k.do(k.session(1), func() { k.session(1).Send([]byte("x")) })
		c.get.want("200 4x")
		k.told("1 open")
		k.finish()
	})
}

func TestGracefulClose(t *testing.T) {
	t.Run("poll open", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("bye")); s.Close(); s.Close() })
		// Messages and the close come apart.
		c.get.want("200 4bye")
		k.told("1 open", "1 close forced close")
		c.poll()
		c.get.want("200 6\x1e1")
		c.poll()
		c.get.want(code(1))
		k.finish()
	})
	t.Run("no poll", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		s := k.session(1)
		k.do(s, func() { s.Close(); s.Close() })
		k.told("1 open", "1 close forced server close")
		if r := c.deliver("4late"); r.short() != "200 ok" {
			t.Errorf("POST %v", r)
		}
		if r := c.post.ask(chunked(c.sid, "4late", "4r")); r.short() != "200 ok" {
			t.Errorf("POST %v", r)
		}
		c.poll()
		c.get.want("200 6\x1e1")
		c.poll()
		c.get.want(code(1))
		k.told()
		k.finish()
	})
	t.Run("no poll, packets wait", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("bye")); s.SendBinary([]byte{1}); s.Close() })
		c.poll()
		c.get.want("200 4bye\x1ebAQ==")
		c.poll()
		c.get.want("200 6\x1e1")
		c.poll()
		c.get.want(code(1))
		k.finish()
	})
	t.Run("nobody asks", func(t *testing.T) {
		k := one(t)
		k.poller(0)
		s := k.session(1)
		k.do(s, s.Close)
		k.advance(k.opts.SessionLinger - 20)
		if n := k.loops[0].engine.sids.Len(); n != 1 {
			t.Errorf("%d sessions after %d ms", n, k.opts.SessionLinger-20)
		}
		k.advance(40)
		if n := k.loops[0].engine.sids.Len(); n != 0 {
			t.Errorf("%d sessions at the end", n)
		}
		k.finish()
	})
	t.Run("discard", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		s := k.session(1)
		k.do(s, func() { s.Discard(TransportError, ErrInternal) })
		k.told("1 open", "1 close transport error: internal error")
		c.poll()
		c.get.want(code(1))
		k.finish()
	})
	t.Run("fail", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		s := k.session(1)
		k.do(s, func() { s.Fail(errBroken); s.Fail(errBroken) })
		k.told("1 open", "1 close forced close: broken pipe")
		c.get.want("200 1")
		k.finish()
	})
	t.Run("by a message", func(t *testing.T) {
		k := one(t)
		k.onMessage = func(s *Session, data []byte, _ bool) {
			if string(data) == "quit" {
				s.Close()
			}
		}
		c := k.poller(0)
		if r := c.deliver("4quit\x1e4more"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 open", "1 message quit", "1 close forced server close")
		k.finish()
	})
	t.Run("at the opening", func(t *testing.T) {
		k := one(t)
		k.onOpen = func(s *Session, _ *Hello) { s.Close() }
		c := k.poller(0)
		k.told("1 open", "1 close forced server close")
		c.poll()
		c.get.want("200 6\x1e1")
		k.finish()
	})
}

// TestCloseDuringPost closes a session while a data request is on its way.
func TestCloseDuringPost(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	whole := request("POST", c.sid, "4a")
	c.post.begin(whole[:len(whole)-1])
	s := k.session(1)
	k.do(s, s.Close)
	c.post.send(whole[len(whole)-1:])
	c.post.want("200 ok")
	k.told("1 open", "1 close forced server close")
	k.finish()
}
