// Answers that overtake a body: the body is read over before the connection ends, within limits.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

// tooLong is the head of a POST whose body of n bytes is over a limit of 1000.
func tooLong(sid string, n int, fields ...string) string {
	return "POST " + engineQuery + "&sid=" + sid + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, ""), "\r\n") +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", n)
}

const tooLongChunked = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

func small(o *Options) { o.MaxPayload, o.HTTP.Body, o.LingerBytes = 1000, 1000, 50_000 }

// going demands that a connection was answered and has not ended.
func (p *peer) going(want ...string) {
	p.k.t.Helper()
	p.want(want...)
	if p.shut || p.over {
		p.k.t.Errorf("ended before the body: shut %v, over %v", p.shut, p.over)
	}
}

// ended demands that the sending half was ended and the connection was not.
func (p *peer) ended() {
	p.k.t.Helper()
	if !p.shut || p.over {
		p.k.t.Errorf("shut %v, over %v, want only the former", p.shut, p.over)
	}
	if len(p.got) > 0 {
		p.k.t.Errorf("%q behind the last answer", p.take())
	}
}

func TestRefusedBodyIsReadOver(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	query := "POST " + engineQuery
	for _, v := range []struct{ name, head, body, want string }{
		{"length", tooLong(unknownSID, 20_000), long, "413"},
		{"a session's", "", long, "413"},
		{"one chunk", query + tooLongChunked, "4e20;a=b\r\n" + long + "\r\n0\r\n\r\n", "413"},
		{"chunks", query + tooLongChunked, "3e8\r\n" + long[:1000] + "\r\n1\r\nx\r\n3e8\r\n" + long[:1000] + "\r\n0\r\nT: v\r\n\r\n", "413"},
		{"for the handler", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n", long, "413"},
		{"handshake", "GET " + engineQuery + " HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n", long, "413"},
		{"upgrade", strings.Replace(upgradeRequest("", "Content-Length: 20000"), "EIO=4", "EIO=3", 1), long, "400 Unsupported protocol version"},
		{"upgrade in chunks", upgradeRequest("", "Transfer-Encoding: chunked"), "1\r\nx\r\n0\r\n\r\n", "400 Upgrade request with a body"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, small)
				c := k.poller(0)
				k.log = nil
				if v.head == "" {
					v.head = tooLong(c.sid, 20_000)
				}
				c.post.cut = cut
				c.post.begin(v.head + v.body[:len(v.body)/2])
				c.post.going(v.want)
				c.post.send(v.body[len(v.body)/2 : len(v.body)-1])
				c.post.going()
				c.post.send(v.body[len(v.body)-1:] + probe) // what is behind it is no request
				c.post.ended()
				k.told()
				k.advance(k.opts.LingerTimeout + 20)
				if !c.post.over {
					t.Error("the connection stays")
				}
				if r := c.deliver("4a"); r.short() != "200 ok" {
					t.Errorf("afterwards %v", r)
				}
				k.finish()
			})
		})
	}
}

// TestRefusedBodyInOneRead brings the whole of it at once.
func TestRefusedBodyInOneRead(t *testing.T) {
	k := newKernel(t, 1, small)
	c := k.dial(0)
	c.begin(tooLong(unknownSID, 5000) + strings.Repeat("x", 5000) + probe)
	c.want("413")
	c.ended()
	k.told()
	k.finish()
}

// counted demands so many hits of the limits.
func counted(k *kernel, want uint64) {
	k.t.Helper()
	if n := k.stats().Limits[LimitDiscarded]; n != want {
		k.t.Errorf("%d limit hits, want %d", n, want)
	}
}

// TestDiscardLimits: the wait for the end of a body is bounded in time and in bytes.
func TestDiscardLimits(t *testing.T) {
	begin := func(t *testing.T) (*kernel, *peer) {
		k := newKernel(t, 1, small)
		c := k.dial(0)
		c.begin(tooLong(unknownSID, 1<<30))
		c.going("413")
		return k, c
	}
	t.Run("time", func(t *testing.T) {
		k, c := begin(t)
		k.within(k.opts.LingerTimeout, k.opts.LingerTimeout+20, "shutdown", func() bool { c.push([]byte("x")); return c.shut })
		c.ended()
		counted(k, 1)
		k.within(k.opts.LingerTimeout, k.opts.LingerTimeout+20, "end", func() bool { c.push([]byte("x")); return c.over })
		k.finish()
	})
	t.Run("bytes", func(t *testing.T) {
		k, c := begin(t)
		c.send(strings.Repeat("x", k.opts.LingerBytes))
		c.going()
		counted(k, 0)
		c.send("x")
		c.ended()
		c.send("x")
		if !c.over {
			t.Error("reads on behind the limit")
		}
		counted(k, 1)
		k.finish()
	})
	t.Run("bytes of chunks", func(t *testing.T) {
		k := newKernel(t, 1, small)
		c := k.dial(0)
		c.begin("POST /x" + tooLongChunked + "ffffffffffffffff\r")
		c.going("413")
		c.send("\n" + strings.Repeat("x", k.opts.LingerBytes-1000))
		c.going()
		c.send(strings.Repeat("x", 1000))
		c.ended()
		k.finish()
	})
	t.Run("both ends of the connection", func(t *testing.T) {
		// What was read of the body counts for what is read behind it.
		k, c := begin(t)
		c.send(strings.Repeat("x", k.opts.LingerBytes-1))
		k.advance(k.opts.LingerTimeout + 20)
		c.ended()
		c.send("x")
		c.ended()
		c.send("x")
		if !c.over {
			t.Error("reads on behind the limit")
		}
		k.finish()
	})
	t.Run("no end in sight", func(t *testing.T) {
		k := newKernel(t, 1, small)
		c := k.dial(0)
		c.begin("POST /x" + tooLongChunked + "3e9\r\n" + strings.Repeat("x", 1001))
		c.going("413")
		c.send("no end of a chunk")
		c.ended()
		k.finish()
	})
	t.Run("the peer goes", func(t *testing.T) {
		k, c := begin(t)
		c.hangUp()
		k.finish()
	})
	t.Run("the server goes", func(t *testing.T) {
		k, c := begin(t)
		e := k.loops[0].engine
		e.Post(taskFunc(func(*Engine) { e.Close() }))
		k.run()
		c.ended()
		k.finish()
	})
}

