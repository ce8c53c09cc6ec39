// Clients of Engine.IO revision 3: handshake, payloads, frames, and how their sessions end.

package transport

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

func allow3(o *Options) { o.AllowEIO3 = true }

// as3 makes a request one of revision 3.
func as3(request string) string { return strings.Replace(request, "EIO=4", "EIO=3", 1) }

func TestOpenPacketRevision3(t *testing.T) {
	for _, v := range []struct{ name, query string }{
		{"EIO 3", "EIO=3&"}, {"no EIO", ""}, {"EIO empty", "EIO=&"}, {"EIO 2", "EIO=2&"}, {"EIO 04", "EIO=04&"}, {"EIO abc", "EIO=abc&"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, allow3)
				c := k.dial(0)
				c.cut = cut
				r := c.ask(strings.Replace(request("GET", "", ""), "EIO=4&", v.query, 1))
				if !regexp.MustCompile(`^118:0{"sid":"[A-Za-z0-9_-]{20}","upgrades":\["websocket"\]` + openTail).MatchString(r.body) {
					t.Errorf("%v", r)
				}
				if r.fields["content-type"] != "text/plain; charset=UTF-8" {
					t.Errorf("fields %v", r.fields)
				}
				if k.session(1).Revision() != 3 {
					t.Error("the session is of another revision")
				}
				k.told("1 open")

				w := &socket{peer: k.dial(0)}
				w.cut = cut
				w.send(strings.Replace(upgradeRequest(""), "EIO=4&", v.query, 1))
				w.accepted()
				if frames := w.frames(); len(frames) != 1 || !strings.HasPrefix(frames[0], `0{"sid":"`) {
					t.Errorf("frames %q", frames)
				}
				if k.session(2).Revision() != 3 {
					t.Error("the session is of another revision")
				}
				k.finish()
			})
		})
	}
}

// TestRevisionStays has requests of another revision than the session's.
func TestRevisionStays(t *testing.T) {
	for _, v := range []struct{ own, other string }{{"EIO=3", "EIO=4"}, {"EIO=4", "EIO=3"}, {"EIO=4", "EIO=5"}} {
		k := newKernel(t, 2, allow3)
		c := k.pollerOf(1, v.own)
		k.log = nil
		other := &poller{k: k, query: v.other, sid: c.sid, get: k.dial(0), post: k.dial(1)}
		other.poll()
		other.get.want(code(3))
		if r := other.deliver("1:2"); r.short() != code(3) {
			t.Errorf("%v", r)
		}
		w := k.dial(0)
		w.begin(other.own(upgradeRequest("&sid=" + c.sid)))
		w.want("400 Bad request")
		c.poll()
		c.get.want()
		k.told()
		// EIO decides, not its spelling.
		if v.own == "EIO=3" {
			c.query = "EIO=2"
			if r := c.deliver("2:4a"); r.short() != "200 ok" {
				t.Errorf("%v", r)
			}
			k.told("1 message a")
		}
		k.finish()
	}
}

