// Tokens that expire while their socket is connected.

package connect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// expiries are the timers of sockets that expire. A socket that does not has
// none.
type expiries struct {
	mu     sync.Mutex
	timers map[*loop.Socket]*time.Timer
	over   bool
}

// set starts the timer of a socket anew: for the warning, and then for the end.
func (x *expiries) set(g *Gate, s *loop.Socket, st *session.State) {
	at := st.ExpiresAt()
	if at.IsZero() {
		return
	}
	wait := time.Until(at)
	warn := time.Duration(g.rules.Load().cfg.Auth.OnExpire.WarnBefore)
	f := func() { g.expired(s, st, at) }
	if warn > 0 && wait > 0 {
		wait = max(wait-warn, 0)
		f = func() { g.expiring(s, st, at) }
	}
	x.start(s, wait, f)
}

func (x *expiries) start(s *loop.Socket, wait time.Duration, f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	if old := x.timers[s]; old != nil {
		old.Stop()
	}
	x.timers[s] = time.AfterFunc(wait, f)
}

func (x *expiries) stop(s *loop.Socket) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t := x.timers[s]; t != nil {
		t.Stop()
		delete(x.timers, s)
	}
}

func (x *expiries) stopAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over = true
	for _, t := range x.timers {
		t.Stop()
	}
	x.timers = nil
}

// expiring is called a while before: the backend is asked if it wants to be, else
// the client is told.
func (g *Gate) expiring(s *loop.Socket, st *session.State, at time.Time) {
	if !s.Connected() || !st.ExpiresAt().Equal(at) {
		return
	}
	if g.rules.Load().cfg.Hooks.Refresh.URL != "" {
		if _, err := g.askRefresh(context.Background(), s, st); err == nil {
			return
		}
	}
	_ = s.Emit("$token:expiring", map[string]int64{"in_ms": max(time.Until(at), 0).Milliseconds()})
	g.expiry.start(s, max(time.Until(at), 0), func() { g.expired(s, st, at) })
	if !s.Connected() {
		g.expiry.stop(s) // it went meanwhile, and its handler has been here
	}
}

// expired is called when the time is over.
func (g *Gate) expired(s *loop.Socket, st *session.State, at time.Time) {
	if !st.ExpiresAt().Equal(at) || g.rules.Load().cfg.Auth.OnExpire.Action == "ignore" {
		g.expiry.stop(s)
		return
	}
	st.End("token_expired")
	s.Disconnect(false)
}

// The errors of Refresh.
var (
	errNoRefresh = errors.New("the socket does not expire")
	errOtherUser = errors.New("the token is of another user")
)

// Refresh lets a socket show a newer token, or asks the backend if text is "".
// It returns until when it holds now. It may wait, until ctx ends.
func (g *Gate) Refresh(ctx context.Context, s *loop.Socket, text string) (until time.Time, err error) {
	st := session.Of(s)
	if text == "" {
		if g.rules.Load().cfg.Hooks.Refresh.URL == "" || st.ExpiresAt().IsZero() {
			return time.Time{}, errNoRefresh
		}
		return g.askRefresh(ctx, s, st)
	}
	if !g.tokens.Enabled() {
		return time.Time{}, fmt.Errorf("%w: tokens are not enabled", auth.ErrInvalid)
	}
	t, err := g.tokens.Verify(ctx, text)
	if err != nil {
		return time.Time{}, err
	}
	if t.User != st.User {
		return time.Time{}, errOtherUser
	}
	st.Show(t.Claims)
	g.extend(s, st, t.ExpiresAt)
	return t.ExpiresAt, nil
}

// extend sets a new end.
func (g *Gate) extend(s *loop.Socket, st *session.State, until time.Time) {
	st.SetExpiresAt(until)
	g.expiry.stop(s)
	g.expiry.set(g, s, st)
	if !s.Connected() {
		g.expiry.stop(s)
	}
}

// refreshRequest is what the refresh hook is asked, and refreshAnswer what it
// says.
type refreshRequest struct {
	hooks.Header
	Namespace string          `json:"namespace"`
	SID       string          `json:"sid"`
	User      string          `json:"user"`
	ExpireAt  int64           `json:"expire_at"`
	Data      json.RawMessage `json:"data,omitempty"`
	Meta      json.RawMessage `json:"meta,omitempty"`
}

type refreshAnswer struct {
	ExpireAt int64 `json:"expire_at"`
	Expired  bool  `json:"expired"`
}

// askRefresh asks the backend for a new end.
func (g *Gate) askRefresh(ctx context.Context, s *loop.Socket, st *session.State) (until time.Time, err error) {
	h := &g.rules.Load().cfg.Hooks.Refresh
	r := &refreshRequest{
		Namespace: s.Namespace().Name(), SID: s.ID(), User: st.User, ExpireAt: st.ExpiresAt().Unix(), Data: st.Data(), Meta: st.Meta,
	}
	var a refreshAnswer
	if _, err := g.hooks.Ask(ctx, hooks.Target{Hook: hooks.Refresh, URL: h.URL, Timeout: time.Duration(h.Timeout)}, r, &a); err != nil {
		return time.Time{}, err
	}
	until = time.Unix(a.ExpireAt, 0)
	if a.Expired || !until.After(time.Now()) {
		return time.Time{}, auth.ErrExpired
	}
	g.extend(s, st, until)
	return until, nil
}
