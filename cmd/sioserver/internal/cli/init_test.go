// init and migrate: what they write is a configuration that starts.

package cli

import (
	"os"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, kind := range initKinds {
		code, out, errs := command(t, "", "init", "--for", kind, "--force")
		if code != ExitOK || !strings.Contains(out, "sioserver config check\n") {
			t.Fatalf("%s: code %d\n%s%s", kind, code, out, errs)
		}
		info, err := os.Stat("sioserver.yaml")
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", kind, info.Mode(), err)
		}
		if code, out, errs := command(t, "", "config", "check"); code != ExitOK || !strings.Contains(out, "sioserver.yaml: ok, 0 warnings") {
			t.Errorf("%s: code %d\n%s%s", kind, code, out, errs)
		}
	}
	first, err := os.ReadFile("sioserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := command(t, "", "init"); code != ExitFailure || !strings.Contains(errs, "is there already") {
		t.Errorf("code %d, %s", code, errs)
	}
	if now, _ := os.ReadFile("sioserver.yaml"); string(now) != string(first) {
		t.Error("an existing file was changed")
	}
	if code, out, _ := command(t, "", "init", "-o", "-"); code != ExitOK || !strings.HasPrefix(out, "# sioserver") {
		t.Errorf("code %d\n%s", code, out)
	}
	if code, _, errs := command(t, "", "init", "--for", "cobol"); code != ExitUsage || !strings.Contains(errs, "nothing, php") {
		t.Errorf("code %d, %s", code, errs)
	}
	_, one, _ := command(t, "", "init", "-o", "-")
	if _, two, _ := command(t, "", "init", "-o", "-"); one == two {
		t.Error("two configurations have the same secrets")
	}
}

func TestMigrate(t *testing.T) {
	t.Chdir(t.TempDir())
	const old = `{
	"authHost": "http://localhost", "authEndpoint": "/broadcasting/auth", "clients": [{"appId": "3d1f", "key": "0123456789abcdef0123"}, {"appId": "b", "key": "short"}],
	"database": "redis", "databaseConfig": {"redis": {"host": "redis.example", "port": "6380", "password": "p/w", "keyPrefix": "laravel_database_"}, "sqlite": {}},
	"devMode": true, "host": null, "port": "6001", "protocol": "https", "socketio": {"pingInterval": 10000}, "secureOptions": 67108864,
	"sslCertPath": "/c.pem", "sslKeyPath": "/k.pem", "sslCertChainPath": "/chain.pem", "sslPassphrase": "", "subscribers": {"http": true, "redis": true},
	"apiOriginAllow": {"allowCors": true, "allowOrigin": "http://localhost:80", "allowMethods": "GET", "allowHeaders": "x"}, "novel": 1}`
	if err := os.WriteFile("old.json", []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command(t, "", "config", "migrate", "old.json")
	if code != ExitOK || !strings.Contains(errs, "novel is unknown") || !strings.Contains(errs, "the key of b was too short") || !strings.Contains(errs, "/chain.pem") {
		t.Fatalf("code %d\n%s%s", code, out, errs)
	}
	code, out, errs = command(t, "", "config", "print", "--diff", "--show-secrets")
	if code != ExitOK {
		t.Fatalf("code %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{
		`server.listen: [":6001"]`, `server.tls.cert: "/c.pem"`, `engine.ping_interval: "10s"`, `ingest.redis.url: "redis://:p%2Fw@redis.example:6380/0"`,
		`ingest.redis.laravel_prefix: "laravel_database_"`, `"name":"3d1f","key":"0123456789abcdef0123"`, `auth.allowed_origins: ["http://localhost:80"]`,
		`laravel_echo.auth_url: "http://localhost/broadcasting/auth"`, "laravel_echo.enabled: true",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	for text, want := range map[string]string{"{": "no JSON", `{"clients": 1}`: "no configuration of laravel-echo-server"} {
		if err := os.WriteFile("bad.json", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := command(t, "", "config", "migrate", "bad.json"); code != ExitFailure || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %s", text, code, errs)
		}
	}
}

// TestProbe: what cannot be reached is told, what can is too.
func TestProbe(t *testing.T) {
	t.Chdir(t.TempDir())
	url := echoServer(t) + "/"
	text := "auth: {jwt: {enabled: true, algorithms: RS256, jwks: {url: \"" + url + "\"}}}\ncontrol: {keys: [{name: a, key: 0123456789abcdef}]}\n" +
		"hooks: {event: {url: \"" + url + "\"}, connect: {url: \"http://127.0.0.1:1/\"}, defaults: {secret: " + testSecret + "}}\n" +
		"cluster: {backend: redis, url: \"redis://127.0.0.1:1/0\"}\nserver: {tls: {enabled: true, cert: /no/c, key: /no/k}}\n" +
		"webhooks: [{name: a, url: \"" + url + "\", secret: " + testSecret + ", queue: {spool_dir: /no/dir}}, {name: b, url: \"" + url + "\", secret: " + testSecret + ", queue: {spool_dir: .}}]\n"
	code, out, errs := command(t, text, "config", "check", "-c", "-", "--probe")
	if code != ExitCheck {
		t.Errorf("code %d", code)
	}
	for _, want := range []string{
		"reached: hooks.event.url: " + url, "reached: webhooks[1].queue.spool_dir: .", "error: hooks.connect.url: ", "error: cluster.url: redis://127.0.0.1:1/0: ",
		"error: auth.jwt.jwks.url: " + url + ": it answers 404", "error: server.tls.cert: /no/c: ", "error: webhooks[0].queue.spool_dir: /no/dir: ", "not all it refers to can be reached",
	} {
		if !strings.Contains(out+errs, want) {
			t.Errorf("no %q in\n%s%s", want, out, errs)
		}
	}
	code, out, _ = command(t, "", "doctor", "--target", "10")
	if !strings.Contains(out, "open files") || !strings.Contains(out, "verdict: this process can hold ") || code != ExitOK && code != ExitCheck {
		t.Errorf("code %d\n%s", code, out)
	}
	if code, out, _ := command(t, text, "doctor", "-c", "-", "--json"); code != ExitCheck || !strings.Contains(out, `"name": "cluster.url"`) {
		t.Errorf("code %d\n%s", code, out)
	}
}
