// The gate: who waits there, what a verdict does, and what happens meanwhile.

package transport

import (
	"fmt"
	"strings"
	"testing"
)

// questionText describes a question.
func questionText(q *Question) string {
	text := string(q.Request.Method) + " " + strings.TrimPrefix(string(q.Request.Target), "/socket.io/")
	for _, v := range []struct {
		set  bool
		name string
	}{
		{q.Refused != nil, fmt.Sprint(" refused:", q.Refused)},
		{q.Handshake, " handshake"},
		{q.Preflight, " preflight"},
		{q.Foreign, " foreign"},
	} {
		if v.set {
			text += v.name
		}
	}
	return text
}

// gated is a kernel with gates, whose questions the test answers.
type gated struct {
	*kernel
	asked []GateRef
}

func newGated(t testing.TB, loops int, gates Gates, change func(*Options)) *gated {
	g := &gated{kernel: newKernel(t, loops, change)}
	for _, l := range g.loops {
		l.engine.SetGates(gates)
	}
	g.onGate = func(ref GateRef, _ *Question) { g.asked = append(g.asked, ref) }
	return g
}

// decide answers the oldest question.
func (g *gated) decide(v Verdict) {
	g.t.Helper()
	if len(g.asked) == 0 {
		g.t.Fatal("nobody waits at the gate")
	}
	ref := g.asked[0]
	g.asked = g.asked[1:]
	ref.Resume(v)
	g.run()
}

func (g *gated) waiting(want int64) {
	g.t.Helper()
	if n := g.loops[0].engine.crowd.Load(); n != want {
		g.t.Errorf("%d requests at the gates, want %d", n, want)
	}
}

// TestGates: which requests wait, by gate.
func TestGates(t *testing.T) {
	const (
		poll   = "EIO=4&transport=polling"
		upgr   = "EIO=4&transport=websocket"
		evil   = "Origin: http://evil"
		own    = "Origin: http://a"
		verify = "?" + poll
	)
	ask := func(c *CORS) func(*Options) { return func(o *Options) { o.CORS = c } }
	for _, v := range []struct {
		name    string
		gates   Gates
		options func(*Options)
		request string
		want    string // the question, "" for none
	}{
		{"none", TellRefusals, nil, request("GET", "", ""), ""},
		{"handshake", GateHandshakes, nil, request("GET", "", ""), "GET " + verify + " handshake"},
		{"handshake with origin", GateHandshakes, nil, request("GET", "", "", own), "GET " + verify + " handshake"},
		{"refused handshake", GateHandshakes, nil, request("PUT", "", ""), ""},
		{"foreign handshake", GateHandshakes, nil, request("GET", "", "", evil), ""},
		{"allowed handshake", GateHandshakes, ask(&CORS{Any: true}), request("GET", "", "", evil), "GET " + verify + " handshake"},
		{
			"foreign handshake that may be allowed", GateHandshakes, ask(&CORS{Ask: true}), request("GET", "", "", evil),
			"GET " + verify + " handshake foreign",
		},
		{"websocket", GateHandshakes, nil, upgradeRequest(""), "GET ?" + upgr + " handshake"},
		{"session", GateHandshakes, nil, request("GET", unknownSID, ""), ""},
		{"other path", GateRequests, nil, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", ""},
		{"every request", GateRequests, nil, request("GET", unknownSID, ""), "GET " + verify + "&sid=" + unknownSID},
		{"every POST", GateRequests, nil, request("POST", unknownSID, "4x"), "POST " + verify + "&sid=" + unknownSID},
		{"every candidate", GateRequests, nil, upgradeRequest("&sid=" + unknownSID), "GET ?" + upgr + "&sid=" + unknownSID},
		{
			"every refused one", GateRequests, nil, strings.Replace(request("GET", "", ""), "polling", "x", 1),
			"GET ?EIO=4&transport=x refused:Transport unknown handshake",
		},
		{"a refused upgrade", GateRequests, nil, strings.Replace(upgradeRequest(""), "GET", "POST", 1), "POST ?" + upgr + " refused:Bad handshake method handshake"},
		{"a foreign one", GateRequests, nil, request("GET", "", "", evil), "GET " + verify + " refused:Forbidden handshake foreign"},
		{"OPTIONS", GateRequests, nil, request("OPTIONS", "", ""), "OPTIONS " + verify + " refused:Bad handshake method handshake"},
		{"preflight", GateRequests | GateHandshakes, ask(&CORS{Any: true}), request("OPTIONS", "", "", evil), ""},
		{"preflight of a question", GateOrigins, ask(&CORS{Ask: true}), request("OPTIONS", "", "", evil), "OPTIONS " + verify + " preflight"},
		{
			"preflight that goes on", GateRequests, ask(&CORS{Any: true, Continue: true}), request("OPTIONS", "", "", evil),
			"OPTIONS " + verify + " refused:Bad handshake method handshake",
		},
		{"no origin", GateOrigins, ask(&CORS{Ask: true}), request("GET", "", ""), ""},
		{"an origin", GateOrigins, ask(&CORS{Ask: true}), request("GET", unknownSID, "", own), "GET " + verify + "&sid=" + unknownSID},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := newGated(t, 1, v.gates, v.options)
			g.onRequest = func(ref ExchangeRef, _ *Hello, _ []byte) { ref.Respond(204, nil, nil) }
			c := g.dial(0)
			c.begin(v.request)
			if v.want == "" {
				if len(g.asked) > 0 || len(c.got) == 0 {
					t.Errorf("%d questions, answer %q", len(g.asked), c.got)
				}
				g.waiting(0)
				g.finish()
				return
			}
			g.told("gate " + v.want)
			g.waiting(1)
			if len(c.got) > 0 {
				t.Errorf("answered before the verdict: %q", c.got)
			}
			g.decide(Verdict{})
			if len(c.got) == 0 {
				t.Error("no answer after the verdict")
			}
			g.waiting(0)
			g.finish()
		})
	}
}

