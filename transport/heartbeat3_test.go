// Heartbeats of revision 3: the client's pings, and the end of one that is silent.

package transport

import (
	"strings"
	"testing"
)

// TestSilenceRevision3 ends clients that say nothing for an interval and a timeout, on every transport.
func TestSilenceRevision3(t *testing.T) {
	slow := func(o *Options) { o.AllowEIO3, o.KeepAlive = true, 1_000_000 }
	for _, v := range []struct {
		name string
		open func(k *kernel) (say func(), gone func())
	}{
		{"websocket", func(k *kernel) (func(), func()) {
			w := k.socketOf(0, "EIO=3")
			return func() { w.text("2"); w.want("3") }, func() { w.want("close:1005") }
		}},
		{"polling", func(k *kernel) (func(), func()) {
			c := k.pollerOf(0, "EIO=3")
			c.poll()
			return func() {
				c.deliver("1:2")
				c.get.want("200 1:3")
				c.poll()
			}, func() { c.get.want("200 1:1") }
		}},
		{"no poll", func(k *kernel) (func(), func()) {
			c := k.pollerOf(0, "EIO=3")
			return func() { c.deliver("1:2"); c.poll(); c.get.want("200 1:3") }, func() {
				c.get = k.dial(0)
				c.poll()
				c.get.want(code(1))
			}
		}},
		{"upgraded", func(k *kernel) (func(), func()) {
			w := k.pollerOf(0, "EIO=3").upgraded(0)
			return func() { w.text("2"); w.want("3") }, func() { w.want("close:1005") }
		}},
		{"other packets count", func(k *kernel) (func(), func()) {
			w := k.socketOf(0, "EIO=3")
			return func() { w.text("4x"); k.log = nil }, func() { w.want("close:1005") }
		}},
		{"upgraded late", func(k *kernel) (func(), func()) {
			c := k.pollerOf(0, "EIO=3")
			k.advance(30_000)
			w := c.upgraded(0)
			w.text("2")
			w.want("3")
			return func() { w.text("2"); w.want("3") }, func() { w.want("close:1005") }
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, slow)
			say, gone := v.open(k)
			k.session(1).Joined()
			for range 3 {
				k.advance(44_900)
				say()
			}
			k.log = nil
			k.within(45_000, 45_120, "end", func() bool { return k.closed == 1 })
			k.told("1 close ping timeout")
			gone()
			k.finish()
		})
	}
}

// TestServerIsSilentRevision3 never gets a ping.
func TestServerIsSilentRevision3(t *testing.T) {
	k := newKernel(t, 1, allow3)
	w := k.socketOf(0, "EIO=3")
	k.session(1).Joined()
	for range 10 {
		k.advance(20_000)
		w.text("4still here")
		w.want()
	}
	k.finish()
}

// TestConnectTimeRevision3 has both of a session's deadlines.
func TestConnectTimeRevision3(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.AllowEIO3, o.ConnectTimeout = true, 10_000 })
	w := k.socketOf(0, "EIO=3")
	k.advance(8_000)
	w.text("2")
	w.want("3")
	k.within(1_900, 2_020, "end", func() bool { return k.closed == 1 })
	k.told("1 open", "1 close forced close: no namespace joined within connectTimeout")
	k.finish()
}

// TestPingFlood pings and does not read the answers: they are limited like messages.
func TestPingFlood(t *testing.T) {
	t.Run("websocket", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.AllowEIO3 = true; o.OutboundBytes, o.OutboundBurst = 1000, 2000 })
		w := k.socketOf(0, "EIO=3")
		k.session(1).Joined()
		w.window = 0
		w.send(strings.Repeat(frame(opText, "2"), 500))
		k.told("1 open")
		w.send(strings.Repeat(frame(opText, "2"), 1000))
		k.told("1 close transport error: " + ErrSlowConsumer.Error())
		k.finish()
	})
	t.Run("polling", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.AllowEIO3 = true; o.OutboundBytes, o.OutboundBurst = 1000, 2000 })
		c := k.pollerOf(0, "EIO=3")
		k.session(1).Joined()
		c.deliver(strings.Repeat("1:2", 300))
		k.told("1 open")
		c.deliver(strings.Repeat("1:2", 300))
		k.told("1 close transport error: " + ErrSlowConsumer.Error())
		k.finish()
	})
	t.Run("reader", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		w := k.socketOf(0, "EIO=3")
		w.send(strings.Repeat(frame(opText, "2"), 5000))
		if n := len(w.frames()); n != 5000 {
			t.Errorf("%d pongs", n)
		}
		k.finish()
	})
}