// octets is a payload of bytes in revision 3.
func octets(t testing.TB, text string) string {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPayloadsRevision3(t *testing.T) {
	long := strings.Repeat("é😀", 20_000)
	const badLength = "1 close parse error: engineio: invalid length in a payload"
	const badType = "1 close parse error: engineio: unknown packet type"
	for _, v := range []struct {
		name, body string
		octets     bool
		told       []string
	}{
		{"one", "2:4a", false, []string{"1 message a"}},
		{"three", "2:4a1:42:4c", false, []string{"1 message a", "1 message ", "1 message c"}},
		{"base64", "6:b4AQI=", false, []string{"1 binary 0102"}},
		{"mixed", "2:4a6:b4AQI=2:4b", false, []string{"1 message a", "1 binary 0102", "1 message b"}},
		{"UTF-16 units", "4:4é😀2:4b", false, []string{"1 message é😀", "1 message b"}},
		{"a separator is text", "4:4a\x1eb", false, []string{"1 message a\x1eb"}},
		{"long", "60001:4" + long, false, []string{"1 message " + long}},
		{"nothing", "0:", false, nil},
		{"nothing in front", "0:2:4a", false, []string{"1 message a"}},
		{"empty body", "", false, []string{badLength}},
		{"letters", "abc", false, []string{badLength}},
		{"too short", "5:4hi", false, []string{badLength}},
		{"too short by one", "2:4", false, []string{badLength}},
		{"negative", "-1:4a", false, []string{badLength}},
		{"no length", ":4", false, []string{badLength}},
		{"number of JavaScript", "1e0:2", false, []string{badLength}},
		{"huge", "99999999999999999999:4", false, []string{badLength}},
		{"inside a character", "2:4😀", false, []string{badLength}},
		{"unknown type", "1:9", false, []string{badType}},
		{"rest", "1:4x", false, []string{"1 message ", badLength}},
		{"good, then rest", "3:4ab4", false, []string{"1 message ab", badLength}},
		{"not UTF-8", "2:4\xff", false, []string{"1 close parse error: payload is not UTF-8"}},
		{"open", "1:0", false, []string{"1 close parse error: packet type not allowed from a client"}},
		{"noop", "1:6", false, []string{"1 close parse error: packet type not allowed from a client"}},
		{"pong", "1:3", false, []string{"1 close transport error: invalid heartbeat direction"}},
		{"close", "1:12:4a", false, []string{"1 close transport close"}},
		{"1000 packets", strings.Repeat("1:4", 1000), false, repeat("1 message ", 1000)},
		{"1001 packets", strings.Repeat("0:", 1000) + "1:4", false, []string{"1 close parse error: too many packets in one payload"}},
		{"octets: text", octets(t, "00 02 ff 3461"), true, []string{"1 message a"}},
		{"octets: binary", octets(t, "01 03 ff 040102"), true, []string{"1 binary 0102"}},
		{"octets: binary of nothing", octets(t, "01 01 ff 04"), true, []string{"1 binary "}},
		{"octets: both", octets(t, "00 03 ff 34c3a9 01 02 ff 04ff 00 02 ff 3462"), true, []string{"1 message é", "1 binary ff", "1 message b"}},
		{"octets: two digits", octets(t, "00 01 02 ff 34"+strings.Repeat("61", 11)), true, []string{"1 message aaaaaaaaaaa"}},
		{"octets: nothing", "", true, []string{badLength}},
		{"octets: no end", octets(t, "00 01"), true, []string{badLength}},
		{"octets: kind 2", octets(t, "02 02 ff 3461"), true, []string{badLength}},
		{"octets: digit 10", octets(t, "00 0a ff 3461"), true, []string{badLength}},
		{"octets: text form", "2:4a", true, []string{badLength}},
		{"octets: unknown type", octets(t, "00 02 ff 3978"), true, []string{badType}},
		{"octets: binary ping", octets(t, "01 02 ff 0201"), true, []string{badType}},
		{"octets: text not UTF-8", octets(t, "00 02 ff 34ff"), true, []string{"1 close parse error: payload is not UTF-8"}},
		{"octets in text form", octets(t, "00 02 ff 3461"), false, []string{"1 close parse error: payload is not UTF-8"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, allow3)
				c := k.pollerOf(0, "EIO=3")
				c.poll()
				k.log = nil
				c.post.cut = cut
				fields := []string{"Content-Type: text/plain;charset=UTF-8"}
				if v.octets {
					fields[0] = "Content-Type: application/octet-stream"
				}
				if r := c.post.ask(c.own(request("POST", c.sid, v.body, fields...))); r.short() != "200 ok" {
					t.Errorf("%v", r)
				}
				k.told(v.told...)
				last := strings.Join(v.told, "")
				switch {
				case strings.HasSuffix(last, "transport close"):
					c.get.want("200 1:6")
				case strings.Contains(last, "1 close"):
					c.get.want("200 1:1")
				default:
					c.get.want()
					if r := c.deliver("5:4more"); r.short() != "200 ok" {
						t.Errorf("afterwards %v", r)
					}
					k.told("1 message more")
				}
				k.finish()
			})
		})
	}
}

