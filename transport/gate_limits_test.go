// The limits of the gate, and panics on its way.

package transport

import (
	"strings"
	"testing"
)

// TestGated: so many requests may wait, in all loops together.
func TestGated(t *testing.T) {
	g := newGated(t, 2, GateHandshakes, func(o *Options) { o.Gated = 3 })
	var waiting []*peer
	for i := range 3 {
		c := g.dial(i % 2)
		c.begin(request("GET", "", ""))
		waiting = append(waiting, c)
	}
	g.waiting(3)
	if n := g.stats().Limits[LimitGated]; n != 0 {
		t.Errorf("%d hits at the limit", n)
	}
	c := g.dial(0)
	c.begin(request("GET", "", "", "Origin: http://a"))
	c.want("503")
	w := g.dial(1)
	w.begin(upgradeRequest(""))
	w.want("503")
	if !w.shut || c.over {
		t.Error("the connections end the wrong way")
	}
	if n := g.stats().Limits[LimitGated]; n != 2 {
		t.Errorf("%d hits above the limit", n)
	}
	g.waiting(3)
	c.begin(request("GET", unknownSID, "")) // does not wait, and is not busy
	c.want(`400 {"code":1,"message":"Session ID unknown"}`)
	g.decide(Verdict{}) // one leaves, one may come
	waiting[0].responses()
	c.begin(request("GET", "", ""))
	g.waiting(3)
	for len(g.asked) > 0 {
		g.decide(Verdict{})
	}
	c.responses()
	g.log = nil
	g.finish()
	g.waiting(0)
}

// TestGateTimeout: who waits for too long is told that the server is busy, and
// what came behind is acted upon.
func TestGateTimeout(t *testing.T) {
	g := newGated(t, 1, GateRequests, func(o *Options) { o.GateTimeout = 5000 })
	c, w, p := g.dial(0), g.dial(0), g.dial(0)
	c.methods = []string{"GET", "GET"}
	c.send(request("GET", "", "") + "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
	w.begin(upgradeRequest(""))
	p.begin(request("POST", unknownSID, "4x"))
	g.advance(4900)
	c.want()
	g.within(0, 200, "end", func() bool { return w.shut })
	c.want("503", "404 not here")
	w.want("503")
	p.want("503")
	if n := g.stats().Limits[LimitGateTime]; n != 3 {
		t.Errorf("%d hits", n)
	}
	c.begin(request("GET", "", ""))
	for range 3 {
		g.decide(Verdict{}) // too late, and not for the one that waits now
	}
	c.want()
	g.decide(Verdict{Status: 204})
	c.want("204")
	g.log = nil
	g.finish()
}

// TestGateBytes: so much may come behind a request that waits.
func TestGateBytes(t *testing.T) {
	for _, v := range []struct {
		name, text string
		room       int
	}{
		{"GET", request("GET", "", ""), gateSlack},
		{"websocket", upgradeRequest(""), gateSlack},
		{"POST", strings.Replace(request("POST", unknownSID, ""), "Length: 0", "Length: 1000000", 1), gateSlack + 1_000_000},
		{"chunks", strings.Replace(request("POST", unknownSID, ""), "Content-Length: 0", "Transfer-Encoding: chunked", 1), gateSlack + 1_000_000},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := newGated(t, 1, GateRequests, nil)
			c := g.dial(0)
			c.begin(v.text)
			c.send(strings.Repeat("x", v.room))
			g.waiting(1)
			if n := g.stats().Limits[LimitGateBytes]; n != 0 || c.shut {
				t.Errorf("%d hits at the limit, shut %v", n, c.shut)
			}
			c.send("x")
			g.waiting(0)
			if n := g.stats().Limits[LimitGateBytes]; n != 1 || !c.shut {
				t.Errorf("%d hits above the limit, shut %v", n, c.shut)
			}
			g.decide(Verdict{})
			if len(c.got) > 0 {
				t.Errorf("answer %q", c.got)
			}
			g.log = nil
			g.finish()
		})
	}
}

// TestGateBody: a body may come while its request waits, in one piece or in
// many, and after it has waited.
func TestGateBody(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		for _, late := range []int{0, 3, 10} {
			g := newGated(t, 1, 0, nil)
			c := g.poller(0)
			g.loops[0].engine.SetGates(GateRequests)
			g.log = nil
			c.post.cut = cut
			text := request("POST", c.sid, "4a\x1e4b\x1e4cdef", "Expect: 100-continue")
			c.post.begin(text[:len(text)-late])
			g.decide(Verdict{})
			c.post.send(text[len(text)-late:])
			got := c.post.shorts()
			if late == 10 && len(got) == 2 && got[0] == "100" {
				got = got[1:] // the whole body came after the wait
			}
			if len(got) != 1 || got[0] != "200 ok" {
				t.Errorf("%d late: %q", late, got)
			}
			g.told("gate POST ?EIO=4&transport=polling&sid="+c.sid, "1 message a", "1 message b", "1 message cdef")
			g.finish()
		}
	})
}

// TestGatePanics: a handler that panics about a request that has waited harms
// that one only.
func TestGatePanics(t *testing.T) {
	for _, where := range []string{"gate", "open", "message"} {
		for _, text := range []string{request("GET", "", ""), upgradeRequest("") + frame(opText, "4early")} {
			if where == "message" && strings.Contains(text, "polling") {
				continue
			}
			g := newGated(t, 1, GateHandshakes, nil)
			g.catch = true
			other := g.dial(0)
			other.begin(request("GET", "", ""))
			asked := g.onGate
			switch where {
			case "gate":
				g.onGate = func(GateRef, *Question) { panic(handlerPanic("gate")) }
			case "open":
				g.onOpen = func(*Session, *Hello) { panic(handlerPanic("open")) }
			case "message":
				g.onMessage = func(*Session, []byte, bool) { panic(handlerPanic("message")) }
			}
			c := g.dial(0)
			c.send(text)
			if where != "gate" {
				first := g.asked[0]
				g.asked = g.asked[1:]
				g.decide(Verdict{Value: "x"})
				g.asked = append(g.asked, first)
			}
			g.advance(g.opts.LingerTimeout + 100)
			if strings.Contains(text, "websocket") && !c.over {
				t.Errorf("%s: the connection goes on", where)
			}
			if len(g.numbers) > 0 {
				t.Errorf("%s: the session goes on", where)
			}
			if n := g.stats().Panics; n != 1 {
				t.Errorf("%s: %d panics", where, n)
			}
			g.onGate, g.onOpen, g.onMessage = asked, nil, nil
			g.decide(Verdict{})
			if r := other.responses(); len(r) != 1 || r[0].status != 200 {
				t.Errorf("%s: another request gets %v", where, r)
			}
			g.waiting(0)
			g.log = nil
			g.finish()
		}
	}
}
