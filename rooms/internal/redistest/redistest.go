// Package redistest starts Redis servers for tests.
package redistest

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTime is how long a server may take to answer.
const startTime = 30 * time.Second

// Server is a Redis server of a test, reached over a unix socket so that no port
// is taken.
type Server struct {
	Socket string
	t      testing.TB
	cmd    *exec.Cmd
	append string // yes: it keeps what it has when it ends
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server { return start(t, "no") }

// StartDurable starts one that keeps what it has when it ends.
func StartDurable(t testing.TB) *Server { return start(t, "yes") }

func start(t testing.TB, appendOnly string) *Server {
	t.Helper()
	s := &Server{Socket: filepath.Join(t.TempDir(), "redis.sock"), t: t, append: appendOnly}
	s.Restart()
	t.Cleanup(s.Stop)
	return s
}

// Restart starts the server again after Stop, empty if it is not durable.
func (s *Server) Restart() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", s.Socket, "--save", "", "--appendonly", s.append, "--appendfsync", "always", "--dir", filepath.Dir(s.Socket))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also if the test panics
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("starting redis-server: %v; install it (Debian: apt-get install redis-server)", err)
	}
	client := s.Client()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for client.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			s.t.Fatalf("redis-server does not answer after %s", startTime)
		}
	}
}

// Sleep stops the server without ending it: its connections stay, and say
// nothing.
func (s *Server) Sleep() { s.signal(syscall.SIGSTOP) }

// Wake lets it go on.
func (s *Server) Wake() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Stop kills the server.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Client is a client of the server, closed with the test.
func (s *Server) Client() redis.UniversalClient {
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket, MaxRetries: -1, DialTimeout: time.Second})
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}
