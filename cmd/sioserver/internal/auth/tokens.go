// Tokens: the part of a node that judges tokens, by the configuration in use.

package auth

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// Tokens judges tokens by the configuration in use. It is a [node.Part]; what
// is not said there may be called from any goroutine.
type Tokens struct {
	current atomic.Pointer[Verifier]
	revoked *Revoked
	ctx     context.Context
	log     *slog.Logger
	now     func() time.Time
	cancel  context.CancelFunc // of the key set in use
}

// NewTokens returns a part that is told of its configuration by Start.
func NewTokens() *Tokens { return &Tokens{now: time.Now, revoked: newRevoked(time.Now)} }

// Revoked are the tokens that are not taken any more.
func (t *Tokens) Revoked() *Revoked { return t.revoked }

// Start implements [node.Part].
func (t *Tokens) Start(ctx context.Context, n *node.Node) error {
	t.ctx, t.log = ctx, n.Log
	apply, err := t.Prepare(n.Config())
	if err == nil {
		apply()
	}
	return err
}

// Prepare implements [node.Part]. A key set whose section has not changed keeps
// its keys.
func (t *Tokens) Prepare(c *config.Config) (apply func(), err error) {
	old := t.current.Load()
	var remote *keySet
	fresh := false
	if j := c.Auth.JWT; j.Enabled && j.JWKS.URL != "" {
		if old != nil && old.remote != nil && old.remote.cfg == j.JWKS {
			remote = old.remote
		} else {
			remote, fresh = newKeySet(j.JWKS, t.log, t.now), true
		}
	}
	v, err := newVerifier(&c.Auth.JWT, remote, t.now)
	if err != nil {
		return nil, err
	}
	return func() {
		if t.cancel != nil && (remote == nil || fresh) {
			t.cancel()
			t.cancel = nil
		}
		if fresh {
			ctx, cancel := context.WithCancel(t.ctx)
			t.cancel = cancel
			go remote.run(ctx)
		}
		t.current.Store(v)
	}, nil
}

// Stop implements [node.Part].
func (t *Tokens) Stop(context.Context) error {
	if t.cancel != nil {
		t.cancel()
	}
	return nil
}

// Enabled reports whether tokens are accepted.
func (t *Tokens) Enabled() bool { return t.current.Load().cfg.Enabled }

// Where is where to look for a token.
func (t *Tokens) Where() []string { return t.current.Load().cfg.From }

// Verify is [Verifier.Verify] by the configuration in use, for a token that is not
// revoked.
func (t *Tokens) Verify(ctx context.Context, text string) (*Token, error) {
	token, err := t.current.Load().Verify(ctx, text)
	if err == nil {
		err = t.revoked.Check(token.User, token.Claims)
	}
	if err != nil {
		return nil, err
	}
	return token, nil
}

// VerifyRoom is [Verifier.VerifyRoom] by the configuration in use, for a token that
// is not revoked.
func (t *Tokens) VerifyRoom(ctx context.Context, text, user, room string) ([]string, error) {
	caps, claims, err := t.current.Load().verifyRoom(ctx, text, user, room)
	if err == nil {
		err = t.revoked.Check(user, claims)
	}
	if err != nil {
		return nil, err
	}
	return caps, nil
}

// NewVerifier is a verifier outside of a node, for the command line. Keys from
// an address are fetched when they are needed.
func NewVerifier(c *config.JWT, log *slog.Logger) (*Verifier, error) {
	var remote *keySet
	if c.JWKS.URL != "" {
		remote = newKeySet(c.JWKS, log, time.Now)
	}
	return newVerifier(c, remote, time.Now)
}
