// From polling to websocket: the regular way, and everything that can happen on it.

package transport

import (
	"strconv"
	"strings"
	"testing"
)

func TestUpgrade(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		k.onMessage = echo
		c := k.poller(0)
		c.poll()
		w := c.candidate(0)
		w.cut = cut
		c.get.want()
		w.text("2probe")
		w.want("3probe")
		c.get.want("200 6") // at once
		w.text("5")
		w.want()
		k.told("1 open", "1 upgrade")
		w.text("4hi")
		w.want("4hi")
		k.told("1 message hi")
		if !k.session(1).WebSocket() {
			t.Error("still polling")
		}
		// Polling is over for this session, and so are further websockets.
		c.poll()
		c.get.want(code(3))
		if r := c.deliver("4x"); r.short() != code(3) {
			t.Errorf("%v", r)
		}
		second := c.candidate(0)
		second.want("close:1005")
		w.text("4still")
		w.want("4still")
		k.told("1 message still")
		w.hangUp()
		k.told("1 close transport close")
		if n := k.stats().Upgrades; n != 1 {
			t.Errorf("%d upgrades", n)
		}
		k.finish()
	})
}

// TestProbe looks at what a candidate says first.
func TestProbe(t *testing.T) {
	for _, v := range []struct {
		name, send string
		frames     []string
	}{
		{"upgrade without probe", frame(opText, "5"), []string{"close:1005"}},
		{"message", frame(opText, "4hi"), []string{"close:1005"}},
		{"pong", frame(opText, "3probe"), []string{"close:1005"}},
		{"ping without probe", frame(opText, "2"), []string{"close:1005"}},
		{"close packet", frame(opText, "1"), []string{"close:1005"}},
		{"binary", frame(opBinary, "2probe"), []string{"close:1005"}},
		{"garbage", frame(opText, "zzz"), []string{"close:1005"}},
		{"empty", frame(opText, ""), []string{"close:1005"}},
		{"upgrade with data", frame(opText, "2probe") + frame(opText, "5x"), []string{"3probe", "close:1005"}},
		{"binary upgrade", frame(opText, "2probe") + frame(opBinary, "5"), []string{"3probe", "close:1005"}},
		{"message after the probe", frame(opText, "2probe") + frame(opText, "4x"), []string{"3probe", "close:1005"}},
		{"close frame", frame(opClose, "\x03\xe9"), []string{"close:1001"}},
		{"close frame after the probe", frame(opText, "2probe") + frame(opClose, ""), []string{"3probe", "close:1005"}},
		{"broken frame", "\x81\x01x", []string{"close:1002"}},
		{"not UTF-8", frame(opText, "\xff"), []string{"close:1007"}},
		{"junk", "junkjunkjunk", []string{"close:1002"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.poller(0)
				w := c.candidate(0)
				w.cut = cut
				w.send(v.send)
				w.want(v.frames...)
				// The session is where it was, and may try again.
				if r := c.deliver("4a"); r.short() != "200 ok" {
					t.Errorf("%v", r)
				}
				k.told("1 open", "1 message a")
				c.upgraded(0).text("4b")
				k.told("1 upgrade", "1 message b")
				k.finish()
			})
		})
	}
}

// TestJunkBehindHandshake is a handshake followed at once by bytes that are no frames.
func TestJunkBehindHandshake(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	w := &socket{peer: k.dial(0)}
	w.send(upgradeRequest("&sid="+c.sid) + "junkjunkjunk")
	w.accepted()
	w.want("close:1002")
	c.upgraded(0)
	k.told("1 open", "1 upgrade")
	k.finish()
}

// TestProbePings is pings of the websocket layer while a candidate.
func TestProbePings(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	w := c.candidate(0)
	w.send(frame(opPing, "a") + frame(opText, "2probe") + frame(opPing, "b") + frame(opText, "2probe"))
	w.want("pong:a", "3probe", "pong:b", "3probe")
	w.text("5")
	k.told("1 open", "1 upgrade")
	k.finish()
}

func TestPollsWhileProbed(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	w := c.candidate(0)
	c.poll()
	c.get.want() // a candidate that has said nothing changes nothing
	w.text("2probe")
	w.want("3probe")
	c.get.want("200 6")
	// The client may poll once more before it knows: it must not wait.
	c.poll()
	c.get.want("200 6")
	k.do(k.session(1), func() { k.session(1).Send([]byte("x")) })
	c.poll()
	c.get.want("200 4x")
	w.text("2probe")
	w.want("3probe")
	w.text("5")
	k.told("1 open", "1 upgrade")
	k.finish()
}

