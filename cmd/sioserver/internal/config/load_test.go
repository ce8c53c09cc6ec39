// Loading: precedence, sources, messages.

package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// open is what a configuration must say to be one that starts.
const open = "auth: {required: false}\n"

// write makes a file.
func write(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// load loads a text.
func load(text string, env ...string) (*Loaded, error) {
	return Load(Request{Files: []string{"-"}, Stdin: strings.NewReader(text), Env: env})
}

func TestPrecedence(t *testing.T) {
	first := write(t, "first.yaml", open+"log: {level: debug, format: json}\nlimits:\n  max_connections: 1\n  room_name_max: 1\n  event_name_max: 1\n  api_body: 1KiB\n")
	second := write(t, "second.yaml", "limits:\n  max_connections: 2\n  room_name_max: 2\n  event_name_max: 2\nserver: {listen: [\":1\"]}\n")
	l, err := Load(Request{
		Files: []string{first, second},
		Env:   []string{"SIOSERVER_LIMITS_MAX_CONNECTIONS=3", "SIOSERVER_LIMITS_ROOM_NAME_MAX=3", "SIOSERVER_SERVER_LISTEN=:2, :3", "PATH=/bin"},
		Flags: []Setting{{"--set", "limits.max_connections", "4"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, v := range map[string]struct{ got, want, source any }{
		"limits.max_connections": {l.Limits.MaxConnections, 4, Source{Kind: FromFlag, Name: "--set"}},
		"limits.room_name_max":   {l.Limits.RoomNameMax, 3, Source{Kind: FromEnvironment, Name: "SIOSERVER_LIMITS_ROOM_NAME_MAX"}},
		"limits.event_name_max":  {l.Limits.EventNameMax, 2, Source{Kind: FromFile, Name: second, Line: 4, Column: 19}},
		"limits.api_body":        {l.Limits.APIBody, Size(1024), Source{Kind: FromFile, Name: first, Line: 7, Column: 13}},
		"limits.violation":       {l.Limits.Violation, "drop", Source{Kind: FromDefault}},
		"log.level":              {l.Log.Level, "debug", Source{Kind: FromFile, Name: first, Line: 2, Column: 14}},
	} {
		if v.got != v.want || l.Source(path) != v.source {
			t.Errorf("%s: %v from %+v, want %v from %+v", path, v.got, l.Source(path), v.want, v.source)
		}
	}
	if !reflect.DeepEqual(l.Server.Listen, []string{":2", ":3"}) {
		t.Error("lists are replaced as a whole:", l.Server.Listen)
	}
}

func TestEnvironment(t *testing.T) {
	secret := write(t, "secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n")
	l, err := Load(Request{Env: []string{
		"SIOSERVER_AUTH_REQUIRED=false",
		"SIOSERVER_HOOKS_DEFAULTS_SECRET_FILE=" + secret,
		`SIOSERVER_CONTROL_KEYS=[{"name":"shop","key":"0123456789abcdef","scopes":["emit"]}]`,
		`SIOSERVER_SERVER_TLS={"min_version":"1.3"}`,
		"SIOSERVER_AUTH_ALLOWED_ORIGINS=https://a.example,https://b.example",
		"SIOSERVER_ENGINE_PING_INTERVAL=",
		"SIOSERVER_LOG_LEVLE=debug", "SIOSERVER_SERVICE_HOST=10.0.0.1", "SIOSERVER_PORT_3000_TCP=x", "SIOSERVER_URL=x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if string(l.Hooks.Defaults.Secret[0]) != "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" || l.Control.Keys[0].Name != "shop" || l.Server.TLS.MinVersion != "1.3" ||
		len(l.Auth.AllowedOrigins) != 2 || l.Engine.PingInterval != Duration(25*time.Second) {
		t.Errorf("%+v", l.Config)
	}
	var about []string
	for _, w := range l.Warnings {
		if w.Source.Kind == FromEnvironment && w.Path == "" {
			about = append(about, w.String())
		}
	}
	if len(about) != 1 || about[0] != "SIOSERVER_LOG_LEVLE: this variable is no key of the configuration; did you mean SIOSERVER_LOG_LEVEL?" {
		t.Errorf("%q", about)
	}
	for env, want := range map[string]string{
		"SIOSERVER_LOG_LEVEL=loud":                         `SIOSERVER_LOG_LEVEL: log.level: "loud" is not one of debug, info, warn, error`,
		"SIOSERVER_LOG_LEVEL_FILE=/does/not/exist":         "SIOSERVER_LOG_LEVEL_FILE: log.level: ",
		"SIOSERVER_CONTROL_KEYS=[{":                        "SIOSERVER_CONTROL_KEYS: control.keys: as JSON: ",
		`SIOSERVER_CONTROL_KEYS=[{"nam":"a"}]`:             "did you mean name?",
		"SIOSERVER_HOOKS_DEFAULTS_SECRET=a\x00_FILE":       "hooks.defaults.secret[0]: it must be whsec_",
		"SIOSERVER_SERVER_LOOPS=four":                      `server.loops: "four" is not right: it is a whole number`,
		"SIOSERVER_OVERLOAD_MEMORY_HIGH=94%":               "overload.memory_high: 94% must be less than",
		"SIOSERVER_LIMITS_MAX_CONNECTIONS=-1":              "must be at least 0",
		"SIOSERVER_ENGINE_TRANSPORTS=polling,carrierpigeo": `engine.transports[1]: "carrierpigeo" is not one of polling, websocket`,
	} {
		if _, err := Load(Request{Env: []string{"SIOSERVER_AUTH_REQUIRED=false", env}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", env, err, want)
		}
	}
	_, err = Load(Request{Env: []string{"SIOSERVER_AUTH_REQUIRED=false", "SIOSERVER_LOG_LEVEL=info", "SIOSERVER_LOG_LEVEL_FILE=" + secret}})
	if err == nil || !strings.Contains(err.Error(), "SIOSERVER_LOG_LEVEL is set too") {
		t.Error(err)
	}
}

func TestVariablesInFiles(t *testing.T) {
	l, err := load(open+"limits:\n  max_connections: \"${MAX}\"\n  event_name_max: \"${NONE:-7}\"\n  room_name_max: ${EMPTY:-8}\nserver: {path: \"/${A}-${B}/\"}\ncluster: {key: \"$${A}\"}\n",
		"MAX=5", "A=x", "B=y", "EMPTY=")
	if err != nil {
		t.Fatal(err)
	}
	if l.Limits.MaxConnections != 5 || l.Limits.EventNameMax != 7 || l.Limits.RoomNameMax != 8 || l.Server.Path != "/x-y/" || l.Cluster.Key != "${A}" {
		t.Errorf("%+v %q %q", l.Limits, l.Server.Path, l.Cluster.Key)
	}
	for text, want := range map[string]string{
		"cluster: {key: \"${NONE}\"}": "stdin:1:16: cluster.key: the environment variable NONE is not set",
		"cluster: {key: \"${A\"}":     "a ${ has no }",
		"cluster: {key: \"${A B}\"}":  `"A B" is no name of a variable`,
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestMessages: what is wrong is told with its place, its line and a remedy.
func TestMessages(t *testing.T) {
	for _, v := range []struct{ text, want string }{
		{"limits:\n  max_conections: 5\n", "stdin:2:3: limits.max_conections: unknown key; did you mean max_connections?\n   2 |   max_conections: ...\n     |   ^"},
		{"limit: {}\n", "stdin:1:1: limit: unknown key; did you mean limits?"},
		{"completely: {}\n", "unknown key, it can be server, engine, "},
		{"limits:\n  max_connections: many\n", "stdin:2:20: limits.max_connections: \"many\" is not right: it is a whole number, without quotes\n   2 |   max_connections: many\n     |                    ^"},
		{"limits: {max_connections: \"5\"}\n", "without quotes"},
		{"auth: {required: \"false\"}\n", "true or false, without quotes"},
		{"auth: {required: 1}\n", "true or false"},
		{"auth: {required: yes}\n", "true or false"},
		{"server: {loops: 257}\n", "it must be at most 256"},
		{"engine: {ping_interval: 0s}\n", "it must be at least 1ms"},
		{"limits: 5\n", "stdin:1:9: limits: it must be a mapping with the keys max_connections, "},
		{"limits: {max_connections: [1]}\n", "it must be a number, not a list"},
		{"namespaces: {name: /}\n", "it must be a list of mappings, not a mapping"},
		{"webhooks: [{name: a}]\n", "webhooks[0].url: it must be given"},
		{"webhooks: [~]\n", "webhooks[0]: it is empty"},
		{"log:\n\tlevel: info\n", "stdin:2:1: "},
		{"a: 1\na: 2\n", "stdin:2:1: "},
		{"- 1\n", "the file must be a mapping"},
		{"log: {level: info}\n---\nlog: {level: info}\n", "several documents"},
		{"log: *x\n", "there is no anchor &x"},
		{"auth:\n  jwt: {hmac_secret: \"a secret that is no secret\", leeway: 1}\n", "   2 |   jwt: {hmac_secret: \"[redacted]\", leeway: 1}\n     |                                            ^"},
		{"auth:\n  jwt: {hmac_secre: \"a secret that is no secret\", leeway: 1}\n", "   2 |   jwt: {hmac_secre: \"[redacted]\", leeway: 1}\n"},
	} {
		_, err := load(v.text)
		var problems Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s%v\nwant %q", v.text, err, v.want)
		}
		if err != nil && strings.Contains(err.Error(), "no secret") {
			t.Errorf("a secret was shown: %v", err)
		}
	}
	l, err := Load(Request{Files: []string{"-"}, Stdin: strings.NewReader(open + "limit: {}\n"), Lenient: true})
	if err != nil || !strings.Contains(l.Warnings.Error(), "did you mean limits?") {
		t.Errorf("lenient: %v, %v", err, l.Warnings)
	}
	for _, name := range []string{"/does/not/exist.yaml", t.TempDir()} {
		if _, err := Load(Request{Files: []string{name}}); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(Request{Files: []string{"-"}}); err == nil || !strings.Contains(err.Error(), "no standard input") {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	l, err := Load(Request{Flags: []Setting{
		{"--set", "auth.required", "false"}, {"--set", "namespaces", `[{"name":"/a"}]`}, {"--set", "engine.transports", "websocket"},
	}})
	if err != nil || l.Namespaces[0].Name != "/a" || len(l.Engine.Transports) != 1 {
		t.Errorf("%+v, %v", l.Config, err)
	}
	for path, want := range map[string]string{"log.levle": "did you mean log.level?", "": "unknown key", "namespaces.name": "unknown key"} {
		if _, err := Load(Request{Flags: []Setting{{"--set " + path, path, "x"}}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestYAML(t *testing.T) {
	l, err := load(open + `
webhooks:
  - &main
    name: main
    url: https://app.example/
    batch: {max_events: 7}
  - {<<: *main, name: other}
namespaces:
  - events: [{match: ping, action: ack, ack: [{pong: true, n: 1, f: 1.5, s: "1", l: [~, x]}]}]
server: {tls: {min_version: 1.2}}
`)
	if err != nil {
		t.Fatal(err)
	}
	if w := l.Webhooks; w[1].Name != "other" || w[1].URL != w[0].URL || w[1].Batch.MaxEvents != 7 || w[0].Retry.Jitter != 0.2 {
		t.Errorf("%+v", w)
	}
	want := []any{map[string]any{"pong": true, "n": 1.0, "f": 1.5, "s": "1", "l": []any{nil, "x"}}}
	if got := l.Namespaces[0].Events[0]; !reflect.DeepEqual(got.Ack, want) || !reflect.DeepEqual(got.Match, []string{"ping"}) {
		t.Errorf("%#v", got)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 10) + "]\n"
	}
	if _, err := load(bomb); err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("%.300v", err)
	}
	if _, err := load("log: " + strings.Repeat("[", 100) + strings.Repeat("]", 100)); err == nil || !strings.Contains(err.Error(), "deeper than") {
		t.Errorf("%.300v", err)
	}
}

func TestDevelopment(t *testing.T) {
	dev := func(text string, flags ...Setting) (*Loaded, error) {
		return Load(Request{Dev: true, Files: []string{"-"}, Stdin: strings.NewReader(text), Flags: flags})
	}
	l, err := dev("")
	if err != nil || l.Server.Listen[0] != "127.0.0.1:3000" || l.Control.Listen != "127.0.0.1:3001" || l.Auth.Required || string(l.Control.Keys[0].Key) != DevKey || !l.Relay || l.Namespaces[0].Name != "/" {
		t.Errorf("%+v, %v", l.Config, err)
	}
	l, err = dev("server: {listen: [\":4000\"]}\nauth: {required: true, user_header: x}\nnamespaces: [{name: /a}]\n")
	if err == nil || !strings.Contains(err.Error(), "server.trusted_proxies") || l.Server.Listen[0] != "127.0.0.1:4000" || l.Control.Listen != "127.0.0.1:0" || !l.Auth.Required || l.Relay {
		t.Errorf("%+v, %v", l.Config, err)
	}
	for _, a := range []string{"0.0.0.0:80", ":80", "example.org:80"} {
		if _, err := dev("", Setting{"--listen", "server.listen", a}); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range []string{"[::1]:80", "localhost:80", "127.0.0.9:0"} {
		if _, err := dev("", Setting{"--listen", "server.listen", a}); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(open, "A=b")
	f.Add("limits: {max_connections: ${A}}\nx: &y [*y]\n<<: 1\n", "A=${A}")
	f.Add("auth: {jwt: {enabled: true, hmac_secret: ['\xff']}}\n? a\n: b\n", "SIOSERVER_CONTROL_KEYS=[{a")
	f.Fuzz(func(t *testing.T, text, env string) {
		l, err := load(text, env)
		if err == nil && l.Config == nil {
			t.Error("neither a configuration nor an error")
		}
	})
}
