// What goes wrong: one sentence, the right exit code, and what was measured so far.

package coord_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/server"
)

func TestFaultsOfTarget(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	refusing, _ := serve(t, server.Config{Faults: server.Faults{Refuse: 1}})
	elsewhere, _ := serve(t, server.Config{Path: "/other/"})
	for name, c := range map[string]struct {
		url  string
		spec coord.Spec
		code int
		word string
	}{
		"nothing listens":     {free(t), coord.Spec{}, coord.ExitTarget, "nothing listens"},
		"handshake refused":   {refusing, coord.Spec{}, coord.ExitTarget, "refuses the handshake"},
		"polling refused":     {refusing, coord.Spec{Transport: job.Polling}, coord.ExitTarget, "refuses the handshake"},
		"wrong path":          {elsewhere, coord.Spec{}, coord.ExitTarget, "check the path"},
		"path of no server":   {url + "/wrong/", coord.Spec{}, coord.ExitTarget, "check the path"},
		"not Engine.IO":       {url + "/stats", coord.Spec{Transport: job.Polling}, coord.ExitTarget, "not like Engine.IO"},
		"unknown name":        {"http://no-such-name.invalid:80", coord.Spec{}, coord.ExitTarget, "not known"},
		"not this machine":    {"http://192.0.2.1:80", coord.Spec{}, coord.ExitUsage, "--i-own-this-host"},
		"TLS":                 {"https://127.0.0.1:80", coord.Spec{}, coord.ExitUsage, "TLS"},
		"no URL":              {"127.0.0.1", coord.Spec{}, coord.ExitUsage, "not a URL"},
		"another scheme":      {"ftp://127.0.0.1", coord.Spec{}, coord.ExitUsage, "scheme"},
		"no such scenario":    {url, coord.Spec{Scenario: "dance"}, coord.ExitUsage, "dance"},
		"objective of nought": {url, coord.Spec{SLO: "speed>9"}, coord.ExitUsage, "speed"},
		"server does not run": {free(t), coord.Spec{ServerCmd: "echo broken >&2; false"}, coord.ExitTarget, "broken"},
		"server runs already": {url, coord.Spec{ServerCmd: "true"}, coord.ExitUsage, "listens"},
		"tiny payload":        {url, coord.Spec{Size: 5}, coord.ExitUsage, "--size"},
		"kill without server": {url, coord.Spec{Scenario: "storm", Cause: "server-kill"}, coord.ExitUsage, "--server-cmd"},
		"processors of none":  {url, coord.Spec{ClientCPUs: "x"}, coord.ExitInternal, "processors"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.spec.Scenario == "" {
				c.spec.Scenario = "echo"
			}
			_, err := coord.Run(context.Background(), short(c.url, c.spec), options(t))
			if coord.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.word) {
				t.Errorf("exit %d: %v; want exit %d and %q", coord.CodeOf(err), err, c.code, c.word)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

// TestShortOfDescriptors: the plan refuses, with what to do, before anything is
// started.
func TestShortOfDescriptors(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	opt := options(t)
	opt.NoFile = 1000
	_, err := coord.Run(context.Background(), short(url, coord.Spec{Scenario: "idle", N: 5000, Procs: 1}), opt)
	if coord.CodeOf(err) != coord.ExitUsage || !strings.Contains(err.Error(), "--procs") || !strings.Contains(err.Error(), "ulimit") {
		t.Errorf("exit %d: %v", coord.CodeOf(err), err)
	}
	opt.NoFile = 100
	_, err = coord.Run(context.Background(), short(url, coord.Spec{Scenario: "idle", N: 5}), opt)
	if coord.CodeOf(err) != coord.ExitUsage || !strings.Contains(err.Error(), "open files") {
		t.Errorf("exit %d: %v", coord.CodeOf(err), err)
	}
}

// TestTooFewSessions: a server that refuses some is not measured with the rest.
func TestTooFewSessions(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{Faults: server.Faults{Refuse: 4}})
	r, err := coord.Run(context.Background(), short(url, coord.Spec{Scenario: "echo", N: 40, Rate: 100}), options(t))
	if coord.CodeOf(err) != coord.ExitTarget || !strings.Contains(err.Error(), "HTTP 403") {
		t.Fatalf("exit %d: %v", coord.CodeOf(err), err)
	}
	if r == nil || r.Complete || r.Summary.Connections.Failed != 10 || r.Summary.Connections.Up != 30 {
		t.Errorf("the partial result is %+v", r)
	}
	spec := short(url, coord.Spec{Scenario: "echo", N: 40, Rate: 100, MinConnected: 50})
	if r := run(t, spec); !r.Complete || r.Summary.Loss != 0 || r.Summary.Sent == 0 {
		t.Errorf("with enough of them: %+v", r.Summary)
	}
}

// watcher interrupts a run once it sends.
type watcher struct{ stop context.CancelFunc }

func (w *watcher) Plan(*coord.Plan) {}
func (w *watcher) Progress(p coord.Progress) {
	if p.Phase == "running" && p.Point.Answered > 0 {
		w.stop()
	}
}

// TestInterrupted: what was measured until then is there.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	opt := options(t)
	opt.Observer = &watcher{stop}
	r, err := coord.Run(ctx, short(url, coord.Spec{Scenario: "echo", Rate: 500, Duration: coord.Duration(time.Hour)}), opt)
	if coord.CodeOf(err) != coord.ExitInterrupt {
		t.Fatalf("exit %d: %v", coord.CodeOf(err), err)
	}
	if r == nil || r.Complete || r.Summary.Sent == 0 || r.Summary.Latency["response"].Count == 0 || r.Summary.Loss != 0 {
		t.Errorf("the partial result is %+v", r)
	}
	if r.Summary.WindowSeconds <= 0 || r.Summary.WindowSeconds > 60 {
		t.Errorf("its window is %g s", r.Summary.WindowSeconds)
	}
}

// TestAbortOnFail: an objective that stays missed ends the run.
func TestAbortOnFail(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	spec := short(url, coord.Spec{Scenario: "echo", Rate: 200, SLO: "rate>1M/s", Duration: coord.Duration(time.Hour), AbortOnFail: coord.Duration(500 * time.Millisecond)})
	r, err := coord.Run(context.Background(), spec, options(t))
	if coord.CodeOf(err) != coord.ExitSLO || r == nil || r.Complete {
		t.Errorf("exit %d: %v", coord.CodeOf(err), err)
	}
}

// TestCutSessions: sessions that the server ends are dropped, not lost.
func TestCutSessions(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{Faults: server.Faults{CutEvery: 100}})
	r := run(t, short(url, coord.Spec{Scenario: "echo", N: 50, Rate: 1000}))
	c := &r.Summary.Connections
	if c.Dropped == 0 || r.Summary.ErrorCount != c.Dropped || r.Summary.Loss != 0 || r.Summary.Abandoned < c.Dropped {
		t.Errorf("%d dropped, %d errors, %d lost, %d abandoned", c.Dropped, r.Summary.ErrorCount, r.Summary.Loss, r.Summary.Abandoned)
	}
}
