// Revocations: tokens that are good by what they say, and are not to be taken any more.

package auth

import (
	"fmt"
	"sync"
	"time"
)

// RevocationsMost is how many tokens and users can be revoked at once, and
// RevocationMost for how long.
const (
	RevocationsMost = 100_000
	RevocationMost  = 366 * 24 * time.Hour
)

// Revocation is one token, by its claim jti, or all tokens of a user that were
// issued (iat) up to a moment; those without iat are among them. It is told to
// other servers in this form.
type Revocation struct {
	JTI    string    `json:"jti,omitempty"`
	User   string    `json:"user,omitempty"`
	Issued time.Time `json:"issued,omitzero"` // with a user
	Until  time.Time `json:"until"`           // by when all of them have expired
}

// Concerns reports whether a token with these claims, of this user, is meant.
func (r *Revocation) Concerns(user string, claims map[string]any) bool {
	if claims == nil {
		return false
	}
	if r.JTI != "" {
		return text64(claims["jti"]) == r.JTI
	}
	return r.User == user && !issuedAfter(claims, r.Issued)
}

// issuedAfter reports whether a token is of a later second than a moment.
func issuedAfter(claims map[string]any, at time.Time) bool {
	n, ok := number(claims["iat"])
	return ok && n >= float64(at.Unix()+1)
}

// Revoked are the revocations of a server. Its methods may be called from any
// goroutine.
type Revoked struct {
	mu    sync.Mutex
	jtis  map[string]time.Time // until when
	users map[string]Revocation
	now   func() time.Time
	hits  uint64
}

func newRevoked(now func() time.Time) *Revoked {
	return &Revoked{jtis: map[string]time.Time{}, users: map[string]Revocation{}, now: now}
}

// Add adds a revocation, and reports whether there was place. What is known of
// the same token or user is never shortened.
func (x *Revoked) Add(r Revocation) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, token := x.jtis[r.JTI]
	_, user := x.users[r.User]
	if known := r.JTI != "" && token || r.JTI == "" && user; !known && x.full() {
		return false
	}
	if r.JTI != "" {
		if r.Until.After(x.jtis[r.JTI]) {
			x.jtis[r.JTI] = r.Until
		}
		return true
	}
	old := x.users[r.User]
	if old.Issued.After(r.Issued) {
		r.Issued = old.Issued
	}
	if old.Until.After(r.Until) {
		r.Until = old.Until
	}
	x.users[r.User] = r
	return true
}

// full reports whether there is no place, those that are over being forgotten. mu
// is held.
func (x *Revoked) full() bool {
	if len(x.jtis)+len(x.users) < RevocationsMost {
		return false
	}
	now := x.now()
	for jti, until := range x.jtis {
		if !until.After(now) {
			delete(x.jtis, jti)
		}
	}
	for user, r := range x.users {
		if !r.Until.After(now) {
			delete(x.users, user)
		}
	}
	return len(x.jtis)+len(x.users) >= RevocationsMost
}

// Check tells whether a token of a user is revoked: the error wraps [ErrRevoked].
func (x *Revoked) Check(user string, claims map[string]any) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.now()
	r, known := x.users[user]
	jti := text64(claims["jti"])
	if x.jtis[jti].After(now) || known && r.Until.After(now) && !issuedAfter(claims, r.Issued) {
		x.hits++
		return fmt.Errorf("%w", ErrRevoked)
	}
	return nil
}

// Stats are how many revocations there are, and how often one has met a token.
func (x *Revoked) Stats() (now int, hits uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.jtis) + len(x.users), x.hits
}
