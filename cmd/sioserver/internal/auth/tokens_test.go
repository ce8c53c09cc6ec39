package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

var quiet = slog.New(slog.DiscardHandler)

func public(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func signed(t *testing.T, algorithm string, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(algorithm), claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func soon() int64 { return time.Now().Add(time.Hour).Unix() }

// defaults are the defaults of the section, as far as they matter here.
func defaults(algorithms ...string) config.JWT {
	return config.JWT{Enabled: true, Algorithms: algorithms, RequireExp: true, UserClaim: "sub", Leeway: config.Duration(5 * time.Second)}
}

//effect:keys auth.jwt.hmac_secret auth.jwt.public_keys[].algorithm auth.jwt.public_keys[].pem auth.jwt.public_keys[].kid auth.jwt.algorithms
func TestAlgorithms(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := defaults("HS256", "HS512", "RS256", "ES256", "EdDSA")
	c.HMACSecret = config.Secrets{"new secret", "old secret"}
	c.PublicKeys = []config.PublicKey{
		{Algorithm: "RS256", PEM: public(t, r), KeyID: "r"}, {Algorithm: "ES256", PEM: public(t, e)}, {Algorithm: "EdDSA", PEM: public(t, d)},
	}
	v, err := NewVerifier(&c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.MapClaims{"sub": "42", "exp": soon()}
	for name, test := range map[string]struct {
		token string
		ok    bool
	}{
		"HS256":                 {signed(t, "HS256", []byte("new secret"), "", claims), true},
		"HS512, old secret":     {signed(t, "HS512", []byte("old secret"), "any", claims), true},
		"HS384, not listed":     {signed(t, "HS384", []byte("new secret"), "", claims), false},
		"HS256, another secret": {signed(t, "HS256", []byte("a secret"), "", claims), false},
		"RS256":                 {signed(t, "RS256", r, "r", claims), true},
		"RS256, another kid":    {signed(t, "RS256", r, "q", claims), false},
		"RS256, no kid":         {signed(t, "RS256", r, "", claims), false},
		"ES256":                 {signed(t, "ES256", e, "any", claims), true},
		"EdDSA":                 {signed(t, "EdDSA", d, "", claims), true},
		"PS256, not listed":     {signed(t, "PS256", r, "r", claims), false},
		// The classic confusion: the public key taken for a secret.
		"HS256 by the public key": {signed(t, "HS256", []byte(public(t, r)), "r", claims), false},
		"none":                    {signed(t, "none", jwt.UnsafeAllowNoneSignatureType, "", claims), false},
		"garbage":                 {"a.b.c", false},
		"empty":                   {"", false},
		"too long":                {signed(t, "HS256", []byte("new secret"), "", jwt.MapClaims{"sub": "42", "exp": soon(), "x": string(make([]byte, maxToken))}), false},
	} {
		token, err := v.Verify(t.Context(), test.token)
		if (err == nil) != test.ok || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && token.User != "42" {
			t.Errorf("%s: user %q", name, token.User)
		}
	}
}

//effect:keys auth.jwt.issuer auth.jwt.audience auth.jwt.leeway auth.jwt.require_exp
func TestClaims(t *testing.T) {
	c := defaults("HS256")
	c.HMACSecret, c.Issuer, c.Audience = config.Secrets{"secret"}, "issuer", "me"
	base := func(more map[string]any) jwt.MapClaims {
		claims := jwt.MapClaims{"sub": "42", "exp": soon(), "iss": "issuer", "aud": []string{"you", "me"}}
		for name, v := range more {
			if claims[name] = v; v == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	v, err := NewVerifier(&c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	for name, test := range map[string]struct {
		claims map[string]any
		err    error
	}{
		"as it should be":      {nil, nil},
		"another issuer":       {map[string]any{"iss": "x"}, ErrInvalid},
		"no issuer":            {map[string]any{"iss": nil}, ErrInvalid},
		"another audience":     {map[string]any{"aud": "x"}, ErrInvalid},
		"expired":              {map[string]any{"exp": now - 6}, ErrExpired},
		"expired, with leeway": {map[string]any{"exp": now - 1}, nil},
		"never expires":        {map[string]any{"exp": nil}, ErrInvalid},
		"not yet":              {map[string]any{"nbf": now + 60}, ErrInvalid},
		"no user":              {map[string]any{"sub": nil}, ErrInvalid},
		"user of another type": {map[string]any{"sub": []string{"x"}}, ErrInvalid},
		"sio of another type":  {map[string]any{"sio": map[string]any{"ns": 1}}, ErrInvalid},
		"a room token":         {map[string]any{"room": "r", "caps": []string{"join"}}, ErrInvalid},
	} {
		_, err := v.Verify(t.Context(), signed(t, "HS256", []byte("secret"), "", base(test.claims)))
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, err := v.Verify(t.Context(), signed(t, "HS256", []byte("secret"), "", base(map[string]any{
		"sub": 12345678901234567, "sio": map[string]any{"ns": []string{"/a"}, "rooms": []string{"r"}, "join": []string{"j"}, "emit": []string{"e"}, "publish": []string{"p"}, "data": map[string]any{"n": 1}},
	})))
	if err != nil {
		t.Fatal(err)
	}
	if token.User != "12345678901234567" || token.Namespaces[0] != "/a" || token.Rooms[0] != "r" || token.Grants.Join[0] != "j" ||
		token.Grants.Emit[0] != "e" || token.Grants.Publish[0] != "p" || string(token.Data) != `{"n":1}` || token.ExpiresAt.IsZero() {
		t.Errorf("%+v", token)
	}
}

func TestConfigurations(t *testing.T) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key := func(algorithm, pem string) func(*config.JWT) {
		return func(c *config.JWT) {
			c.PublicKeys, c.Algorithms = []config.PublicKey{{Algorithm: algorithm, PEM: pem}}, []string{algorithm}
		}
	}
	for name, change := range map[string]func(*config.JWT){
		"no key":                      func(c *config.JWT) { c.HMACSecret = nil },
		"no algorithm":                func(c *config.JWT) { c.Algorithms = nil },
		"none":                        func(c *config.JWT) { c.Algorithms = []string{"none"} },
		"PEM as a secret":             func(c *config.JWT) { c.HMACSecret = config.Secrets{config.Secret(public(t, r))} },
		"an empty secret":             func(c *config.JWT) { c.HMACSecret = config.Secrets{""} },
		"algorithm without a key":     func(c *config.JWT) { c.Algorithms = []string{"HS256", "RS256"} },
		"key without its algorithm":   func(c *config.JWT) { key("RS256", public(t, r))(c); c.Algorithms = []string{"HS256"} },
		"HS with PEM":                 key("HS256", public(t, r)),
		"a key of another kind":       key("ES256", public(t, r)),
		"a weak key":                  key("RS256", public(t, weak)),
		"no PEM":                      key("EdDSA", "key"),
		"an algorithm nobody knows":   key("XX256", public(t, r)),
		"a curve of another strength": key("ES384", curve(t, elliptic.P256())),
	} {
		c := defaults("HS256")
		c.HMACSecret = config.Secrets{"secret"}
		if _, err := NewVerifier(&c, quiet); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := NewVerifier(&c, quiet); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func curve(t *testing.T, c elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public(t, key)
}

func TestSignAndRooms(t *testing.T) {
	c := defaults("RS256", "HS512")
	c.HMACSecret, c.Issuer, c.Audience = config.Secrets{"secret", "old"}, "issuer", "me"
	c.Algorithms = []string{"HS512"}
	v, err := NewVerifier(&c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Sign(&c, map[string]any{"sub": "42", "exp": soon()})
	if err != nil {
		t.Fatal(err)
	}
	if token, err := v.Verify(t.Context(), text); err != nil || token.Algorithm != "HS512" {
		t.Fatal(token, err)
	}
	if _, err := v.VerifyRoom(t.Context(), text, "42", "r"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token to connect opens a room: %v", err)
	}
	room, err := Sign(&c, RoomClaims("42", "chat:7", time.Now().Add(time.Hour), CapJoin, CapPublish))
	if err != nil {
		t.Fatal(err)
	}
	old, err := Sign(&c, RoomClaims("42", "chat:7", time.Now().Add(-time.Hour), CapJoin))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		token, user, room string
		err               error
	}{
		{room, "42", "chat:7", nil},
		{room, "43", "chat:7", ErrInvalid},
		{room, "", "chat:7", ErrInvalid},
		{room, "42", "chat:8", ErrInvalid},
		{old, "42", "chat:7", ErrExpired},
	} {
		caps, err := v.VerifyRoom(t.Context(), test.token, test.user, test.room)
		if !errors.Is(err, test.err) || err == nil && len(caps) != 2 {
			t.Errorf("user %q, room %q: %v %v", test.user, test.room, caps, err)
		}
	}
	for _, bad := range []config.JWT{{Algorithms: []string{"HS256"}}, {HMACSecret: c.HMACSecret, Algorithms: []string{"RS256"}}} {
		if _, err := Sign(&bad, nil); err == nil {
			t.Errorf("signed by %+v", bad)
		}
	}
}
