// Every scenario against the built-in server.

package coord_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/server"
	"github.com/sioserver/sioserver/bench/internal/slo"
)

// clean fails for anything that a run against a sound server must not show.
func clean(t *testing.T, r *report.Result) {
	t.Helper()
	s := &r.Summary
	if !r.Complete || s.Loss != 0 || s.Duplicates != 0 || s.Reordered != 0 || s.Stale != 0 || s.ErrorCount != 0 || s.Connections.Dropped != 0 {
		t.Errorf("complete %t: %d lost, %d doubled, %d reordered, %d dropped, errors %v", r.Complete, s.Loss, s.Duplicates, s.Reordered, s.Connections.Dropped, s.Errors)
	}
	if s.Connections.Up != s.Connections.Asked {
		t.Errorf("%d of %d sessions", s.Connections.Up, s.Connections.Asked)
	}
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	hold := coord.Duration(200 * time.Millisecond)
	for _, c := range []struct {
		name  string
		spec  coord.Spec
		check func(r *report.Result) bool
	}{
		{"connect", coord.Spec{Scenario: "connect", N: 100, ConnectRate: 500, Hold: hold}, func(r *report.Result) bool {
			l := r.Summary.Latency
			return l["tcp"].Count == 100 && l["http"].Count == 100 && l["open"].Count == 100 && l["namespace"].Count == 100 && l["connect"].Count == 100
		}},
		{"idle", coord.Spec{Scenario: "idle", N: 100, Hold: hold, ServerPIDs: []int{os.Getpid()}}, func(r *report.Result) bool { return r.Server != nil && r.Server.RSSHold > 0 && r.Summary.Sent == 0 }},
		{"idle over raw TCP", coord.Spec{Scenario: "idle", N: 50, Hold: hold, Transport: job.RawTCP}, func(r *report.Result) bool { return r.Summary.Latency["tcp"].Count == 50 }},
		{"echo over raw TCP", coord.Spec{Scenario: "echo", Rate: 500, Transport: job.RawTCP}, answered},
		{"echo behind an upgrade", coord.Spec{Scenario: "echo", Rate: 500, Transport: job.Upgrade}, func(r *report.Result) bool { return r.Summary.Upgraded == 20 && answered(r) }},
		{"echo in a namespace", coord.Spec{Scenario: "echo", Rate: 500, Namespace: "/", Auth: `{"token":"secret"}`}, func(r *report.Result) bool {
			var p map[string]any
			return json.Unmarshal(r.Params, &p) == nil && p["auth"] == `{"given":true}` && answered(r)
		}},
		{"echo, drawn gaps", coord.Spec{Scenario: "echo", Rate: 500, Poisson: true}, answered},
		{"echo, zero mask", coord.Spec{Scenario: "echo", Rate: 500, ZeroMask: true, Payload: "random", Size: 70000}, answered},
		{"broadcast in turns", coord.Spec{Scenario: "broadcast", Rate: 80, Turn: 8}, func(r *report.Result) bool { return r.Summary.Latency["last"].Count > 0 && answered(r) }},
		{"rooms of two processes", coord.Spec{Scenario: "rooms", N: 30, RoomSize: 5, Rate: 300, Procs: 2}, answered},
		{"polling", coord.Spec{Scenario: "polling", Rate: 200}, func(r *report.Result) bool { return r.Summary.Requests > r.Summary.Sent && answered(r) }},
		{"polling, EIO 3", coord.Spec{Scenario: "polling", Rate: 200, EIO: 3}, answered},
		{"upgrade", coord.Spec{Scenario: "upgrade", N: 40, ConnectRate: 200}, upgraded},
		{"upgrade, EIO 3", coord.Spec{Scenario: "upgrade", N: 40, ConnectRate: 200, EIO: 3}, upgraded},
		{"deflate", coord.Spec{Scenario: "deflate", Rate: 200, Size: 2000}, func(r *report.Result) bool {
			d := r.Summary.Deflate
			return d != nil && d.Messages > 0 && d.Ratio < 0.8 && answered(r)
		}},
		{"churn", coord.Spec{Scenario: "churn", N: 30, Rate: 200, Churn: 100}, churned},
		{"churn at the rate of the messages", coord.Spec{Scenario: "churn", N: 100, Rate: 150, Churn: 150}, func(r *report.Result) bool {
			return r.Summary.Churn.Replaced > 0 && r.Summary.Received > r.Summary.Sent/2
		}},
		{"churn by reset", coord.Spec{Scenario: "churn", N: 30, Rate: 200, Churn: 100, Mode: "rst"}, churned},
		{"churn with a good-bye", coord.Spec{Scenario: "churn", N: 30, Rate: 200, Churn: 100, Mode: "packet"}, churned},
		{"storm", coord.Spec{Scenario: "storm", N: 30, Rate: 100, Duration: coord.Duration(2500 * time.Millisecond)}, func(r *report.Result) bool {
			s := r.Summary.Storm
			return s != nil && s.Dropped == 30 && s.Back == 30 && s.Back100 >= 500e6 && s.Back100 < 2500e6
		}},
		{"slow", coord.Spec{Scenario: "slow", N: 40, Slow: 10, Rate: 50}, func(r *report.Result) bool {
			s := r.Summary.Slow
			return s != nil && s.Slow == 4 && s.BaselineP99 > 0 && s.P99 > 0
		}},
		{"slow, reading a little", coord.Spec{Scenario: "slow", N: 40, Slow: 10, Rate: 50, ReadRate: 100}, func(r *report.Result) bool { return r.Summary.Slow.Slow == 4 }},
		{"mix", coord.Spec{Scenario: "mix", N: 40, Profile: "game"}, func(r *report.Result) bool { return len(r.Summary.Streams) == 2 && answered(r) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, _ := serve(t, server.Config{Deflate: true})
			r := run(t, short(url, c.spec))
			clean(t, r)
			if !c.check(r) {
				b, _ := json.MarshalIndent(r.Summary, "", " ")
				t.Errorf("the result is not what it should be: %s", b)
			}
		})
	}
}

