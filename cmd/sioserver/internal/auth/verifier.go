// Verifier: one state of the configuration, and what it makes of a token.

// Package auth says who a client is: by JSON Web Tokens, by keys from an address
// that are replaced there, by room tokens, by a header of a gateway in front. It
// also says which pages may connect. Signing and verifying serve the command
// line too.
package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
)

// maxToken is the length from which a token is not looked at, in bytes.
const maxToken = 16 << 10

// The errors of tokens. Others tell that a token cannot be judged at present.
var (
	// ErrInvalid: the token is not one of ours, or not for this.
	ErrInvalid = errors.New("auth: the token is not valid")
	// ErrExpired: it was valid once.
	ErrExpired = errors.New("auth: the token has expired")
	// ErrRevoked: it is good, but somebody has taken it back.
	ErrRevoked = fmt.Errorf("%w: it was revoked", ErrInvalid)
	// ErrUnavailable: the keys that may verify it cannot be fetched.
	ErrUnavailable = errors.New("auth: the keys cannot be fetched")
)

// Token is what a valid token says.
type Token struct {
	User       string
	ExpiresAt  time.Time // zero for never
	Namespaces []string  // it is good for, with *; nil for all
	Rooms      []string  // to join at the connect
	Grants     session.Permissions
	Data       json.RawMessage // public data of the socket
	Claims     map[string]any
	Algorithm  string
	KeyID      string
}

// Verifier judges tokens by one configuration. Its methods may be called from
// any goroutine.
type Verifier struct {
	cfg    config.JWT
	parser *jwt.Parser
	hmac   []jwt.VerificationKey
	public []publicKey
	remote *keySet // nil without
	now    func() time.Time
}

// publicKey is a key of the configuration.
type publicKey struct {
	algorithm, id string
	key           crypto.PublicKey
}

