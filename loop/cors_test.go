// CORS, the cookie and the path over real sockets, and what is wrong with their options.

package loop_test

import (
	"errors"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func TestCORS(t *testing.T) {
	const good, bad = "https://good", "https://bad"
	var asked atomic.Int64
	askFor := func(origin string, r *http.Request) bool {
		asked.Add(1)
		if origin == "https://panic" {
			panic("on purpose")
		}
		return origin == good && r.Header.Get("Origin") == good
	}
	for _, v := range []struct {
		name   string
		cors   *loop.CORS
		origin string
		status int    // of a polling handshake
		told   string // Access-Control-Allow-Origin
	}{
		{"none", nil, bad, 403, ""},
		{"any", &loop.CORS{Origin: "*"}, bad, 200, "*"},
		{"one", &loop.CORS{Origin: good}, good, 200, good},
		{"one, another asks", &loop.CORS{Origin: good}, bad, 403, good},
		{"one of a list", &loop.CORS{Origin: "https://x", Origins: []string{good}}, good, 200, good},
		{"one beside a list", &loop.CORS{Origin: good, Origins: []string{"https://x"}}, good, 200, good},
		{"not in the list", &loop.CORS{Origins: []string{good}}, bad, 403, ""},
		{"null", &loop.CORS{Origins: []string{good}}, "null", 403, ""},
		{"null, listed", &loop.CORS{Origins: []string{"null"}}, "null", 200, "null"},
		{"pattern", &loop.CORS{OriginPatterns: []*regexp.Regexp{regexp.MustCompile(`https://g|https://go+d`)}}, good, 200, good},
		{"pattern in part", &loop.CORS{OriginPatterns: []*regexp.Regexp{regexp.MustCompile(`https://goo`)}}, good, 403, ""},
		{"pattern in part, behind", &loop.CORS{OriginPatterns: []*regexp.Regexp{regexp.MustCompile(`//good`)}}, good, 403, ""},
		{"reflect", &loop.CORS{Reflect: true, Credentials: true}, bad, 200, bad},
		{"function", &loop.CORS{OriginFunc: askFor}, good, 200, good},
		{"function says no", &loop.CORS{OriginFunc: askFor}, bad, 403, ""},
		{"function panics", &loop.CORS{OriginFunc: askFor}, "https://panic", 403, ""},
		{"own host", &loop.CORS{Origins: []string{good}}, "http://test", 200, ""},
	} {
		t.Run(v.name, func(t *testing.T) {
			asked.Store(0)
			s := serve(t, loop.Config{
				CORS: v.cors, ClientFiles: someFiles(), Logger: nil,
				AllowRequest: func(r *http.Request) error {
					if v.status == 403 {
						t.Errorf("asked about a request from %q that is refused", r.Header.Get("Origin"))
					}
					return nil
				},
			}, nil)
			check := func(r *response, status int) {
				t.Helper()
				if r.status != status || r.field("Access-Control-Allow-Origin") != v.told {
					t.Errorf("%d, %q, want %d, %q", r.status, r.field("Access-Control-Allow-Origin"), status, v.told)
				}
			}
			check(s.ask(t, "GET", pollingPath, "Origin: "+v.origin), v.status)
			ws := v.status
			if ws == 200 {
				ws = 101
			}
			check(s.askUpgrade(t, webSocketPath, "Origin: "+v.origin), ws)
			check(s.ask(t, "PUT", pollingPath, "Origin: "+v.origin), 400)
			check(s.ask(t, "GET", "/socket.io/socket.io.js", "Origin: "+v.origin), 200)
			if v.cors != nil {
				check(s.ask(t, "OPTIONS", pollingPath, "Origin: "+v.origin), 204)
				check(s.ask(t, "OPTIONS", "/socket.io/socket.io.js", "Origin: "+v.origin), 204)
				if v.cors.OriginFunc != nil && asked.Load() != 6 {
					t.Errorf("asked %d times, want 6", asked.Load())
				}
			}
			if r := s.ask(t, "GET", "/else", "Origin: "+v.origin); r.field("Access-Control-Allow-Origin") != "" {
				t.Errorf("another path: %v", r.fields)
			}
		})
	}
}

// TestPreflight: what it is told.
func TestPreflight(t *testing.T) {
	s := serve(t, loop.Config{CORS: &loop.CORS{
		Origin: "https://good", Credentials: true, Methods: []string{"GET", "POST"}, AllowedHeaders: []string{"X-A", "X-B"},
		ExposedHeaders: []string{"X-C"}, MaxAge: 90*time.Second + time.Millisecond, OptionsSuccessStatus: 200,
	}}, func(s *loop.Server) {
		s.UseEngine(func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(500); return nil })
	})
	r := s.ask(t, "OPTIONS", pollingPath, "Origin: https://good", "Access-Control-Request-Headers: x-other")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://good", "Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Methods": "GET,POST",
		"Access-Control-Allow-Headers": "X-A,X-B", "Access-Control-Expose-Headers": "X-C", "Access-Control-Max-Age": "90", "Vary": "Origin",
		"Content-Length": "0",
	} {
		if r.field(name) != want {
			t.Errorf("%s: %q, want %q", name, r.field(name), want)
		}
	}
	if r.status != 200 {
		t.Errorf("status %d: it is answered before any middleware", r.status)
	}
	s = serve(t, loop.Config{CORS: &loop.CORS{Origin: "*", PreflightContinue: true}}, nil)
	if r := s.ask(t, "OPTIONS", pollingPath, "Origin: https://a"); r.status != 400 || r.field("Access-Control-Allow-Methods") == "" {
		t.Errorf("%d %v", r.status, r.fields)
	}
}