// TestNobodySendsWhatWasNotAskedFor does not wait for a body that the client keeps until it is asked for it.
func TestNobodySendsWhatWasNotAskedFor(t *testing.T) {
	k := newKernel(t, 1, small)
	c := k.dial(0)
	head := tooLong(unknownSID, 5000, "Expect: 100-continue")
	c.begin(head)
	c.want("413")
	c.ended()
	c = k.dial(0)
	c.begin(head + "x") // it does not wait for that
	c.going("413")
	c.send(strings.Repeat("x", 4999))
	c.ended()
	k.finish()
}

// TestTimedOutBody is cut short for its pace, and comes after all.
func TestTimedOutBody(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	whole := request("POST", c.sid, "4"+strings.Repeat("x", 100))
	c.post.begin(whole[:len(whole)-50])
	k.within(9_000, 11_020, "answer", func() bool { return len(c.post.got) > 0 })
	c.post.going("408")
	c.post.send(whole[len(whole)-50:])
	c.post.ended()
	k.told("1 open", "1 close transport error: data request connection closed prematurely")
	k.finish()
}

// TestAnswerBeforeBody answers a last request whose body, which means nothing, is on its way.
func TestAnswerBeforeBody(t *testing.T) {
	k := one(t)
	c := k.poller(0)
	for _, sid := range []string{"", c.sid} {
		p := k.dial(0)
		whole := request("GET", sid, "some body", "Connection: close")
		p.begin(whole[:len(whole)-4])
		if sid != "" {
			s := k.session(1)
			k.do(s, func() { s.Send([]byte("x")) })
		}
		if r := p.responses(); len(r) != 1 || r[0].status != 200 {
			t.Errorf("%v", r)
		}
		p.going()
		p.send(whole[len(whole)-4:])
		p.ended()
	}
	k.finish()
}

// TestDiscardBehindPoll refuses a body behind a request that has no answer yet.
func TestDiscardBehindPoll(t *testing.T) {
	begin := func(t *testing.T) (*kernel, *poller, func()) {
		k := newKernel(t, 1, small)
		c := k.poller(0)
		c.poll()
		c.get.begin(tooLong(c.sid, 100_000))
		c.get.going()
		k.log = nil
		return k, c, func() { s := k.session(1); k.do(s, func() { s.Send([]byte("x")) }) }
	}
	t.Run("the body is first", func(t *testing.T) {
		k := newKernel(t, 1, small)
		c := k.poller(0)
		c.poll()
		c.get.begin(tooLong(c.sid, 5000))
		c.get.send(strings.Repeat("x", 5000))
		k.advance(k.opts.LingerTimeout + 20)
		c.get.going()
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("x")) })
		c.get.want("200 4x", "413")
		c.get.ended()
		k.finish()
	})
	t.Run("the answer is first", func(t *testing.T) {
		k, c, answer := begin(t)
		c.get.send(strings.Repeat("x", 10_000))
		answer()
		c.get.going("200 4x", "413")
		k.within(k.opts.LingerTimeout, k.opts.LingerTimeout+20, "shutdown", func() bool { return c.get.shut })
		k.told()
		k.finish()
	})
	t.Run("it takes too long", func(t *testing.T) {
		k, c, answer := begin(t)
		k.advance(k.opts.LingerTimeout + 20)
		c.get.send("x")
		c.get.going()
		counted(k, 1)
		answer()
		c.get.want("200 4x", "413")
		c.get.ended()
		k.told()
		k.finish()
	})
	t.Run("it is too much", func(t *testing.T) {
		k, c, _ := begin(t)
		c.get.send(strings.Repeat("x", k.opts.LingerBytes))
		c.get.going()
		k.told()
		c.get.send("x")
		c.get.ended()
		counted(k, 1)
		k.told("1 close transport error: poll connection closed prematurely")
		k.finish()
	})
	t.Run("too much behind the last request", func(t *testing.T) {
		k := newKernel(t, 1, small)
		c := k.poller(0)
		c.get.begin(request("GET", c.sid, "", "Connection: close"))
		c.get.send(strings.Repeat("x", k.opts.LingerBytes))
		c.get.going()
		c.get.send("x")
		c.get.ended()
		k.told("1 open", "1 close transport error: poll connection closed prematurely")
		k.finish()
	})
}

// TestDiscardWhileBlocked refuses a body of a peer that is slow to take its answer.
func TestDiscardWhileBlocked(t *testing.T) {
	for _, first := range []string{"body", "answer"} {
		t.Run(first, func(t *testing.T) {
			k := newKernel(t, 1, small)
			c := k.dial(0)
			c.window = 10
			c.begin(tooLong(unknownSID, 5000))
			body := func() { c.send(strings.Repeat("x", 4000)); c.send(strings.Repeat("x", 1000)) }
			answer := func() { c.drain(10_000); k.advance(1000) }
			if first == "body" {
				body()
				if c.shut || c.over {
					t.Error("ended before the answer was taken")
				}
				answer()
				c.want("413")
			} else {
				answer()
				c.going("413")
				body()
			}
			c.ended()
			k.finish()
		})
	}
}