// TestVerdicts: what each verdict says to polling and to websocket clients.
func TestVerdicts(t *testing.T) {
	busy := &HandshakeError{Code: 4, Status: 403, Message: "no \"guests\" \u00e9<"}
	for _, v := range []struct {
		name               string
		verdict            Verdict
		polling, websocket string
		fields             map[string]string
		opened             bool
	}{
		{"let through", Verdict{}, "200 0{", "101", nil, true},
		{
			"fields",
			Verdict{Fields: []byte("X-A: 1\r\n"), Granted: []byte("X-B: 2\r\n")},
			"200 0{", "101",
			map[string]string{"x-a": "1", "x-b": "2"},
			true,
		},
		{
			"refused",
			Verdict{Refusal: busy, Fields: []byte("X-A: 1\r\n"), Granted: []byte("X-B: 2\r\n")},
			`403 {"code":4,"message":"no \"guests\" é<"}`, "403 no \"guests\" é<",
			map[string]string{"x-a": "1", "x-b": ""},
			false,
		},
		{
			"answered",
			Verdict{Status: 401, Body: []byte("who?"), Fields: []byte("Content-Type: a/b\r\nWww-Authenticate: Basic\r\n")},
			"401 who?", "401 who?",
			map[string]string{"content-type": "a/b", "www-authenticate": "Basic"},
			false,
		},
		{"moved", Verdict{Status: 302, Fields: []byte("Location: /\r\n")}, "302", "302", map[string]string{"location": "/"}, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				g := newGated(t, 1, GateHandshakes, nil)
				check := func(r response, want string) {
					t.Helper()
					if !strings.HasPrefix(r.short(), want) {
						t.Errorf("%q, want %q", r.short(), want)
					}
					for name, value := range v.fields {
						if r.fields[name] != value {
							t.Errorf("%s: %q, want %q", name, r.fields[name], value)
						}
					}
				}
				c := g.dial(0)
				c.cut = cut
				c.begin(request("GET", "", ""))
				g.decide(v.verdict)
				for _, r := range c.responses() {
					check(r, v.polling)
				}
				if c.over || c.shut {
					t.Error("a polling connection ended")
				}

				w := &socket{peer: g.dial(0)}
				w.cut = cut
				w.send(upgradeRequest("") + frame(opText, "4early"))
				g.decide(v.verdict)
				r, rest, ok, err := parseResponse(w.got, "GET")
				if !ok || err != nil {
					t.Fatalf("%q: %v", w.got, err)
				}
				w.got = rest
				check(r, v.websocket)
				if v.opened {
					if f := w.frames(); len(f) != 1 || !strings.HasPrefix(f[0], "0{") {
						t.Errorf("frames %q", f)
					}
				} else if len(w.got) > 0 || !w.shut {
					t.Errorf("after the refusal: %q, shut %v", w.got, w.shut)
				}
				const asked = "gate GET ?EIO=4&transport=polling handshake"
				const askedWS = "gate GET ?EIO=4&transport=websocket handshake"
				if v.opened {
					g.told(asked, "1 open", askedWS, "2 open", "2 message early")
				} else {
					g.told(asked, askedWS)
				}
				g.finish()
			})
		})
	}
}

// TestGateValue: what the verdict hands on arrives with the session.
func TestGateValue(t *testing.T) {
	g := newGated(t, 1, GateHandshakes, nil)
	var got []any
	g.onOpen = func(_ *Session, h *Hello) { got = append(got, h.Value) }
	for _, text := range []string{request("GET", "", ""), upgradeRequest("")} {
		g.dial(0).begin(text)
		g.decide(Verdict{Value: "user"})
	}
	g.loops[0].engine.SetGates(0)
	g.dial(0).begin(upgradeRequest(""))
	if fmt.Sprint(got) != "[user user <nil>]" {
		t.Errorf("values %v", got)
	}
	g.finish()
}

