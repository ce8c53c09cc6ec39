// Tokens on the command line.

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	t.Chdir(t.TempDir())
	file := filepath.Join(t.TempDir(), "sioserver.yaml")
	text := `auth: {jwt: {enabled: true, issuer: us, hmac_secret: ["a secret of this test with 32 bytes"]}}
namespaces: [{name: /}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, token, stderr := command(t, "", "token", "create", "-c", file, "-u", "42", "--ns", "/chat", "--room", "r", "--join", "j:*", "--claim", "n=7", "--claim", "s=x")
	if code != ExitOK {
		t.Fatal(code, stderr)
	}
	token = strings.TrimSpace(token)
	code, out, stderr := command(t, "", "token", "verify", "-c", file, "--json", token)
	var v verified
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != ExitOK {
		t.Fatal(code, out, stderr, err)
	}
	claims, _ := json.Marshal(map[string]any{"n": v.Claims["n"], "s": v.Claims["s"], "iss": v.Claims["iss"], "sio": v.Claims["sio"]})
	if want := `{"iss":"us","n":7,"s":"x","sio":{"join":["j:*"],"ns":["/chat"],"rooms":["r"]}}`; !v.OK || v.User != "42" || v.Algorithm != "HS256" || string(claims) != want {
		t.Errorf("%+v %s", v, claims)
	}
	code, out, _ = command(t, "", "token", "verify", "-c", file, token)
	if code != ExitOK || !strings.HasPrefix(out, "ok: user 42, expires ") {
		t.Error(code, out)
	}
	code, out, _ = command(t, "", "token", "verify", "-c", file, token+"x")
	if code != ExitCheck || !strings.HasPrefix(out, "refused: ") {
		t.Error(code, out)
	}
	code, out, _ = command(t, "", "token", "room", "chat:7", "-c", file, "-u", "42", "--publish", "--json")
	if code != ExitOK || !strings.Contains(out, `"publish"`) || !strings.Contains(out, `"chat:7"`) {
		t.Error(code, out)
	}
	for _, args := range [][]string{
		{"token", "create", "-c", file}, {"token", "create", "-c", file, "-u", "42", "--claim", "x"}, {"token", "verify", "-c", file}, {"token", "room", "-c", file, "-u", "42"},
	} {
		if code, _, _ := command(t, "", args...); code != ExitUsage {
			t.Errorf("%q: %d", args, code)
		}
	}
	if err := os.WriteFile(file, []byte("auth: {required: false}\nnamespaces: [{name: /}]\ncontrol: {keys: [{name: a, key: 0123456789abcdef}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, "", "token", "create", "-c", file, "-u", "42"); code != ExitCheck || !strings.Contains(stderr, "auth.jwt is not enabled") {
		t.Error(code, stderr)
	}
}