// TestAnswersRevision3 looks at what polls are answered with, by what the client can read.
func TestAnswersRevision3(t *testing.T) {
	for _, v := range []struct {
		name, query string
		send        func(s *Session)
		body, kind  string
	}{
		{"text", "EIO=3", func(s *Session) { s.Send([]byte("é😀")); s.Send([]byte("b")) }, "4:4é😀2:4b", "text/plain; charset=UTF-8"},
		{
			"binary", "EIO=3", func(s *Session) { s.Send([]byte("é")); s.SendBinary([]byte{1, 2, 255}); s.Send([]byte("b")) },
			octets(t, "00 03 ff 34c3a9 01 04 ff 040102ff 00 02 ff 3462"), "application/octet-stream",
		},
		{"binary of nothing", "EIO=3", func(s *Session) { s.SendBinary(nil) }, octets(t, "01 01 ff 04"), "application/octet-stream"},
		{
			"shared", "EIO=3", func(s *Session) { s.SendShared(NewShared([]byte("a"), [][]byte{{7}, {8}})) },
			octets(t, "00 02 ff 3461 01 02 ff 0407 01 02 ff 0408"), "application/octet-stream",
		},
		{
			"base64", "EIO=3&b64=1", func(s *Session) { s.Send([]byte("é")); s.SendBinary([]byte{1, 2}); s.Send([]byte("b")) },
			"2:4é6:b4AQI=2:4b", "text/plain; charset=UTF-8",
		},
		{"b64 empty is none", "EIO=3&b64=", func(s *Session) { s.SendBinary([]byte{1}) }, octets(t, "01 02 ff 0401"), "application/octet-stream"},
		{"revision 4, base64", "EIO=4&b64=1", func(s *Session) { s.Send([]byte("a")); s.SendBinary([]byte{1, 2}) }, "4a\x1ebAQI=", "text/plain; charset=UTF-8"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 2, allow3)
			c := k.pollerOf(1, v.query)
			c.get = k.dial(0)
			s := k.session(1)
			k.do(s, func() { v.send(s) })
			c.poll()
			r := c.get.responses()
			if len(r) != 1 || r[0].body != v.body || r[0].fields["content-type"] != v.kind {
				t.Errorf("%v, want %q", r, v.body)
			}
			k.finish()
		})
	}
}

// TestCloseRevision3 closes sessions from this side.
func TestCloseRevision3(t *testing.T) {
	t.Run("poll open", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		c := k.pollerOf(0, "EIO=3")
		c.poll()
		k.do(k.session(1), k.session(1).Close)
		c.get.want("200 1:1")
		k.told("1 open", "1 close forced close")
		k.finish()
	})
	t.Run("no poll", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		c := k.pollerOf(0, "EIO=3")
		s := k.session(1)
		k.do(s, func() { s.SendBinary([]byte{1}); s.Close() })
		k.told("1 open", "1 close forced server close")
		c.poll()
		c.get.want("200 " + octets(t, "01 02 ff 0401"))
		c.poll()
		c.get.want("200 1:61:1")
		c.poll()
		c.get.want(code(1))
		k.finish()
	})
	t.Run("overlap", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		c := k.pollerOf(0, "EIO=3")
		c.poll()
		if r := k.dial(0).ask(c.own(request("GET", c.sid, ""))); r.short() != "400" {
			t.Errorf("%v", r)
		}
		c.get.want("200 1:1")
		k.told("1 open", "1 close transport error: overlap from client")
		k.finish()
	})
	t.Run("binary waits when the client fails", func(t *testing.T) {
		k := newKernel(t, 1, allow3)
		c := k.pollerOf(0, "EIO=3")
		k.onMessage = echo
		c.poll()
		if r := c.post.ask(c.own(request("POST", c.sid, "6:b4AQI=1:9"))); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.get.want("200 " + octets(t, "01 03 ff 040102 00 01 ff 31"))
		k.finish()
	})
	t.Run("body over the limit", func(t *testing.T) {
		k := newKernel(t, 1, func(o *Options) { o.AllowEIO3 = true; o.MaxPayload, o.HTTP.Body = 100, 100 })
		c := k.pollerOf(0, "EIO=3")
		if r := c.deliver("101:4" + strings.Repeat("x", 100)); r.short() != "413" {
			t.Errorf("%v", r)
		}
		c.post = k.dial(0)
		if r := c.deliver("2:4a"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 open", "1 message a")
		k.finish()
	})
}
