// Heartbeats, the limit on pongs nobody asked for, and the time to join a namespace.

package transport

import (
	"testing"

	"github.com/sioserver/sioserver/transport/wheel"
)

func TestHeartbeatOverWebSocket(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	s := k.session(1)
	s.Joined()
	for range 3 {
		k.within(25_000, 25_100, "ping", func() bool { return len(w.got) > 0 })
		w.want("2")
		k.advance(19_000)
		w.text("3")
		w.want()
	}
	k.told("1 open")
	k.finish()
}

func TestHeartbeatOverPolling(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.KeepAlive = 1_000_000 })
	c := k.poller(0)
	k.session(1).Joined()
	for range 3 {
		c.poll()
		k.within(25_000, 25_100, "ping", func() bool { return len(c.get.got) > 0 })
		c.get.want("200 2")
		if r := c.deliver("3"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
	}
	// Without a poll the ping waits for one, and so does what follows.
	k.advance(25_200)
	s := k.session(1)
	k.do(s, func() { s.Send([]byte("x")) })
	c.poll()
	c.get.want("200 2\x1e4x")
	k.told("1 open")
	k.finish()
}

func TestShortHeartbeat(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.PingInterval, o.PingTimeout = 300, 200 })
	w := k.socket(0)
	k.within(300, 320, "ping", func() bool { return len(w.got) > 0 })
	w.want("2")
	k.within(200, 220, "end", func() bool { return k.closed == 1 })
	w.want("close:1005")
	k.told("1 open", "1 close ping timeout")
	k.finish()
}

func TestPingTimeout(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		k := one(t)
		w := k.socket(0)
		k.session(1).Joined()
		k.advance(25_100)
		w.want("2")
		k.within(19_900, 20_010, "end", func() bool { return k.closed == 1 })
		w.want("close:1005")
		k.told("1 open", "1 close ping timeout")
		k.finish()
	})
	t.Run("poll open", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.KeepAlive = 1_000_000 })
		c := k.poller(0)
		k.session(1).Joined()
		c.poll()
		k.advance(25_100)
		c.get.want("200 2")
		c.poll()
		k.advance(20_010)
		c.get.want("200 1")
		k.told("1 open", "1 close ping timeout")
		k.finish()
	})
	t.Run("no poll", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		k.session(1).Joined()
		k.advance(45_110)
		k.told("1 open", "1 close ping timeout")
		c.get = k.dial(0)
		c.poll()
		c.get.want(code(1))
		k.finish()
	})
}

// TestPollMeetsItsDeadline: who polls after the ping timeout is refused, also in
// the moment that the timer, with its resolution, comes late. The suites of the
// protocol allow none.
func TestPollMeetsItsDeadline(t *testing.T) {
	for _, v := range []struct {
		name, query string
		at          int64 // after the handshake
		ask         func(c *poller)
		ends        bool
	}{
		{"a poll in time", "EIO=4", 499, func(c *poller) { c.poll(); c.get.want("200 2") }, false},
		{"a poll", "EIO=4", 500, func(c *poller) { c.poll(); c.get.want(code(1)) }, true},
		{"a pong in time", "EIO=4", 499, func(c *poller) { c.wants("3", "200 ok") }, false},
		{"a pong", "EIO=4", 500, func(c *poller) { c.wants("3", code(1)) }, true},
		{"a ping in time", "EIO=3", 499, func(c *poller) { c.wants("1:2", "200 ok") }, false},
		{"a ping", "EIO=3", 500, func(c *poller) { c.wants("1:2", code(1)) }, true},
		{"a poll of revision 3", "EIO=3", 500, func(c *poller) { c.poll(); c.get.want(code(1)) }, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			for offset := range int64(wheel.Tick) {
				k := newKernel(t, 1, func(o *Options) { o.PingInterval, o.PingTimeout, o.AllowEIO3 = 300, 200, true })
				k.advance(offset)
				c := k.pollerOf(0, v.query)
				k.session(1).Joined()
				k.advance(v.at)
				v.ask(c)
				if v.ends {
					k.told("1 open", "1 close ping timeout")
				} else {
					k.told("1 open")
				}
				k.finish()
			}
		})
	}
}

// TestExtendedWaitMeetsItsDeadline: a client that is busy sending gets its second
// wait from a poll too.
func TestExtendedWaitMeetsItsDeadline(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.PingInterval, o.PingTimeout = 300, 200 })
	k.advance(5)
	c := k.poller(0)
	k.session(1).Joined()
	k.advance(400)
	c.wants("4x", "200 ok")
	k.advance(100)
	c.poll()
	c.get.want("200 2")
	k.advance(199)
	c.poll()
	k.told("1 open", "1 message x")
	k.within(1, 21, "end", func() bool { return k.closed == 1 })
	k.finish()
}

// wants delivers packets and checks the answer.
func (c *poller) wants(body, answer string) {
	c.k.t.Helper()
	if r := c.deliver(body); r.short() != answer {
		c.k.t.Errorf("%s is answered %v, want %s", body, r, answer)
	}
}

// TestWaitIsExtendedOnce is a client that is busy sending when the pong is due.
func TestWaitIsExtendedOnce(t *testing.T) {
	for _, v := range []struct {
		name string
		at   []int64 // of messages, after the ping
		end  int64
	}{
		{"silent", nil, 20_000},
		{"one message", []int64{5_000}, 40_000},
		{"many messages", []int64{1_000, 19_000, 21_000, 39_000}, 40_000},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := one(t)
			w := k.socket(0)
			k.session(1).Joined()
			k.advance(25_100)
			w.want("2")
			passed := int64(0)
			for _, at := range v.at {
				k.advance(at - passed)
				passed = at
				w.text("4x")
			}
			k.within(v.end-passed-110, v.end-passed+20, "end", func() bool { return k.closed == 1 })
			k.finish()
		})
	}
}

