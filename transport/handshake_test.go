// Handshakes: the open packet, and every refusal with its code, status and body.

package transport

import (
	"regexp"
	"strconv"
	"testing"
)

// ways runs f with input whole, byte by byte and cut at random.
func ways(t *testing.T, f func(t *testing.T, cut func([]byte) [][]byte)) {
	t.Helper()
	t.Run("whole", func(t *testing.T) { f(t, nil) })
	t.Run("bytes", func(t *testing.T) { f(t, eachByte) })
	for seed := range uint64(3) {
		t.Run("cut"+strconv.Itoa(int(seed)), func(t *testing.T) { f(t, cutAtRandom(newRandom(seed))) })
	}
}

const openTail = `,"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}$`

func TestOpenPacket(t *testing.T) {
	no := func(o *Options) { o.AllowUpgrades = false }
	only := func(o *Options) { o.WebSocket = false }
	times := func(o *Options) { o.PingInterval, o.PingTimeout, o.MaxPayload = 300, 200, 77 }
	for _, v := range []struct {
		name    string
		options func(*Options)
		want    string
	}{
		{"default", nil, `"upgrades":\["websocket"\]` + openTail},
		{"upgrades off", no, `"upgrades":\[\]` + openTail},
		{"polling only", only, `"upgrades":\[\]` + openTail},
		{"times", times, `"upgrades":\["websocket"\],"pingInterval":300,"pingTimeout":200,"maxPayload":77}$`},
	} {
		t.Run(v.name, func(t *testing.T) {
			k := newKernel(t, 1, v.options)
			r := k.dial(0).ask(request("GET", "", ""))
			want := regexp.MustCompile(`^0{"sid":"[A-Za-z0-9_-]{20}",` + v.want)
			if r.status != 200 || !want.MatchString(r.body) {
				t.Errorf("%v, want %v", r, want)
			}
			if r.fields["content-type"] != "text/plain; charset=UTF-8" || r.fields["cache-control"] != "no-store" ||
				r.fields["date"] == "" || r.fields["connection"] != "" || r.fields["keep-alive"] != "timeout=5" || len(r.fields) != 5 {
				t.Errorf("fields %v", r.fields)
			}
			k.told("1 open")
			k.finish()
		})
	}
}

func TestOpenPacketOverWebSocket(t *testing.T) {
	ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
		k := one(t)
		w := &socket{peer: k.dial(0)}
		w.cut = cut
		w.send(upgradeRequest("", "Sec-WebSocket-Protocol: one, two"))
		r := w.accepted()
		if len(r.fields) != 4 || r.fields["upgrade"] != "websocket" || r.fields["connection"] != "Upgrade" ||
			r.fields["sec-websocket-protocol"] != "one" {
			t.Errorf("fields %v", r.fields)
		}
		want := regexp.MustCompile(`^0{"sid":"[A-Za-z0-9_-]{20}","upgrades":\[\]` + openTail)
		if frames := w.frames(); len(frames) != 1 || !want.MatchString(frames[0]) {
			t.Errorf("frames %q", frames)
		}
		k.told("1 open")
		k.finish()
	})
}

const unknownSID = "AAAAAAAAAAAAAAAAAAAA"

func code(n int) string {
	return [...]string{
		`400 {"code":0,"message":"Transport unknown"}`,
		`400 {"code":1,"message":"Session ID unknown"}`,
		`400 {"code":2,"message":"Bad handshake method"}`,
		`400 {"code":3,"message":"Bad request"}`,
		`403 {"code":4,"message":"Forbidden"}`,
		`400 {"code":5,"message":"Unsupported protocol version"}`,
	}[n]
}

