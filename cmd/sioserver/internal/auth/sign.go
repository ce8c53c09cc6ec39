// Signing: tokens made by the command line, and by tests.

package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// Sign signs claims with the first of the configured secrets and the first
// algorithm that uses one. Issuer and audience are added if the configuration
// wants them.
func Sign(c *config.JWT, claims map[string]any) (string, error) {
	if len(c.HMACSecret) == 0 {
		return "", errors.New("auth.jwt.hmac_secret is not set: tokens can only be signed with a secret; with public keys, sign where the private key is")
	}
	method := jwt.SigningMethod(nil)
	for _, a := range c.Algorithms {
		if symmetric(a) {
			method = jwt.GetSigningMethod(a)
			break
		}
	}
	if method == nil {
		return "", fmt.Errorf("auth.jwt.algorithms %v has none that uses a secret: add HS256", c.Algorithms)
	}
	all := jwt.MapClaims{"iat": time.Now().Unix()}
	if c.Issuer != "" {
		all["iss"] = c.Issuer
	}
	if c.Audience != "" {
		all["aud"] = c.Audience
	}
	for name, v := range claims {
		all[name] = v
	}
	return jwt.NewWithClaims(method, all).SignedString([]byte(c.HMACSecret[0]))
}

// RoomClaims are the claims of a room token.
func RoomClaims(user, room string, expires time.Time, caps ...string) map[string]any {
	return map[string]any{"sub": user, "room": room, "exp": expires.Unix(), "caps": caps}
}
