// Several loops: requests of a session that arrive on loops that are not its home, and websockets that move there.

package transport

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
)

// apart runs f with the session on loop 0 and its connections on all combinations of loops, the loops taking their turns
// in several orders.
func apart(t *testing.T, change func(*Options), f func(t *testing.T, k *kernel, c *poller)) {
	t.Helper()
	for get := range 3 {
		for post := range 3 {
			for seed := range uint64(4) {
				t.Run(fmt.Sprintf("get %d post %d order %d", get, post, seed), func(t *testing.T) {
					k := newKernel(t, 3, change)
					k.turns = newRandom(seed)
					c := k.poller(0)
					c.get, c.post = k.dial(get), k.dial(post)
					k.log = nil
					f(t, k, c)
					k.finish()
				})
			}
		}
	}
}

func TestApartEcho(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		k.onMessage = echo
		for i := range 3 {
			c.poll()
			if r := c.deliver(fmt.Sprintf("4%d\x1ebAQ==", i)); r.short() != "200 ok" {
				t.Errorf("%v", r)
			}
			c.get.want(fmt.Sprintf("200 4%d\x1ebAQ==", i))
		}
		c.deliver("4waits")
		c.poll()
		c.get.want("200 4waits")
		if r := c.post.ask(chunked(c.sid, "4in", "\x1e4pieces")); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.poll()
		c.get.want("200 4in\x1e4pieces")
	})
}

func TestApartPipelined(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		k.onMessage = echo
		c.post.methods = []string{"POST", "POST", "GET", "POST", "GET"}
		c.post.send(request("POST", c.sid, "4a") + request("POST", c.sid, "4b") + request("GET", c.sid, "") +
			request("POST", c.sid, "4c") + probe)
		got := c.post.shorts()
		// How much the first poll brings depends on the order of turns; nothing else does.
		if len(got) != 5 || got[0] != "200 ok" || got[1] != "200 ok" || !strings.HasPrefix(got[2], "200 4a") || got[3] != "200 ok" || got[4] != "404 not here" {
			t.Errorf("%q", got)
		}
		k.log = slices.DeleteFunc(k.log, func(line string) bool { return strings.HasPrefix(line, "request") })
		k.told("1 message a", "1 message b", "1 message c")
	})
}

func TestApartRefusals(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		for _, v := range []struct{ query, want string }{
			{"EIO=3&transport=polling", code(3)},
			{"EIO=4&transport=websocket", code(3)},
		} {
			if r := c.get.ask("GET /socket.io/?" + v.query + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\n\r\n"); r.short() != v.want {
				t.Errorf("%s: %v", v.query, r)
			}
		}
		// An answer that overtakes its body.
		wrong := strings.Replace(chunked(c.sid, "4a"), "EIO=4", "EIO=3", 1)
		c.post.methods = []string{"POST"}
		c.post.send(wrong[:len(wrong)-5])
		c.post.want(code(3))
		c.post.send(wrong[len(wrong)-5:])
		if r := c.deliver("4b"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 message b")
		k.within(k.opts.KeepAlive+keepAliveGrace, k.opts.KeepAlive+keepAliveGrace+20, "end", func() bool { return c.post.over })
	})
}

func TestApartOverlap(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		second := k.dial(2)
		second.begin(request("GET", c.sid, ""))
		second.want("400")
		c.get.want("200 1")
		k.told("1 close transport error: overlap from client")
		c.poll()
		c.get.want(code(1))
	})
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		c.post.send(halfPost(c.sid))
		second := k.dial(1)
		second.begin(request("POST", c.sid, "4b"))
		second.want("400")
		c.get.want("200 1")
		if !c.post.over {
			t.Error("the first data request was not cut off")
		}
		k.told("1 close transport error: data request overlap from client")
	})
}

