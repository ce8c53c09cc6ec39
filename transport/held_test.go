// Messages that are dropped for clients that do not keep up, below and above each limit.

package transport

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// dropping sets a policy, under which all may be dropped that does not begin with a "!".
func dropping(p SlowPolicy, bytes int) func(*Options) {
	return func(o *Options) {
		o.SlowPolicy, o.OutboundBytes, o.OutboundBurst, o.SlowBytes = p, bytes, 4*bytes, bytes/2
		o.PingInterval, o.ConnectTimeout, o.StallTimeout = 10_000_000, 0, 1_000_000
		o.Expendable = func(text []byte, bins [][]byte) bool {
			return len(text) > 0 && text[0] != '!' || text == nil && len(bins) > 1
		}
	}
}

// numbered is message i of a thousand bytes.
func numbered(i int) []byte { return fmt.Appendf(nil, "%03d%s", i, strings.Repeat("x", 997)) }

// numbers are those of the messages in what a client has got.
func numbers(list []string) (got []int) {
	for _, m := range list {
		var i int
		if _, err := fmt.Sscanf(m, "4%03d", &i); err == nil {
			got = append(got, i)
		}
	}
	return got
}

// seq is the numbers from a to b.
func seq(a, b int) (list []int) {
	for ; a <= b; a++ {
		list = append(list, a)
	}
	return list
}

// readAll lets the client of a websocket read until nothing comes any more.
func readAll(k *kernel, w *socket) (list []string) {
	for range 100 {
		w.drain(5_000)
		k.advance(60)
		list = append(list, w.frames()...)
	}
	w.drain(endless)
	k.advance(60)
	return append(list, w.frames()...)
}

// TestDropNewest and its like: with 20,000 bytes the first ten messages of 1005 are with the network, and eight wait
// where they can be dropped, 128 bytes being what each costs beside its own.
func TestDropNewest(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowDropNewest, 20_000))
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	taken := 0
	for i := range 40 {
		k.do(s, func() {
			if s.Send(numbered(i)) {
				taken++
			}
		})
	}
	if n := k.stats().DroppedNewest; taken != 18 || n != 22 || s.Dropped() != 22 {
		t.Errorf("%d taken, %d dropped, of this session %d", taken, n, s.Dropped())
	}
	if b := s.Buffered(); b < 18_000 || b > 20_000 {
		t.Errorf("%d bytes wait", b)
	}
	if s.Writable() {
		t.Error("writable")
	}
	if got := numbers(readAll(k, w)); !slices.Equal(got, seq(0, 17)) {
		t.Errorf("%v", got)
	}
	k.do(s, func() { s.Send(numbered(99)) })
	if got := numbers(w.frames()); !slices.Equal(got, []int{99}) || s.Dropped() != 0 || len(k.loops[0].engine.held) != 0 {
		t.Errorf("afterwards %v, %d dropped, %d queues", got, s.Dropped(), len(k.loops[0].engine.held))
	}
	k.told("1 open", "1 slow", "1 drain")
	k.finish()
}

func TestDropOldest(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowDropOldest, 20_000))
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	for i := range 18 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	if n := k.stats().DroppedOldest; n != 0 {
		t.Errorf("%d dropped below the limit", n)
	}
	for i := 18; i < 40; i++ {
		k.do(s, func() {
			if !s.SendShared(NewShared(numbered(i), nil)) {
				t.Error("not taken")
			}
		})
	}
	if n := k.stats().DroppedOldest; n != 22 || s.Dropped() != 22 {
		t.Errorf("%d dropped, of this session %d", n, s.Dropped())
	}
	if got := numbers(readAll(k, w)); !slices.Equal(got, append(seq(0, 9), seq(32, 39)...)) {
		t.Errorf("%v", got)
	}
	k.told("1 open", "1 slow", "1 drain")
	k.finish()
}

