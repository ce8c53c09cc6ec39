//go:build linux

// Lab: a network of the test's own, with machines behind links that can be cut.

package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// inLab marks the process that runs in a network of its own.
const inLab = "SIOSERVER_TEST_LAB"

// Main runs tests in a network namespace, which has nothing but what they make
// and goes with them: it starts the test binary again in one. It needs root.
func Main(m *testing.M) int {
	if os.Getenv(inLab) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "ip link set lo up: %v: %s; install iproute2\n", err, out)
			return 1
		}
		return m.Run()
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests make network namespaces: run them as root")
		return 1
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inLab+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState == nil {
			fmt.Fprintln(os.Stderr, "a network namespace:", err)
			return 1
		}
		return cmd.ProcessState.ExitCode()
	}
	return 0
}

// Machine is a network namespace beside the test's.
type Machine struct {
	t   testing.TB
	pid int    // of a process that holds it
	dir string // of its Redis
}

// NewMachine makes a machine that ends with the test.
func NewMachine(t testing.TB) *Machine {
	t.Helper()
	if os.Getenv(inLab) == "" {
		t.Fatal("the test runs in no network of its own: its TestMain calls redistest.Main")
	}
	holder := exec.Command("sleep", "infinity")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = holder.Process.Kill(), holder.Wait() })
	m := &Machine{t: t, pid: holder.Process.Pid, dir: t.TempDir()}
	m.do("ip", "link", "set", "lo", "up")
	return m
}

// Command is a command on the machine. It dies with the test.
func (m *Machine) Command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(m.pid), "-n", "--"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Redis starts a Redis server on the machine, which is reached over a link at port
// 6379 and dies with the test.
func (m *Machine) Redis(over *Link, args ...string) *exec.Cmd {
	m.t.Helper()
	cmd := m.Command(append([]string{"redis-server", "--port", "6379", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", m.dir}, args...)...)
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	Answers(m.t, &redis.Options{Addr: over.There + ":6379"})
	return cmd
}

func (m *Machine) do(args ...string) {
	m.t.Helper()
	run(m.t, m.Command(args...))
}

func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// Link is a wire between the test's machine and another.
type Link struct {
	Here, There string // addresses of its ends
	machine     *Machine
	name        string
	macs        [2]string // of the ends
}

// links numbers them.
var links atomic.Int32

// Link lays a wire to the machine.
func (m *Machine) Link() *Link {
	m.t.Helper()
	n := links.Add(1)
	l := &Link{
		machine: m, name: fmt.Sprintf("wire%d", n),
		Here: fmt.Sprintf("10.77.%d.1", n), There: fmt.Sprintf("10.77.%d.2", n),
		macs: [2]string{fmt.Sprintf("02:00:00:00:%02x:01", n), fmt.Sprintf("02:00:00:00:%02x:02", n)},
	}
	host := func(args ...string) { m.t.Helper(); run(m.t, exec.Command("ip", args...)) }
	host("link", "add", l.name, "address", l.macs[0], "type", "veth",
		"peer", "name", l.name, "address", l.macs[1], "netns", strconv.Itoa(m.pid))
	host("addr", "add", l.Here+"/30", "dev", l.name)
	host("link", "set", l.name, "up")
	m.do("ip", "addr", "add", l.There+"/30", "dev", l.name)
	m.do("ip", "link", "set", l.name, "up")
	m.t.Cleanup(func() { _ = exec.Command("ip", "link", "del", l.name).Run() })
	l.Heal()
	return l
}

// The directions in which a link can be cut.
const (
	To   = 1 // to the other machine
	From = 2 // from it
)

// nobody is a hardware address that no end of a link has.
const nobody = "02:00:00:00:ff:ff"

// Cut lets all packets of these directions vanish, as on a broken wire: nobody
// is told. They are sent to a hardware address that nobody has.
func (l *Link) Cut(directions int) {
	l.machine.t.Helper()
	to, from := l.macs[1], l.macs[0]
	if directions&To != 0 {
		to = nobody
	}
	if directions&From != 0 {
		from = nobody
	}
	run(l.machine.t, exec.Command("ip", "neigh", "replace", l.There, "lladdr", to, "dev", l.name, "nud", "permanent"))
	l.machine.do("ip", "neigh", "replace", l.Here, "lladdr", from, "dev", l.name, "nud", "permanent")
}

// Heal ends a cut.
func (l *Link) Heal() { l.machine.t.Helper(); l.Cut(0) }

// Machine is the machine at the other end.
func (l *Link) Machine() *Machine { return l.machine }