// TestPollOpenAtUpgrade switches over while a poll is open, which no official client does.
func TestPollOpenAtUpgrade(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	w := c.candidate(0)
	w.text("2probe")
	w.want("3probe")
	s := k.session(1)
	// The poll and the upgrade come in one batch, so that the poll cannot be answered in between.
	s.poll.candidate.probed = false
	c.poll()
	s.poll.candidate.probed = true
	w.text("5")
	c.get.want("200 1")
	k.told("1 open", "1 upgrade")
	k.finish()
}

func TestSpoolMovesOver(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	s := k.session(1)
	send := func(n int) { k.do(s, func() { s.Send([]byte(strconv.Itoa(n))); s.SendBinary([]byte{byte(n)}) }) }
	send(1)
	c.poll()
	c.get.want("200 41\x1ebAQ==")
	send(2)
	w := c.candidate(0)
	send(3)
	w.text("2probe")
	w.want("3probe")
	send(4)
	w.text("5")
	w.want("42", "binary:02", "43", "binary:03", "44", "binary:04")
	send(5)
	w.want("45", "binary:05")
	k.told("1 open", "1 upgrade")
	k.finish()
}

// TestSendDuringUpgradeCallback sends from OnUpgrade: behind what waited.
func TestSendDuringUpgradeCallback(t *testing.T) {
	k := one(t)
	k.onUpgrade = func(s *Session) { s.Send([]byte("second")) }
	c := k.poller(0)
	s := k.session(1)
	k.do(s, func() { s.Send([]byte("first")) })
	w := c.upgraded(0)
	w.want("4first", "4second")
	k.finish()
}

func TestUpgradeTimeout(t *testing.T) {
	for _, probe := range []bool{false, true} {
		k := one(t)
		c := k.poller(0)
		w := c.candidate(0)
		wantUpgrading := 0
		if probe {
			w.text("2probe")
			w.text("2probe")
			w.want("3probe", "3probe")
			wantUpgrading = 1
		}
		if k.upgrading != wantUpgrading {
			t.Errorf("%d sessions are told to be upgrading, want %d", k.upgrading, wantUpgrading)
		}
		k.within(k.opts.UpgradeTimeout, k.opts.UpgradeTimeout+20, "close", func() bool { return w.shut })
		w.want("close:1005")
		if k.upgrading != 0 {
			t.Errorf("%d sessions are told to be upgrading, and none is", k.upgrading)
		}
		if n := k.stats().Limits[LimitUpgradeTime]; n != 1 {
			t.Errorf("%d limit hits", n)
		}
		c.post = k.dial(0)
		if r := c.deliver("4a"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 open", "1 message a")
		c.get = k.dial(0)
		c.poll()
		c.get.want()
		k.finish()
	}
}

// TestNoTimeoutAfterUpgrade waits long after an upgrade that was in time.
func TestNoTimeoutAfterUpgrade(t *testing.T) {
	k := one(t)
	w := k.poller(0).upgraded(0)
	k.advance(k.opts.UpgradeTimeout + 1000)
	w.text("4a")
	k.told("1 open", "1 upgrade", "1 message a")
	k.finish()
}

func TestSecondCandidate(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	first := c.candidate(0)
	first.text("2probe")
	first.want("3probe")
	second := c.candidate(0)
	second.want("close:1005")
	second.text("2probe")
	second.want()
	first.text("5")
	first.text("4a")
	k.told("1 open", "1 upgrade", "1 message a")
	k.finish()
}

func TestCandidateDropped(t *testing.T) {
	for _, probe := range []bool{false, true} {
		k := one(t)
		c := k.poller(0)
		w := c.candidate(0)
		if probe {
			w.text("2probe")
		}
		w.hangUp()
		c.poll()
		c.get.want()
		w = c.candidate(0)
		w.text("2probe")
		w.want("3probe")
		c.get.want("200 6")
		k.told("1 open")
		k.finish()
	}
}

func TestSessionClosedDuringUpgrade(t *testing.T) {
	for _, v := range []struct {
		name        string
		probe, poll bool
		end         func(c *poller)
		frames      []string
		answer      string
		told        string
	}{
		{"client, silent candidate", false, false, func(c *poller) { c.deliver("1") }, []string{"close:1005"}, "", "transport close"},
		{"client, probed", true, false, func(c *poller) { c.deliver("1") }, []string{"close:1005"}, "", "transport close"},
		{"parse error", true, false, func(c *poller) { c.deliver("z") }, []string{"close:1005"}, "", "parse error: engineio: unknown packet type"},
		{"abort", false, true, func(c *poller) { c.get.hangUp() }, []string{"close:1005"}, "", "transport error: poll connection closed prematurely"},
		{"server, poll open", false, true, closeFirst, []string{"close:1005"}, "200 1", "forced close"},
		{"server, silent candidate", false, false, closeFirst, []string{"close:1005"}, "", "forced server close"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := one(t)
			c := k.poller(0)
			w := c.candidate(0)
			if v.probe {
				w.text("2probe")
				w.want("3probe")
			}
			if v.poll {
				c.poll()
			}
			v.end(c)
			w.want(v.frames...)
			if v.answer != "" {
				c.get.want(v.answer)
			}
			k.told("1 open", "1 close "+v.told)
			w.text("5")
			w.want()
			k.finish()
		})
	}
}

