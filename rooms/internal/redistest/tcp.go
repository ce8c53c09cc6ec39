// Redis servers that listen on ports, for what needs one.

package redistest

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TCP is a server on a port of 127.0.0.1.
type TCP struct {
	Addr, Port string
	cmd        *exec.Cmd
}

// Kill ends the server at once.
func (s *TCP) Kill() { _, _ = s.cmd.Process.Kill(), s.cmd.Wait() }

// StartTCP starts a server with further arguments on a free port. It ends with
// the test.
func StartTCP(t testing.TB, args ...string) *TCP {
	t.Helper()
	s := &TCP{}
	s.Addr, s.Port = FreePort(t)
	s.cmd = exec.Command("redis-server", append([]string{"--port", s.Port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	begin(t, s.cmd)
	Answers(t, &redis.Options{Addr: s.Addr})
	return s
}

// StartTLS starts a server that speaks nothing but TLS, with the certificate in
// PEM files.
func StartTLS(t testing.TB, cert, key string) (addr string) {
	t.Helper()
	addr, port := FreePort(t)
	begin(t, exec.Command("redis-server", "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(),
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no"))
	Answers(t, &redis.Options{Addr: addr, TLSConfig: &tls.Config{InsecureSkipVerify: true}}) // a test's own server
	return addr
}

// StartSentinel starts a sentinel with this configuration on a free port.
func StartSentinel(t testing.TB, conf string) (addr string) {
	t.Helper()
	addr, port := FreePort(t)
	file := filepath.Join(t.TempDir(), "sentinel.conf") // it writes there
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, exec.Command("redis-server", file, "--sentinel", "--port", port, "--bind", "127.0.0.1"))
	Answers(t, &redis.Options{Addr: addr})
	return addr
}

// FreePort is an address nobody listens on.
func FreePort(t testing.TB) (addr, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

// begin starts a command that ends with the test, also if that panics.
func begin(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v; install Redis (Debian: apt-get install redis-server)", err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
}

// Answers waits until a server answers, be it with a refusal.
func Answers(t testing.TB, o *redis.Options) {
	t.Helper()
	o.MaxRetries, o.DialTimeout = -1, time.Second
	c := redis.NewClient(o)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for {
		err := c.Ping(ctx).Err()
		if _, refused := err.(redis.Error); err == nil || refused {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("no Redis answers at %s after %s: %v", o.Addr, startTime, err)
		}
	}
}