func TestCookie(t *testing.T) {
	when := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []struct {
		name   string
		cookie loop.Cookie
		want   string
	}{
		{"default", loop.Cookie{}, "io=SID; Path=/; HttpOnly; SameSite=Lax"},
		{"no path", loop.Cookie{NoPath: true}, "io=SID; HttpOnly; SameSite=Lax"},
		{
			"all", loop.Cookie{
				Name: "sid", Path: "/a", Domain: "example.com", MaxAge: time.Minute, Expires: when, HTTPOnly: loop.Disabled, Secure: true,
				SameSite: http.SameSiteNoneMode, Partitioned: true,
			}, "sid=SID; Path=/a; Domain=example.com; Expires=Wed, 02 Jan 2030 03:04:05 GMT; Max-Age=60; Secure; SameSite=None; Partitioned",
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := serve(t, loop.Config{Cookie: &v.cookie}, nil)
			r := s.ask(t, "GET", pollingPath)
			_, sid, _ := strings.Cut(r.body, `"sid":"`)
			sid, _, _ = strings.Cut(sid, `"`)
			if got := r.field("Set-Cookie"); len(sid) != 20 || got != strings.Replace(v.want, "SID", sid, 1) {
				t.Errorf("%q, want %q", got, v.want)
			}
			if r := s.askUpgrade(t, webSocketPath); r.status != 101 || r.field("Set-Cookie") != "" {
				t.Errorf("%d %v", r.status, r.fields)
			}
			if r := s.ask(t, "GET", pollingPath+"&sid="+sid+"x"); r.field("Set-Cookie") != "" {
				t.Errorf("%d %v", r.status, r.fields)
			}
		})
	}
}

func TestAddTrailingSlash(t *testing.T) {
	for _, at := range []loop.Switch{loop.Default, loop.Enabled, loop.Disabled} {
		s := serve(t, loop.Config{AddTrailingSlash: at, ClientFiles: someFiles()}, nil)
		want := 404
		if at == loop.Disabled {
			want = 200
		}
		if r := s.ask(t, "GET", "/socket.io?EIO=4&transport=polling"); r.status != want {
			t.Errorf("%d: without the slash %d", at, r.status)
		}
		for _, path := range []string{pollingPath, "/socket.io/socket.io.js"} {
			if r := s.ask(t, "GET", path); r.status != 200 {
				t.Errorf("%d: %s %d", at, path, r.status)
			}
		}
	}
}

func TestInitialPacket(t *testing.T) {
	for want, p := range map[string]any{"\x1e4hello": "hello", "\x1ebAAE=": []byte{0, 1}} {
		s := serve(t, loop.Config{InitialPacket: p}, nil)
		if r := s.ask(t, "GET", pollingPath); !strings.HasSuffix(r.body, "}"+want) {
			t.Errorf("%q", r.body)
		}
	}
}

