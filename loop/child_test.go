// Child processes: servers with a descriptor table of their own. The parent
// writes commands, one a line, and reads an answer to each.

package loop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/loop"
)

// childRole is the environment variable that makes the test binary a child. Its
// value is the limit of open files, 0 for the parent's.
const childRole = "LOOP_TEST_CHILD"

// childState is what a child tells of itself.
type childState struct {
	Addr       string
	Max        int
	Goroutines int
	Heap       uint64
	Stats      loop.Stats
	Leftovers  loop.Leftovers
	Hogged     int
}

// runChild is a child's main function.
func runChild(role string) error {
	limit, err := strconv.ParseUint(role, 10, 32)
	if err != nil {
		return err
	}
	if limit > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	cfg := loop.Config{
		Listen: []string{"127.0.0.1:0"}, Loops: 2, DropHandshake: true,
		PingInterval: 500 * time.Millisecond, PingTimeout: 20 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if overTLS {
		cfg.TLS = serving()
	}
	s, err := loop.New(cfg)
	if err != nil {
		return err
	}
	onSync(s)
	s.On("join", func(s *loop.Socket, e *loop.Event) {
		_ = s.Join(string(e.Args().Raw(0)))
		_ = e.Ack()
	}, loop.Inline())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Listening()
	serveCommands(s)
	cancel()
	return <-ended
}

// serveCommands answers the parent until it has no more to ask.
func serveCommands(s *loop.Server) {
	var hogged []*os.File
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "state":
		case "broadcast":
			_ = s.Emit("m")
		case "hog": // every descriptor there is
			for {
				f, err := os.Open(os.DevNull)
				if err != nil {
					break
				}
				hogged = append(hogged, f)
			}
		case "unhog":
			for _, f := range hogged {
				_ = f.Close()
			}
			hogged = nil
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		state := childState{
			Addr: s.Addrs()[0], Max: s.MaxConnections(), Goroutines: runtime.NumGoroutine(), Heap: m.HeapAlloc, Hogged: len(hogged),
		}
		state.Stats, _ = s.Stats(ctx) // without the loops if they are down
		state.Leftovers, _ = s.Leftovers(ctx)
		cancel()
		_ = json.NewEncoder(os.Stdout).Encode(state)
	}
}

// child is a child process as its parent has it.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
	log *journal
}

// startChild starts a child that has at most limit files open.
func startChild(t testing.TB, limit int) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0]), log: &journal{}}
	c.cmd.Env = append(os.Environ(), fmt.Sprint(childRole, "=", limit))
	c.cmd.Stderr = c.log
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = json.NewDecoder(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.in.Close()
		timer := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
		defer timer.Stop()
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("the child ended with %v:\n%s", err, tail(c.log.String()))
		}
	})
	return c
}

// tail is the end of a log.
func tail(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// do sends a command and returns the answer.
func (c *child) do(command string) (s childState) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, command+"\n"); err != nil {
		c.t.Fatal(err)
	}
	if err := c.out.Decode(&s); err != nil {
		c.t.Fatalf("%s: %v:\n%s", command, err, tail(c.log.String()))
	}
	return s
}
