// Compressed answers to polls: which ones, in which coding, and what may happen to long ones meanwhile.

package transport

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"
)

// plainBody is the body of an answer as it was before its coding.
func plainBody(t testing.TB, r response) string {
	t.Helper()
	var z io.Reader
	var err error
	switch r.fields["content-encoding"] {
	case "":
		return r.body
	case "gzip":
		z, err = gzip.NewReader(strings.NewReader(r.body))
	case "deflate":
		z, err = zlib.NewReader(strings.NewReader(r.body))
	default:
		err = fmt.Errorf("coding %q", r.fields["content-encoding"])
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pollWith sends a poll with field lines.
func (c *poller) pollWith(fields ...string) {
	c.k.t.Helper()
	c.get.begin(c.own(request("GET", c.sid, "", fields...)))
}

// answered is the one answer that has come, its body decoded.
func (c *poller) answered() (r response, coding string) {
	c.k.t.Helper()
	all := c.get.responses()
	if len(all) != 1 {
		c.k.t.Fatalf("%d answers, want 1", len(all))
	}
	r, coding = all[0], all[0].fields["content-encoding"]
	if r.fields["cache-control"] != "no-store" {
		c.k.t.Errorf("%v", r.fields)
	}
	r.body = plainBody(c.k.t, r)
	return r, coding
}

const bothCodings = "Accept-Encoding: gzip, deflate"

func TestCompressedPolls(t *testing.T) {
	large, small := strings.Repeat("x", 1023), strings.Repeat("x", 1022) // and a type digit
	for _, v := range []struct {
		name, query, accept, message, coding string
		binary                               bool
	}{
		{"at the threshold", "EIO=4", "gzip", large, "gzip", false},
		{"below", "EIO=4", "gzip", small, "", false},
		{"deflate", "EIO=4", "deflate", large, "deflate", false},
		{"both", "EIO=4", "gzip, deflate, br, zstd", large, "gzip", false},
		{"a weight of 0", "EIO=4", "gzip;q=0, deflate;q=0.1", large, "deflate", false},
		{"nothing of ours", "EIO=4", "br, zstd", large, "", false},
		{"identity", "EIO=4", "identity", large, "", false},
		{"refused", "EIO=4", "*;q=0", large, "", false},
		{"anything", "EIO=4", "*", large, "gzip", false},
		{"two lines", "EIO=4", "gzip;q=0\r\nAccept-Encoding: deflate", large, "deflate", false},
		{"no line", "EIO=4", "", large, "", false},
		{"base64", "EIO=4", "gzip", large, "gzip", true},
		{"revision 3", "EIO=3", "gzip", large, "gzip", false},
		{"revision 3, bytes", "EIO=3", "gzip", large, "gzip", true},
		{"revision 3, base64", "EIO=3&b64=1", "deflate", large, "deflate", true},
		{"script", "EIO=3&j=7", "gzip", large, "gzip", false},
		{"script, at the threshold", "EIO=4&j=7", "gzip", strings.Repeat("x", 1023-len(`___eio[7]("");`)), "gzip", false},
		{"script, below", "EIO=4&j=7", "gzip", strings.Repeat("x", 1022-len(`___eio[7]("");`)), "", false},
	} {
		for loop := range 2 { // the session's own, and another
			t.Run(fmt.Sprintf("%s, loop %d", v.name, loop), func(t *testing.T) {
				k := newKernel(t, 2, allow3)
				c := k.pollerOf(1, v.query)
				c.get = k.dial(loop)
				s := k.session(1)
				send := func() {
					if v.binary {
						s.SendBinary([]byte(v.message))
					} else {
						s.Send([]byte(v.message))
					}
				}
				k.do(s, send)
				c.poll() // without the field
				plain, _ := c.answered()
				for _, first := range []bool{false, true} { // the message before the poll, or the poll
					if first {
						k.do(s, send)
					}
					var fields []string
					if v.accept != "" {
						fields = []string{"Accept-Encoding: " + v.accept}
					}
					c.pollWith(fields...)
					if !first {
						c.get.want()
						k.do(s, send)
					}
					r, coding := c.answered()
					if coding != v.coding || r.body != plain.body || r.fields["content-type"] != plain.fields["content-type"] {
						t.Errorf("coding %q, want %q; %.50q, want %.50q", coding, v.coding, r.body, plain.body)
					}
				}
				if got := k.stats(); (got.CompressedOut > 0) != (v.coding != "") || got.CompressedOut >= got.CompressedIn && v.coding != "" {
					t.Errorf("counted %d to %d", got.CompressedIn, got.CompressedOut)
				}
				k.finish()
			})
		}
	}
}

// TestPlainMessages: a payload is compressed if one message in it may be.
func TestPlainMessages(t *testing.T) {
	text := bytes.Repeat([]byte("x"), 2000)
	for name, v := range map[string]struct {
		send   func(s *Session)
		coding string
	}{
		"plain text":          {func(s *Session) { s.SendPlain(text, false) }, ""},
		"plain bytes":         {func(s *Session) { s.SendPlain(text, true) }, ""},
		"plain for many":      {func(s *Session) { s.SendShared(NewShared(text, [][]byte{text}).Plain()) }, ""},
		"one of them":         {func(s *Session) { s.SendPlain(text, false); s.Send([]byte("y")) }, "gzip"},
		"for many":            {func(s *Session) { s.SendShared(NewShared(text, nil)) }, "gzip"},
		"plain, and a packet": {func(s *Session) { s.SendPlain(text, true); s.sendPacket(2) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := one(t)
			c := k.poller(0)
			s := k.session(1)
			k.do(s, func() { v.send(s) })
			c.pollWith(bothCodings)
			if r, coding := c.answered(); coding != v.coding || len(r.body) < 2000 {
				t.Errorf("coding %q, want %q; %d bytes", coding, v.coding, len(r.body))
			}
			// Over websocket it makes no difference, before the upgrade or behind it.
			c.pollWith(bothCodings)
			k.do(s, func() { s.Send([]byte("last")) })
			c.answered()
			k.do(s, func() { s.SendPlain([]byte("a"), false); s.SendPlain([]byte("b"), true) })
			w := c.upgraded(0)
			k.do(s, func() { s.SendPlain([]byte("c"), false); s.SendPlain([]byte("d"), true) })
			w.want("4a", "binary:62", "4c", "binary:64")
			k.finish()
		})
	}
}

func TestCompressionOff(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.CompressFrom = 0 })
	c := k.poller(0)
	s := k.session(1)
	k.do(s, func() { s.Send(make([]byte, 5000)) })
	c.pollWith(bothCodings)
	if r, coding := c.answered(); coding != "" || len(r.body) != 5001 {
		t.Errorf("coding %q, %d bytes", coding, len(r.body))
	}
	k.finish()
}