// TestRequestOptions: what is wrong with them.
func TestRequestOptions(t *testing.T) {
	origin := func(o string) loop.Config { return loop.Config{CORS: &loop.CORS{Origin: o}} }
	with := func(change func(*loop.CORS)) loop.Config {
		c := &loop.CORS{Origin: "https://a"}
		change(c)
		return loop.Config{CORS: c}
	}
	cookie := func(k loop.Cookie) loop.Config { return loop.Config{Cookie: &k} }
	for _, v := range []struct {
		cfg  loop.Config
		want string // a part
	}{
		{loop.Config{CORS: &loop.CORS{}}, "CORS allows no origin"},
		{loop.Config{CORS: &loop.CORS{Origin: "*", Credentials: true}}, `Credentials cannot go with Origin "*", browsers refuse it: name the origins`},
		{origin("example.com"), `not "example.com"`},
		{origin("https://example.com/"), `not "https://example.com/"`},
		{origin("https://Example.com"), `not "https://Example.com"`},
		{origin("https://*.example.com"), `not "https://*.example.com"`},
		{origin("https://a\r\nX: y"), "not \"https://a\\r\\nX: y\""},
		{with(func(c *loop.CORS) { c.Origins = []string{"*"} }), `Origins has "*"`},
		{with(func(c *loop.CORS) { c.OriginPatterns = []*regexp.Regexp{nil} }), "OriginPatterns has a nil"},
		{with(func(c *loop.CORS) { c.Methods = []string{"GET\r\n"} }), `want names, not "GET\r\n"`},
		{with(func(c *loop.CORS) { c.AllowedHeaders = []string{"a,b"} }), `want names, not "a,b"`},
		{with(func(c *loop.CORS) { c.ExposedHeaders = []string{""} }), `want names, not ""`},
		{with(func(c *loop.CORS) { c.MaxAge = -1 }), "CORS.MaxAge is -1ns"},
		{with(func(c *loop.CORS) { c.OptionsSuccessStatus = 400 }), "OptionsSuccessStatus is 400, it must be from 200 to 299"},
		{cookie(loop.Cookie{Name: "a b"}), "Cookie: "},
		{cookie(loop.Cookie{Domain: "a;b"}), "Cookie: "},
		{cookie(loop.Cookie{Path: "/x", NoPath: true}), `NoPath cannot go with Path "/x"`},
		{cookie(loop.Cookie{MaxAge: -1}), "Cookie.MaxAge is -1ns"},
		{cookie(loop.Cookie{HTTPOnly: 7}), "Cookie.HTTPOnly is 7"},
		{cookie(loop.Cookie{SameSite: http.SameSiteNoneMode}), "needs Secure"},
		{cookie(loop.Cookie{Partitioned: true}), "Cookie: "},
		{loop.Config{AddTrailingSlash: 5}, "AddTrailingSlash is 5"},
		{loop.Config{ServeClient: -1}, "ServeClient is -1"},
		{loop.Config{InitialPacket: 5}, "InitialPacket is a int"},
		{loop.Config{TrustedProxies: []netip.Prefix{{}}}, "TrustedProxies has an invalid prefix"},
		{loop.Config{Limits: loop.Limits{GatedRequests: -1}}, "Limits.GatedRequests is -1"},
		{loop.Config{Limits: loop.Limits{GateTime: -1}}, "Limits.GateTime is -1ns"},
		{loop.Config{ClientFiles: fstest.MapFS{}}, "ClientFiles has none of the official client's files"},
	} {
		v.cfg.Listen = []string{"127.0.0.1:0"}
		s, err := loop.New(v.cfg)
		if err == nil {
			_ = s.Shutdown(t.Context())
			t.Errorf("accepted, want %q", v.want)
		} else if !strings.Contains(err.Error(), v.want) || !strings.HasPrefix(err.Error(), "loop: ") {
			t.Errorf("%q, want %q", err, v.want)
		}
	}
	c := loop.Config{}.WithDefaults()
	if c.Limits.GatedRequests != 10_000 || c.Limits.GateTime != 10*time.Second || c.CORS != nil || c.Cookie != nil || c.ServeClient != loop.Default {
		t.Errorf("defaults %+v", c)
	}
}

