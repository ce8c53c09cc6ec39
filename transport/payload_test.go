// Bodies of polling requests: what is delivered of them, their forms, limits and faults.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

func TestPayloads(t *testing.T) {
	long := strings.Repeat("é😀", 20_000)
	for _, v := range []struct {
		name, body string
		told       []string
	}{
		{"one", "4a", []string{"1 message a"}},
		{"three", "4a\x1e4\x1e4c", []string{"1 message a", "1 message ", "1 message c"}},
		{"binary", "bAQI=", []string{"1 binary 0102"}},
		{"binary without padding", "bAQI", []string{"1 binary 0102"}},
		{"binary empty", "b", []string{"1 binary "}},
		{"mixed", "4a\x1ebAQ==\x1e4b", []string{"1 message a", "1 binary 01", "1 message b"}},
		{"not ASCII", "4é😀", []string{"1 message é😀"}},
		{"long", "4" + long, []string{"1 message " + long}},
		{"empty body", "", []string{"1 close parse error: engineio: empty packet"}},
		{"unknown type", "9", []string{"1 close parse error: engineio: unknown packet type"}},
		{"letters", "abc", []string{"1 close parse error: engineio: unknown packet type"}},
		{"fault in the middle", "4a\x1ez\x1e4b", []string{"1 message a", "1 close parse error: engineio: unknown packet type"}},
		{"two separators", "4a\x1e\x1e4b", []string{"1 message a", "1 close parse error: engineio: empty packet"}},
		{"separator at the end", "4a\x1e", []string{"1 message a", "1 close parse error: engineio: empty packet"}},
		{"base64 of another alphabet", "4a\x1eb-_8=", []string{"1 message a", "1 close parse error: engineio: invalid base64 in a binary packet"}},
		{"base64 garbage", "b!!!!", []string{"1 close parse error: engineio: invalid base64 in a binary packet"}},
		{"not UTF-8", "4a\x1e4\xff", []string{"1 close parse error: payload is not UTF-8"}},
		{"open", "0", []string{"1 close parse error: packet type not allowed from a client"}},
		{"upgrade", "5", []string{"1 close parse error: packet type not allowed from a client"}},
		{"noop", "6", []string{"1 close parse error: packet type not allowed from a client"}},
		{"ping", "2", []string{"1 close transport error: invalid heartbeat direction"}},
		{"probe", "2probe", []string{"1 close transport error: invalid heartbeat direction"}},
		{"close", "1", []string{"1 close transport close"}},
		{"message behind close", "4a\x1e1\x1e4b", []string{"1 message a", "1 close transport close"}},
		{"1000 packets", strings.Repeat("3\x1e", 10) + strings.Repeat("4\x1e", 989) + "4!", append(repeat("1 message ", 989), "1 message !")},
		{"1001 packets", strings.Repeat("4\x1e", 1000) + "4!", append(repeat("1 message ", 1000), "1 close parse error: too many packets in one payload")},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.poller(0)
				c.poll()
				c.post.cut = cut
				if r := c.deliver(v.body); r.short() != "200 ok" {
					t.Errorf("%v", r)
				}
				k.told(append([]string{"1 open"}, v.told...)...)
				last := v.told[len(v.told)-1]
				switch {
				case last == "1 close transport close":
					c.get.want("200 6")
				case strings.HasPrefix(last, "1 close"):
					c.get.want("200 1")
				default:
					c.get.want()
					if r := c.deliver("4more"); r.short() != "200 ok" {
						t.Errorf("afterwards %v", r)
					}
					k.told("1 message more")
				}
				k.finish()
			})
		})
	}
}

func repeat(s string, n int) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}

// TestEmptyBodyWithFreshBuffer is the empty body while the pool has nothing to lend but new buffers.
func TestEmptyBodyWithFreshBuffer(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	k.loops[0].engine.buffers.stack = []*buffer{{}, {}, {}, {}}
	k.told("1 open")
	if r := c.deliver(""); r.short() != "200 ok" {
		t.Errorf("%v", r)
	}
	k.told("1 close parse error: engineio: empty packet")
	k.finish()
}

func TestBodyForms(t *testing.T) {
	for _, v := range []struct{ name, fields, body, want, told string }{
		{"no type", "", "4a", "200 ok", "1 message a"},
		{"text", "Content-Type: text/plain;charset=UTF-8\r\n", "4a", "200 ok", "1 message a"},
		{"JSON", "Content-Type: application/json\r\n", "4a", "200 ok", "1 message a"},
		{"form", "Content-Type: application/x-www-form-urlencoded\r\n", "4a", "200 ok", "1 message a"},
		{"octets", "Content-Type: application/octet-stream\r\n", "4a", "400", "1 close transport error: invalid content"},
		{"octets in capitals", "Content-Type: Application/Octet-Stream\r\n", "4a", "400", "1 close transport error: invalid content"},
		{"octets with parameter", "Content-Type: application/octet-stream; charset=x\r\n", "4a", "400", "1 close transport error: invalid content"},
		{"identity", "Content-Encoding: identity\r\n", "4a", "200 ok", "1 message a"},
		{"gzip", "Content-Encoding: gzip\r\n", "4a", "415", ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.poller(0)
				k.log = nil
				c.post.cut = cut
				r := c.post.ask("POST " + engineQuery + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\n" + v.fields +
					fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(v.body), v.body))
				if r.short() != v.want {
					t.Errorf("%v", r)
				}
				if v.told == "" {
					k.told()
				} else {
					k.told(v.told)
				}
				k.finish()
			})
		})
	}
}