// TestNoGain: what does not shrink goes out as it is.
func TestNoGain(t *testing.T) {
	k := newKernel(t, 1, allow3)
	c := k.pollerOf(0, "EIO=3")
	s, random := k.session(1), newRandom(1)
	for _, size := range []int{2000, 100_000} {
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		k.do(s, func() { s.SendBinary(noise) })
		c.pollWith(bothCodings)
		if r, coding := c.answered(); coding != "" || !strings.HasSuffix(r.body, string(noise)) {
			t.Errorf("coding %q, %d bytes", coding, len(r.body))
		}
	}
	k.finish()
}

func TestCompressedHandshake(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.Initial = &Initial{Data: bytes.Repeat([]byte("i"), 50_000)} })
	for _, fields := range [][]string{nil, {bothCodings}} {
		p := k.dial(0)
		r := p.ask(request("GET", "", "", fields...))
		if body := plainBody(t, r); (r.fields["content-encoding"] == "gzip") != (fields != nil) || !strings.HasSuffix(body, "\x1e4"+strings.Repeat("i", 50_000)) {
			t.Errorf("%v, %d bytes", r.fields, len(body))
		}
	}
	k.finish()
}

// long is a message of several pieces.
func long(n int) []byte { return bytes.Repeat([]byte("0123456789abcde\n"), n/16) }

// TestLongAnswers have their turns between those of others.
func TestLongAnswers(t *testing.T) {
	k := one(t)
	c, other := k.poller(0), k.poller(0)
	s, l := k.session(1), k.loops[0]
	c.pollWith(bothCodings)
	other.pollWith(bothCodings)
	text := long(20 * compressSlice)
	l.engine.busy = true
	s.Send(text)
	l.engine.busy = false
	l.engine.RunTasks() // the poll is answered: the work begins
	turns := 0
	for ; len(c.get.got) == 0 && turns < 100; turns++ {
		if turns == 3 {
			l.engine.Post(taskFunc(func(*Engine) { k.session(2).Send([]byte("quick")) }))
		}
		l.turn()
		if turns == 4 && !bytes.Contains(other.get.got, []byte("4quick")) {
			t.Error("another client waits")
		}
	}
	if turns < 20 {
		t.Errorf("done in %d turns", turns)
	}
	k.run()
	if r, coding := c.answered(); coding != "gzip" || r.body != "4"+string(text) {
		t.Errorf("coding %q, %d bytes", coding, len(r.body))
	}
	if l.engine.later.with != nil || l.engine.later.queue != nil || l.engine.later.bytes != 0 {
		t.Errorf("left behind: %+v", l.engine.later)
	}
	k.finish()
}

