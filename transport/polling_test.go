// Long polling request by request: what is answered and what waits.

package transport

import (
	"math/rand/v2"
	"testing"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 77)) }

func TestPollWaits(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.poll()
	c.get.want()
	k.do(k.session(1), func() { k.session(1).Send([]byte("hello")) })
	r := c.get.responses()
	if len(r) != 1 || r[0].body != "4hello" || r[0].fields["content-type"] != "text/plain; charset=UTF-8" ||
		r[0].fields["cache-control"] != "no-store" {
		t.Errorf("%v", r)
	}
	k.told("1 open")
	k.finish()
	k.told("1 close server shutting down")
}

func TestPostIsAnswered(t *testing.T) {
	k := one(t)
	k.onMessage = echo
	c := k.poller(0)
	r := c.deliver("4a")
	if r.short() != "200 ok" || r.fields["content-type"] != "text/html" || r.fields["content-length"] != "2" ||
		r.fields["cache-control"] != "no-store" {
		t.Errorf("%v", r)
	}
	// What waits is fetched by the next poll, at once.
	c.poll()
	c.get.want("200 4a")
	k.told("1 open", "1 message a")
	k.finish()
}

func TestWrongRequestsOfSession(t *testing.T) {
	for _, v := range []struct{ name, method, query, want string }{
		{"websocket", "GET", "EIO=4&transport=websocket", code(3)},
		{"other revision", "GET", "EIO=3&transport=polling", code(3)},
		{"no revision", "GET", "transport=polling", code(3)},
		{"other revision, POST", "POST", "EIO=3&transport=polling", code(3)},
		{"PUT", "PUT", "EIO=4&transport=polling", "405"},
		{"DELETE", "DELETE", "EIO=4&transport=polling", "405"},
		{"OPTIONS", "OPTIONS", "EIO=4&transport=polling", "405"},
		{"HEAD", "HEAD", "EIO=4&transport=polling", "405"},
		{"unknown transport", "GET", "EIO=4&transport=x", code(0)},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.poller(0)
				c.poll()
				c.post.cut = cut
				text := v.method + " /socket.io/?" + v.query + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\n"
				if v.method == "POST" {
					text += "Content-Length: 2\r\n\r\n4a"
				} else {
					text += "\r\n"
				}
				r := c.post.ask(text)
				if r.short() != v.want {
					t.Errorf("%v, want %s", r, v.want)
				}
				if allow := r.fields["allow"]; (allow == "GET, POST") != (r.status == 405) {
					t.Errorf("Allow: %q", allow)
				}
				if r := c.deliver("4b"); r.short() != "200 ok" {
					t.Errorf("afterwards %v", r)
				}
				k.told("1 open", "1 message b")
				k.finish()
			})
		})
	}
}

func TestSendInBatches(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	c.poll()
	s := k.session(1)
	k.do(s, func() {
		if !s.Writable() {
			t.Error("not writable with a poll open")
		}
		s.Send([]byte("a"))
		if s.Writable() || s.Buffered() == 0 {
			t.Error("writable with packets waiting")
		}
		s.SendBinary([]byte{0xff, 0})
		s.SendShared(NewShared([]byte("51-[]"), [][]byte{{1}, {2, 3}}))
		s.Send(nil)
	})
	c.get.want("200 4a\x1eb/wA=\x1e451-[]\x1ebAQ==\x1ebAgM=\x1e4")
	k.do(s, func() {
		if s.Writable() || s.Buffered() != 0 {
			t.Error("writable without a poll")
		}
	})
	k.finish()
}