func answered(r *report.Result) bool {
	l := r.Summary.Latency
	return r.Summary.Sent > 0 && l["response"].Count > 0 && l["response"].Count == l["service"].Count && l["response"].P50 >= l["service"].P50
}

func upgraded(r *report.Result) bool {
	return r.Summary.Upgraded == 40 && r.Summary.Sent == 40*20 && r.Summary.Latency["upgrade"].Count == 40
}

func churned(r *report.Result) bool {
	c := r.Summary.Churn
	// Each that was replaced had been opened, and its successor may be on its way
	// when the run ends.
	opened := r.Summary.Connections.Opened
	return c != nil && c.Replaced > 0 && opened >= c.Replaced && opened <= 30+c.Replaced
}

func TestAPI(t *testing.T) {
	t.Parallel()
	url, stop := serve(t, server.Config{})
	r := run(t, short(url, coord.Spec{Scenario: "api", Rate: 100, API: url, APIKey: "k", Procs: 2}))
	clean(t, r)
	st := stop()
	if r.Summary.Received != int64(st.Sent) || r.Summary.Latency["publish"].Count == 0 || !answered(r) {
		t.Errorf("%d received, %d sent there; %+v", r.Summary.Received, st.Sent, r.Summary.Latency)
	}
	if _, err := coord.Run(context.Background(), short(url, coord.Spec{Scenario: "api"}), options(t)); coord.CodeOf(err) != coord.ExitUsage {
		t.Errorf("without --api: %v", err)
	}
}

// TestServerIsKilled: the server that was started here goes and comes back.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	spec := short("", coord.Spec{Scenario: "storm", N: 20, Rate: 50, Cause: "server-kill", ServerCmd: serveCommand(t), Duration: coord.Duration(4 * time.Second)})
	r := run(t, spec)
	s := r.Summary.Storm
	if s == nil || s.Back != 20 || s.Dropped != 20 || len(r.Target.PIDs) != 1 {
		t.Errorf("storm %+v, pids %v", s, r.Target.PIDs)
	}
}

