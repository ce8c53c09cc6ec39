// What fits whom, and how rounds become figures.

package peers_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/peers"
	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/suite"
)

const shipped = "../../targets"

func TestShippedTargets(t *testing.T) {
	all, err := peers.Load(shipped)
	if err != nil {
		t.Fatal(err)
	}
	s, err := suite.Load("../../suites/peers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peers.NewTable(s.Name, s.Runs, 1, "x", "", ""); err != nil {
		t.Error(err)
	}
	for i := range all {
		fits := 0
		for _, run := range s.Runs {
			spec, ok := all[i].Fit(run, "127.0.0.1:4000")
			if !ok {
				continue
			}
			fits++
			if err := spec.Complete(); err != nil {
				t.Errorf("%s, %s: %v", all[i].Name, run.Name, err)
			}
			script, _, _ := strings.Cut(strings.TrimPrefix(spec.ServerCmd, "'"), "'")
			if fi, err := os.Stat(script); err != nil || fi.Mode()&0o100 == 0 {
				t.Errorf("%s starts with %s, error %v", all[i].Name, spec.ServerCmd, err)
			}
		}
		if fits == 0 {
			t.Errorf("no run fits %s", all[i].Name)
		}
	}
}

func TestFit(t *testing.T) {
	events := peers.Target{Name: "e", Kind: peers.SocketIO, Cmd: "e", Transports: []string{"websocket", "polling"}}
	frames := peers.Target{Name: "f", Kind: peers.WebSocket, Cmd: "f"}
	octets := peers.Target{Name: "o", Kind: peers.TCPEcho, Cmd: "o"}
	fan := peers.Target{Name: "w", Kind: peers.TCPFanOut, Cmd: "w"}
	for _, c := range []struct {
		target    peers.Target
		spec      coord.Spec
		url, over string // "" if it does not fit
	}{
		{events, coord.Spec{Scenario: "echo"}, "http://a:1", ""},
		{events, coord.Spec{Scenario: "polling"}, "http://a:1", job.Polling},
		{events, coord.Spec{Scenario: "upgrade"}, "", ""},
		{events, coord.Spec{Scenario: "mix"}, "http://a:1", ""},
		{frames, coord.Spec{Scenario: "echo"}, "ws://a:1/", job.RawWS},
		{frames, coord.Spec{Scenario: "broadcast"}, "ws://a:1/bcast", job.RawWS},
		{frames, coord.Spec{Scenario: "rooms"}, "", ""},
		{frames, coord.Spec{Scenario: "echo", Ack: true}, "", ""},
		{octets, coord.Spec{Scenario: "idle"}, "tcp://a:1", job.RawTCP},
		{octets, coord.Spec{Scenario: "broadcast"}, "", ""},
		{octets, coord.Spec{Scenario: "echo", Compress: 1}, "", ""},
		{fan, coord.Spec{Scenario: "broadcast"}, "tcp://a:1", job.RawTCP},
		{fan, coord.Spec{Scenario: "echo"}, "", ""},
	} {
		got, ok := c.target.Fit(c.spec, "a:1")
		if ok != (c.url != "") {
			t.Errorf("%s for %s: %t", c.spec.Scenario, c.target.Name, ok)
		}
		if ok && (len(got.URLs) != 1 || got.URLs[0] != c.url || got.Transport != c.over || got.ServerCmd == "") {
			t.Errorf("%s for %s: %v over %q, %q", c.spec.Scenario, c.target.Name, got.URLs, got.Transport, got.ServerCmd)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON": "[", "unknown key": `[{"name": "x", "kind": "socket.io", "colour": 1}]`, "unknown kind": `[{"name": "x", "kind": "carrier pigeon"}]`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "targets.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := peers.Load(dir); !errors.Is(err, peers.ErrTargets) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// outcome is a result of a round.
func outcome(cpu float64, valid bool) *report.Result {
	r := &report.Result{Server: &report.Server{CPUUsPerMsg: cpu}, Valid: report.Validity{OK: valid, Reasons: []string{"generator-bound: late"}}}
	r.Target.Version = "1.2"
	r.Summary.Rates = report.Rates{Sent: 10, Achieved: 0.5}
	return r
}

func TestRounds(t *testing.T) {
	runs := []coord.Spec{{Scenario: "echo", Name: "echo"}, {Scenario: "echo", Name: "a|b", Closed: true}}
	late := false
	one := &peers.Target{Name: "one", Kind: peers.SocketIO, Cmd: "x", Ordered: &late}
	two := &peers.Target{Name: "two", Kind: peers.SocketIO, Cmd: "x"}
	table, err := peers.NewTable("s", runs, 4, "abc", "0", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*report.Result{outcome(9, false), outcome(3, true), outcome(1, true), outcome(2, true)} {
		table.Add(one, "echo", r, nil)
	}
	table.Add(two, "echo", outcome(7, false), nil)
	table.Add(two, "a|b", nil, errors.New("nothing listens"))
	c := table.Row(one).Cells[0]
	if f := c.Figures["cpu_us_per_msg"]; !c.Valid || c.Rounds != 3 || f != (peers.Figure{Median: 2, Low: 1, High: 3}) {
		t.Errorf("rounds that count: %+v", c)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "50.0 %") {
		t.Errorf("notes %q", c.Notes)
	}
	if c := table.Row(two).Cells[0]; c.Valid || c.Figures["cpu_us_per_msg"].Median != 7 || len(c.Notes) != 1 {
		t.Errorf("rounds that do not count: %+v", c)
	}
	md := table.Markdown()
	for _, want := range []string{
		"**Interrupted", "| one | 1.2 | 2.00 us\\* |  |", "| two | 1.2 | 7.00 us\\* | failed\\* |", "two: generator-bound: late", "two failed: nothing listens",
		"medians of 4 rounds", "Servers on processor 0, generator on 1", "## a\\|b", "closed loop with 1 messages",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the table lacks %q:\n%s", want, md)
		}
	}
	if _, err := peers.NewTable("s", append(runs, runs[0]), 1, "", "", ""); err == nil {
		t.Error("two runs of one name are taken")
	}
}
