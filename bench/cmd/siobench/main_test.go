// The command as a user calls it: exit codes, sentences, files.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/server"
)

// asCommand is the variable that makes the binary of the test the command.
const asCommand = "SIOBENCH_TEST_COMMAND"

func TestMain(m *testing.M) {
	// The binary of the test stands in for the command: as a worker, as the server
	// of calibrations, and where a test needs a process of its own.
	if len(os.Args) > 1 && (os.Args[1] == coord.WorkerArg || os.Args[1] == "server" || os.Getenv(asCommand) != "") {
		main()
		return
	}
	quickExit()
	os.Exit(m.Run())
}

// quickExit spares each process that is started here the second for which the
// race detector keeps a process that ends.
func quickExit() {
	if os.Getenv("GORACE") == "" {
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
}

// call runs the command.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&err)
	fault := root.ExecuteContext(context.Background())
	if fault != nil {
		err.WriteString(fault.Error())
	}
	return exitCode(fault), out.String(), err.String()
}

func serve(t *testing.T) string {
	t.Helper()
	s, err := server.New(server.Config{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Run() }()
	t.Cleanup(func() { s.Stop() })
	return "http://" + s.Addr()
}

func TestExitCodes(t *testing.T) {
	url := serve(t)
	for name, c := range map[string]struct {
		args []string
		code int
		word string
	}{
		"unknown command":   {[]string{"dance"}, coord.ExitUsage, "unknown command"},
		"unknown flag":      {[]string{"echo", url, "--speed", "9"}, coord.ExitUsage, "speed"},
		"bad rate":          {[]string{"echo", url, "--rate", "fast"}, coord.ExitUsage, "rate"},
		"bad duration":      {[]string{"echo", url, "--duration", "long"}, coord.ExitUsage, "duration"},
		"no URL":            {[]string{"echo"}, coord.ExitUsage, "URL"},
		"no server":         {[]string{"echo", "http://127.0.0.1:1", "--progress", "none"}, coord.ExitTarget, "nothing listens"},
		"suite of nothing":  {[]string{"run", "none.yaml"}, coord.ExitUsage, "none.yaml"},
		"no such run":       {[]string{"run", "../../suites/smoke.yaml", "--only", "dance"}, coord.ExitUsage, "dance"},
		"report of nothing": {[]string{"report", "none.json"}, coord.ExitUsage, "none.json"},
		"compare with none": {[]string{"compare"}, coord.ExitUsage, "--a and --b"},
		"search of nothing": {[]string{"search", url, "--under", "20"}, coord.ExitUsage, "unit"},
		"server nowhere":    {[]string{"server", "--listen", "nowhere"}, coord.ExitUsage, "nowhere"},
		"rounds of nothing": {[]string{"rounds", "dance", url}, coord.ExitUsage, "dance"},
		"no rounds":         {[]string{"rounds", "connect", url, "--rounds", "0"}, coord.ExitUsage, "--rounds"},
		"plan":              {[]string{"idle", url, "-n", "5", "--plan"}, coord.ExitOK, ""},
		"impossible plan":   {[]string{"idle", url, "-n", "9000000", "--procs", "1", "--plan"}, coord.ExitUsage, "descriptors"},
		"across one server": {[]string{"broadcast", url, "--across", "--plan"}, coord.ExitUsage, "two servers"},
		"across by echo":    {[]string{"echo", url, url, "--across", "--plan"}, coord.ExitUsage, "broadcast only"},
		"schema":            {[]string{"schema"}, coord.ExitOK, ""},
		"help":              {[]string{"--help"}, coord.ExitOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := call(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.word) {
				t.Errorf("exit %d: %s; want exit %d and %q", code, stderr, c.code, c.word)
			}
		})
	}
}

