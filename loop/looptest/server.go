// Servers in memory.

package looptest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// patience is the default of [Server.Patience].
const patience = 10 * time.Second

// TB is what this package wants of a test: a *testing.T, a *testing.B, or what
// stands for them elsewhere.
type TB interface {
	// Helper marks the caller as one whose line is of no interest.
	Helper()
	// Fatalf ends the test.
	Fatalf(format string, args ...any)
	// Cleanup calls f at the end of the test.
	Cleanup(f func())
}

// Server is a server under test. It runs until the test ends.
type Server struct {
	*loop.Server

	// Patience is how long is waited for what does not come. Default: 10 s.
	Patience time.Duration
	// Parser is the form of packets that new clients speak: that of the server's
	// Config. Default: [loop.JSON].
	Parser loop.Parser

	t TB
}

// Start makes a server of a Config and runs it. setup, unless it is nil,
// registers the handlers. The Config's addresses are ignored; without a Logger
// nothing is logged.
func Start(t TB, cfg loop.Config, setup func(*loop.Server)) *Server {
	t.Helper()
	cfg.NoListen, cfg.Listen, cfg.Listeners, cfg.TLS = true, nil, nil, nil
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.EngineOnly {
		t.Fatalf("looptest: its clients speak Socket.IO, which a server with EngineOnly does not")
	}
	s, err := loop.New(cfg)
	if err != nil {
		t.Fatalf("looptest: %v", err)
	}
	if setup != nil {
		setup(s)
	}
	run := Run(t, s)
	if cfg.Parser != nil {
		run.Parser = cfg.Parser
	}
	return run
}

// Run runs a server that has been made elsewhere, best with Config.NoListen.
func Run(t TB, s *loop.Server) *Server {
	t.Helper()
	r := &Server{Server: s, Patience: patience, Parser: loop.JSON, t: t}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	select {
	case <-s.Listening():
	case err := <-ended:
		t.Fatalf("looptest: the server does not run: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), max(r.Patience, patience))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Fatalf("looptest: shutting the server down: %v; a handler has not returned", err)
		}
		if err := <-ended; err != nil {
			t.Fatalf("looptest: the server ended: %v", err)
		}
	})
	return r
}

// Settle waits until nothing is under way, see [loop.Server.Idle]: all that the
// clients have sent is handled, and all that the server has sent to them has
// come. It fails while a handler waits, for a client's answer say.
func (s *Server) Settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
	defer cancel()
	if err := s.Idle(ctx); err != nil && !errors.Is(err, loop.ErrClosed) {
		s.t.Fatalf("looptest: the server is not idle within %s: %v; a handler is still running", s.Patience, err)
	}
}

// Options say how a client connects. The zero value will do.
type Options struct {
	// Namespace is the namespace to join. Default: "/".
	Namespace string
	// Auth is the auth payload, nil for none.
	Auth any
	// Request is the request of the handshake, as far as handlers look at it.
	// Default: none.
	Request *http.Request
}

// Connect opens a connection and joins a namespace. auth is the auth payload,
// nil for none. A refusal ends the test.
func (s *Server) Connect(namespace string, auth any) *Socket {
	s.t.Helper()
	sock, err := s.Dial(Options{Namespace: namespace, Auth: auth})
	if err != nil {
		s.t.Fatalf("looptest: connecting to %s: %v", namespace, err)
	}
	return sock
}

// Dial opens a connection and joins a namespace. The error is a [*loop.Error] if
// the server refuses, with what the client is told; another one tells that the
// server has closed the connection instead of an answer.
func (s *Server) Dial(o Options) (*Socket, error) {
	s.t.Helper()
	c := newConnection(s)
	session, err := s.Bind(c, loop.EngineHandshake{Transport: "memory", Request: o.Request})
	if err != nil {
		s.t.Fatalf("looptest: %v", err)
	}
	c.session = session
	if o.Namespace == "" {
		o.Namespace = "/"
	}
	sock, err := c.join(o.Namespace, o.Auth)
	if err != nil {
		session.Close(nil)
	}
	return sock, err
}
