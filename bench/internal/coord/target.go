// The server under test: starting it, finding its processes, ending it.

package coord

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sioserver/sioserver/bench/internal/proc"
)

const (
	startWithin = 60 * time.Second
	endWithin   = 10 * time.Second
	closeWithin = 3 * time.Second
)

// target is a server that was started here.
type target struct {
	line, cpus string
	// shares is set if others listen on the same address.
	shares bool
	cmd    *exec.Cmd
	output tail
	ended  chan struct{}
}

// tail keeps the last of what a server printed, for the report of its failure,
// and what it said when it was ready.
type tail struct {
	mu    sync.Mutex
	b     []byte
	ready readyLine
}

// readyLine is the line of bench/CONTRACT.md.
type readyLine struct{ Listening, Name, Version string }

// Write keeps what matters of b, and never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ready.Listening == "" && bytes.HasPrefix(b, []byte(`{"listening"`)) {
		line, _, _ := bytes.Cut(b, []byte{'\n'})
		// What is not JSON is another program's line.
		_ = json.Unmarshal(line, &t.ready)
	}
	if t.b = append(t.b, b...); len(t.b) > 4096 {
		t.b = bytes.Clone(t.b[len(t.b)-2048:])
	}
	return len(b), nil
}

// called is the name and the version that it gave itself.
func (t *tail) called() (name, version string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready.Name, t.ready.Version
}

// last is the last line that says something.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return lines[len(lines)-1]
}

// ListenMark in a server's command stands for the address it shall listen on.
const ListenMark = "{listen}"

// targets are the servers of a run, one for each address.
type targets []*target

// startTargets starts a server for each address.
func startTargets(line, cpus string, addrs []string) (targets, error) {
	var all targets
	for i, addr := range addrs {
		if i > 0 && addr == addrs[0] {
			t := &target{line: line, cpus: cpus, shares: true}
			if err := t.start(addr); err != nil {
				all.stop(syscall.SIGTERM)
				return nil, err
			}
			all = append(all, t)
			continue
		}
		t, err := startTarget(strings.ReplaceAll(line, ListenMark, addr), cpus, addr)
		if err != nil {
			all.stop(syscall.SIGTERM)
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// stop ends all servers.
func (all targets) stop(sig syscall.Signal) {
	for _, t := range all {
		t.stop(sig)
	}
}

// start starts all again.
func (all targets) start(addrs []string) error {
	for i, t := range all {
		if err := t.start(addrs[i]); err != nil {
			return err
		}
	}
	return nil
}

// pids are the processes of all.
func (all targets) pids() (pids []int) {
	for _, t := range all {
		pids = append(pids, t.pids()...)
	}
	return pids
}

// startTarget starts a server by a shell line and waits until it accepts
// connections.
func startTarget(line, cpus, addr string) (*target, error) {
	if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		_ = c.Close()
		return nil, usage("something listens on %s already; end it, or leave out --server-cmd", addr)
	}
	t := &target{line: line, cpus: cpus}
	return t, t.start(addr)
}

// start starts it, also anew.
func (t *target) start(addr string) error {
	// exec, so that the process is the server and not the shell.
	t.cmd = exec.Command("sh", "-c", "exec "+t.line)
	t.cmd.Stdout, t.cmd.Stderr = &t.output, &t.output
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startOn(t.cmd, t.cpus); err != nil {
		return unreachable("the server does not start (%s): %v", t.line, err)
	}
	t.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(t.cmd, t.ended)
	for end := time.Now().Add(startWithin); time.Now().Before(end); {
		select {
		case <-t.ended:
			return unreachable("the server ended at once (%s): %s", t.line, t.output.last())
		case <-time.After(20 * time.Millisecond):
		}
		if t.answers(addr) {
			return nil
		}
	}
	t.stop(syscall.SIGTERM)
	return unreachable("the server does not listen on %s after %s (%s): %s", addr, startWithin, t.line, t.output.last())
}

// answers reports whether it listens.
func (t *target) answers(addr string) bool {
	if t.shares {
		// Whoever answers may be another.
		ap, err := netip.ParseAddrPort(addr)
		return err == nil && slices.ContainsFunc(proc.Listeners(int(ap.Port())), func(pid int) bool { return slices.Contains(t.pids(), pid) })
	}
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// stop ends it with a signal, and by force if that is not enough.
func (t *target) stop(sig syscall.Signal) {
	if t == nil || t.cmd.Process == nil {
		return
	}
	// The server is the leader of its own process group, so its children end too.
	_ = syscall.Kill(-t.cmd.Process.Pid, sig)
	select {
	case <-t.ended:
	case <-time.After(endWithin):
		_ = syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
		<-t.ended
	}
}

// pids are its processes.
func (t *target) pids() []int { return proc.Family(t.cmd.Process.Pid) }

// serverPIDs finds the processes to watch: those given, those started here, or
// those that listen on the ports.
func serverPIDs(p *Plan, t targets) []int {
	switch {
	case len(p.Spec.ServerPIDs) > 0:
		return p.Spec.ServerPIDs
	case len(t) > 0:
		return t.pids()
	}
	var all []int
	seen := map[int]bool{os.Getpid(): true}
	for _, port := range p.Ports {
		for _, pid := range proc.Listeners(port) {
			if !seen[pid] {
				seen[pid] = true
				all = append(all, pid)
			}
		}
	}
	return all
}
