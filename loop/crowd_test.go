// What a silent client costs: memory, and time of the garbage collector.

package loop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/loop"
)

// crowdRole is the environment variable that makes the test binary the server of
// a crowd. Its value is what it keeps of its clients.
const crowdRole = "LOOP_TEST_CROWD"

// crowdSize is the number of clients, as far as the limit of open files goes.
const crowdSize = 18_000

// crowdState is what the server tells of itself, garbage collected and memory
// given back.
type crowdState struct {
	Addr    string
	Sockets int
	RSS     int64   // bytes
	GC      float64 // seconds of processor time for a collection
	Objects int64
	CPU     float64 // seconds of processor time used before it was asked
	Told    float64 // and when it had told
}

// runCrowd is the server's main function: it answers every line on its input
// with its state.
func runCrowd(keeps string) error {
	if keeps == "goroutines" {
		addr, clients, err := serveGoroutines()
		if err != nil {
			return err
		}
		return tellCrowd(addr, clients)
	}
	s, err := loop.New(crowdConfig(keeps))
	if err != nil {
		return err
	}
	if keeps == "kept" {
		s.OnConnection(func(*loop.Socket) {})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Listening()
	if err := tellCrowd(s.Addrs()[0], func() int {
		stats, err := s.Stats(context.Background())
		if err != nil {
			return -1
		}
		return stats.Sockets
	}); err != nil {
		return err
	}
	cancel()
	return <-ended
}

// tellCrowd answers until there are no more lines.
func tellCrowd(addr string, clients func() int) error {
	out := json.NewEncoder(os.Stdout)
	for line := make([]byte, 1); ; {
		if _, err := os.Stdin.Read(line); err != nil {
			return nil
		}
		state, err := stateOfCrowd(addr, clients)
		if err != nil {
			return err
		}
		if err := out.Encode(state); err != nil {
			return err
		}
	}
}

func stateOfCrowd(addr string, clients func() int) (c crowdState, err error) {
	asked := processTime()
	const rounds = 10
	before := collectorTime()
	for range rounds {
		runtime.GC()
	}
	c = crowdState{Addr: addr, Sockets: clients(), CPU: asked, GC: (collectorTime() - before) / rounds}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.Objects = int64(m.HeapObjects)
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return c, err
	}
	var size int64
	_, err = fmt.Sscan(string(b), &size, &c.RSS)
	c.RSS *= int64(os.Getpagesize())
	c.Told = processTime()
	return c, err
}

// collectorTime is the processor time of the garbage collector so far.
func collectorTime() float64 {
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64()
}

// BenchmarkCrowd: websocket clients that have joined "/" and are silent, on a
// server in a process of its own; first one that drops handshakes and has no
// handlers, then one with a connection handler that keeps them. What the process
// needs for its first clients anyway is left out: it is measured with 1,000.
func BenchmarkCrowd(b *testing.B) {
	for _, keeps := range []string{"dropped", "kept"} {
		b.Run(keeps, func(b *testing.B) {
			var few, all crowdState
			n := crowdSize
			for b.Loop() {
				few, all = measureCrowd(b, keeps, n)
			}
			n = all.Sockets - few.Sockets
			b.ReportMetric(float64(all.RSS-few.RSS)/float64(n), "rss-B/client")
			b.ReportMetric(float64(all.Objects-few.Objects)/float64(n), "objects/client")
			b.ReportMetric(1e3*all.GC, "cpu-ms/GC")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measureCrowd is a server with 1,000 clients, and with as many as asked.
func measureCrowd(b *testing.B, keeps string, n int) (few, all crowdState) {
	return measureCrowdOf(b, keeps, n, 1, joinWebsocket)
}

// startCrowd starts a server in a process of its own, which ends when in is
// closed, and returns what asks for its state.
func startCrowd(b *testing.B, keeps string) (cmd *exec.Cmd, in io.Closer, state func() crowdState) {
	cmd = exec.Command(os.Args[0])
	// With several processors the collector's workers also wait for each other.
	cmd.Env = append(os.Environ(), crowdRole+"="+keeps, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	ask, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	out := json.NewDecoder(pipe)
	return cmd, ask, func() (s crowdState) {
		if _, err := ask.Write([]byte{'\n'}); err != nil {
			b.Fatal(err)
		}
		if err := out.Decode(&s); err != nil {
			b.Fatal(err)
		}
		return s
	}
}

// measureCrowdOf is measureCrowd with clients of one's own, who have so many
// connections each.
func measureCrowdOf(b *testing.B, keeps string, n, conns int, join func(netip.AddrPort) ([]int, error)) (few, all crowdState) {
	cmd, in, state := startCrowd(b, keeps)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		b.Fatal(err)
	}
	n = min(n, (int(lim.Cur)-1000)/conns)
	var fds []int
	addr := netip.MustParseAddrPort(state().Addr)
	more := func(n int) {
		for range n {
			joined, err := join(addr)
			if err != nil {
				b.Fatal(err)
			}
			fds = append(fds, joined...)
		}
	}
	more(1000)
	few = state()
	more(n - 1000)
	all = state()
	if few.Sockets != 1000 || all.Sockets != n {
		b.Fatalf("%d and %d sockets, want 1000 and %d", few.Sockets, all.Sockets, n)
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return few, all
}

// joinWebsocket is one more client over websocket, a descriptor without anything
// around it.
func joinWebsocket(to netip.AddrPort) ([]int, error) {
	fd, err := dialCrowd(to)
	if err != nil {
		return nil, err
	}
	hello := append([]byte(upgradeText("/socket.io/?EIO=4&transport=websocket")), frame(1, []byte("40"))...)
	if _, err = unix.Write(fd, hello); err == nil {
		var answer [1024]byte
		err = readCrowd(fd, answer[:], `40{"sid"`)
	}
	return []int{fd}, err
}

func dialCrowd(to netip.AddrPort) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fd, err
	}
	return fd, unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
}

// readCrowd reads an answer as far as a text in it.
func readCrowd(fd int, answer []byte, want string) error {
	for got := 0; !bytes.Contains(answer[:got], []byte(want)); {
		k, err := unix.Read(fd, answer[got:])
		switch {
		case err != nil:
			return err
		case k == 0:
			return fmt.Errorf("the server has closed, or says too much: %q", answer[:got])
		}
		got += k
	}
	return nil
}