func TestRefusedHandshakes(t *testing.T) {
	const p = "/socket.io/?EIO=4&transport=polling"
	for _, v := range []struct {
		name, method, target, fields, want string
		options                            func(*Options)
	}{
		{"unknown transport", "GET", "/socket.io/?EIO=4&transport=abc", "", code(0), nil},
		{"no transport", "GET", "/socket.io/?EIO=4", "", code(0), nil},
		{"no query", "GET", "/socket.io/", "", code(0), nil},
		{"constructor", "GET", "/socket.io/?EIO=4&transport=constructor", "", code(0), nil},
		{"__proto__", "GET", "/socket.io/?EIO=4&transport=__proto__", "", code(0), nil},
		{"webtransport", "GET", "/socket.io/?EIO=4&transport=webtransport", "", code(0), nil},
		{"polling is off", "GET", p, "", code(0), func(o *Options) { o.Polling = false }},
		{"websocket is off", "GET", "/socket.io/?EIO=4&transport=websocket", "", code(0), func(o *Options) { o.WebSocket = false }},
		{"transport before method", "POST", "/socket.io/?EIO=4&transport=x", "", code(0), nil},
		{"transport twice", "GET", p + "&transport=polling", "", code(3), nil},
		{"sid twice", "GET", p + "&sid=a&sid=b", "", code(3), nil},
		{"EIO twice", "GET", p + "&EIO=4", "", code(3), nil},
		{"websocket without upgrade", "GET", "/socket.io/?EIO=4&transport=websocket", "", code(3), nil},
		{"method before upgrade", "POST", "/socket.io/?EIO=4&transport=websocket", "", code(2), nil},
		{"POST", "POST", p, "", code(2), nil},
		{"PUT", "PUT", p, "", code(2), nil},
		{"DELETE", "DELETE", p, "", code(2), nil},
		{"PATCH", "PATCH", p, "", code(2), nil},
		{"OPTIONS", "OPTIONS", p, "", code(2), nil},
		{"HEAD", "HEAD", p, "", "400", nil},
		{"lower case get", "get", p, "", code(2), nil},
		{"method before origin", "POST", p, "Origin: http://evil\r\n", code(2), nil},
		{"method before EIO", "POST", "/socket.io/?EIO=9&transport=polling", "", code(2), nil},
		{"unknown sid", "GET", p + "&sid=" + unknownSID, "", code(1), nil},
		{"sid too short", "GET", p + "&sid=test", "", code(1), nil},
		{"sid of a prototype", "GET", p + "&sid=__proto__", "", code(1), nil},
		{"sid of no alphabet", "GET", p + "&sid=%00%0d%0aAAAAAAAAAAAAAAAA.", "", code(1), nil},
		{"unknown sid, websocket", "GET", "/socket.io/?EIO=4&transport=websocket&sid=" + unknownSID, "", code(1), nil},
		{"unknown sid, EIO 3", "GET", "/socket.io/?EIO=3&transport=polling&sid=" + unknownSID, "", code(1), nil},
		{"unknown sid, POST", "POST", p + "&sid=" + unknownSID, "", code(1), nil},
		{"EIO 3", "GET", "/socket.io/?EIO=3&transport=polling", "", code(5), nil},
		{"EIO 5", "GET", "/socket.io/?EIO=5&transport=polling", "", code(5), nil},
		{"EIO 04", "GET", "/socket.io/?EIO=04&transport=polling", "", code(5), nil},
		{"EIO empty", "GET", "/socket.io/?EIO=&transport=polling", "", code(5), nil},
		{"no EIO", "GET", "/socket.io/?transport=polling", "", code(5), nil},
		{"another page's origin", "GET", p, "Origin: http://evil\r\n", code(4), nil},
		{"origin with our name in front", "GET", p, "Origin: http://a.evil\r\n", code(4), nil},
		{"origin null", "GET", p, "Origin: null\r\n", code(4), nil},
		{"origin empty", "GET", p, "Origin: \r\n", code(4), nil},
		{"origin before EIO", "GET", "/socket.io/?EIO=3&transport=polling", "Origin: http://evil\r\n", code(4), nil},
		{"two origins", "GET", p, "Origin: http://a\r\nOrigin: http://a\r\n", code(3), nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := newKernel(t, 1, v.options)
				c := k.dial(0)
				c.cut = cut
				r := c.ask(v.method + " " + v.target + " HTTP/1.1\r\nHost: a\r\n" + v.fields + "\r\n")
				if r.short() != v.want {
					t.Errorf("%q, want %q", r.short(), v.want)
				}
				if r.fields["content-type"] != "application/json" {
					t.Errorf("fields %v", r.fields)
				}
				if r := c.ask("GET /probe HTTP/1.1\r\nHost: a\r\n\r\n"); r.status != 404 {
					t.Errorf("the connection is out of step: %v", r)
				}
				k.told("request GET /probe ")
				k.finish()
			})
		})
	}
}

func TestAcceptedHandshakes(t *testing.T) {
	for _, v := range []struct{ name, target, fields string }{
		{"own origin", engineQuery, "Origin: http://a\r\n"},
		{"own origin, other case", engineQuery, "Origin: https://A\r\n"},
		{"empty sid", engineQuery + "&sid=", ""},
		{"cache buster, twice", engineQuery + "&t=abc&t=def", ""},
		{"unknown keys", engineQuery + "&foo=1&foo=2", ""},
		{"encoded", "/socket.io/?%45IO=%34&tr%61nsport=p%6flling", ""},
		{"a body", engineQuery, "Content-Length: 5\r\n"},
		{"HTTP/1.1 with keep-alive", engineQuery, "Connection: keep-alive\r\n"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.dial(0)
				c.cut = cut
				text := "GET " + v.target + " HTTP/1.1\r\nHost: a\r\n" + v.fields + "\r\n"
				if v.name == "a body" {
					text += "hello"
				}
				if r := c.ask(text); r.status != 200 {
					t.Errorf("%v", r)
				}
				if r := c.ask("GET /probe HTTP/1.1\r\nHost: a\r\n\r\n"); r.status != 404 {
					t.Errorf("the connection is out of step: %v", r)
				}
				k.told("1 open", "request GET /probe ")
				k.finish()
			})
		})
	}
}