// newVerifier compiles a configuration. remote are the keys from its address.
func newVerifier(c *config.JWT, remote *keySet, now func() time.Time) (*Verifier, error) {
	v := &Verifier{cfg: *c, remote: remote, now: now}
	for i, s := range c.HMACSecret {
		if strings.Contains(string(s), "-----BEGIN") {
			return nil, fmt.Errorf("auth.jwt.hmac_secret[%d] is a key in PEM form: public keys belong to auth.jwt.public_keys, with their algorithm", i)
		}
		if s == "" {
			return nil, fmt.Errorf("auth.jwt.hmac_secret[%d] is empty", i)
		}
		v.hmac = append(v.hmac, []byte(s))
	}
	for i, p := range c.PublicKeys {
		key, err := parsePEM(p.Algorithm, p.PEM)
		if err != nil {
			return nil, fmt.Errorf("auth.jwt.public_keys[%d]: %w", i, err)
		}
		v.public = append(v.public, publicKey{p.Algorithm, p.KeyID, key})
	}
	if err := v.checkAlgorithms(); err != nil {
		return nil, err
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(c.Algorithms), jwt.WithLeeway(time.Duration(c.Leeway)), jwt.WithTimeFunc(now), jwt.WithJSONNumber(),
	}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	if c.RequireExp {
		options = append(options, jwt.WithExpirationRequired())
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

// checkAlgorithms finds algorithms for which there can be no key, and keys that
// no algorithm uses.
func (v *Verifier) checkAlgorithms() error {
	if !v.cfg.Enabled {
		return nil
	}
	if len(v.cfg.Algorithms) == 0 {
		return errors.New("auth.jwt.algorithms is empty: name those that are accepted")
	}
	if len(v.hmac)+len(v.public) == 0 && v.remote == nil {
		return errors.New("auth.jwt is enabled without a key: set hmac_secret, public_keys or jwks.url")
	}
	for _, a := range v.cfg.Algorithms {
		if jwt.GetSigningMethod(a) == nil || a == "none" {
			return fmt.Errorf("auth.jwt.algorithms: %q is not known", a)
		}
		if symmetric(a) && len(v.hmac) == 0 {
			return fmt.Errorf("auth.jwt.algorithms has %s, which needs hmac_secret: set it, or take the algorithm out", a)
		}
		known := func(p publicKey) bool { return p.algorithm == a }
		if !symmetric(a) && v.remote == nil && !slices.ContainsFunc(v.public, known) {
			return fmt.Errorf("auth.jwt.algorithms has %s, for which there is no key: add one to public_keys, or set jwks.url", a)
		}
	}
	for i, p := range v.public {
		if !slices.Contains(v.cfg.Algorithms, p.algorithm) {
			return fmt.Errorf("auth.jwt.public_keys[%d] is for %s, which auth.jwt.algorithms does not accept: add it there", i, p.algorithm)
		}
	}
	return nil
}

func symmetric(algorithm string) bool { return strings.HasPrefix(algorithm, "HS") }

// parsePEM reads a public key for an algorithm.
func parsePEM(algorithm, text string) (key crypto.PublicKey, err error) {
	switch {
	case strings.HasPrefix(algorithm, "RS"):
		key, err = jwt.ParseRSAPublicKeyFromPEM([]byte(text))
	case strings.HasPrefix(algorithm, "ES"):
		key, err = jwt.ParseECPublicKeyFromPEM([]byte(text))
	case algorithm == "EdDSA":
		key, err = jwt.ParseEdPublicKeyFromPEM([]byte(text))
	case symmetric(algorithm):
		return nil, fmt.Errorf("algorithm %s takes a secret, not a key in PEM form: use hmac_secret", algorithm)
	default:
		return nil, fmt.Errorf("algorithm %q is not known", algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("no public key for %s in pem: %w", algorithm, err)
	}
	if !fits(algorithm, key) {
		return nil, fmt.Errorf("the key in pem is not one for %s", algorithm)
	}
	return key, nil
}

// fits reports whether a key is of the kind that an algorithm uses. A key for
// one kind is never tried for another.
func fits(algorithm string, key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") && k.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		bits := map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[algorithm]
		return k.Curve.Params().BitSize == bits
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// parse checks the signature of a token and the claims that all tokens share.
func (v *Verifier) parse(ctx context.Context, text string) (*jwt.Token, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("%w: it has %d bytes, %d are allowed", ErrInvalid, len(text), maxToken)
	}
	token, err := v.parser.Parse(text, func(t *jwt.Token) (any, error) { return v.keys(ctx, t) })
	switch {
	case err == nil:
		return token, nil
	case errors.Is(err, ErrUnavailable):
		return nil, err
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, fmt.Errorf("%w: %w", ErrExpired, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
}

// keys are the keys that may have signed a token. The parser has checked that
// its algorithm is one of those that are accepted.
func (v *Verifier) keys(ctx context.Context, t *jwt.Token) (any, error) {
	algorithm := t.Method.Alg()
	if symmetric(algorithm) {
		return jwt.VerificationKeySet{Keys: v.hmac}, nil
	}
	id, _ := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, p := range v.public {
		if p.algorithm == algorithm && (p.id == "" || p.id == id) {
			set.Keys = append(set.Keys, p.key)
		}
	}
	if len(set.Keys) == 0 && v.remote != nil {
		list, err := v.remote.find(ctx, algorithm, id)
		if err != nil {
			return nil, err
		}
		for _, key := range list {
			set.Keys = append(set.Keys, key)
		}
	}
	if len(set.Keys) == 0 {
		return nil, fmt.Errorf("there is no key for %s with the id %q", algorithm, id)
	}
	return set, nil
}

// Verify judges a token with which a client wants to connect. The error wraps
// ErrInvalid, ErrExpired, or ErrUnavailable, after which it makes sense to try
// again. It may wait for keys, until ctx ends.
func (v *Verifier) Verify(ctx context.Context, text string) (*Token, error) {
	t, err := v.parse(ctx, text)
	if err != nil {
		return nil, err
	}
	claims := t.Claims.(jwt.MapClaims)
	if _, ok := claims["caps"]; ok {
		return nil, fmt.Errorf("%w: it is a room token, which lets nobody connect", ErrInvalid)
	}
	out := &Token{Claims: claims, Algorithm: t.Method.Alg()}
	out.KeyID, _ = t.Header["kid"].(string)
	if out.User = text64(claims[v.cfg.UserClaim]); out.User == "" {
		return nil, fmt.Errorf("%w: it has no claim %q, which names the user", ErrInvalid, v.cfg.UserClaim)
	}
	if exp, err := claims.GetExpirationTime(); err == nil && exp != nil {
		out.ExpiresAt = exp.Time
	}
	if err := out.readSIO(claims["sio"]); err != nil {
		return nil, fmt.Errorf("%w: claim sio: %w", ErrInvalid, err)
	}
	return out, nil
}

// text64 is a claim as text: a string, or a number as it stands.
func text64(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// number is a claim as a number.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	case float64:
		return v, true
	}
	return 0, false
}

// readSIO reads the claim with our own words.
func (t *Token) readSIO(claim any) error {
	if claim == nil {
		return nil
	}
	text, err := json.Marshal(claim)
	if err != nil {
		return err
	}
	var sio struct {
		NS      []string        `json:"ns"`
		Rooms   []string        `json:"rooms"`
		Join    []string        `json:"join"`
		Emit    []string        `json:"emit"`
		Publish []string        `json:"publish"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &sio); err != nil {
		return err
	}
	t.Namespaces, t.Rooms, t.Data = sio.NS, sio.Rooms, sio.Data
	t.Grants = session.Permissions{Join: sio.Join, Emit: sio.Emit, Publish: sio.Publish}
	return nil
}
