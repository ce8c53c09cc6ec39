// The test binary is its own worker, and the servers run in it.

package coord_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/server"
	"github.com/sioserver/sioserver/bench/internal/worker"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == coord.WorkerArg {
		if err := worker.Run(int(os.Stdin.Fd()), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 3 && (os.Args[1] == "serve" || os.Args[1] == "share") {
		s, err := server.New(server.Config{Listen: os.Args[2], ReusePort: os.Args[1] == "share"})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = s.Run()
		return
	}
	// Spares each process that is started here the second for which the race
	// detector keeps a process that ends.
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	// The tests mostly wait, so more of them than processors go together.
	flag.Parse()
	_ = flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}

// serve starts a server; stop ends it and returns its counts.
func serve(t *testing.T, cfg server.Config) (url string, stop func() server.Stats) {
	t.Helper()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	stopped := false
	var final server.Stats
	stop = func() server.Stats {
		if !stopped {
			stopped = true
			final = s.Stop()
			if err := <-ended; err != nil {
				t.Errorf("server: %v", err)
			}
		}
		return final
	}
	t.Cleanup(func() { stop() })
	return "http://" + s.Addr(), stop
}

// serveCommand is a shell line that serves in a process of its own.
func serveCommand(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return "'" + exe + "' serve " + coord.ListenMark
}

// free is a URL on which nobody listens, nor on the next two ports.
func free(t *testing.T) string {
	t.Helper()
	addr, err := coord.FreeAddress(3)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr
}

func options(t *testing.T) coord.Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return coord.Options{Exe: exe, Revision: "test", Command: "test"}
}

// short makes a run small enough for a test; without a URL the address is left to
// the run.
func short(url string, s coord.Spec) coord.Spec {
	if url != "" {
		s.URLs = []string{url}
	}
	if s.N == 0 {
		s.N = 20
	}
	if s.Duration == 0 {
		s.Duration = coord.Duration(500 * time.Millisecond)
	}
	if s.Warmup == 0 {
		s.Warmup = coord.Duration(100 * time.Millisecond)
	}
	s.Settle = coord.Duration(50 * time.Millisecond)
	return s
}

// run does a run that must go through.
func run(t *testing.T, s coord.Spec) *report.Result {
	t.Helper()
	r, err := coord.Run(context.Background(), s, options(t))
	if err != nil {
		t.Fatalf("%s: %v", s.Scenario, err)
	}
	return r
}