// TestHandshakeWithHugeBody asks for a session with a request that is refused for its body: there must be no session.
func TestHandshakeWithHugeBody(t *testing.T) {
	k := one(t)
	c := k.dial(0)
	c.begin("GET " + engineQuery + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1000001\r\n\r\n")
	c.want("413")
	k.told()
	k.advance(2 * k.opts.LingerTimeout) // for the body, and for the peer to close
	if !c.over {
		t.Error("still open")
	}
	k.finish()
}

func TestRequestsElsewhere(t *testing.T) {
	for _, target := range []string{
		"/", "/socket.io", "/socket.io?EIO=4&transport=polling", "/socket.io/x?EIO=4&transport=polling",
		"/Socket.io/?EIO=4&transport=polling", "/socket.io//?EIO=4&transport=polling",
	} {
		k := one(t)
		if r := k.dial(0).ask("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"); r.short() != "404 not here" {
			t.Errorf("%s: %v", target, r)
		}
		k.told("request GET " + target + " ")
		k.finish()
	}
}

// TestRefusedUpgrades looks at refusals of websockets as they stand on the wire.
func TestRefusedUpgrades(t *testing.T) {
	good := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + wsKey + "\r\n"
	const ws = "/socket.io/?EIO=4&transport=websocket"
	for _, v := range []struct{ name, method, target, fields, line, extra, body string }{
		{"unknown transport", "GET", "/socket.io/?EIO=4&transport=x", good, "400 Bad Request", "", "Transport unknown"},
		{"no transport", "GET", "/socket.io/?EIO=4", good, "400 Bad Request", "", "Transport unknown"},
		{"polling", "GET", engineQuery, good, "400 Bad Request", "", "Bad request"},
		{"unknown sid", "GET", ws + "&sid=" + unknownSID, good, "400 Bad Request", "", "Session ID unknown"},
		{"impossible sid", "GET", ws + "&sid=__proto__", good, "400 Bad Request", "", "Session ID unknown"},
		{"POST", "POST", ws, good, "400 Bad Request", "", "Bad handshake method"},
		{"EIO 3", "GET", "/socket.io/?EIO=3&transport=websocket", good, "400 Bad Request", "", "Unsupported protocol version"},
		{"evil origin", "GET", ws, good + "Origin: http://evil\r\n", "403 Forbidden", "", "Forbidden"},
		{"two origins", "GET", ws, good + "Origin: http://a\r\nOrigin: http://a\r\n", "400 Bad Request", "", "Bad request"},
		{
			"no version", "GET", ws, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + wsKey + "\r\n",
			"400 Bad Request", "Sec-WebSocket-Version: 13\r\n", "Missing or invalid Sec-WebSocket-Version header",
		},
		{
			"no key", "GET", ws, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
			"400 Bad Request", "", "Missing or invalid Sec-WebSocket-Key header",
		},
		{"other protocol", "GET", ws, "Connection: Upgrade\r\nUpgrade: h2c\r\n", "400 Bad Request", "", "Invalid Upgrade header"},
		{"a body", "GET", ws, good + "Content-Length: 3\r\n", "400 Bad Request", "", "Upgrade request with a body"},
	} {
		t.Run(v.name, func(t *testing.T) {
			ways(t, func(t *testing.T, cut func([]byte) [][]byte) {
				k := one(t)
				c := k.dial(0)
				c.cut = cut
				// What follows a refused upgrade is never a request.
				c.send(v.method + " " + v.target + " HTTP/1.1\r\nHost: a\r\n" + v.fields + "\r\nGET /probe HTTP/1.1\r\nHost: a\r\n\r\n")
				want := "HTTP/1.1 " + v.line + "\r\nContent-Type: text/html\r\n" + v.extra + "Connection: close\r\nContent-Length: " +
					strconv.Itoa(len(v.body)) + "\r\n\r\n" + v.body
				if got := string(c.take()); got != want {
					t.Errorf("%q, want %q", got, want)
				}
				if !c.shut {
					t.Error("the server goes on")
				}
				k.told()
				k.within(k.opts.LingerTimeout, k.opts.LingerTimeout+20, "end", func() bool { return c.over })
				k.finish()
			})
		})
	}
}