// TestSeveralServers: each on its own port, and the sessions over all of them.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	r := run(t, short(free(t), coord.Spec{Scenario: "echo", N: 30, Rate: 300, Servers: 3, ServerCmd: serveCommand(t)}))
	clean(t, r)
	if len(r.Target.PIDs) != 3 || len(r.Target.URLs) != 3 || r.Server.Processes != 3 {
		t.Errorf("%v at %v", r.Target.PIDs, r.Target.URLs)
	}
}

// TestSharedPort: several processes on one port, all of them up before the first
// session and all of them watched.
func TestSharedPort(t *testing.T) {
	t.Parallel()
	url := free(t)
	addr := strings.TrimPrefix(url, "http://")
	cmd := strings.Replace(strings.ReplaceAll(serveCommand(t), coord.ListenMark, addr), " serve ", " share ", 1)
	r := run(t, short(url, coord.Spec{Scenario: "echo", N: 60, Rate: 300, Servers: 3, Procs: 2, ServerCmd: cmd}))
	clean(t, r)
	if len(r.Target.PIDs) != 3 || r.Server.Processes != 3 || r.Generator.Processes != 2 {
		t.Errorf("%v at %v", r.Target.PIDs, r.Target.URLs)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, server.Config{})
	objectives, err := slo.Parse("rate<1500/s")
	if err != nil {
		t.Fatal(err)
	}
	s := coord.Search{Spec: short(url, coord.Spec{Scenario: "echo"}), Min: 400, Max: 6400, Precision: 0.5, Achieved: 0.2, Objectives: objectives, AcceptInvalid: true}
	var tried []float64
	highest, lowest := 0.0, math.Inf(1)
	// The bound is a rate that was measured, so that the outcome does not hang on
	// what this machine can do.
	best, err := s.Run(context.Background(), options(t), func(step coord.Step) {
		tried = append(tried, step.Rate)
		r := &step.Result.Summary.Rates
		if want := r.Answered < 1500 && r.Achieved >= s.Achieved; step.Pass != want {
			t.Errorf("%.0f/s: passed %t with %.0f answered, %.2f achieved", step.Rate, step.Pass, r.Answered, r.Achieved)
		}
		if step.Pass {
			highest = max(highest, step.Rate)
		} else {
			lowest = min(lowest, step.Rate)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if tried[0] != 400 || best == nil || best.Rate != highest || highest < s.Max && lowest/highest > 1+s.Precision {
		t.Errorf("tried %v: passed up to %g, failed from %g, best %+v", tried, highest, lowest, best)
	}
	s.Objectives, _ = slo.Parse("rate<1/s")
	if best, err := s.Run(context.Background(), options(t), func(coord.Step) {}); err != nil || best != nil {
		t.Errorf("an impossible bound gives %+v, error %v", best, err)
	}
}

func TestCalibrate(t *testing.T) {
	url, _ := serve(t, server.Config{})
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	n := 0
	c, err := coord.Calibrate(context.Background(), short(url, coord.Spec{Duration: coord.Duration(200 * time.Millisecond)}), options(t), func(int, *report.Result) { n++ })
	if err != nil {
		t.Fatal(err)
	}
	if n != 3 || c.Best() <= 0 || coord.LoadCeiling() != nil {
		t.Errorf("%d measurements: %+v", n, c)
	}
	if _, err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if back := coord.LoadCeiling(); back == nil || back.Best() != c.Best() {
		t.Errorf("kept as %+v", back)
	}
}

func TestDuel(t *testing.T) {
	t.Parallel()
	spec := short(free(t), coord.Spec{Scenario: "echo", Rate: 200, Duration: coord.Duration(200 * time.Millisecond)})
	d := coord.Duel{A: serveCommand(t), B: serveCommand(t), Specs: []coord.Spec{spec}, Rounds: 3}
	order := ""
	a, b, err := d.Run(context.Background(), options(t), func(_ int, side string, _ *report.Result) { order += side })
	if err != nil {
		t.Fatal(err)
	}
	if order != "abbaab" || len(a) != 3 || len(b) != 3 {
		t.Errorf("order %s", order)
	}
	if _, err := report.Compare(a, b, true); err != nil {
		t.Error(err)
	}
}
