package signing

import (
	"net/http"
	"testing"
	"time"

	oracle "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// TestAgainstTheStandard: what we sign the official library verifies, and the
// other way.
func TestAgainstTheStandard(t *testing.T) {
	old, fresh := NewSecret(), NewSecret()
	keys, err := Parse("secret", config.Secrets{config.Secret(fresh), config.Secret(old)})
	if err != nil {
		t.Fatal(err)
	}
	body, now := []byte(`{"a":1}`), time.Now()
	h := http.Header{}
	keys.Sign(h, "msg_1", now, body)
	for _, secret := range []string{old, fresh} {
		w, err := oracle.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Verify(body, h); err != nil {
			t.Errorf("the library refuses our signature: %v", err)
		}
		if w.Verify([]byte(`{"a":2}`), h) == nil {
			t.Error("the library accepts another body")
		}
		theirs := http.Header{}
		text, err := w.Sign("msg_2", now, body)
		if err != nil {
			t.Fatal(err)
		}
		keys.Sign(theirs, "msg_2", now, body)
		theirs.Set(HeaderSignature, "v2,x "+text)
		if err := keys.Verify(theirs, now, body); err != nil {
			t.Errorf("we refuse the library's signature: %v", err)
		}
	}
}

func TestVerify(t *testing.T) {
	keys, err := Parse("secret", config.Secrets{config.Secret(NewSecret())})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		name   string
		change func(http.Header)
		at     time.Time
		body   string
		ok     bool
	}{
		{"as it is", func(http.Header) {}, now, "body", true},
		{"almost old", func(http.Header) {}, now.Add(5 * time.Minute), "body", true},
		{"old", func(http.Header) {}, now.Add(5*time.Minute + time.Second), "body", false},
		{"of the future", func(http.Header) {}, now.Add(-6 * time.Minute), "body", false},
		{"another body", func(http.Header) {}, now, "Body", false},
		{"another id", func(h http.Header) { h.Set(HeaderID, "b") }, now, "body", false},
		{"no id", func(h http.Header) { h.Del(HeaderID) }, now, "body", false},
		{"no time", func(h http.Header) { h.Set(HeaderTimestamp, "now") }, now, "body", false},
		{"no signature", func(h http.Header) { h.Del(HeaderSignature) }, now, "body", false},
		{"another version", func(h http.Header) { h.Set(HeaderSignature, "v2"+h.Get(HeaderSignature)[2:]) }, now, "body", false},
	} {
		h := http.Header{}
		keys.Sign(h, "a", now, []byte("body"))
		test.change(h)
		if err := keys.Verify(h, test.at, []byte(test.body)); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	for _, s := range []config.Secret{"", "whsec_", "secret", "whsec_%"} {
		if _, err := Parse("secret", config.Secrets{s}); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}
