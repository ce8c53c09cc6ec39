// Objectives: reading them and holding results against them.

package slo_test

import (
	"strings"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/internal/slo"
)

// sample is a result with round figures.
func sample() *report.Result {
	return &report.Result{
		Summary: report.Summary{
			LossCounted: true, Loss: 2, Expected: 990, ErrorCount: 10,
			Connections: report.Connections{Asked: 10, Up: 9},
			Latency:     map[string]report.Latency{"response": {Count: 1, P50: 1e6, P99: 20e6, Max: 30e6, Mean: 2e6, P90: 5e6, P999: 25e6, Min: 1}, "connect": {Count: 1, P99: 5e6}},
			Rates:       report.Rates{Answered: 25000, Sent: 1, Achieved: 0.995},
		},
		Server: &report.Server{RSSPerConn: 4096, CPUUsPerMsg: 4.5, CPUPercent: 71},
	}
}

func TestEvaluate(t *testing.T) {
	r := sample()
	for expr, want := range map[string]bool{
		"p99<50ms": true, "p99<20ms": false, "p99<=20ms": true, "p99>=0.02s": true, "p50<1001us": true, "max!=30ms": false,
		"response.p99<21ms": true, "connect.p99<1s": true, "mean<3ms": true, "p999<26ms": true, "min>0": true, "p90==5ms": true,
		"loss==0": false, "loss<3": true, "loss<0.1k": true,
		"errors<0.1%": false, "errors<=1%": true, "connected>=90%": true, "connected==100%": false, "achieved>99%": true,
		"rate>20k/s": true, "rate>25000": false, "rate>20k": true,
		"rss_per_conn<6KiB": true, "rss_per_conn<4KiB": false, "rss_per_conn<5000B": true, "cpu_us_per_msg<5": true, "cpu_us_per_msg<5us": true, "cpu<70%": false,
		// What was not measured is not met.
		"upgrade.p99<1s": false, "slow_ratio<2": false, "back>0": false, "deflate_ratio<1": false,
	} {
		all, err := slo.Parse(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := slo.Evaluate(all, r); len(got) != 1 || got[0].Pass != want {
			t.Errorf("%s: %+v, want %t", expr, got, want)
		}
	}
	r.Summary.LossCounted = false
	r.Server = nil
	all, err := slo.Parse(" loss<9 , cpu_us_per_msg<9 ,")
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, error %v", all, err)
	}
	for _, s := range slo.Evaluate(all, r) {
		if s.Pass || s.Text != "not measured" {
			t.Errorf("%+v", s)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for expr, word := range map[string]string{
		"p99": "operators", "p98<1ms": "no figure", "p99<50": "unit", "p99<fast": "not a limit", "loss<1ms": "not a limit",
		"nothing.p99<1s": "no figure", "rss_per_conn<1ms": "not a limit", "<5ms": "no figure",
	} {
		if _, err := slo.Parse(expr); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %v, want one with %q", expr, err, word)
		}
	}
}

func TestEveryFigureHasText(t *testing.T) {
	r := sample()
	for _, name := range slo.Names() {
		if strings.Contains(name, " ") {
			continue
		}
		v, _ := slo.Value(r, name)
		if slo.Text(name, v) == "" {
			t.Errorf("%s has no text", name)
		}
	}
	if _, ok := slo.Value(r, "nothing"); ok {
		t.Error("a figure that does not exist has a value")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("p99<50ms,loss==0")
	f.Add("rate>=20k/s")
	f.Fuzz(func(t *testing.T, s string) {
		all, err := slo.Parse(s)
		if err == nil && len(slo.Evaluate(all, sample())) != len(all) {
			t.Fatal("an objective is lost")
		}
	})
}