func TestApartAborts(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		c.get.hangUp()
		k.told("1 close transport error: poll connection closed prematurely")
	})
	// The connection is gone before its request has reached the session.
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.get.push([]byte(request("GET", c.sid, "")))
		c.get.close()
		k.run()
		k.told("1 close transport error: poll connection closed prematurely")
	})
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		c.post.push([]byte(halfPost(c.sid)))
		c.post.close()
		k.run()
		c.get.want("200 1")
		k.told("1 close transport error: data request connection closed prematurely")
	})
	// A complete data request counts, even if nobody is there for its answer.
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.post.push([]byte(request("POST", c.sid, "4a")))
		c.post.close()
		k.run()
		if k.log[0] != "1 message a" {
			t.Errorf("told %q", k.log)
		}
		if len(k.log) == 1 {
			k.do(k.session(1), k.session(1).Close)
		}
	})
	// The poll's connection goes while an answer is on its way.
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		s := k.session(1)
		s.Engine().Post(taskFunc(func(*Engine) { s.Send([]byte("x")) }))
		k.loops[0].turn()
		elsewhere := c.get.loop != k.loops[0]
		c.get.close()
		k.run()
		if elsewhere {
			// The answer has found nobody, and its packet is lost.
			k.told("1 close transport error: poll connection closed prematurely")
		} else {
			c.get.want("200 4x")
			k.told()
		}
	})
}

func TestApartBodyLimit(t *testing.T) {
	limit := func(o *Options) { o.HTTP.Body = 100 }
	apart(t, limit, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		for _, text := range []string{
			"Content-Length: 101\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n50\r\n" + strings.Repeat("x", 80) + "\r\n50\r\n",
			"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefg",
		} {
			p := k.dial(c.post.loop.engine.Index())
			p.begin("POST " + engineQuery + "&sid=" + c.sid + " HTTP/1.1\r\nHost: a\r\n" + text)
			if r := p.responses(); len(r) != 1 || r[0].status != 413 && r[0].status != 400 {
				t.Errorf("%v", r)
			}
		}
		if r := c.deliver("4a"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.get.want()
		k.told("1 message a")
	})
}

func TestApartClose(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		s := k.session(1)
		k.do(s, func() { s.Send([]byte("bye")); s.Close() })
		c.get.want("200 4bye")
		c.poll()
		c.get.want("200 6\x1e1")
		k.told("1 close forced close")
	})
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		s := k.session(1)
		k.do(s, s.Close)
		if r := c.deliver("4a"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.poll()
		c.get.want("200 6\x1e1")
		k.told("1 close forced server close")
	})
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		if r := c.deliver("1"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.get.want("200 6")
		k.told("1 close transport close")
	})
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		c.poll()
		if r := c.deliver("4a\x1ez"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		c.get.want("200 1")
		k.told("1 message a", "1 close parse error: engineio: unknown packet type")
	})
}

func TestApartUpgrade(t *testing.T) {
	apart(t, nil, func(t *testing.T, k *kernel, c *poller) {
		k.onMessage = echo
		c.poll()
		w := c.candidate(1 + c.post.loop.engine.Index()%2)
		if w.loop != k.loops[0] {
			t.Fatal("the websocket has not moved")
		}
		w.text("2probe")
		w.want("3probe")
		c.get.want("200 6")
		w.send(frame(opText, "5") + frame(opText, "4a"))
		w.want("4a")
		k.told("1 upgrade", "1 message a")
		c.poll()
		c.get.want(code(3))
		w.hangUp()
		k.told("1 close transport close")
	})
}

