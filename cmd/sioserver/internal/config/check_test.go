// What must hold between values: each rule, broken and kept.

package config

import (
	"strings"
	"testing"
)

// The beginnings of configurations that hold otherwise.
const (
	withJWT  = "auth: {jwt: {enabled: true, hmac_secret: 0123456789abcdef0123456789abcdef}}\n"
	withHook = "hooks: {connect: {url: http://127.0.0.1/}, defaults: {secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3}}\n"
)

// rules are configurations with a fault, and what is said about it. The second
// text is the same without the fault, if that is not obvious.
var rules = []struct{ text, want, right string }{
	{"", "auth: nobody could connect", open},
	{"log: {level: info}\n", "There is no API key either", ""},
	{"control: {keys: [{name: a, key: 0123456789abcdef}]}\n", "auth: nobody could connect", "control: {keys: [{name: a, key: 0123456789abcdef}]}\n" + open},
	{withHook + "namespaces: [{auth: none}]\n", "", ""},
	{"namespaces: [{auth: none}]\n", "", ""},
	{"namespaces: [{auth: none}, {name: /a}]\n", "nobody could connect", ""},
	{open + "namespaces: [{auth: required}]\n", "namespaces[0].auth: nobody could join", withHook + "namespaces: [{auth: required}]\n"},

	{open + "server: {listen: []}\n", "there must be an address", ""},
	{open + "server: {listen: \"3000\"}\n", `"3000" is a port without its colon: ":3000"`, ""},
	{open + "server: {listen: localhost}\n", "must be host:port", ""},
	{open + "server: {listen: \":http\"}\n", `it must be from 0 to 65535`, ""},
	{open + "server: {listen: [\":1\", \":1\"]}\n", "stands there twice", ""},
	{open + "server: {listen: \"unix:sock\"}\n", "absolute path", open + "server: {listen: \"unix:/run/s.sock?mode=0660\"}\n"},
	{open + "server: {listen: \"unix:/a?mod=1\"}\n", "may end with ?mode=", open + "server: {listen: [\"unix:@a\", \"unix:/a\"]}\n"},
	{open + "server: {listen: \"unix:/a?mode=999\"}\n", "may end with ?mode=", ""},
	{open + "server: {listen: \"fd:\"}\n", "name of the socket", open + "server: {listen: \"fd:sio\"}\n"},
	{open + "control: {listen: \":3000\"}\n", "is in server.listen too", ""},
	{open + "server: {path: socket.io}\n", "must begin with a slash", open + "server: {path: /socket.io}\n"},
	{open + "server: {trusted_proxies: [unix]}\n", "\"unix\" must be a network", open + "server: {trusted_proxies: ['unix:', 10.0.0.0/8]}\n"},
	{open + "server: {proxy_protocol: optional}\n", "it is believed from server.trusted_proxies only", open + "server: {proxy_protocol: optional, trusted_proxies: 10.0.0.1}\n"},
	{open + "server: {trusted_proxies: [10.0.0.0]}\n", "", ""},
	{open + "server: {trusted_proxies: [10.0.0.0/33]}\n", "must be a network", ""},
	{open + "server: {tls: {enabled: true, cert: a}}\n", "TLS needs both cert and key", open + "server: {tls: {enabled: true, cert: a, key: b}}\n"},
	{open + "server: {tls: {cert: a, key: b}}\n", "and TLS is off", ""},
	{open + "engine: {transports: []}\n", "there must be one at least", ""},
	{open + "engine: {compression: {context_takeover: true}}\n", "it needs engine.compression.enabled", open + "engine: {compression: {context_takeover: true, enabled: true}}\n"},

	{open + "control: {keys: [{name: a}]}\n", "it needs key or sha256", ""},
	{open + "control: {keys: [{name: a, key: short}]}\n", "it has 5 characters", ""},
	{open + "control: {keys: [{name: a, key: dev}]}\n", "everybody knows this key", ""},
	{open + "control: {keys: [{name: a, sha256: abc}]}\n", "64 hexadecimal digits", ""},
	{open + "control: {keys: [{name: a, key: 0123456789abcdef, sha256: a}]}\n", "two ways to say the same", ""},
	{open + "control: {keys: [{name: a, key: 0123456789abcdef}, {name: a, key: 0123456789abcdeg}]}\n", `two keys with the name "a"`, ""},
	{open + "control: {keys: [{name: a, key: 0123456789abcdef, scopes: []}]}\n", "can do nothing", ""},
	{open + "control: {keys: [{name: a, key: 0123456789abcdef, cidrs: [x]}]}\n", "must be a network", ""},
	{open + "control: {keys: [{name: a, key: 0123456789abcdef, namespaces: [/chat]}]}\nnamespaces: [{name: /chats}]\n", `there is no namespace "/chat"; did you mean /chats?`, ""},
	{open + "control: {admin_ui: {path: admin}}\n", "must begin and end with a slash", ""},

	{open + "control: {instrument: {enabled: true, password: secret}}\n", "must be a bcrypt hash", open + "control: {instrument: {enabled: true, password: $2a$04$eJel8Z.EalapKWIj5xy7QusoJP7UVPs4deIYbZoNGM9WVQbuWrOT.}}\n"},

	{"auth: {user_header: x}\n", "it is believed from server.trusted_proxies only", "auth: {user_header: x}\nserver: {trusted_proxies: [10.0.0.0/8]}\n"},
	{"auth: {required: false, allowed_origins: [example.com]}\n", "must be an origin", "auth: {required: false, allowed_origins: [\"https://*.example.com:8443\", \"http://localhost:*\", \"*\", \"null\"]}\n"},
	{"auth: {required: false, allowed_origins: [\"https://example.com/\"]}\n", "must be an origin", ""},
	{"auth: {required: false, jwt: {hmac_secret: x}}\n", "there are keys for tokens, and tokens are off", ""},
	{"auth: {jwt: {enabled: true}}\n", "tokens need a key", withJWT},
	{"auth: {jwt: {enabled: true, hmac_secret: short}}\n", "it has 5 bytes, it must have 32 at least", ""},
	{"auth: {jwt: {enabled: true, hmac_secret: \"-----BEGIN PUBLIC KEY-----\"}}\n", "this is a key in PEM form", ""},
	{"auth: {jwt: {enabled: true, algorithms: [], hmac_secret: 0123456789abcdef0123456789abcdef}}\n", "there must be one at least", ""},
	{"auth: {jwt: {enabled: true, jwks: {url: \"https://a/\"}}}\n", "take it out, since a public key must never verify those", "auth: {jwt: {enabled: true, algorithms: ES256, jwks: {url: \"https://a/\"}}}\n"},
	{"auth: {jwt: {enabled: true, algorithms: RS256, hmac_secret: 0123456789abcdef0123456789abcdef}}\n", "no algorithm in auth.jwt.algorithms uses it", ""},
	{"auth: {jwt: {enabled: true, algorithms: [HS256, RS256], hmac_secret: 0123456789abcdef0123456789abcdef}}\n", "public keys, and there are none", ""},
	{"auth: {jwt: {enabled: true, hmac_secret: 0123456789abcdef0123456789abcdef, jwks: {url: \"https://a/\"}}}\n", "no algorithm uses them", ""},
	{"auth: {jwt: {enabled: true, algorithms: RS256, public_keys: [{algorithm: ES256, pem: x}]}}\n", "must be a key in PEM form", ""},
	{"auth: {jwt: {enabled: true, algorithms: RS256, public_keys: [{algorithm: ES256, pem: x}]}}\n", "ES256 is not in auth.jwt.algorithms", ""},
	{"auth: {jwt: {enabled: true, algorithms: RS256, public_keys: [{algorithm: RS256, pem: \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"}]}}\n", "this is a private key", ""},
	{"auth: {jwt: {enabled: true, from: [token], hmac_secret: 0123456789abcdef0123456789abcdef}}\n", "must be auth.NAME, header.NAME or query.NAME", ""},
	{"auth: {jwt: {enabled: true, algorithms: RS256, jwks: {url: \"https://a/\", max_stale: 1m}}}\n", "must not be less than auth.jwt.jwks.refresh", ""},
	{"auth: {jwt: {enabled: true, algorithms: RS256, jwks: {url: \"ftp://a/\"}}}\n", "must be a URL", ""},

	{"hooks: {connect: {url: /hooks}}\n", "must be a URL", ""},
	{"hooks: {connect: {url: \"http://u:p@a/\"}}\n", "must not hold a user and a password", ""},
	{"hooks: {connect: {url: \"http://a/\"}, defaults: {secret: abc}}\n", "it must be whsec_ and base64", ""},
	{"hooks: {connect: {url: \"http://a/\"}, defaults: {secret: whsec_YWJj}}\n", "it holds 3 bytes", withHook},
	{open + "webhooks: [{name: a, url: \"http://a/\"}, {name: a, url: \"http://a/\"}]\n", `two webhooks with the name "a"`, ""},
	{open + "laravel_echo: {enabled: true}\n", "laravel_echo: it needs auth_url", open + "laravel_echo: {enabled: true, auth_url: \"http://a/\"}\n"},
	{open + "laravel_echo: {auth_url: a}\n", "laravel_echo.auth_url: \"a\" must be a URL", ""},
	{open + "namespaces: [{name: /a}]\nlaravel_echo: {enabled: true, auth_url: \"http://a/\"}\n", "namespaces has none", ""},
	{open + "webhooks: [{name: a, url: \"http://a/\", events: [user.onlin]}]\n", `no event has the type "user.onlin"; did you mean user.online?`, open + "webhooks: [{name: a, url: \"http://a/\", events: [\"*\", \"user.*\", node.started]}]\n"},
	{open + "webhooks: [{name: a, url: \"http://a/\", retry: {initial: 3m}}]\n", "3m is more than max, 2m", ""},

	{open + "namespaces: []\n", "there must be one", ""},
	{open + "namespaces: [{name: chat}]\n", "must begin with a slash", open + "namespaces: [{name: /chat}]\n"},
	{open + "namespaces: [{name: /a}, {name: /a}]\n", "two namespaces", ""},
	{open + "namespaces: [{auto_join: [\"{usr}\"]}]\n", "{usr}; what can be filled in is {user}, {sid} and {claim.NAME}", open + "namespaces: [{auto_join: [\"{user}-{claim.org}-{sid}\"]}]\n"},
	{open + "namespaces: [{auto_join: [\"{user\"]}]\n", "a brace without its other half", ""},
	{open + "namespaces: [{name: /a}, {name: /b, recovery: {enabled: false}}]\n", "recovery is one for all namespaces", ""},
	{open + "namespaces: [{rooms: [{match: a, join: anyone}, {match: a, join: nobody}]}]\n", "rooms[1].match: it is never reached: rooms[0], \"a\"", ""},
	{open + "namespaces: [{rooms: [{match: \"chat:*\", join: anyone}, {match: \"chat:7\", join: nobody}]}]\n", "Put the narrower rule first", open + "namespaces: [{rooms: [{match: \"chat:7\", join: anyone}, {match: \"chat:*\", join: nobody}]}]\n"},
	{open + "namespaces: [{rooms: [{match: a, join: self}]}]\n", "self needs {user}", open + "namespaces: [{rooms: [{match: \"u:{user}\", join: self}]}]\n"},
	{open + "namespaces: [{rooms: [{match: a, join: hook}]}]\n", "needs hooks.join.url", ""},
	{open + "namespaces: [{rooms: [{match: a}]}]\n", "auth.jwt, which is not enabled", withJWT + "namespaces: [{rooms: [{match: a}]}]\n"},
	{open + "namespaces: [{events: [{match: a, action: relay}]}]\n", "relay needs to", open + "namespaces: [{events: [{match: a, action: relay, to: \"{data.room}\"}]}]\n"},
	{open + "namespaces: [{events: [{match: a, action: relay, to: \"{claim.x}\"}]}]\n", "{claim.x}", ""},
	{open + "namespaces: [{events: [{match: a, action: ack, to: b}]}]\n", "events[0].to: it belongs to action: relay, and the action is ack", ""},
	{open + "namespaces: [{events: [{match: a, action: hook}]}]\n", "the hook has no address", open + "namespaces: [{events: [{match: a, action: hook, url: \"http://a/\"}]}]\n"},
	{open + "namespaces: [{events: [{match: a, action: webhook}]}]\n", "webhook needs webhook", ""},
	{open + "namespaces: [{events: [{match: a, action: webhook, webhook: b}]}]\n", `there is no webhook "b"`, ""},
	{open + "namespaces: [{events: [{match: [], action: deny}]}]\n", "the name of an event at least", ""},
	{open + "namespaces: [{events: [{match: a, action: deny, require: member}]}]\n", "member is about the room of a relay", ""},
	{open + "namespaces: [{events: [{match: [\"*\"], action: deny}, {match: a, action: ack}]}]\n", "events[1].match[0]: it is never reached", open + "namespaces: [{events: [{match: a, action: ack}, {match: [\"*\"], action: deny}]}]\n"},

	{open + "drain: {over: 58s}\n", "must not be less than drain.pre_stop and drain.over together, 1m3s", open + "drain: {over: 58s, timeout: 63s}\n"},
	{open + "drain: {max_rate: 0/s}\n", "no transport would ever be closed", ""},
	{open + "recovery: {backend: redis_streams}\n", "needs cluster.backend: redis_streams", open + "recovery: {backend: redis_streams}\ncluster: {backend: redis_streams}\n"},
	{open + "cluster: {backend: redis, url: localhost}\n", "redis://host:port/db", open + "cluster: {backend: redis, url: \"rediss://localhost:1/2\"}\n"},
	{open + "cluster: {backend: redis, url: \"unix://\"}\n", "redis://host:port/db", open + "cluster: {backend: redis, url: \"unix:///run/redis.sock\"}\n"},
}

