package auth

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/loop"
)

func originsConfig(credentials bool, list ...string) *config.Config {
	return &config.Config{
		Auth:   config.Auth{AllowedOrigins: list},
		Engine: config.Engine{CORS: config.CORS{Credentials: credentials, MaxAge: config.Duration(10 * time.Minute)}},
	}
}

// TestOriginRules: what the rules are; that they hold is tested with package
// loop, which must accept them.
func TestOriginRules(t *testing.T) {
	for _, list := range [][]string{{"example.com"}, {"https://a.example", "b"}} {
		if _, err := NewOrigins(originsConfig(true, list...)); err == nil {
			t.Errorf("%q was accepted", list)
		}
	}
	o, err := NewOrigins(originsConfig(true))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := o.CORS().For(nil); r != nil || err != nil {
		t.Error("rules without origins:", r, err)
	}
	for _, c := range []*config.Config{
		originsConfig(true, "*"), originsConfig(false, "*"), originsConfig(false, "*", "https://a.example"),
		originsConfig(true, "HTTPS://A.example/", "https://*.example.com", "http://localhost:*", "null"),
	} {
		apply, err := o.Prepare(c)
		if err != nil {
			t.Fatal(err)
		}
		apply()
		rules, _ := o.CORS().For(nil)
		if _, err := loop.New(loop.Config{NoListen: true, CORS: rules}); err != nil {
			t.Errorf("%q: %v", c.Auth.AllowedOrigins, err)
		}
		if slices.Contains(c.Auth.AllowedOrigins, "*") && (rules.Credentials || rules.Reflect || rules.Origin != "*") {
			t.Errorf("%q: every page could use the cookies of its visitors: %+v", c.Auth.AllowedOrigins, rules)
		}
	}
	rules, _ := o.CORS().For(nil)
	if len(rules.Origins) != 2 || rules.Origins[0] != "https://a.example" || !rules.Credentials || rules.MaxAge != 10*time.Minute {
		t.Errorf("%+v", rules)
	}
	for origin, want := range map[string]bool{
		"https://a.example.com": true, "https://a.b.example.com": true, "https://example.com": false, "https://.example.com": false,
		"https://a.example.com.evil": false, "https://evil/x.example.com": false, "https://evil@x.example.com": false,
		"http://localhost:3000": true, "http://localhost:": false, "http://localhost:80:80": false,
	} {
		got := false
		for _, p := range rules.OriginPatterns {
			at := p.FindString(origin)
			got = got || at == origin
		}
		if got != want {
			t.Errorf("%s: %v", origin, got)
		}
	}
}

func TestFind(t *testing.T) {
	p := Presented{
		Auth:   []byte(`{"token":"a","number":1}`),
		Header: func() http.Header { return http.Header{"Authorization": {"bearer b"}, "X-Token": {"x"}} },
		Query:  func() url.Values { return url.Values{"access_token": {"c"}} },
	}
	for _, test := range []struct {
		places []string
		want   string
	}{
		{nil, ""},
		{[]string{"auth.token", "header.authorization"}, "a"},
		{[]string{"auth.none", "header.authorization"}, "b"},
		{[]string{"auth.number", "query.access_token"}, "c"},
		{[]string{"header.x-token"}, "x"},
		{[]string{"query.none"}, ""},
	} {
		if got := p.Find(test.places); got != test.want {
			t.Errorf("%q: %q", test.places, got)
		}
	}
	p = Presented{Auth: []byte(`[1]`), Header: func() http.Header { return http.Header{"Authorization": {"Basic b"}} }}
	if got := p.Find([]string{"auth.token", "header.authorization"}); got != "" {
		t.Errorf("found %q", got)
	}
}