// TestMove looks at what can happen to a connection that changes loops.
func TestMove(t *testing.T) {
	t.Run("in pieces", func(t *testing.T) {
		for _, cut := range []func([]byte) [][]byte{eachByte, cutAtRandom(newRandom(1)), nil} {
			k := newKernel(t, 2, nil)
			c := k.poller(0)
			w := &socket{peer: k.dial(1)}
			w.cut = cut
			w.push([]byte(upgradeRequest("&sid="+c.sid) + frame(opText, "2probe") + frame(opText, "5") + frame(opText, "4a")))
			k.run()
			w.accepted()
			w.want("3probe")
			k.told("1 open", "1 upgrade", "1 message a")
			k.finish()
		}
	})
	t.Run("refused", func(t *testing.T) {
		k := newKernel(t, 2, nil)
		k.refuseMoves = true
		c := k.poller(0)
		w := k.dial(1)
		w.send(upgradeRequest("&sid=" + c.sid))
		if r := w.responses(); len(r) != 1 || r[0].short() != "503 Service unavailable" || r[0].fields["connection"] != "close" {
			t.Errorf("%v", r)
		}
		if r := c.deliver("4a"); r.short() != "200 ok" {
			t.Errorf("%v", r)
		}
		k.told("1 open", "1 message a")
		k.finish()
	})
	t.Run("peer leaves on the way", func(t *testing.T) {
		k := newKernel(t, 2, nil)
		c := k.poller(0)
		w := k.dial(1)
		w.push([]byte(upgradeRequest("&sid="+c.sid) + frame(opText, "2probe")))
		w.close()
		k.run()
		c.upgraded(1)
		k.told("1 open", "1 upgrade")
		k.finish()
	})
	t.Run("session ends on the way", func(t *testing.T) {
		k := newKernel(t, 2, nil)
		c := k.poller(0)
		c.poll()
		w := k.dial(1)
		w.push([]byte(upgradeRequest("&sid=" + c.sid)))
		s := k.session(1)
		s.Engine().Post(taskFunc(func(*Engine) { s.Close() }))
		k.run()
		if r := w.responses(); len(r) != 1 || r[0].short() != "400 Session ID unknown" {
			t.Errorf("%v", r)
		}
		k.finish()
	})
	t.Run("two at once", func(t *testing.T) {
		k := newKernel(t, 3, nil)
		c := k.poller(0)
		a, b := &socket{peer: k.dial(1)}, &socket{peer: k.dial(2)}
		a.push([]byte(upgradeRequest("&sid=" + c.sid)))
		b.push([]byte(upgradeRequest("&sid=" + c.sid)))
		k.run()
		a.accepted()
		b.accepted()
		open, closed := a.frames(), b.frames()
		if len(open)+len(closed) != 1 {
			t.Errorf("%q %q", open, closed)
		}
		k.finish()
	})
}

// TestNoSuchLoop names sessions of loops that do not exist.
func TestNoSuchLoop(t *testing.T) {
	var ids id.Source
	for _, tag := range []uint8{2, 3, 100, 255} {
		k := newKernel(t, 2, nil)
		sid := ids.New(tag).String()
		c := k.dial(0)
		if r := c.ask(request("GET", sid, "")); r.short() != code(1) {
			t.Errorf("%v", r)
		}
		if r := c.ask(request("POST", sid, "4a")); r.short() != code(1) {
			t.Errorf("%v", r)
		}
		if r := c.ask(chunked(sid, "4", "a")); r.short() != code(1) {
			t.Errorf("%v", r)
		}
		c.send(upgradeRequest("&sid=" + sid))
		if r := c.responses(); len(r) != 1 || r[0].short() != "400 Session ID unknown" {
			t.Errorf("%v", r)
		}
		k.finish()
	}
}

// TestTasksFromElsewhere posts from several goroutines; each one's tasks keep their order.
func TestTasksFromElsewhere(t *testing.T) {
	k := one(t)
	e := k.loops[0].engine
	const posters, each = 4, 1000
	next := [posters]int{}
	done := make(chan struct{})
	for p := range posters {
		go func() {
			for i := range each {
				e.Post(taskFunc(func(on *Engine) {
					if on != e || next[p] != i {
						t.Errorf("poster %d: task %d ran as number %d", p, i, next[p])
					}
					next[p]++
				}))
			}
			done <- struct{}{}
		}()
	}
	for left := posters; left > 0; {
		select {
		case <-done:
			left--
		default:
			k.step()
		}
	}
	k.run()
	for p, n := range next {
		if n != each {
			t.Errorf("poster %d: %d tasks ran, want %d", p, n, each)
		}
	}
	k.finish()
}

func TestOwner(t *testing.T) {
	k := newKernel(t, 2, nil)
	e := k.loops[0].engine
	here := e.OnLoop()
	elsewhere := make(chan bool)
	go func() { elsewhere <- e.OnLoop() }()
	if there := <-elsewhere; there {
		t.Error("another goroutine is on the loop")
	}
	e.Leave()
	if e.OnLoop() {
		t.Error("on the loop after Leave")
	}
	e.Enter()
	if e.OnLoop() != here {
		t.Error("Enter does not take effect")
	}
	if e.Index() != 0 || len(e.Peers()) != 2 || e.Peers()[1].Index() != 1 || e.Options() != &k.opts || e.Now() != k.now {
		t.Error("the engine does not know itself")
	}
	k.finish()
}