func TestRules(t *testing.T) {
	for _, r := range rules {
		_, err := load(r.text)
		if r.want == "" && err != nil || r.want != "" && (err == nil || !strings.Contains(err.Error(), r.want)) {
			t.Errorf("%s%v\nwant %q", r.text, err, r.want)
		}
		if r.right == "" {
			continue
		}
		if _, err := load(r.right); err != nil {
			t.Errorf("%s%v", r.right, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		open + "control: {listen: \"0.0.0.0:3001\"}\n": "can be reached from other machines",
		open:                          "everybody may connect",
		open + "log: {level: info}\n": "control.keys: there is none",
		open + "cluster: {backend: redis}\nnamespaces: [{recovery: {enabled: true}}]\n":          "has no recovery",
		open + "limits: {on_user_limit: close_oldest}\n":                                         "does nothing without",
		"hooks: {connect: {url: \"http://a/\"}}\n":                                               "cannot tell our requests",
		open + "webhooks: [{name: a, url: \"http://a/\"}]\n":                                     "webhooks[0]: the webhook has no secret",
		"auth: {required: false, allowed_origins: \"*\"}\nengine: {cors: {credentials: true}}\n": "browsers send no cookies",
	} {
		l, err := load(text)
		if err != nil || !strings.Contains(l.Warnings.Error(), want) {
			t.Errorf("%s%v\n%v\nwant %q", text, err, l.Warnings, want)
		}
	}
	l, err := load(withJWT + "control: {keys: [{name: a, key: 0123456789abcdef}]}\n")
	if err != nil || len(l.Warnings) > 0 {
		t.Errorf("%v, %v", err, l.Warnings)
	}
}

func TestCovers(t *testing.T) {
	for _, v := range []struct {
		pattern, other string
		want           bool
	}{
		{"*", "", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"a*", "ab", true},
		{"a*", "b", false},
		{"*b", "ab", true},
		{"a*b*c", "axbyc", true},
		{"a*b*c", "axc", false},
		{"a*a", "a", false},
		{"a*", "a*", true},
		{"ab*", "a*", false},
		{"a*b", "a*b", true},
	} {
		if got := covers(v.pattern, v.other); got != v.want {
			t.Errorf("%q covers %q: %v", v.pattern, v.other, got)
		}
	}
}
