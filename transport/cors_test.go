// CORS: what each answer says, who is let in, preflight requests.

package transport

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// corsFields are the fields that CORS adds to an answer, in order of name.
func corsFields(r response) string {
	var list []string
	for name, value := range r.fields {
		if short, ok := strings.CutPrefix(name, "access-control-"); ok || name == "vary" {
			list = append(list, short+"="+value)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestCORS(t *testing.T) {
	const good, bad, own = "Origin: https://good", "Origin: https://bad", "Origin: http://a"
	some := &CORS{Origins: []string{"https://good", "null"}, Patterns: []*regexp.Regexp{regexp.MustCompile(`^https://[a-z]+\.good$`)}}
	full := &CORS{
		Origin: "https://good", Credentials: true, Methods: "GET,POST", AllowedHeaders: "X-One", ExposedHeaders: "X-Two",
		MaxAge: 600, Status: 200,
	}
	plain := func(c CORS) *CORS { c.MaxAge = -1; return &c }
	for _, v := range []struct {
		name, method string
		cors         *CORS
		fields       []string
		status       int
		want         string
	}{
		{"off", "GET", nil, []string{bad}, 403, ""},
		{"off, same host", "GET", nil, []string{own}, 200, ""},
		{"off, preflight", "OPTIONS", nil, []string{good}, 400, ""},
		{"any", "GET", &CORS{Any: true}, []string{bad}, 200, "allow-origin=*"},
		{"any, no origin", "GET", &CORS{Any: true}, nil, 200, "allow-origin=*"},
		{"any, two origins", "GET", &CORS{Any: true}, []string{bad, good}, 400, "allow-origin=*"},
		{"one", "GET", &CORS{Origin: "https://good"}, []string{good}, 200, "allow-origin=https://good vary=Origin"},
		{"one, another asks", "GET", &CORS{Origin: "https://good"}, []string{bad}, 403, "allow-origin=https://good vary=Origin"},
		{"one, nobody asks", "GET", &CORS{Origin: "https://good"}, nil, 200, "allow-origin=https://good vary=Origin"},
		{"one, same host", "GET", &CORS{Origin: "https://good"}, []string{own}, 200, "allow-origin=https://good vary=Origin"},
		{"reflect", "GET", &CORS{Reflect: true, Credentials: true}, []string{bad}, 200, "allow-credentials=true allow-origin=https://bad vary=Origin"},
		{"reflect, nobody asks", "GET", &CORS{Reflect: true}, nil, 200, "vary=Origin"},
		{"list", "GET", some, []string{good}, 200, "allow-origin=https://good vary=Origin"},
		{"list, null", "GET", some, []string{"Origin: null"}, 200, "allow-origin=null vary=Origin"},
		{"list, another asks", "GET", some, []string{bad}, 403, "vary=Origin"},
		{"list, longer", "GET", some, []string{good + ".evil"}, 403, "vary=Origin"},
		{"list, other case", "GET", some, []string{"Origin: https://GOOD"}, 403, "vary=Origin"},
		{"list, two origins", "GET", some, []string{good, good}, 400, "vary=Origin"},
		{"pattern", "GET", some, []string{"Origin: https://www.good"}, 200, "allow-origin=https://www.good vary=Origin"},
		{"pattern, longer", "GET", some, []string{"Origin: https://www.good.evil"}, 403, "vary=Origin"},
		{"exposed", "GET", full, []string{good}, 200, "allow-credentials=true allow-origin=https://good expose-headers=X-Two vary=Origin"},
		{"on an error", "PUT", some, []string{good}, 400, "allow-origin=https://good vary=Origin"},
		{
			"preflight", "OPTIONS", plain(CORS{Any: true}),
			[]string{good, "Access-Control-Request-Headers: x-a, x-b"},
			204,
			"allow-headers=x-a, x-b allow-methods=" + corsMethods + " allow-origin=* vary=Access-Control-Request-Headers",
		},
		{
			"preflight of much", "OPTIONS", plain(CORS{Reflect: true}),
			[]string{good, "Access-Control-Request-Headers: " + strings.Repeat("x", corsEcho+1)},
			204,
			"allow-methods=" + corsMethods + " allow-origin=https://good vary=Origin, Access-Control-Request-Headers",
		},
		{
			"preflight from elsewhere", "OPTIONS", plain(*some),
			[]string{bad},
			204,
			"allow-methods=" + corsMethods + " vary=Origin, Access-Control-Request-Headers",
		},
		{
			"preflight in full", "OPTIONS", full,
			[]string{good, "Access-Control-Request-Headers: x-a"},
			200,
			"allow-credentials=true allow-headers=X-One allow-methods=GET,POST allow-origin=https://good expose-headers=X-Two max-age=600 vary=Origin",
		},
		{
			"preflight that goes on", "OPTIONS", plain(CORS{Any: true, Continue: true}),
			[]string{good},
			400,
			"allow-methods=" + corsMethods + " allow-origin=* vary=Access-Control-Request-Headers",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { o.CORS = v.cors })
			c := k.dial(0)
			for range 2 { // the second request finds the memory of the first
				r := c.ask(request(v.method, "", "", v.fields...))
				if got := corsFields(r); r.status != v.status || got != v.want {
					t.Errorf("%d %s\nwant %d %s", r.status, got, v.status, v.want)
				}
			}
			if v.method == "GET" {
				w := k.dial(0)
				w.send(upgradeRequest("", v.fields...))
				r, _, ok, err := parseResponse(w.got, "GET")
				status := v.status
				if status == 200 {
					status = 101
				}
				if got := corsFields(r); !ok || err != nil || r.status != status || got != v.want {
					t.Errorf("websocket: %d %s %v\nwant %d %s", r.status, got, err, status, v.want)
				}
			}
			k.log = nil
			k.finish()
		})
	}
}

// TestCORSOfSessions: the answers to a session's requests, also from another
// loop, and those outside the engine.
func TestCORSOfSessions(t *testing.T) {
	k := newKernel(t, 2, func(o *Options) { o.CORS = &CORS{Reflect: true} })
	c := k.poller(1)
	for loop := range 2 {
		p := k.dial(loop)
		r := p.ask(request("POST", c.sid, "4x", "Origin: https://b"))
		if got := corsFields(r); r.short() != "200 ok" || got != "allow-origin=https://b vary=Origin" {
			t.Errorf("loop %d: %v", loop, r)
		}
		if r = p.ask(request("POST", unknownSID, "4x")); r.status != 400 || corsFields(r) != "vary=Origin" {
			t.Errorf("loop %d: %v", loop, r)
		}
		if r = p.ask(request("PUT", c.sid, "4x")); r.status != 405 || corsFields(r) != "vary=Origin" {
			t.Errorf("loop %d: %v", loop, r)
		}
		if r = p.ask("GET /x HTTP/1.1\r\nHost: a\r\nOrigin: https://b\r\n\r\n"); r.status != 404 || corsFields(r) != "" {
			t.Errorf("loop %d: %v", loop, r)
		}
	}
	w := &socket{peer: k.dial(0), sid: c.sid}
	w.send(upgradeRequest("&sid="+c.sid, "Origin: https://b"))
	if r := w.accepted(); corsFields(r) != "allow-origin=https://b vary=Origin" {
		t.Errorf("%v", r)
	}
	k.log = nil
	k.finish()
}

// TestOriginAsked: the gate allows origins that no rule allows.
func TestOriginAsked(t *testing.T) {
	for _, granted := range []bool{false, true} {
		g := newGated(t, 1, GateOrigins, func(o *Options) { o.CORS = &CORS{Ask: true, MaxAge: -1} })
		want, status := "vary=Origin", 403
		if granted {
			want, status = "allow-origin=https://b vary=Origin", 200
		}
		c := g.dial(0)
		c.begin(request("GET", "", "", "Origin: https://b"))
		g.decide(Verdict{Origin: granted})
		if r := c.responses(); len(r) != 1 || r[0].status != status || corsFields(r[0]) != want {
			t.Errorf("%v", r)
		}
		c.begin(request("OPTIONS", "", "", "Origin: https://b"))
		g.decide(Verdict{Origin: granted})
		if r := c.responses(); len(r) != 1 || r[0].status != 204 || (r[0].fields["access-control-allow-origin"] != "") != granted {
			t.Errorf("%v", r)
		}
		if r := c.ask(request("PUT", "", "")); r.status != 400 || corsFields(r) != "vary=Origin" {
			t.Errorf("the verdict stays: %v", r)
		}
		g.log = nil
		g.finish()
	}
}

// TestCookie: on the answer to the polling handshake and nowhere else.
func TestCookie(t *testing.T) {
	k := newKernel(t, 1, func(o *Options) {
		o.Cookie = &Cookie{Name: "io", Attributes: "; Path=/; HttpOnly"}
		o.CORS = &CORS{Any: true}
	})
	p := k.dial(0)
	r := p.ask(request("GET", "", ""))
	m := sidPattern.FindStringSubmatch(r.body)
	if m == nil || r.fields["set-cookie"] != "io="+m[1]+"; Path=/; HttpOnly" || corsFields(r) != "allow-origin=*" {
		t.Errorf("%v", r)
	}
	for _, text := range []string{request("POST", m[1], "4x"), request("PUT", "", ""), request("OPTIONS", "", "")} {
		if r := p.ask(text); r.fields["set-cookie"] != "" {
			t.Errorf("%v", r)
		}
	}
	w := &socket{peer: k.dial(0)}
	w.send(upgradeRequest(""))
	if r := w.accepted(); r.fields["set-cookie"] != "" {
		t.Errorf("%v", r)
	}
	k.log = nil
	k.finish()
}

func TestBarePath(t *testing.T) {
	for _, bare := range []bool{false, true} {
		k := newKernel(t, 1, func(o *Options) { o.BarePath = bare })
		c := k.dial(0)
		for path, engine := range map[string]bool{
			"/socket.io/": true, "/socket.io": bare, "/socket.i": false, "/socket.ioo": false, "/socket.io/x": false, "/": false,
		} {
			want := 404
			if engine {
				want = 400
			}
			if r := c.ask("PUT " + path + "?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n"); r.status != want {
				t.Errorf("bare %v, %s: %d, want %d", bare, path, r.status, want)
			}
		}
		k.log = nil
		k.finish()
	}
}

// TestRefusals: every refusal is told, with its cause.
func TestRefusals(t *testing.T) {
	const poll = "/socket.io/?EIO=4&transport=polling"
	get := func(target string, fields ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	}
	const up = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey
	for _, loops := range []int{1, 2} {
		k := newKernel(t, loops, nil)
		c, w := k.poller(loops-1), k.socket(loops-1)
		for _, v := range []struct{ text, want string }{
			{get("/socket.io/?EIO=4&transport=x"), "GET 0 Transport unknown "},
			{request("GET", unknownSID, ""), "GET 1 Session ID unknown "},
			{request("POST", unknownSID, "4x"), "POST 1 Session ID unknown "},
			{request("GET", "no-sid", ""), "GET 1 Session ID unknown "},
			{request("PUT", "", ""), "PUT 2 Bad handshake method "},
			{get(poll + "&EIO=4"), "GET 3 Bad request DUPLICATE_PARAMETER"},
			{get(poll, "Origin: http://a", "Origin: http://a"), "GET 3 Bad request INVALID_ORIGIN"},
			{get("/socket.io/?EIO=4&transport=websocket"), "GET 3 Bad request TRANSPORT_HANDSHAKE_ERROR"},
			{get(poll, up), "GET 3 Bad request TRANSPORT_HANDSHAKE_ERROR"},
			{get("/socket.io/?EIO=4&transport=websocket&sid=" + c.sid), "GET 3 Bad request TRANSPORT_MISMATCHpolling"},
			{request("GET", w.sid, ""), "GET 3 Bad request TRANSPORT_MISMATCHwebsocket"},
			{get("/socket.io/?EIO=3&transport=polling&sid=" + c.sid), "GET 3 Bad request PROTOCOL_MISMATCH4"},
			{get("/socket.io/?EIO=3&transport=websocket&sid="+c.sid, up), "GET 3 Bad request PROTOCOL_MISMATCH4"},
			{get(poll, "Origin: http://evil"), "GET 4 Forbidden "},
			{get("/socket.io/?EIO=5&transport=polling"), "GET 5 Unsupported protocol version "},
			{upgradeRequest("", "Origin: http://evil"), "GET 4 Forbidden "},
			{upgradeRequest("&sid=" + unknownSID), "GET 1 Session ID unknown "},
			{strings.Replace(upgradeRequest(""), "GET", "PUT", 1), "PUT 2 Bad handshake method "},
			{strings.Replace(upgradeRequest(""), wsKey, "x", 1), "GET 3 Bad request TRANSPORT_HANDSHAKE_ERROR"},
		} {
			for _, tell := range []bool{false, true} {
				for _, l := range k.loops {
					l.engine.SetGates(0)
					if tell {
						l.engine.SetGates(TellRefusals)
					}
				}
				k.log = nil
				p := k.dial(0)
				p.methods = []string{"GET"}
				p.send(v.text)
				if r := p.responses(); len(r) != 1 || r[0].status < 400 {
					t.Errorf("%q: %v", v.text, r)
				}
				if tell {
					k.told("refused " + v.want)
				} else {
					k.told()
				}
			}
		}
		k.log = nil
		k.finish()
	}
}

// TestInitial: a message directly behind the open packet.
func TestInitial(t *testing.T) {
	for _, v := range []struct {
		initial              Initial
		payload, frame, name string
	}{
		{Initial{Data: []byte("hello é")}, "\x1e4hello é", "4hello é", "text"},
		{Initial{Data: []byte{0, 255}, Binary: true}, "\x1ebAP8=", "binary:00ff", "binary"},
		{Initial{}, "\x1e4", "4", "empty"},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { o.Initial = &v.initial })
			if r := k.dial(0).ask(request("GET", "", "")); !strings.HasPrefix(r.body, "0{") || !strings.HasSuffix(r.body, "}"+v.payload) {
				t.Errorf("payload %q", r.body)
			}
			w := &socket{peer: k.dial(0)}
			w.send(upgradeRequest(""))
			w.accepted()
			if f := w.frames(); len(f) != 2 || f[0][:2] != "0{" || f[1] != v.frame {
				t.Errorf("frames %q", f)
			}
			k.log = nil
			k.finish()
		})
	}
}