func TestPongAfterExtension(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	k.session(1).Joined()
	k.advance(25_100)
	w.want("2")
	w.text("4x")
	k.advance(30_000)
	w.text("3")
	k.within(24_900, 25_100, "ping", func() bool { return len(w.got) > 0 })
	w.want("2")
	// A packet before the ping does not count as one after it.
	k.within(19_900, 20_010, "end", func() bool { return k.closed == 1 })
	k.told("1 open", "1 message x", "1 close ping timeout")
	k.finish()
}

func TestStrayPongs(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	k.session(1).Joined()
	for range 10 {
		w.text("3")
	}
	k.advance(25_100)
	w.want("2")
	for range 11 { // one was asked for
		w.text("3")
	}
	k.told("1 open")
	w.text("3")
	w.want("close:1005")
	k.told("1 close parse error: too many unsolicited pongs")
	if n := k.stats().Limits[LimitPongs]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	k.finish()
}

// TestHeartbeatAcrossUpgrade pings over polling and gets the pong by websocket, and the other way round.
func TestHeartbeatAcrossUpgrade(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.KeepAlive = 1_000_000 })
	c := k.poller(0)
	k.session(1).Joined()
	c.poll()
	k.advance(25_100)
	c.get.want("200 2")
	w := c.upgraded(0)
	w.text("3")
	k.advance(20_100)
	k.told("1 open", "1 upgrade")
	k.within(4_800, 5_010, "ping", func() bool { return len(w.got) > 0 })
	w.want("2")
	k.advance(20_010)
	k.told("1 close ping timeout")
	k.finish()
}

// TestPingMovesOver has a ping waiting for a poll when the session is upgraded.
func TestPingMovesOver(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	k.session(1).Joined()
	k.advance(25_100)
	w := c.upgraded(0)
	w.want("2")
	w.text("3")
	k.advance(20_010)
	k.told("1 open", "1 upgrade")
	k.finish()
}

func TestConnectTimeout(t *testing.T) {
	quick := func(o *Options) { o.ConnectTimeout, o.KeepAlive = 5_000, 1_000_000 }
	t.Run("websocket", func(t *testing.T) {
		k := newKernel(t, 1, quick)
		w := k.socket(0)
		k.within(5_000, 5_020, "end", func() bool { return k.closed == 1 })
		w.want("close:1005")
		k.told("1 open", "1 close forced close: no namespace joined within connectTimeout")
		if n := k.stats().Limits[LimitConnectTime]; n != 1 {
			t.Errorf("%d limit hits", n)
		}
		k.finish()
	})
	t.Run("poll open", func(t *testing.T) {
		k := newKernel(t, 1, quick)
		c := k.poller(0)
		c.poll()
		k.advance(5_020)
		c.get.want("200 1")
		k.told("1 open", "1 close forced close: no namespace joined within connectTimeout")
		k.finish()
	})
	t.Run("no poll", func(t *testing.T) {
		k := newKernel(t, 1, quick)
		c := k.poller(0)
		k.advance(5_020)
		k.told("1 open", "1 close forced server close: no namespace joined within connectTimeout")
		c.poll()
		c.get.want("200 6\x1e1")
		k.finish()
	})
	t.Run("joined", func(t *testing.T) {
		k := newKernel(t, 1, quick)
		k.socket(0)
		k.advance(4_990)
		k.session(1).Joined()
		k.advance(5_000)
		k.told("1 open")
		k.finish()
	})
	t.Run("off", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.ConnectTimeout = 0 })
		w := k.socket(0)
		for range 4 {
			k.advance(25_100)
			w.want("2")
			w.text("3")
		}
		k.told("1 open")
		k.finish()
	})
	t.Run("behind heartbeats", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.PingInterval, o.PingTimeout, o.ConnectTimeout = 300, 200, 1000 })
		w := k.socket(0)
		k.within(1000, 1020, "end", func() bool {
			if len(w.got) > 0 && k.closed == 0 {
				w.want("2")
				w.text("3")
			}
			return k.closed == 1
		})
		k.finish()
	})
}

// TestSleep stops the clock of the world for ten minutes: clients are pinged before they are given up.
func TestSleep(t *testing.T) {
	k := one(t)
	w := k.socket(0)
	k.session(1).Joined()
	k.jump(600_000)
	w.want("2")
	w.text("3")
	k.told("1 open")
	k.finish()
}

// TestClockWraps lets sessions live across the moments at which the small times in their records start again.
func TestClockWraps(t *testing.T) {
	for _, start := range []int64{1<<31 - 1, 1<<32 - 1, 1<<31*10 - 30_000, 1<<32*10 - 30_000, 3<<32*10 - 30_000} {
		k := newKernel(t, 1, func(o *Options) { o.ConnectTimeout = 60_000 })
		k.now = start
		w := k.socket(0)
		for range 3 {
			k.within(24_900, 25_100, "ping", func() bool { return len(w.got) > 0 })
			w.want("2")
			w.text("3")
			if k.closed > 0 {
				break
			}
			k.session(1).Joined()
		}
		k.advance(50_000)
		k.told("1 open", "1 close ping timeout")
		k.finish()
	}
}