// TestLongAnswersInOrder: several at once come one after the other, and requests of a connection keep their order.
func TestLongAnswersInOrder(t *testing.T) {
	k := newKernel(t, 2, nil)
	var all []*poller
	for i := range 10 {
		c := k.poller(i % 2)
		all = append(all, c)
		s := k.session(i + 1)
		k.do(s, func() { s.Send(append([]byte{byte('a' + i)}, long(100_000+i*20_000)...)) })
		c.get.methods = append(c.get.methods, "GET", "GET")
		// Straight behind it something that is answered at once.
		c.get.send(request("GET", c.sid, "", bothCodings) + "GET /foreign HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	for i, c := range all {
		r := c.get.responses()
		if len(r) != 2 || r[0].fields["content-encoding"] != "gzip" || !strings.HasPrefix(plainBody(t, r[0]), string([]byte{'4', byte('a' + i)})) {
			t.Errorf("%d: %d answers", i, len(r))
		}
	}
	k.finish()
}

// TestCompressionBacklog: beyond the limit answers go out as they are.
func TestCompressionBacklog(t *testing.T) {
	for extra, want := range map[int]string{0: "gzip", 16: ""} {
		k := newKernel(t, 1, func(o *Options) { o.OutboundBurst = 64 << 20; o.OutboundBytes = 64 << 20 })
		a, b := k.poller(0), k.poller(0)
		a.pollWith(bothCodings)
		b.pollWith(bothCodings)
		k.do(k.session(1), func() {
			k.session(1).Send(make([]byte, compressBacklog/2-1))
			k.session(2).Send(make([]byte, compressBacklog/2-1+extra))
		})
		if _, coding := a.answered(); coding != "gzip" {
			t.Errorf("first: %q", coding)
		}
		if r, coding := b.answered(); coding != want || len(r.body) != compressBacklog/2+extra {
			t.Errorf("%d more: coding %q, want %q", extra, coding, want)
		}
		if hits := k.stats().Limits[LimitCompressing]; hits != uint64(extra/16) {
			t.Errorf("%d more: %d hits", extra, hits)
		}
		// One that is larger by itself is compressed if there is no other.
		a.pollWith(bothCodings)
		k.do(k.session(1), func() { k.session(1).Send(make([]byte, compressBacklog+1)) })
		if _, coding := a.answered(); coding != "gzip" {
			t.Errorf("large: %q", coding)
		}
		k.finish()
	}
}

// TestEndsWhileCompressing: whatever ends meanwhile, nothing is left behind and the session is told.
func TestEndsWhileCompressing(t *testing.T) {
	for name, v := range map[string]struct {
		end  func(k *kernel, c *poller)
		told []string
	}{
		"the client goes":       {func(_ *kernel, c *poller) { c.get.close() }, []string{"1 close transport error: " + ErrPollAborted.Error()}},
		"the session is closed": {func(k *kernel, _ *poller) { k.session(1).Close() }, []string{"1 close forced server close"}},
		"the server closes":     {func(k *kernel, _ *poller) { k.loops[1].engine.Close() }, []string{"1 close server shutting down"}},
	} {
		for loop := range 2 {
			t.Run(fmt.Sprintf("%s, loop %d", name, loop), func(t *testing.T) {
				k := newKernel(t, 2, nil)
				c := k.poller(1)
				c.get = k.dial(loop)
				s, home := k.session(1), k.loops[1]
				c.pollWith(bothCodings)
				home.engine.busy = true
				s.Send(long(10 * compressSlice))
				home.engine.busy = false
				home.engine.RunTasks()
				home.turn()
				home.turn()
				if len(home.engine.later.queue) != 1 {
					t.Fatal("nothing is being compressed")
				}
				v.end(k, c)
				k.run()
				if len(home.engine.later.queue) != 0 {
					t.Error("it is being compressed for ever")
				}
				if name != "the client goes" {
					if r, coding := c.answered(); coding != "gzip" || len(r.body) != 1+10*compressSlice {
						t.Errorf("coding %q, %d bytes", coding, len(r.body))
					}
				}
				k.told(append([]string{"1 open"}, v.told...)...)
				k.finish()
			})
		}
	}
}
