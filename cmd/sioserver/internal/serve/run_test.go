// A server that runs inside the test.

package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
)

// output is a writer that tells when a line is complete.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan string
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	for {
		line, err := o.buf.ReadString('\n')
		if err != nil {
			o.buf.Reset()
			o.buf.WriteString(line)
			return len(p), nil
		}
		o.lines <- line
	}
}

// next is the first line from now on that has a text in it.
func (o *output) next(t *testing.T, text string) string {
	t.Helper()
	for {
		select {
		case line := <-o.lines:
			if strings.Contains(line, text) {
				return line
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no line with %q", text)
		}
	}
}

// running is a server that runs.
type running struct {
	out, log *output
	stop     context.CancelFunc
	ended    chan error
	started
}

// run runs a server on a configuration.
func run(t *testing.T, r config.Request) *running {
	t.Helper()
	load := func() (*config.Loaded, error) { return config.Load(r) }
	loaded, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, Options{Loaded: loaded, Load: load})
}

// start runs a server until clients can connect.
func start(t *testing.T, o Options) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &running{out: &output{lines: make(chan string, 1000)}, log: &output{lines: make(chan string, 1000)}, stop: stop, ended: make(chan error, 1)}
	o.Stdout, o.Stderr = s.out, s.log
	go func() { s.ended <- Run(ctx, o) }()
	line := s.out.next(t, `"listening"`)
	if err := json.Unmarshal([]byte(line), &s.started); err != nil {
		t.Fatal(line, err)
	}
	return s
}

// wait waits for the end.
func (s *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(60 * time.Second):
		t.Fatal("the server did not end")
	}
	return nil
}

// signal sends a signal to the test, which the server is a part of.
func signalSelf(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}

// settings are values as of the command line.
func settings(pairs ...string) (list []config.Setting) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, config.Setting{Flag: "--set", Path: pairs[i], Text: pairs[i+1]})
	}
	return list
}
