// The targets: what they speak, how they are started, which runs fit them.

package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/job"
)

// The kinds of targets, after the contract that they hold.
const (
	SocketIO  = "socket.io"
	WebSocket = "websocket"
	TCPEcho   = "tcp-echo"
	TCPFanOut = "tcp-fanout"
)

// ErrTargets is a list of targets that cannot be used; what is wrong follows.
var ErrTargets = errors.New("targets")

// Target is one entry of targets.json.
type Target struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Folder is the target's folder if it is not called like the target.
	Folder string   `json:"folder"`
	Args   []string `json:"args"`
	// Transports are what a Socket.IO server has beside others; nil is all.
	Transports []string `json:"transports"`
	// Ordered is false if replies to one client may overtake each other.
	Ordered *bool `json:"ordered"`

	// Cmd starts a server that is not in a folder, and Version is its version.
	Cmd     string `json:"-"`
	Version string `json:"-"`
	dir     string
}

// Load reads the targets of a directory. Any goroutine.
func Load(dir string) ([]Target, error) {
	b, err := os.ReadFile(filepath.Join(dir, "targets.json"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTargets, err)
	}
	var all []Target
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("%w: targets.json: %w", ErrTargets, err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTargets, err)
	}
	for i := range all {
		t := &all[i]
		if !slices.Contains([]string{SocketIO, WebSocket, TCPEcho, TCPFanOut}, t.Kind) {
			return nil, fmt.Errorf("%w: %s is of the unknown kind %q", ErrTargets, t.Name, t.Kind)
		}
		if t.Folder == "" {
			t.Folder = t.Name
		}
		t.dir = filepath.Join(dir, t.Folder)
	}
	return all, nil
}

// skipStatus is the exit status of a start script whose target cannot be had.
const skipStatus = 77

// SkipError says why a target is left out.
type SkipError struct{ Why string }

// Error is the reason.
func (e *SkipError) Error() string { return e.Why }

// Prepare builds a target if it is one of a folder. A *SkipError says that it
// cannot be had here. Any goroutine, one at a time for each folder.
func (t *Target) Prepare(ctx context.Context) error {
	if t.Cmd != "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, filepath.Join(t.dir, "run"), "--build")
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], t.Folder+": ")
	var status *exec.ExitError
	if errors.As(err, &status) && status.ExitCode() == skipStatus {
		return &SkipError{strings.TrimPrefix(last, "skipped: ")}
	}
	return fmt.Errorf("%w: %s is not built: %w: %s", ErrTargets, t.Name, err, last)
}

// command is the shell line that starts a target.
func (t *Target) command(extra ...string) string {
	if t.Cmd != "" {
		return t.Cmd
	}
	line := "'" + filepath.Join(t.dir, "run") + "' --listen " + coord.ListenMark
	return strings.Join(append(append([]string{line}, t.Args...), extra...), " ")
}

// Fit makes a run of the suite fit a target: its command, an address, its
// transport. It reports false if the target has no such thing. Any goroutine.
func (t *Target) Fit(s coord.Spec, addr string) (coord.Spec, bool) {
	s.ServerCmd = t.command()
	if s.Transport == "" && s.Scenario == "polling" {
		s.Transport = job.Polling
	}
	switch t.Kind {
	case SocketIO:
		s.URLs = []string{"http://" + addr}
		needs := s.Transport
		if s.Scenario == "upgrade" {
			needs = job.Upgrade
		}
		return s, needs == "" || t.Transports == nil || slices.Contains(t.Transports, needs)
	case WebSocket:
		if !plain(&s) {
			return s, false
		}
		s.URLs = []string{"ws://" + addr + "/"}
		if s.Scenario == "broadcast" {
			s.URLs[0] += "bcast"
		}
		s.Transport = job.RawWS
		return s, true
	}
	if !plain(&s) || (t.Kind == TCPFanOut) != (s.Scenario == "broadcast") {
		return s, false
	}
	if t.Kind == TCPFanOut {
		done := s
		if done.URLs = []string{"tcp://" + addr}; done.Complete() != nil {
			return s, false
		}
		s.Size = done.Size
		s.ServerCmd = t.command("--bytes", fmt.Sprint(s.Size))
	}
	s.URLs = []string{"tcp://" + addr}
	s.Transport = job.RawTCP
	return s, true
}

// plain reports whether a run needs nothing that only Socket.IO has.
func plain(s *coord.Spec) bool {
	return slices.Contains([]string{"connect", "idle", "echo", "broadcast"}, s.Scenario) && s.Transport == "" && !s.Ack && s.Compress == 0
}