// TestKeptInOrder: what must not be dropped is not, and goes in its place.
func TestKeptInOrder(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowDropOldest, 20_000))
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	for i := range 40 {
		k.do(s, func() {
			s.Send(numbered(i))
			if i == 12 || i == 36 {
				s.Send(fmt.Appendf(nil, "!%d", i))
				s.SendBinary([]byte{byte(i)})
			}
		})
	}
	got := readAll(k, w)
	var order []string
	for _, m := range got {
		if len(m) < 10 {
			order = append(order, m)
		} else {
			order = append(order, m[1:4])
		}
	}
	at := func(m string) int { return slices.Index(order, m) }
	if at("4!12") < 0 || at("4!36") < 0 || at("4!36") < at("036") || at("4!36") > at("037") || at("4!12") > at("036") || len(order) < 18 {
		t.Errorf("%q", order)
	}
	if n := len(order) - len(numbers(got)); n != 4 {
		t.Errorf("%d of 4 that must not be dropped: %q", n, order)
	}
	k.finish()
}

// TestKeptTooMuch: what must not be dropped is bounded as without a policy.
func TestKeptTooMuch(t *testing.T) {
	for _, p := range []SlowPolicy{SlowDropNewest, SlowDropOldest, SlowConflate} {
		k := newKernel(t, 1, dropping(p, 20_000))
		w := k.socket(0)
		k.poller(0)
		w.window = 0
		for n := 1; n <= 2; n++ {
			s, taken := k.session(n), 0
			for i := range 200 {
				if n > k.closed {
					k.do(s, func() {
						if s.Send(append([]byte("!"), numbered(i)...)) {
							taken++
						}
					})
				}
			}
			if taken < 60 || taken > 80 {
				t.Errorf("policy %d: %d were taken", p, taken)
			}
		}
		k.told("1 open", "2 open", "1 slow", "1 close transport error: slow consumer: the outbound queue is full",
			"2 slow", "2 close transport error: slow consumer: the outbound queue is full")
		if n := len(k.loops[0].engine.held); n != 0 {
			t.Errorf("%d queues are left", n)
		}
		k.finish()
	}
	t.Run("for too long", func(t *testing.T) {
		k := newKernel(t, 1, dropping(SlowDropNewest, 20_000))
		w := k.socket(0)
		w.window = 0
		s := k.session(1)
		for i := range 25 {
			k.do(s, func() { s.Send(append([]byte("!"), numbered(i)...)) })
		}
		k.within(900, 1_100, "end", func() bool { return w.over })
		k.told("1 open", "1 slow", "1 close transport error: slow consumer: the outbound queue stays too long")
		k.finish()
	})
}

func TestConflate(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowConflate, 20_000))
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	send := func(i int, key string) {
		k.do(s, func() {
			m := NewShared(numbered(i), nil)
			m.Conflate(key)
			s.SendShared(m)
		})
	}
	for i := range 10 {
		send(i, "a") // with the network
	}
	for i := 10; i < 200; i++ {
		send(i, string(rune('a'+i%3)))
		if i == 100 {
			send(500, "")
		}
	}
	if n := k.stats().Conflated; n != 187 || s.Dropped() != 187 {
		t.Errorf("%d conflated, of this session %d", n, s.Dropped())
	}
	if got := numbers(readAll(k, w)); !slices.Equal(got, append(seq(0, 9), 500, 197, 198, 199)) {
		t.Errorf("%v", got)
	}
	k.told("1 open", "1 slow", "1 drain")
	k.finish()
}

// TestDropCount is the limit by number.
func TestDropCount(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) {
		dropping(SlowDropOldest, 20_000)(o)
		o.OutboundMessages = 3
	})
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	for i := range 40 {
		k.do(s, func() { s.Send(numbered(i)) })
		if want := max(0, i-12); int(s.Dropped()) != want {
			t.Errorf("behind %d: %d dropped, want %d", i, s.Dropped(), want)
		}
	}
	if got := numbers(readAll(k, w)); !slices.Equal(got, append(seq(0, 9), 37, 38, 39)) {
		t.Errorf("%v", got)
	}
	k.finish()
}

// TestPongsForSlow: a client that pings and does not read gets its answers in front of what is held, as many as may
// wait without a policy.
func TestPongsForSlow(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) {
		dropping(SlowDropNewest, 20_000)(o)
		o.AllowEIO3, o.SlowBytes = true, 1<<30
	})
	w := k.socketOf(0, "EIO=3")
	s := k.session(1)
	w.window = 0
	for i := range 18 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	w.text("2")
	w.send(frame(opPing, "x"))
	got := readAll(k, w)
	if i := slices.Index(got, "3"); i != 10 || len(numbers(got)) != 18 {
		t.Errorf("the answer is %d of %d", i, len(got))
	}
	w.window = 0
	k.do(s, func() { s.Send(make([]byte, 15_000)) })
	for range 30_000 {
		if w.over {
			break
		}
		w.text("2")
	}
	if !w.over {
		t.Error("the answers are not limited")
	}
	k.finish()
}