func TestChunkedBody(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.poller(0)
		c.post.cut = cut
		if r := c.post.ask(chunked(c.sid, "4hel", "lo\x1e", "4you")); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		if r := c.deliver("4again"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 open", "1 message hello", "1 message you", "1 message again")
		k.finish()
	})
}

func TestBodyLimit(t *testing.T) {
	limit := func(o *Options) { o.MaxPayload, o.HTTP.Body = 1000, 1000 }
	exact := "4" + strings.Repeat("x", 999)
	for _, v := range []struct {
		name, text, want string
	}{
		{"exact", "Content-Length: 1000\r\n\r\n" + exact, "200 ok"},
		{"exact in chunks", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + exact + "\r\n0\r\n\r\n", "200 ok"},
		{"announced", "Content-Length: 1001\r\n\r\n" + exact, "413"},
		{"announced, far over", "Content-Length: 18446744073709551615\r\n\r\n", "413"},
		{"one chunk", "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + exact, "413"},
		{"second chunk", "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + exact + "\r\n1\r\n", "413"},
		{"broken chunk", "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, limit)
				c := k.poller(0)
				c.poll()
				k.log = nil
				c.post.cut = cut
				c.post.begin("POST " + engineQuery + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\n" + v.text)
				c.post.want(v.want)
				if v.want == "200 ok" {
					k.told("1 message " + exact[1:])
				} else {
					// The connection ends, the session does not.
					k.told()
					k.advance(2*k.opts.LingerTimeout + 20)
					if !c.post.over {
						t.Error("the connection stays")
					}
					c.post = k.dial(0)
				}
				if r := c.deliver("4still here"); r.short() != "200 ok" {
					t.Errorf("%v", r)
				}
				k.told("1 message still here")
				c.get.want()
				k.finish()
			})
		})
	}
}

// TestPollWithBody gives a poll a body: it is read over, unless HTTP forbids it.
func TestPollWithBody(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.poller(0)
		c.get.cut = cut
		c.get.begin(request("GET", c.sid, "hello"))
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("x")) })
		c.get.want("200 4x")
		c.get.begin(strings.Replace(request("GET", c.sid, "hello"), "Length: 5", "Length: 5000000", 1))
		c.get.want("413")
		k.told("1 open")
		// A poll that was taken ends with its connection.
		c.get = k.dial(0)
		c.get.begin(strings.Replace(chunked(c.sid, "abc"), "POST", "GET", 1)[:120])
		c.get.methods = nil
		k.told()
		c.get.send("junk!!")
		k.told("1 close transport error: poll connection closed prematurely")
		c.get.want("400")
		k.finish()
	})
}

// TestBrokenBodyBehindPoll breaks a body whose request has its answer, which waits for that of a poll.
func TestBrokenBodyBehindPoll(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.poll()
	whole := chunked(unknownSID, "abc")
	c.get.begin(whole[:len(whole)-8])
	c.get.send("!!")
	c.get.want()
	k.told("1 open")
	s := k.session(1)
	k.do(s, func() { s.Send([]byte("x")) })
	c.get.want("200 4x", code(1))
	if !c.get.shut {
		t.Error("the connection stays")
	}
	k.told()
	k.finish()
}

// TestBodyLimitBehindPoll pipelines a body that is too large behind a poll: the answer to the poll comes first.
func TestBodyLimitBehindPoll(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.poll()
	c.get.begin("POST " + engineQuery + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n")
	c.get.want()
	k.told("1 open")
	k.do(k.session(1), func() { k.session(1).Send([]byte("x")) })
	c.get.want("200 4x", "413")
	k.told()
	c.get = k.dial(0)
	c.poll()
	k.do(k.session(1), func() { k.session(1).Send([]byte("y")) })
	c.get.want("200 4y")
	k.finish()
}

// TestPostToNobody sends bodies in pieces to sessions that do not exist: the answer may come before the body, and the
// connection must get its idle deadline behind it.
func TestPostToNobody(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.dial(0)
		c.cut = cut
		for range 2 {
			if r := c.ask(chunked(unknownSID, "4abc", "def")); r.short() != code(1) {
				t.Errorf("%v", r)
			}
		}
		k.within(k.opts.KeepAlive+keepAliveGrace, k.opts.KeepAlive+keepAliveGrace+20, "end", func() bool { return c.over })
		k.finish()
	})
}

// TestAnsweredEarlyThenBroken breaks a body whose request has its answer already: there is no second one.
func TestAnsweredEarlyThenBroken(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	whole := chunked(unknownSID, "abc")
	c.begin(whole[:len(whole)-8])
	c.want(code(1))
	c.send("!!")
	if got := c.take(); len(got) > 0 {
		t.Errorf("%q behind the answer", got)
	}
	k.advance(k.opts.LingerTimeout + 20)
	if !c.over {
		t.Error("still open")
	}
	k.finish()
}

// TestRefusedThenBroken breaks a body whose request is refused anyway: there is one answer, and it says that it is the last.
func TestRefusedThenBroken(t *testing.T) {
	for _, v := range []struct{ end, want string }{{"c\r\n0\r\n\r\n", code(2)}, {"c!!", "400"}, {"c\r\nfffff\r\n", "413"}} {
		k := one(t)
		c := k.dial(0)
		c.begin("POST " + engineQuery + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
		c.want()
		c.send(v.end)
		r := c.responses()
		if len(r) != 1 || r[0].short() != v.want || (r[0].fields["connection"] == "close") != (v.want != code(2)) {
			t.Errorf("%q: %v", v.end, r)
		}
		k.finish()
	}
}
