// Gate: the part of a node that lets clients into namespaces.

// Package connect decides who may join a namespace, and as whom: by a token, by
// a gateway's header, by asking the backend, in this order. It keeps the users
// who are connected, joins the rooms they are in from the start, and ends what
// has expired. It also tells the bus who comes and goes.
package connect

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/hooks"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
)

// Gate lets clients in. It is a [node.Part]; its other methods may be called
// from any goroutine.
type Gate struct {
	tokens *auth.Tokens
	hooks  *hooks.Client
	users  *Users
	node   *node.Node
	log    *slog.Logger

	rules  atomic.Pointer[rules]
	expiry expiries
	cache  cache
	counts counts

	mu    sync.Mutex
	known []string // namespaces with our handlers
}

// rules are what a configuration says.
type rules struct {
	cfg        *config.Config
	namespaces map[string]*config.Namespace
}

// New returns a gate. users may be asked by others.
func New(tokens *auth.Tokens, h *hooks.Client, users *Users) *Gate {
	g := &Gate{tokens: tokens, hooks: h, users: users}
	g.expiry.timers = map[*loop.Socket]*time.Timer{}
	g.cache.now = time.Now
	return g
}

// Start implements [node.Part].
func (g *Gate) Start(ctx context.Context, n *node.Node) error {
	g.node, g.log = n, n.Log
	apply, err := g.Prepare(n.Config())
	if err != nil {
		return err
	}
	apply()
	go func() {
		for {
			select {
			case <-time.After(sweepEvery):
				g.users.sweep()
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// sweepEvery is how often reservations of clients that never came in are looked
// for. Those of users who come again are found then.
const sweepEvery = time.Minute

// Prepare implements [node.Part]. Namespaces that a configuration does not have
// any more stay, and let nobody in.
func (g *Gate) Prepare(c *config.Config) (apply func(), err error) {
	r := &rules{cfg: c, namespaces: map[string]*config.Namespace{}}
	for i := range c.Namespaces {
		r.namespaces[c.Namespaces[i].Name] = &c.Namespaces[i]
	}
	return func() {
		g.rules.Store(r)
		g.cache.clear()
		// "/" is there whatever the configuration says.
		g.guard("/")
		for name := range r.namespaces {
			g.guard(name)
		}
	}, nil
}

// guard registers the gate at a namespace, once.
func (g *Gate) guard(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.Contains(g.known, name) {
		return
	}
	g.known = append(g.known, name)
	ns := g.node.Server.Of(name)
	ns.Use(g.admit)
	ns.OnConnection(g.connected, loop.Inline())
	ns.OnDisconnect(g.disconnected, loop.Inline())
}

// Stop implements [node.Part].
func (g *Gate) Stop(context.Context) error {
	g.expiry.stopAll()
	return nil
}

// counts count what became of those who wanted in.
type counts struct {
	mu      sync.Mutex
	results map[string]uint64
}

func (c *counts) add(result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.results == nil {
		c.results = map[string]uint64{}
	}
	c.results[result]++
}

// Stats are the numbers of joins by result: "ok", "closed" for clients that were
// let come again, and the codes of refusals.
func (g *Gate) Stats() map[string]uint64 {
	g.counts.mu.Lock()
	defer g.counts.mu.Unlock()
	list := map[string]uint64{}
	for r, n := range g.counts.results {
		list[r] = n
	}
	return list
}