// TestGateOrder: what is pipelined behind a request at the gate keeps its
// place, and so does the gate behind answers that are due before.
func TestGateOrder(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		g := newGated(t, 1, 0, nil)
		c := g.poller(0)
		g.loops[0].engine.SetGates(GateRequests)
		g.told("1 open")
		g.onRequest = nil
		c.post.cut = cut
		c.post.methods = []string{"POST", "GET", "POST", "GET"}
		c.post.send(request("POST", c.sid, "4one") + "GET /x HTTP/1.1\r\nHost: a\r\n\r\n" +
			chunked(c.sid, "4", "two") + request("GET", "", ""))
		const post = "gate POST ?EIO=4&transport=polling"
		g.told(post + "&sid=" + c.sid)
		c.post.want()
		g.decide(Verdict{Granted: []byte("X-Order: 1\r\n")})
		g.told("1 message one", "request GET /x ", post+"&sid="+c.sid)
		c.post.want("200 ok", "404 not here")
		g.decide(Verdict{})
		g.told("1 message two", "gate GET ?EIO=4&transport=polling handshake")
		c.post.want("200 ok")
		g.decide(Verdict{Status: 429})
		c.post.want("429")
		g.told()

		// An open poll in front of a request at the gate is answered first.
		c.get.cut = cut
		c.get.methods = []string{"GET", "POST"}
		c.get.send(request("GET", c.sid, "") + request("POST", c.sid, "4three"))
		g.decide(Verdict{})
		g.decide(Verdict{})
		g.told("gate GET ?EIO=4&transport=polling&sid="+c.sid, post+"&sid="+c.sid, "1 message three")
		c.get.want()
		g.do(g.session(1), func() { g.session(1).Send([]byte("x")) })
		c.get.want("200 4x", "200 ok")

		// And the answer to it may come while the other one waits.
		c.get.methods = []string{"GET", "POST"}
		c.get.send(request("GET", c.sid, "") + request("POST", c.sid, "4four"))
		g.decide(Verdict{})
		g.do(g.session(1), func() { g.session(1).Send([]byte("y")) })
		c.get.want("200 4y")
		g.advance(g.opts.KeepAlive / 4)
		g.decide(Verdict{})
		c.get.want("200 ok")
		g.log = nil
		g.finish()
	})
}

// TestGateGone: connections that end while a request of theirs waits.
func TestGateGone(t *testing.T) {
	for _, text := range []string{request("GET", "", ""), upgradeRequest(""), request("POST", unknownSID, "4x")} {
		g := newGated(t, 1, GateRequests, nil)
		c := g.dial(0)
		c.begin(text)
		g.waiting(1)
		c.hangUp()
		g.waiting(0)
		again := g.dial(0) // perhaps in the same place
		again.begin(text)
		g.waiting(1)
		g.decide(Verdict{}) // of the one that is gone
		if g.waiting(1); len(again.got) > 0 {
			t.Errorf("the verdict went to another: %q", again.got)
		}
		g.asked = append(g.asked, g.asked...)
		g.decide(Verdict{})
		g.waiting(0)
		got := string(again.take())
		g.decide(Verdict{Status: 500}) // twice
		if got == "" || len(again.got) > 0 {
			t.Errorf("answers %q, %q", got, again.got)
		}
		g.log = nil
		g.finish()
	}
}

// TestGateShutdown: the engine closes while requests wait.
func TestGateShutdown(t *testing.T) {
	g := newGated(t, 1, GateRequests, nil)
	g.dial(0).begin(request("GET", "", ""))
	g.dial(0).begin(upgradeRequest(""))
	g.waiting(2)
	g.loops[0].engine.Close()
	g.run()
	g.waiting(0)
	g.decide(Verdict{})
	g.decide(Verdict{})
	g.told("gate GET ?EIO=4&transport=polling handshake", "gate GET ?EIO=4&transport=websocket handshake")
	g.finish()
}

// TestGateMove: a websocket for a session of another loop comes to the gate
// there, and only there.
func TestGateMove(t *testing.T) {
	g := newGated(t, 2, 0, nil)
	c := g.poller(1)
	for _, l := range g.loops {
		l.engine.SetGates(GateRequests)
	}
	w := &socket{peer: g.dial(0), sid: c.sid}
	w.send(upgradeRequest("&sid="+c.sid) + frame(opText, "2probe"))
	g.told("1 open", "gate GET ?EIO=4&transport=websocket&sid="+c.sid)
	if w.loop != g.loops[1] {
		t.Error("it waits on the wrong loop")
	}
	g.decide(Verdict{Granted: []byte("X-A: 1\r\n")})
	if r := w.accepted(); r.fields["x-a"] != "1" {
		t.Errorf("fields %v", r.fields)
	}
	w.want("3probe")
	w.text("5")
	g.told("1 upgrade")
	g.finish()
}
