// What can be asked of POST /revoke. What it does is shown by package serve and by official clients.

package control

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
)

func TestRevokeRequests(t *testing.T) {
	c := settings()
	c.Control.Keys = append(c.Control.Keys, config2("chat", "/chat"))
	p := serving(t, c, Options{Revoked: auth.NewTokens().Revoked()})
	at := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
	for body, field := range map[string]string{
		`{}`:                     "jti",
		`{"jti":"a","user":"b"}`: "jti",
		fmt.Sprintf(`{"jti":%q}`, strings.Repeat("x", maxNameBytes+1)):           "jti",
		fmt.Sprintf(`{"user":%q}`, strings.Repeat("x", maxNameBytes+1)):          "user",
		fmt.Sprintf(`{"jti":"a","until":%q}`, at(-time.Minute)):                  "until",
		fmt.Sprintf(`{"jti":"a","until":%q}`, at(auth.RevocationMost+time.Hour)): "until",
	} {
		if a := p.do("manage", "POST", "/api/v1/revoke", body); a.status != 422 || a.Error.Field != field {
			t.Errorf("%.60s: %d %s", body, a.status, a.body)
		}
	}
	for _, body := range []string{
		`{"jti":"a"}`, `{"user":"b"}`, fmt.Sprintf(`{"jti":%q}`, strings.Repeat("x", maxNameBytes)), fmt.Sprintf(`{"jti":"a","until":%q}`, at(auth.RevocationMost-time.Hour)),
	} {
		if r := p.post("/revoke", body); r != `{"matched":0}` {
			t.Errorf("%.60s: %s", body, r)
		}
	}
	if a := p.do("chat", "POST", "/api/v1/revoke", `{"user":"b"}`); a.status != 403 {
		t.Errorf("a key for one namespace: %d %s", a.status, a.body)
	}
	if a := p.do("read", "POST", "/api/v1/revoke", `{"user":"b"}`); a.status != 403 {
		t.Errorf("a key that may read: %d %s", a.status, a.body)
	}
	none := serving(t, settings(), Options{})
	if a := none.do("manage", "POST", "/api/v1/revoke", `{"user":"b"}`); a.status != 501 {
		t.Errorf("without tokens: %d %s", a.status, a.body)
	}
}