// TestCORSFor: the rules are those that the function says for each request.
func TestCORSFor(t *testing.T) {
	var asked atomic.Int64
	var failed steps
	told := make(chan loop.ConnectionError, 100)
	s := serve(t, loop.Config{
		ClientFiles: someFiles(), OnError: func(_ *loop.Socket, err error) { failed.add("%v", err) },
		CORS: &loop.CORS{For: func(r *http.Request) (*loop.CORS, error) {
			asked.Add(1)
			switch r.Header.Get("Origin") {
			case "https://one":
				return &loop.CORS{Origin: "https://one", Credentials: true, Methods: []string{"GET"}, ExposedHeaders: []string{"X-One"}}, nil
			case "https://asks":
				return &loop.CORS{OriginFunc: func(o string, _ *http.Request) bool { return o == "https://asks" }}, nil
			case "https://pattern":
				return &loop.CORS{OriginPatterns: []*regexp.Regexp{regexp.MustCompile("https://p.*")}, MaxAge: time.Minute}, nil
			case "https://elsewhere":
				return &loop.CORS{Origins: []string{"https://one"}}, nil
			case "https://continue":
				return &loop.CORS{Origin: "*", PreflightContinue: true}, nil
			case "https://error":
				return nil, errors.New("mine")
			case "https://wrong":
				return &loop.CORS{}, nil
			case "https://nested":
				return &loop.CORS{For: func(*http.Request) (*loop.CORS, error) { return nil, nil }}, nil
			case "https://panic":
				panic("mine")
			}
			return nil, nil
		}},
	}, func(s *loop.Server) { s.OnConnectionError(func(e loop.ConnectionError) { told <- e }) })
	for _, v := range []struct {
		origin                   string
		polling, upgrade, before int // the statuses, before is of a preflight request
		told                     string
	}{
		{"https://one", 200, 101, 204, "https://one"},
		{"https://asks", 200, 101, 204, "https://asks"},
		{"https://pattern", 200, 101, 204, "https://pattern"},
		{"https://elsewhere", 403, 403, 204, ""},
		{"https://continue", 200, 101, 400, "*"},
		{"https://none", 403, 403, 400, ""},
		{"https://error", 400, 400, 400, ""},
		{"https://wrong", 400, 400, 400, ""},
		{"https://nested", 400, 400, 400, ""},
		{"https://panic", 400, 400, 400, ""},
		{"http://test", 200, 101, 400, ""}, // its own host
	} {
		field := "Origin: " + v.origin
		for what, r := range map[string]*response{
			"polling": s.ask(t, "GET", pollingPath, field), "upgrade": s.askUpgrade(t, webSocketPath, field),
			"preflight": s.ask(t, "OPTIONS", pollingPath, field), "file": s.ask(t, "GET", "/socket.io/socket.io.js", field),
		} {
			want := map[string]int{"polling": v.polling, "upgrade": v.upgrade, "preflight": v.before, "file": 200}[what]
			if r.status != want || r.field("Access-Control-Allow-Origin") != v.told {
				t.Errorf("%s: %s: %d %v, want %d and %q", v.origin, what, r.status, r.fields, want, v.told)
			}
			if v.origin == "https://one" && (r.field("Access-Control-Allow-Credentials") != "true" || r.field("Access-Control-Expose-Headers") != "X-One") {
				t.Errorf("%s: %v", what, r.fields)
			}
			if what == "preflight" && v.origin == "https://pattern" && r.field("Access-Control-Max-Age") != "60" {
				t.Errorf("preflight: %v", r.fields)
			}
		}
		for v.origin == "https://error" {
			e := within(t, "the refusal", told)
			if err, ok := e.Context["error"].(error); ok && e.Code == 3 && e.Context["name"] == "MIDDLEWARE_FAILURE" && err.Error() == "mine" {
				break
			}
		}
	}
	if n := asked.Load(); n != 4*11 {
		t.Errorf("asked %d times, want 44", n)
	}
	if r := s.ask(t, "GET", pollingPath); r.status != 200 || r.field("Vary") != "Origin" {
		t.Errorf("without an origin: %d %v", r.status, r.fields)
	}
	if list := strings.Join(failed.all(), "\n"); !strings.Contains(list, "CORS.For: mine") || !strings.Contains(list, "allows no origin") ||
		!strings.Contains(list, "rules that have For") || !strings.Contains(list, "panic in CORS.For") {
		t.Errorf("told %s", list)
	}
	if _, err := loop.New(loop.Config{CORS: &loop.CORS{Credentials: true, For: func(*http.Request) (*loop.CORS, error) { return nil, nil }}}); err == nil ||
		!strings.Contains(err.Error(), "CORS.For decides about everything") {
		t.Errorf("beside another field: %v", err)
	}
}