func TestEcho(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	code, stdout, stderr := call(t, "echo", serve(t), "-n", "20", "--rate", "0.5k/s", "--duration", "1500ms", "--warmup", "100ms", "--settle", "50ms", "--progress", "plain",
		"--accept-invalid", "--dump-one", "--api-key", "hush", "--slo", "loss==0", "--label", "target=own",
		"--json", path("r.json"), "--html", path("r.html"), "--hgrm", path("r.hgrm"), "--csv", path("r.csv"))
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"plan: echo", "conns 20/20", "> GET /socket.io/?EIO=4", "< HTTP/1.1 101"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q: %s", want, stderr)
		}
	}
	if !strings.Contains(stdout, "0 lost") || !strings.Contains(stdout, "✓ loss==0") || strings.Contains(stdout+stderr, "\x1b") {
		t.Errorf("stdout %s", stdout)
	}
	for _, name := range []string{"r.json", "r.html", "r.hgrm", "r.csv"} {
		if fi, err := os.Stat(path(name)); err != nil || fi.Size() < 100 {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := report.Load(path("r.json"))
	if err != nil || r.Target.Name != "own" {
		t.Fatalf("%+v, error %v", r, err)
	}
	if code, again, _ := call(t, "report", path("r.json"), "-o", path("again.html")); code != 0 || !strings.Contains(again, "0 lost") {
		t.Errorf("report: exit %d, %s", code, again)
	}
	if code, text, stderr := call(t, "compare", path("r.json"), path("r.json"), "--accept-invalid", "--html", path("c.html"), "--json", path("c.json")); code != 0 || !strings.Contains(text, "too few rounds") {
		t.Errorf("compare: exit %d, %s %s", code, text, stderr)
	}
}

func TestSuite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	text := `
name: tiny
defaults: {n: 10, rate: 200, duration: 300ms, warmup: 50ms, settle: 50ms}
runs:
  - {scenario: echo, slo: loss==0}
  - {scenario: echo, name: impossible, slo: loss>0}
  - {scenario: broadcast, rate: 20}
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call(t, "run", file, "--url", serve(t), "--dir", filepath.Join(dir, "out"), "--progress", "none", "--accept-invalid")
	if code != coord.ExitSLO || !strings.Contains(stdout, "tiny: 2 of 3 runs passed") || !strings.Contains(stderr, "failed: impossible") {
		t.Errorf("exit %d: %s %s", code, stdout, stderr)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "out", "*.json")); len(files) != 3 {
		t.Errorf("results %v", files)
	}
}

func TestSearchAndCalibrate(t *testing.T) {
	code, stdout, stderr := call(t, "search", serve(t), "-n", "10", "--metric", "p50", "--under", "10s", "--achieved", "20", "--min", "200", "--max", "300", "--duration", "300ms", "--warmup", "50ms", "--settle", "50ms", "--accept-invalid")
	if code != 0 || !strings.Contains(stdout, "highest rate") {
		t.Errorf("search: exit %d: %s %s", code, stdout, stderr)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	code, stdout, stderr = call(t, "calibrate", "-n", "10", "--duration", "200ms", "--warmup", "50ms")
	// On a busy machine the ceiling is found but not believed.
	if code != 0 && code != coord.ExitInvalid || !strings.Contains(stdout, "ceiling: ") {
		t.Errorf("calibrate: exit %d: %s %s", code, stdout, stderr)
	}
}

func TestServerCommand(t *testing.T) {
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer stop()
	root := newRoot()
	root.SetArgs([]string{"server", "--listen", "127.0.0.1:0"})
	root.SetOut(&out)
	if err := root.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	ready, counts, _ := strings.Cut(out.String(), "\n")
	var r struct{ Listening, Name string }
	var st server.Stats
	if json.Unmarshal([]byte(ready), &r) != nil || !strings.HasPrefix(r.Listening, "127.0.0.1:") || r.Name != "siobench-server" || json.Unmarshal([]byte(counts), &st) != nil {
		t.Errorf("it said %q", out.String())
	}
}

func TestRate(t *testing.T) {
	for in, want := range map[string]float64{"500": 500, "20k": 20000, "20k/s": 20000, "1.5M/s": 1.5e6, "0.5/s": 0.5} {
		var r rate
		if err := r.Set(in); err != nil || float64(r) != want {
			t.Errorf("%s is %g, error %v", in, float64(r), err)
		}
	}
	for _, bad := range []string{"", "fast", "k", "12abc", "inf", "5 k"} {
		if new(rate).Set(bad) == nil {
			t.Errorf("%q is a rate", bad)
		}
	}
}

func TestRedact(t *testing.T) {
	got := strings.Join(redact([]string{"siobench", "echo", "--auth", `{"t":"x"}`, "--header=Cookie: x", "--api-key", "k", "--server-cmd", "a b", "--n=5"}), " ")
	if want := `siobench echo --auth (hidden) --header=(hidden) --api-key (hidden) --server-cmd 'a b' --n=5`; got != want {
		t.Errorf("got %s", got)
	}
}

// TestLiveView: the picture is drawn over the one before.
func TestLiveView(t *testing.T) {
	var b bytes.Buffer
	v := newView("live", &b)
	spec := coord.Spec{Scenario: "echo", URLs: []string{"http://127.0.0.1:1"}}
	if err := spec.Complete(); err != nil {
		t.Fatal(err)
	}
	plan, err := coord.MakePlan(spec, 20000)
	if err != nil {
		t.Fatal(err)
	}
	v.Plan(plan)
	b.Reset()
	for i := range 2 {
		v.Progress(coord.Progress{Phase: "running", Done: 0.5, Asked: 1000, Point: report.Point{Conns: 1000, Sent: 20000, P99: int64(1e6 * (i + 1))}})
	}
	v.end()
	if got := b.String(); strings.Count(got, "\n") != 2*liveLines || strings.Count(got, "\x1b[4A") != 1 || !strings.Contains(got, "50%") || !strings.Contains(got, "conns 1000/1000") {
		t.Errorf("drawn %q", got)
	}
}
