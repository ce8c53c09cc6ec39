// HTTP around the engine: deadlines, persistence, pipelining, limits.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

const probe = "GET /probe HTTP/1.1\r\nHost: a\r\n\r\n"

func TestHeaderTimeout(t *testing.T) {
	t.Run("silent", func(t *testing.T) {
		k := one(t)
		c := k.dial(0)
		k.within(10_000, 10_020, "answer", func() bool { return len(c.got) > 0 })
		c.want("408")
		k.advance(k.opts.LingerTimeout + 20)
		if !c.over {
			t.Error("still open")
		}
		if n := k.stats().Limits[LimitRequestTime]; n != 1 {
			t.Errorf("%d limit hits", n)
		}
		k.finish()
	})
	t.Run("a byte a second", func(t *testing.T) {
		k := one(t)
		c := k.dial(0)
		for i := range 9 {
			k.advance(1000)
			c.send(probe[i : i+1])
		}
		k.within(1000, 1020, "answer", func() bool { return len(c.got) > 0 })
		c.want("408")
		k.finish()
	})
	t.Run("second request", func(t *testing.T) {
		k := one(t)
		c := k.dial(0)
		k.advance(9_000)
		c.ask(probe)
		k.advance(k.opts.KeepAlive)
		c.send(probe[:10])
		k.within(10_000, 10_020, "answer", func() bool { return len(c.got) > 0 })
		c.want("408")
		k.finish()
	})
	t.Run("behind a poll", func(t *testing.T) {
		k := one(t)
		c := k.poller(0)
		c.poll()
		c.get.send(probe[:10])
		k.advance(10_020)
		if got := c.get.take(); len(got) > 0 {
			t.Errorf("%q before the answer to the poll", got)
		}
		k.told("1 open", "1 close transport error: poll connection closed prematurely")
		k.finish()
	})
}

func TestKeepAlive(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	for range 3 {
		k.advance(k.opts.KeepAlive + keepAliveGrace - 100)
		if r := c.ask(probe); r.fields["keep-alive"] != "timeout=5" {
			t.Errorf("fields %v", r.fields)
		}
	}
	k.within(k.opts.KeepAlive+keepAliveGrace, k.opts.KeepAlive+keepAliveGrace+20, "end", func() bool { return c.over })
	if len(c.got) > 0 {
		t.Errorf("%q to nobody", c.got)
	}
	k.log = nil
	// An open poll is no idleness.
	p := k.poller(0)
	p.poll()
	k.advance(21_000)
	if p.get.over || !p.post.over {
		t.Errorf("poll over %v, idle connection over %v", p.get.over, p.post.over)
	}
	k.finish()
}

func TestBodyDeadlines(t *testing.T) {
	post := func(k *kernel, length int) *poller {
		c := k.poller(0)
		c.post.begin(fmt.Sprintf("POST %s&sid=%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n4", engineQuery, c.sid, length))
		return c
	}
	t.Run("nothing comes", func(t *testing.T) {
		k := one(t)
		c := post(k, 100)
		k.within(9_000, 11_020, "answer", func() bool { return len(c.post.got) > 0 })
		c.post.want("408")
		k.told("1 open", "1 close transport error: data request connection closed prematurely")
		if n := k.stats().Limits[LimitBodyRate]; n != 1 {
			t.Errorf("%d limit hits", n)
		}
		k.finish()
	})
	t.Run("too slow", func(t *testing.T) {
		k := one(t)
		c := post(k, 100_000)
		for range 10 {
			c.post.send(strings.Repeat("x", 450))
			k.advance(1000)
		}
		k.within(0, 1_020, "answer", func() bool { return len(c.post.got) > 0 })
		c.post.want("408")
		k.finish()
	})
	t.Run("just fast enough", func(t *testing.T) {
		k := one(t)
		c := post(k, 2+29*600)
		c.post.send("y")
		for range 29 {
			k.advance(1000)
			c.post.send(strings.Repeat("x", 600))
		}
		c.post.want("200 ok")
		k.told("1 open", "1 message y"+strings.Repeat("x", 29*600))
		k.finish()
	})
	t.Run("too long in all", func(t *testing.T) {
		k := one(t)
		c := post(k, 900_000)
		k.within(30_000, 30_020, "answer", func() bool {
			if len(c.post.got) == 0 {
				c.post.send(strings.Repeat("x", 100))
			}
			return len(c.post.got) > 0
		})
		c.post.want("408")
		k.told("1 open", "1 close transport error: data request connection closed prematurely")
		k.finish()
	})
	t.Run("of nobody's request", func(t *testing.T) {
		k := one(t)
		c := k.dial(0)
		c.begin("POST " + engineQuery + " HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
		k.advance(30_020)
		c.want("408")
		k.finish()
	})
	t.Run("of a request for the handler", func(t *testing.T) {
		k := one(t)
		c := k.dial(0)
		c.begin("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
		k.advance(30_020)
		c.want("408")
		k.told()
		k.finish()
	})
}

func TestConnectionClose(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.poller(0)
		for _, text := range []string{
			request("POST", c.sid, "4a", "Connection: close"),
			strings.Replace(request("POST", c.sid, "4a"), "HTTP/1.1", "HTTP/1.0", 1),
			"GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"GET " + engineQuery + "&transport=x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		} {
			p := k.dial(0)
			p.cut = cut
			r := p.ask(text)
			if r.fields["connection"] != "close" || !p.over {
				t.Errorf("%q: %v, over %v", text, r, p.over)
			}
		}
		p := k.dial(0)
		p.begin(request("GET", c.sid, "", "Connection: close"))
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("x")) })
		p.want("200 4x")
		if !p.over {
			t.Error("the poll's connection stays")
		}
		k.told("1 open", "1 message a", "1 message a", "request GET /probe ")
		k.finish()
	})
}

