// Node: one server process, put together of its parts.

// Package node is one server process: the Socket.IO server, and the parts that
// stand around it. Each part is a package of its own; none of them knows
// another, they meet in what a Node offers.
package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/lifecycle"
	"github.com/sioserver/sioserver/loop"
)

// Part is something that stands around the server. Its methods are called in
// turn, by one goroutine at a time.
type Part interface {
	// Start is called when the server has been made and does not run yet:
	// handlers and middleware are registered here. ctx ends when the node does.
	Start(ctx context.Context, n *Node) error
	// Prepare is told of a new configuration. It returns what puts it to use,
	// which must not fail, or an error, and then nothing of it is used.
	Prepare(c *config.Config) (apply func(), err error)
	// Stop is called when the last client has gone. What is due, like webhooks,
	// goes out here, until ctx ends.
	Stop(ctx context.Context) error
}

// Node is one server process. Its methods may be called from any goroutine.
type Node struct {
	ID      string    // of the process, unique in its cluster
	Boot    string    // another one for each start
	Started time.Time // of the process
	Server  *loop.Server
	Bus     *lifecycle.Bus
	Log     *slog.Logger
	Level   *slog.LevelVar // of Log

	config atomic.Pointer[config.Config]
	loaded atomic.Pointer[config.Loaded]
	reload reloadState
	quit   chan struct{}
	ending sync.Once

	mu    sync.Mutex
	parts []Part // in the order of their start
}

// New makes a node for a server that does not run yet.
func New(id, boot string, c *config.Config, s *loop.Server, log *slog.Logger) *Node {
	n := &Node{ID: id, Boot: boot, Started: time.Now(), Server: s, Bus: new(lifecycle.Bus), Log: log, Level: new(slog.LevelVar), quit: make(chan struct{})}
	n.config.Store(c)
	return n
}

// SpareConnections are connections that a server takes beyond the limit, to tell
// clients that there is no place for them.
const SpareConnections = 64

// MaxConnections is the number of connections at which clients are refused.
func (n *Node) MaxConnections() int {
	most := n.Server.MaxConnections()
	return max(most-SpareConnections, (most+1)/2)
}

// Config is the configuration in use. Callers must not change it.
func (n *Node) Config() *config.Config { return n.config.Load() }

// Start starts parts, in their order. If one fails, those before are stopped.
func (n *Node) Start(ctx context.Context, parts ...Part) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range parts {
		if err := p.Start(ctx, n); err != nil {
			return errors.Join(err, n.stop(ctx))
		}
		n.parts = append(n.parts, p)
	}
	return nil
}

// Reload puts a configuration to use: all of it, or with an error nothing.
func (n *Node) Reload(c *config.Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var apply []func()
	for _, p := range n.parts {
		f, err := p.Prepare(c)
		if err != nil {
			return err
		}
		if f != nil {
			apply = append(apply, f)
		}
	}
	n.config.Store(c)
	for _, f := range apply {
		f()
	}
	return nil
}

// Stop stops the parts, the last one first.
func (n *Node) Stop(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stop(ctx)
}

// stop stops what was started. mu is held.
func (n *Node) stop(ctx context.Context) error {
	var errs []error
	for i := len(n.parts) - 1; i >= 0; i-- {
		errs = append(errs, n.parts[i].Stop(ctx))
	}
	n.parts = nil
	return errors.Join(errs...)
}
