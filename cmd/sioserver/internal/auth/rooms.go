// Room tokens: a backend signs who may enter a room, and is not asked again.

package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// The capabilities of a room token.
const (
	CapJoin    = "join"
	CapPublish = "publish"
)

// VerifyRoom judges a room token that a client shows for a room. It is signed
// like all tokens; its claim sub must be the client's user, so that one that
// gets into other hands is of no use there. The result are its capabilities.
// The error is as that of Verify.
func (v *Verifier) VerifyRoom(ctx context.Context, text, user, room string) (caps []string, err error) {
	caps, _, err = v.verifyRoom(ctx, text, user, room)
	return caps, err
}

func (v *Verifier) verifyRoom(ctx context.Context, text, user, room string) (caps []string, claims jwt.MapClaims, err error) {
	t, err := v.parse(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	claims = t.Claims.(jwt.MapClaims)
	list, ok := claims["caps"].([]any)
	if !ok {
		return nil, nil, fmt.Errorf("%w: it is no room token, which has a list caps", ErrInvalid)
	}
	if sub := text64(claims["sub"]); sub == "" || sub != user {
		return nil, nil, fmt.Errorf("%w: it is for another user", ErrInvalid)
	}
	if claims["room"] != room {
		return nil, nil, fmt.Errorf("%w: it is for another room", ErrInvalid)
	}
	for _, c := range list {
		if s, ok := c.(string); ok && !slices.Contains(caps, s) {
			caps = append(caps, s)
		}
	}
	return caps, claims, nil
}
