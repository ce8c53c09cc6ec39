// Suites: what they expand to, what is refused, and those that are shipped.

package suite_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/bench/internal/slo"
	"github.com/sioserver/sioserver/bench/internal/suite"
)

func TestParse(t *testing.T) {
	s, err := suite.Parse([]byte(`
name: x
about: y
defaults: {n: 100, duration: 2s, slo: loss==0}
runs:
  - {scenario: echo, rate: 500, n: 7}
  - scenario: broadcast
    name: sizes
    repeat: 2
    matrix: {size: [64, 128], turn: [1, 8]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "x" || len(s.Runs) != 9 {
		t.Fatalf("%s has %d runs, want 9", s.Name, len(s.Runs))
	}
	first := s.Runs[0]
	if first.Name != "echo" || first.N != 7 || first.Rate != 500 || time.Duration(first.Duration) != 2*time.Second || first.SLO != "loss==0" {
		t.Errorf("got %+v", first)
	}
	names := map[string]int{}
	for _, r := range s.Runs[1:] {
		names[r.Name]++
		if r.N != 100 {
			t.Errorf("%s has %d sessions", r.Name, r.N)
		}
	}
	for _, n := range []string{"sizes size=64 turn=1", "sizes size=64 turn=8", "sizes size=128 turn=1", "sizes size=128 turn=8"} {
		if names[n] != 2 {
			t.Errorf("%d runs are called %q, want 2", names[n], n)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ in, word string }{
		"not YAML":          {"runs: [", ""},
		"unknown key":       {"name: x\nrun: []", "run"},
		"no runs":           {"name: x", "no runs"},
		"unknown parameter": {"runs: [{scenario: echo, sessions: 5}]", "sessions"},
		"unknown scenario":  {"runs: [{scenario: ehco}]", "ehco"},
		"wrong type":        {"runs: [{scenario: echo, n: many}]", "n"},
		"bad duration":      {"runs: [{scenario: echo, duration: soon}]", "soon"},
		"matrix of no list": {"runs: [{scenario: echo, matrix: {size: 5}}]", "size"},
		"matrix of no map":  {"runs: [{scenario: echo, matrix: 5}]", "matrix"},
		"repeat nothing":    {"runs: [{scenario: echo, repeat: 0}]", "repeat"},
		"repeat for ever":   {"runs: [{scenario: echo, repeat: 1000000}]", "repeat"},
		"key in a suite":    {"runs: [{scenario: api, api-key: secret}]", "api-key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := suite.Parse([]byte(c.in))
			if !errors.Is(err, suite.ErrSuite) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("error %v, want one with %q", err, c.word)
			}
		})
	}
}

// TestShipped: every suite in bench/suites is complete and possible.
func TestShipped(t *testing.T) {
	files, err := filepath.Glob("../../suites/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d suites, error %v", len(files), err)
	}
	for _, path := range files {
		s, err := suite.Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name+".yaml" != filepath.Base(path) || s.About == "" {
			t.Errorf("%s is called %q, about %q", path, s.Name, s.About)
		}
		for _, r := range s.Runs {
			r.URLs = []string{"http://127.0.0.1:1"}
			r.ServerCmd = "true"
			if err := r.Complete(); err != nil {
				t.Errorf("%s: %s: %v", path, r.Name, err)
			}
			if _, err := slo.Parse(r.SLO); err != nil {
				t.Errorf("%s: %s: %v", path, r.Name, err)
			}
		}
	}
	if _, err := suite.Load("none.yaml"); !errors.Is(err, suite.ErrSuite) {
		t.Errorf("a file that is not there: error %v", err)
	}
}
