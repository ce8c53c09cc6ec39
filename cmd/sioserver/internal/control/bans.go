// Bans: users that may not connect for a while.

package control

import (
	"sync"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
)

// bansMost is how many users can be banned at once, and banMost for how long.
const (
	bansMost = 100_000
	banMost  = 24 * time.Hour
)

// bans are the banned users of this node. Its methods may be called from any
// goroutine.
type bans struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newBans() *bans { return &bans{until: map[string]time.Time{}} }

// add bans a user, and reports whether there was place.
func (b *bans) add(user string, until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.until[user]; !known && len(b.until) >= bansMost {
		now := time.Now()
		for u, t := range b.until {
			if !t.After(now) {
				delete(b.until, u)
			}
		}
		if len(b.until) >= bansMost {
			return false
		}
	}
	b.until[user] = until
	return true
}

// size is how many there are, those that are over included until their place is
// needed.
func (b *bans) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.until)
}

// banned is until when a user may not connect.
func (b *bans) banned(user string) (until time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok = b.until[user]
	if ok && !until.After(time.Now()) {
		delete(b.until, user)
		ok = false
	}
	return until, ok
}

// enforce keeps banned users, and those whose token was revoked meanwhile, out of
// all namespaces. It comes behind those who find out whose a socket is. Behind the
// relay nobody does: a middleware would take each connect off the loops for
// nothing.
func (c *Control) enforce(n *node.Node) {
	c.hearOthers(n.Server)
	if n.Config().Relay {
		return
	}
	for _, name := range n.Config().NamespaceNames() {
		n.Server.Of(name).Use(c.check)
	}
}

// check is a middleware.
func (c *Control) check(s *loop.Socket) error {
	st := session.Of(s)
	if st == nil {
		return nil
	}
	st.IP = s.Handshake().Address() // which is not kept, see loop.Config.DropHandshake
	if r := c.opts.Revoked; r != nil && st.Claims != nil && r.Check(st.User, st.Claims) != nil {
		return &loop.Error{Message: "token revoked", Data: map[string]any{"code": "token_revoked"}}
	}
	if st.User == "" {
		return nil
	}
	until, ok := c.bans.banned(st.User)
	if !ok {
		return nil
	}
	return &loop.Error{Message: "banned", Data: map[string]any{"code": "banned", "retry_after_ms": time.Until(until).Milliseconds()}}
}
