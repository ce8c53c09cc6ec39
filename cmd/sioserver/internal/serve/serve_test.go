// A server's life: signals, reload, drain, the service manager.

package serve

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
)

// file is a configuration that a test changes.
type file struct {
	mu   sync.Mutex
	text string
}

func (f *file) set(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = text
}

// load reads it.
func (f *file) load() (*config.Loaded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return config.Load(config.Request{Files: []string{"-"}, Stdin: strings.NewReader(f.text)})
}

// production is a configuration that starts on free ports.
const production = "auth: {required: false}\nserver: {listen: \"127.0.0.1:0\"}\ncontrol: {listen: \"127.0.0.1:0\", keys: [{name: a, key: 0123456789abcdef}]}\ndrain: {pre_stop: 0s, over: 0s}\n"

// runFile runs a server on it, with further parts.
func runFile(t *testing.T, f *file, more ...node.Part) *running {
	t.Helper()
	loaded, err := f.load()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, Options{Loaded: loaded, Load: f.load, more: more})
}

// recorder is a part that notes what it is told.
type recorder struct {
	mu    sync.Mutex
	calls []string
	// draining is told of Drain, drained is what it waits for, fail what Prepare
	// returns.
	draining chan struct{}
	drained  chan struct{}
	fail     error
}

func (r *recorder) note(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

func (r *recorder) Start(context.Context, *node.Node) error { r.note("start"); return nil }
func (r *recorder) Stop(context.Context) error              { r.note("stop"); return nil }

func (r *recorder) Prepare(c *config.Config) (func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return func() { r.note("apply " + c.Log.Level) }, r.fail
}

func (r *recorder) Drain(ctx context.Context) error {
	r.note("drain")
	r.draining <- struct{}{}
	select {
	case <-r.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.calls, ", ")
}

func TestSignalsEndIt(t *testing.T) {
	drained := make(chan struct{})
	close(drained)
	r := &recorder{draining: make(chan struct{}, 1), drained: drained}
	s := runFile(t, &file{text: production}, r)
	for signal, hint := range map[syscall.Signal]string{syscall.SIGUSR1: "copytruncate", syscall.SIGUSR2: "server.reuse_port"} {
		signalSelf(t, signal) // does not end it
		s.log.next(t, hint)
	}
	signalSelf(t, syscall.SIGTERM)
	if err := s.wait(t); err != nil || r.said() != "start, drain, stop" {
		t.Errorf("%v; %s", err, r.said())
	}
	r = &recorder{draining: make(chan struct{}, 1), drained: make(chan struct{})}
	s = runFile(t, &file{text: production}, r)
	signalSelf(t, syscall.SIGTERM)
	select {
	case <-r.draining:
	case <-time.After(30 * time.Second):
		t.Fatal("no drain")
	}
	signalSelf(t, syscall.SIGHUP) // is no second one
	signalSelf(t, syscall.SIGUSR1)
	signalSelf(t, syscall.SIGINT)
	if err := s.wait(t); !errors.Is(err, ErrStopped) || r.said() != "start, drain, stop" {
		t.Errorf("%v; %s", err, r.said())
	}
	r = &recorder{}
	s = runFile(t, &file{text: production}, r)
	s.stop()
	if err := s.wait(t); err != nil || r.said() != "start, stop" {
		t.Errorf("%v; %s", err, r.said())
	}
}

func TestReload(t *testing.T) {
	f := &file{text: production}
	r := &recorder{}
	s := runFile(t, f, r)
	f.set(production + "log: {level: debug}\nengine: {ping_interval: 9s}\n")
	signalSelf(t, syscall.SIGHUP)
	line := s.log.next(t, "the configuration was read again")
	for _, want := range []string{`log.level: \"info\" -> \"debug\"`, `engine.ping_interval: \"25s\" -> \"9s\"`, `"needs_restart":["engine`, `"applied":["log`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	f.set(production + "log: {level: loud}\n")
	signalSelf(t, syscall.SIGHUP)
	if line := s.log.next(t, "the configuration stays the one it was"); !strings.Contains(line, "log.level") {
		t.Error(line)
	}
	r.mu.Lock()
	r.fail = errors.New("the part does not like it")
	r.mu.Unlock()
	f.set(production + "log: {level: warn}\n")
	signalSelf(t, syscall.SIGHUP)
	s.log.next(t, "the part does not like it")
	if r.said() != "start, apply debug" {
		t.Error(r.said())
	}
	s.stop()
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

func TestServiceManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	t.Setenv("WATCHDOG_PID", "")
	next := func(want string) {
		t.Helper()
		b := make([]byte, 1000)
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		for {
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			if strings.HasPrefix(string(b[:n]), want) {
				return
			}
		}
	}
	f := &file{text: production}
	s := runFile(t, f)
	next("READY=1")
	next("WATCHDOG=1")
	next("WATCHDOG=1")
	signalSelf(t, syscall.SIGHUP)
	next("RELOADING=1\nMONOTONIC_USEC=")
	next("READY=1")
	s.stop()
	next("STOPPING=1")
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}

// TestFaultsAtTheStart: what cannot be had is told, and nothing is left behind.
func TestFaultsAtTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for text, want := range map[string]string{
		"server: {listen: \"" + taken.Addr().String() + "\", reuse_port: false}\n": "address already in use",
		"server: {listen: \"unix:/no/such/dir/s\"}\n":                              "/no/such/dir",
		"server: {tls: {enabled: true, cert: /no/c, key: /no/k}}\n":                "/no/c",
		"cluster: {backend: redis, url: \"redis://127.0.0.1:1/x\"}\n":              "cluster.url: ",
	} {
		l, err := config.Load(config.Request{Files: []string{"-"}, Stdin: strings.NewReader("auth: {required: false}\ncontrol: {listen: \"127.0.0.1:0\"}\n" + text)})
		if err != nil {
			t.Fatal(err)
		}
		if err := Run(t.Context(), Options{Loaded: l, Stdout: new(strings.Builder), Stderr: new(strings.Builder)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v, want %q", text, err, want)
		}
	}
}

func TestOriginsOfDevelopment(t *testing.T) {
	s := run(t, config.Request{Dev: true, Flags: settings("server.listen", "127.0.0.1:0")})
	for origin, want := range map[string]int{"http://localhost:5173": 200, "http://[::1]:3": 200, "https://evil.example": 403, "http://localhost.evil.example": 403} {
		q, err := http.NewRequest("GET", s.URL+"socket.io/?EIO=4&transport=polling", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", origin, res.StatusCode, want)
		}
	}
	s.stop()
	if err := s.wait(t); err != nil {
		t.Error(err)
	}
}