func TestHTTP10KeepAlive(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	for range 2 {
		r := c.ask("GET " + engineQuery + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if r.status != 200 || r.fields["connection"] != "keep-alive" {
			t.Errorf("%v", r)
		}
	}
	k.finish()
}

// TestBytesBehindTheLastRequest goes on sending behind Connection: close: the answer must still arrive.
func TestBytesBehindTheLastRequest(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.dial(0)
		c.cut = cut
		c.push([]byte("GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + probe))
		k.run()
		c.methods = []string{"GET"}
		c.want("404 not here")
		if !c.over && !c.shut {
			t.Error("the server goes on")
		}
		k.told("request GET /one ")
		k.finish()
	})
	// In one read the server knows of the bytes: closing at once would reset the connection and could destroy the answer.
	k := one(t)
	c := k.dial(0)
	c.send("GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + probe)
	if c.over || !c.shut {
		t.Error("the connection is closed with bytes unread")
	}
	k.finish()
}

func TestPipelinedPost(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		c := k.poller(0)
		c.get.cut = cut
		c.get.methods = []string{"GET", "POST", "POST", "GET", "GET"}
		c.get.send(request("GET", c.sid, "") + request("POST", c.sid, "4a") + chunked(c.sid, "4", "b") + probe)
		// All are processed at once and answered in order.
		k.told("1 open", "1 message a", "1 message b", "request GET /probe ")
		c.get.want()
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("x")) })
		c.get.want("200 4x", "200 ok", "200 ok", "404 not here")
		c.get.send(probe)
		c.get.want("404 not here")
		k.finish()
	})
}

func TestPipelinedEcho(t *testing.T) {
	k := one(t)
	k.onMessage = echo
	c := k.poller(0)
	c.get.methods = []string{"GET", "POST"}
	c.get.send(request("GET", c.sid, "") + request("POST", c.sid, "4a"))
	c.get.want("200 4a", "200 ok")
	k.finish()
}

func TestMaxRequests(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.MaxRequests = 3 })
	c := k.dial(0)
	for i := range 3 {
		r := c.ask(probe)
		if (r.fields["connection"] == "close") != (i == 2) {
			t.Errorf("request %d: %v", i, r.fields)
		}
	}
	if !c.over {
		t.Error("the connection stays")
	}
	c = k.dial(0)
	c.send(strings.Repeat(probe, 5))
	c.want(repeat("404 not here", 3)...)
	if n := k.stats().Limits[LimitRequests]; n != 2 {
		t.Errorf("%d limit hits", n)
	}
	k.finish()
}

func TestMaxPipelined(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) { o.MaxPipelined = 3 })
	c := k.poller(0)
	c.poll()
	c.get.send(strings.Repeat(probe, 5))
	k.told("1 open", "request GET /probe ", "request GET /probe ")
	s := k.session(1)
	k.do(s, func() { s.Send([]byte("x")) })
	c.get.want("200 4x", "404 not here", "404 not here")
	if !c.get.over && !c.get.shut {
		t.Error("the connection stays")
	}
	if n := k.stats().Limits[LimitPipelined]; n != 1 {
		t.Errorf("%d limit hits", n)
	}
	k.finish()
}

func TestExpectContinue(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	head := "POST " + engineQuery + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
	c.post.begin(head)
	c.post.want("100")
	c.post.send("4a")
	c.post.want("200 ok")
	c.post.begin(head + "4b") // nobody waits
	c.post.want("200 ok")
	c.post.begin(strings.Replace(head, engineQuery+"&sid="+c.sid, "/x", 1))
	c.post.want("100")
	c.post.send("hi")
	c.post.want("404 not here")
	// A body refused in advance is not asked for.
	c.post.begin(strings.Replace(head, "Content-Length: 2", "Content-Length: 2000000", 1))
	c.post.want("413")
	k.told("1 open", "1 message a", "1 message b", "request POST /x hi")
	k.finish()
}

// TestMalformedBehindRequests breaks HTTP behind requests that have no answer yet: nothing may be written in their place.
func TestMalformedBehindRequests(t *testing.T) {
	k := one(t)
	k.onRequest = func(ExchangeRef, *Hello, []byte) {}
	c := k.dial(0)
	c.send(probe + "GARBAGE\r\n\r\n")
	if got := c.take(); len(got) > 0 {
		t.Errorf("%q", got)
	}
	k.advance(k.opts.LingerTimeout + 20)
	if !c.over {
		t.Error("the connection stays")
	}
	k.finish()
}

// TestRecycledRecords makes sure that a deadline of a connection does not strike the next one in its record.
func TestRecycledRecords(t *testing.T) {
	for _, text := range []string{
		"GARBAGE\r\n\r\n",
		"GET /a HTTP/1.1\r\n",
		"POST " + engineQuery + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc",
		upgradeRequest("&transport=x"),
		upgradeRequest("&sid=" + unknownSID),
		upgradeRequest("") + "junk",
	} {
		k := one(t)
		c := k.dial(0)
		c.send(text)
		c.hangUp()
		w := k.socket(0)
		k.session(k.opened).Joined()
		k.advance(24_000)
		if w.over || w.shut {
			t.Errorf("%q: the next connection was closed", text)
		}
		k.finish()
	}
}
