// Readings of files laid out as the kernel does, and of this process.

package proc

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// layOut writes files below a directory.
func layOut(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRead(t *testing.T) {
	root := layOut(t, map[string]string{
		"7/stat":             "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 12345 1000000 500 18446744073709551615",
		"7/status":           "Name:\tx\nVmHWM:\t    300 kB\nVmRSS:\t    200 kB\n",
		"7/smaps_rollup":     "Rss:  200 kB\nPss:                 150 kB\n",
		"7/task/7/schedstat": "1000 20 3\n",
		"7/task/7/status":    "voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n",
		"7/task/8/schedstat": "500 10 1\n",
		"7/task/8/status":    "voluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t0\n",
		"7/task/9/comm":      "a thread that has just ended",
		"8/stat":             "8",
		"9/stat":             "9 (x) S",
		"9/status":           "Name:\tx\n",
		"9/task/9/schedstat": "rubbish",
		"10/stat":            "",
	})
	p, err := readAt(root, 7, true)
	if err != nil {
		t.Fatal(err)
	}
	want := Process{CPUNs: 1500, WaitNs: 30, UserTicks: 250, SystemTicks: 50, RSSBytes: 200 << 10, PeakRSSBytes: 300 << 10, PSSBytes: 150 << 10, Threads: 3, Switches: 8}
	p.Descriptors = 0 // there is no such directory, and its size would be that of a directory
	if p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
	for _, pid := range []int{8, 10, 11} {
		if _, err := readAt(root, pid, false); !errors.Is(err, ErrGone) {
			t.Errorf("pid %d: error %v", pid, err)
		}
	}
	if p, err := readAt(root, 9, false); err != nil || p.CPUNs != 0 {
		t.Errorf("half a process: %+v, error %v", p, err)
	}
}

func TestReadSelf(t *testing.T) {
	p, err := Read(os.Getpid(), true)
	if err != nil {
		t.Fatal(err)
	}
	if p.CPUNs <= 0 || p.RSSBytes < 1<<20 || p.Threads < 1 || p.Descriptors < 3 {
		t.Errorf("got %+v", p)
	}
	sum, gone := ReadAll([]int{os.Getpid(), 1 << 30}, false)
	if gone != 1 || sum.RSSBytes < 1<<20 {
		t.Errorf("sum %+v, %d gone", sum, gone)
	}
	if f := Family(os.Getpid()); f[0] != os.Getpid() {
		t.Errorf("family %v", f)
	}
}

// TestEndedThreads: the time of a thread that has ended is not forgotten, and
// the clock agrees with what the kernel says of us.
func TestEndedThreads(t *testing.T) {
	own := func() int64 {
		var ru unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
			t.Fatal(err)
		}
		return ru.Utime.Nano() + ru.Stime.Nano()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Not unlocked, so the thread ends with the goroutine.
		runtime.LockOSThread()
		for end := own() + 50e6; own() < end; {
		}
	}()
	<-done
	low := own()
	p, err := Read(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	high := own()
	if slack := int64(2 * time.Millisecond); p.CPUNs < low-slack || p.CPUNs > high+slack {
		t.Errorf("%d ns, want %d to %d", p.CPUNs, low, high)
	}
}

// TestDescriptors: the count is exact, since the tests of leaks rest on it.
func TestDescriptors(t *testing.T) {
	before, err := Read(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	after, err := Read(os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	if after.Descriptors-before.Descriptors != 10 {
		t.Errorf("%d descriptors, then %d", before.Descriptors, after.Descriptors)
	}
}

func TestListeners(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if pids := Listeners(port); !slices.Equal(pids, []int{os.Getpid()}) {
		t.Errorf("port %d is listened to by %v, want %d", port, pids, os.Getpid())
	}
	_ = l.Close()
	if pids := Listeners(port); pids != nil {
		t.Errorf("a closed port is listened to by %v", pids)
	}
}

func TestKernelTables(t *testing.T) {
	b := []byte("TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 2 3\nIpExt: InNoRoutes\nIpExt: 9\n")
	got := table(b, "TcpExt:")
	if got["ListenOverflows"] != 2 || got["ListenDrops"] != 3 || got["InNoRoutes"] != 0 {
		t.Errorf("got %v", got)
	}
	slabs := []byte("slabinfo - version: 2.1\nTCP 10 20 2500 13 8 : x\nfilp 3 4 200 1 1\nother 9 9 9 9 9\n")
	if n := slabBytes(slabs); n != 25600 {
		t.Errorf("%d bytes of slabs, want 25600", n)
	}
	if k := ReadKernel(); k.TCPInUse < 0 || k.BufferBytes < 0 {
		t.Errorf("got %+v", k)
	}
}

func TestHost(t *testing.T) {
	t.Setenv("GOGC", "123")
	t.Setenv("GOPROXY", "a place with a password")
	h := ReadHost()
	if h.Kernel == "" || h.Cores < 1 || h.NoFile < 64 || h.MemoryBytes < 1<<20 {
		t.Errorf("got %+v", h)
	}
	if !slices.Contains(h.GoEnv, "GOGC=123") || slices.ContainsFunc(h.GoEnv, func(s string) bool { return len(s) > 7 && s[:7] == "GOPROXY" }) {
		t.Errorf("environment %v", h.GoEnv)
	}
}
