// Connections that break while writing, and answers that are lost with them.

package transport

import (
	"bytes"
	"slices"
	"testing"
)

// TestUnreadPoll never reads the answer to its poll.
func TestUnreadPoll(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	k.session(1).Joined()
	c.get.window = 20
	c.poll()
	s := k.session(1)
	k.do(s, func() { s.Send([]byte("x")) })
	k.within(10_000, 11_020, "end", func() bool { return c.get.over })
	// What the poll was answered is lost, so the session is over.
	k.told("1 open", "1 close transport error: poll connection closed prematurely")
	k.finish()
}

// TestLostPolls loses the connection of a poll after its answer was given.
func TestLostPolls(t *testing.T) {
	const lost = "1 close transport error: poll connection closed prematurely"
	answer := func(k *kernel) { s := k.session(1); k.do(s, func() { s.Send([]byte("x")) }) }
	t.Run("delivered", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.poll()
			answer(k)
			c.get.want("200 4x")
			c.get.hangUp()
			k.told()
		})
	})
	t.Run("in part", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.get.window = 50
			c.poll()
			answer(k)
			k.told()
			c.get.hangUp()
			k.told(lost)
		})
	})
	t.Run("delivered late, not noticed", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.get.window = 50
			c.poll()
			answer(k)
			c.get.drain(1000)
			c.get.want("200 4x")
			c.get.hangUp()
			k.told()
		})
	})
	t.Run("in the batch", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.poll()
			// Closed by the client's own packet: nothing to lose. The answer to the poll waits for the end of the batch.
			c.post.push([]byte(request("POST", c.sid, "4a")))
			s := k.session(1)
			s.Engine().Post(taskFunc(func(*Engine) { s.Send([]byte("x")) }))
			k.run()
			c.get.want("200 4x")
			k.told("1 message a")
		})
	})
	t.Run("delivered late", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.get.window = 50
			c.poll()
			answer(k)
			c.get.drain(1000)
			k.advance(1010)
			c.get.hangUp()
			k.told()
		})
	})
	t.Run("behind another answer", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			other := k.poller(0)
			c.get.push([]byte(request("GET", other.sid, "")))
			c.poll()
			answer(k)
			c.get.hangUp()
			slices.Sort(k.log)
			k.told(lost, "2 close transport error: poll connection closed prematurely", "2 open")
		})
	})
	t.Run("upgraded meanwhile", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.get.window = 50
			c.poll()
			answer(k)
			c.upgraded(0)
			c.get.hangUp()
			k.told("1 upgrade")
		})
	})
	t.Run("closed meanwhile", func(t *testing.T) {
		apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
			c.get.window = 50
			c.poll()
			s := k.session(1)
			k.do(s, s.Close)
			c.get.hangUp()
			k.told("1 close forced close")
		})
	})
}

func TestWriteErrors(t *testing.T) {
	for _, f := range []fault{faultReturned, faultClosed} {
		reason := map[fault]string{faultReturned: "transport error: write error", faultClosed: "transport close"}[f]
		t.Run("websocket "+reason, func(t *testing.T) {
			k := one(t)
			w, other, polled := k.socket(0), k.socket(0), k.poller(0)
			polled.poll()
			second, third := k.session(2), k.session(3)
			k.onClose = func(*Session, CloseReason, error) { second.Send([]byte("left")); third.Send([]byte("left")) }
			w.fault = f
			s := k.session(1)
			k.do(s, func() { s.Send([]byte("x")) })
			k.told("1 open", "2 open", "3 open", "1 close "+reason)
			other.want("4left")
			polled.get.want("200 4left")
			k.finish()
		})
		t.Run("broadcast "+reason, func(t *testing.T) {
			k := one(t)
			var all []*socket
			for i := range 10 {
				w := k.socket(0)
				if i%3 == 0 {
					w.fault = f
				}
				all = append(all, w)
			}
			m := NewShared([]byte("x"), nil)
			k.do(k.session(1), func() {
				for s := range k.numbers {
					s.SendShared(m)
				}
			})
			for _, w := range all {
				if w.fault == faultNone {
					w.want("4x")
				}
			}
			if k.closed != 4 {
				t.Errorf("%d sessions closed, want 4", k.closed)
			}
			k.finish()
		})
		t.Run("poll "+reason, func(t *testing.T) {
			k := one(t)
			c := k.poller(0)
			c.poll()
			c.get.fault = f
			s := k.session(1)
			k.do(s, func() { s.Send([]byte("x")) })
			if !c.get.over {
				t.Error("the connection stays")
			}
			k.told("1 open", "1 close transport error: poll connection closed prematurely")
			k.finish()
		})
		t.Run("handshake "+reason, func(t *testing.T) {
			k := one(t)
			w := k.dial(0)
			w.fault = f
			w.send(upgradeRequest("") + frame(opText, "4a"))
			k.told("1 open", "1 message a", "1 close "+reason)
			k.finish()
		})
		t.Run("candidate "+reason, func(t *testing.T) {
			k := one(t)
			c := k.poller(0)
			w := c.candidate(0)
			w.fault = f
			w.text("2probe")
			if r := c.deliver("4a"); r.short() != "200 ok" {
				t.Errorf("%v", r)
			}
			k.told("1 open", "1 message a")
			k.finish()
		})
		t.Run("close "+reason, func(t *testing.T) {
			k := one(t)
			w := k.socket(0)
			w.fault = f
			s := k.session(1)
			k.do(s, s.Close)
			if !w.over {
				t.Error("the connection stays")
			}
			k.told("1 open", "1 close forced close")
			k.finish()
		})
		t.Run("large output "+reason, func(t *testing.T) {
			k := one(t)
			w := k.socket(0)
			w.fault = f
			s := k.session(1)
			k.do(s, func() {
				for range 1000 {
					s.Send(bytes.Repeat([]byte("x"), 1000))
				}
			})
			k.told("1 open", "1 close "+reason)
			k.finish()
		})
	}
}
