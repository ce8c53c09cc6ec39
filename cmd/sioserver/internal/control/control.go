// Control: the part of a node that serves the control plane.

package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/auth"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// Check is one of the things that a node's health consists of.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Health tells how a node is. Its methods may be called from any goroutine.
type Health interface {
	Live() []Check
	Ready() []Check
}

// DrainStatus is how far a drain is.
type DrainStatus struct {
	State     string    `json:"state"` // serving, pre_stop, closing, flushing, drained
	Since     time.Time `json:"since,omitzero"`
	Total     int       `json:"total"`
	Remaining int       `json:"remaining"`
	Rate      float64   `json:"rate,omitempty"` // clients a second
	ETA       float64   `json:"eta_seconds,omitempty"`
}

// Drainer drains a node. Its methods may be called from any goroutine.
type Drainer interface {
	// Begin begins a drain, over a time or at a rate; 0 takes what is configured. It
	// reports false if there is one already.
	Begin(over time.Duration, rate float64) bool
	// Cancel puts the node back into service. It reports false if there is nothing
	// to cancel, or it is too late.
	Cancel() bool
	Status() DrainStatus
}

// Webhooks are the endpoints that are told of events.
type Webhooks interface {
	// Status is what GET /webhooks tells of each.
	Status() any
	// Retry tries a webhook's waiting deliveries now. It reports false if there is no
	// webhook of this name.
	Retry(name string) bool
}

// Options are what the control plane meets besides the node. What is nil is
// answered with not_available.
type Options struct {
	Version  string
	Health   Health
	Drain    Drainer
	Webhooks Webhooks
	Revoked  *auth.Revoked
	Metrics  http.Handler
	// Pages are further handlers, by pattern: the admin page. They have no
	// authentication but their own.
	Pages map[string]http.Handler
	// Wrap stands in front of everything that is served; nil for nothing.
	Wrap func(http.Handler) http.Handler
}

// Control serves the control plane. It is a [node.Part].
type Control struct {
	opts Options
	node *node.Node

	keys   atomic.Pointer[keyring]
	body   atomic.Int64 // bytes of a request at most
	recent *recent
	tails  *tails
	bans   *bans
	counts *counts
	levels levels

	listener net.Listener
	server   *http.Server
	served   chan struct{} // closed when the server has ended
}

// New makes a control plane.
func New(opts Options) *Control {
	return &Control{
		opts: opts, recent: newRecent(recentMost, recentTime), tails: newTails(), bans: newBans(), counts: newCounts(),
		served: make(chan struct{}),
	}
}

// Start implements [node.Part]: it listens.
func (c *Control) Start(ctx context.Context, n *node.Node) error {
	c.node = n
	apply, err := c.Prepare(n.Config())
	if err != nil {
		return err
	}
	apply()
	c.enforce(n)
	c.register(n)
	if err := c.open(ctx); err != nil {
		return fmt.Errorf("control.listen: %w; set it to another address", err)
	}
	c.server = &http.Server{
		Handler:           c.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(n.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go func() {
		defer close(c.served)
		if err := c.server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
			n.Log.Error("the control plane ended", "error", err)
		}
	}()
	return nil
}

// open opens the listener. Several servers in development mode find each a port.
func (c *Control) open(ctx context.Context) (err error) {
	addr := c.node.Config().Control.Listen
	c.listener, err = listen(ctx, addr)
	host, _, wrong := net.SplitHostPort(addr)
	if errors.Is(err, syscall.EADDRINUSE) && c.node.Config().Dev && wrong == nil {
		c.listener, err = listen(ctx, net.JoinHostPort(host, "0"))
	}
	return err
}

// Announce implements [node.Announcer].
func (c *Control) Announce() []node.Line {
	text := "http://" + c.Addr().String() + "/api/v1"
	if c.Addr().Network() == "unix" {
		text = "unix:" + c.Addr().String()
	}
	if c.node.Config().Dev {
		text += "  key: dev"
	}
	return []node.Line{{Name: "api", Text: text}}
}

// Prepare implements [node.Part].
func (c *Control) Prepare(cfg *config.Config) (apply func(), err error) {
	keys, err := newKeyring(cfg.Control.Keys, c.keys.Load())
	if err != nil {
		return nil, err
	}
	return func() {
		c.keys.Store(keys)
		c.body.Store(int64(cfg.Limits.APIBody))
	}, nil
}

// Stop implements [node.Part]: requests at hand are answered until ctx ends,
// streams are cut off.
func (c *Control) Stop(ctx context.Context) error {
	if c.server == nil {
		return nil
	}
	c.tails.close()
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = c.server.Close()
	}
	<-c.served
	return err
}

// Addr is the address it listens on, with the port that a port of 0 became.
func (c *Control) Addr() net.Addr { return c.listener.Addr() }