func closeFirst(c *poller) { s := c.k.session(1); c.k.do(s, s.Close) }

// TestServerClosesProbedSession closes while the client is between its last poll and its upgrade packet: it will not poll
// again, so the news waits for the packet.
func TestServerClosesProbedSession(t *testing.T) {
	begin := func(t *testing.T) (*kernel, *poller, *socket) {
		k := one(t)
		c := k.poller(0)
		w := c.candidate(0)
		w.text("2probe")
		w.want("3probe")
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("bye")); s.Close() })
		k.told("1 open", "1 close forced close")
		return k, c, w
	}
	t.Run("upgrade", func(t *testing.T) {
		k, _, w := begin(t)
		w.want()
		w.text("5")
		w.want("4bye", "close:1005")
		k.told()
		k.finish()
	})
	t.Run("poll", func(t *testing.T) {
		k, c, w := begin(t)
		c.poll()
		c.get.want("200 4bye")
		c.poll()
		c.get.want("200 6\x1e1")
		w.want("close:1005")
		k.told()
		k.finish()
	})
	t.Run("nothing", func(t *testing.T) {
		k, c, w := begin(t)
		k.advance(k.opts.UpgradeTimeout + 20)
		w.want("close:1005")
		c.get = k.dial(0)
		c.poll()
		c.get.want("200 4bye")
		c.poll()
		c.get.want("200 6\x1e1")
		k.finish()
	})
	t.Run("something else", func(t *testing.T) {
		k, _, w := begin(t)
		w.text("4x")
		w.want("close:1005")
		k.told()
		k.advance(k.opts.SessionLinger + 20)
		k.finish()
	})
	t.Run("drop", func(t *testing.T) {
		k, c, w := begin(t)
		w.hangUp()
		c.poll()
		c.get.want("200 4bye")
		c.poll()
		c.get.want("200 6\x1e1")
		k.told()
		k.finish()
	})
	t.Run("engine closes", func(t *testing.T) {
		k, _, w := begin(t)
		k.finish()
		k.told()
		w.want()
	})
}

// TestUpgradeOfOthers is upgrades that the rules forbid.
func TestUpgradeOfOthers(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	for _, query := range []string{"&sid=" + c.sid[:19] + "!", "&sid=" + c.sid + "A", "&sid=" + strings.ToUpper(c.sid) + "a"} {
		w := k.dial(0)
		w.send(upgradeRequest(query))
		if r := w.responses(); len(r) != 1 || r[0].short() != "400 Session ID unknown" {
			t.Errorf("%s: %v", query, r)
		}
	}
	w := k.dial(0)
	w.send(strings.Replace(upgradeRequest("&sid="+c.sid), "EIO=4", "EIO=3", 1))
	if r := w.responses(); len(r) != 1 || r[0].short() != "400 Bad request" {
		t.Errorf("other revision: %v", r)
	}
	w = k.dial(0)
	w.send(strings.Replace(upgradeRequest("&sid="+c.sid), wsKey, "short", 1))
	if r := w.responses(); len(r) != 1 || r[0].short() != "400 Missing or invalid Sec-WebSocket-Key header" {
		t.Errorf("no key: %v", r)
	}
	own := k.socket(0)
	second := &socket{peer: k.dial(0)}
	second.send(upgradeRequest("&sid=" + own.sid))
	second.accepted()
	second.want("close:1005")
	own.text("4a")
	k.told("1 open", "2 open", "2 message a")
	k.finish()
}
