// Requests for somebody else: bodies, and answers at once, late, from anywhere, to nobody.

package transport

import (
	"strings"
	"testing"
)

func TestForeignBodies(t *testing.T) {
	for _, v := range []struct{ name, text, told string }{
		{"none", "GET /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n", "request GET /x?y=1 "},
		{"length", "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "request PUT /x hello"},
		{"chunks", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "request POST /x hello"},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "request OPTIONS * "},
		{"absolute", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "request GET http://b/x "},
		{"h2c is not spoken", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n", "request GET /x "},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				k.onRequest = func(ref ExchangeRef, h *Hello, body []byte) {
					if head := string(h.Head); head != probe && !strings.HasPrefix(v.text, head) || !strings.HasSuffix(string(h.Head), "\r\n\r\n") {
						t.Errorf("head %q", h.Head)
					}
					ref.Respond(200, []byte("Content-Type: text/plain\r\nX: y\r\n"), []byte("fine"))
					ref.Respond(500, nil, nil) // too late
				}
				c := k.dial(0)
				c.cut = cut
				r := c.ask(v.text)
				if r.short() != "200 fine" || r.fields["x"] != "y" || r.fields["cache-control"] != "" {
					t.Errorf("%v", r)
				}
				k.told(v.told)
				if r := c.ask(probe); r.short() != "200 fine" {
					t.Errorf("%v", r)
				}
				k.finish()
			})
		})
	}
}

func TestForeignHead(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	r := c.ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
	if r.short() != "404" || r.fields["content-length"] != "8" {
		t.Errorf("%v", r)
	}
	c.ask(probe)
	k.finish()
}

func TestLateAnswers(t *testing.T) {
	begin := func(t *testing.T) (*kernel, *peer, *[]ExchangeRef) {
		k := one(t)
		var refs []ExchangeRef
		k.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { refs = append(refs, ref) }
		return k, k.dial(0), &refs
	}
	respond := func(k *kernel, ref ExchangeRef, body string) { ref.Respond(200, nil, []byte(body)); k.run() }
	t.Run("in order", func(t *testing.T) {
		k, c, refs := begin(t)
		c.send(probe + probe + probe)
		respond(k, (*refs)[2], "three")
		respond(k, (*refs)[1], "two")
		c.want()
		k.advance(60_000) // nobody hurries the handler
		respond(k, (*refs)[0], "one")
		c.want("200 one", "200 two", "200 three")
		respond(k, (*refs)[0], "again")
		c.want()
		k.within(k.opts.KeepAlive+keepAliveGrace, k.opts.KeepAlive+keepAliveGrace+20, "end", func() bool { return c.over })
		k.finish()
	})
	t.Run("connection gone", func(t *testing.T) {
		k, c, refs := begin(t)
		c.send(probe + probe)
		respond(k, (*refs)[1], "two")
		c.hangUp()
		respond(k, (*refs)[0], "one")
		// The record is another connection's now.
		other := k.dial(0)
		other.send(probe)
		respond(k, (*refs)[0], "one")
		respond(k, (*refs)[1], "two")
		other.want()
		respond(k, (*refs)[2], "mine")
		other.want("200 mine")
		k.finish()
	})
	t.Run("another goroutine", func(t *testing.T) {
		k, c, refs := begin(t)
		c.send(probe)
		done := make(chan struct{})
		body := []byte("elsewhere")
		go func() {
			(*refs)[0].Respond(200, []byte("X: y\r\n"), body)
			copy(body, "#########")
			close(done)
		}()
		<-done
		c.want()
		k.run()
		c.want("200 elsewhere")
		k.finish()
	})
	t.Run("behind a poll", func(t *testing.T) {
		k, _, refs := begin(t)
		c := k.poller(0)
		c.poll()
		c.get.send(probe)
		respond(k, (*refs)[0], "probe")
		c.get.want()
		s := k.session(1)
		k.do(s, s.Close)
		c.get.want("200 1", "200 probe")
		k.finish()
	})
	t.Run("during a later body", func(t *testing.T) {
		k, c, refs := begin(t)
		c.send(probe + "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
		respond(k, (*refs)[0], "one")
		c.want("200 one")
		c.send("cd" + probe)
		respond(k, (*refs)[1], "two")
		respond(k, (*refs)[2], "three")
		c.want("200 two", "200 three")
		k.finish()
	})
}