// TestLargeForSlow: one that is larger than the queue gets in if it is alone.
func TestLargeForSlow(t *testing.T) {
	large := []byte(strings.Repeat("y", 50_000))
	for _, p := range []SlowPolicy{SlowDropNewest, SlowDropOldest, SlowConflate} {
		k := newKernel(t, 1, dropping(p, 20_000))
		w := k.socket(0)
		s := k.session(1)
		w.window = 0
		for i := range 10 {
			k.do(s, func() { s.Send(numbered(i)) })
		}
		k.do(s, func() {
			if !s.Send(large) {
				t.Error("not taken")
			}
		})
		if got := readAll(k, w); len(got) != 11 || len(got[10]) != len(large)+1 {
			t.Errorf("policy %d: %d messages", p, len(got))
		}
		k.finish()
	}
}

// TestDropPolling: the same over polling, where a poll takes what would be with the network, and up to the websocket
// of an upgrade.
func TestDropPolling(t *testing.T) {
	for _, upgrade := range []bool{false, true} {
		k := newKernel(t, 1, dropping(SlowDropOldest, 20_000))
		c := k.poller(0)
		s := k.session(1)
		for i := range 40 {
			k.do(s, func() {
				m := NewShared(numbered(i), nil)
				if i%2 == 0 {
					m = NewShared(numbered(i), [][]byte{{1}, {2}})
				}
				s.SendShared(m)
			})
		}
		if n := k.stats().DroppedOldest; n < 20 || n > 24 {
			t.Errorf("%d dropped", n)
		}
		var got []string
		if upgrade {
			got = readAll(k, c.upgraded(0))
		} else {
			for len(k.loops[0].engine.held) > 0 || s.Buffered() > 0 {
				c.poll()
				for _, r := range c.get.responses() {
					got = append(got, strings.Split(r.body, "\x1e")...)
				}
			}
		}
		all := numbers(got)
		attachments := len(got) - len(all)
		even := 0
		for _, i := range all {
			even += (i + 1) % 2
		}
		if len(all) != 40-int(k.stats().DroppedOldest) || all[len(all)-1] != 39 || !slices.IsSorted(all) || attachments != 2*even {
			t.Errorf("upgrade %v: %v with %d attachments", upgrade, all, attachments)
		}
		k.do(s, func() { s.Close() })
		k.finish()
	}
}

// TestHeldAtClose: what was sent before a close of this side goes out, whatever the policy.
func TestHeldAtClose(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowDropNewest, 20_000))
	w := k.socket(0)
	s := k.session(1)
	w.window = 0
	for i := range 15 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	k.do(s, func() { s.Close() })
	if got := numbers(readAll(k, w)); !slices.Equal(got, seq(0, 14)) {
		t.Errorf("%v", got)
	}
	gone := k.socket(0)
	s = k.session(2)
	gone.window = 0
	for i := range 15 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	gone.hangUp()
	if n := len(k.loops[0].engine.held); n != 0 {
		t.Errorf("%d queues are left", n)
	}
	k.finish()
}

// TestToldSlow: above SlowBytes, once for each time that much waits, and never below.
func TestToldSlow(t *testing.T) {
	k := newKernel(t, 1, dropping(SlowClose, 20_000))
	w := k.socket(0)
	s := k.session(1)
	for range 2 {
		w.window = 0
		for i := range 9 {
			k.do(s, func() { s.Send(numbered(i)) })
		}
		readAll(k, w)
	}
	k.told("1 open", "1 drain", "1 drain")
	w.window = 0
	for i := range 15 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	readAll(k, w)
	w.window = 0
	k.do(s, func() { s.Send(make([]byte, 15_000)) })
	k.do(s, func() { s.Send([]byte("x")) })
	k.told("1 slow", "1 drain", "1 slow")
	if n := k.stats().SlowClients; n != 2 {
		t.Errorf("counted %d times", n)
	}
	c := k.poller(0)
	s = k.session(2)
	for i := range 15 {
		k.do(s, func() { s.Send(numbered(i)) })
	}
	k.told("2 open", "2 slow")
	c.poll()
	k.finish()
}
