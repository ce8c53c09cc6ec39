// Comparisons: verdicts, intervals, and what is not compared.

package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/report"
)

// rounds are results whose p99 and processor time are those given.
func rounds(name string, p99, cpu []float64) []*report.Result {
	var all []*report.Result
	for i := range p99 {
		all = append(all, &report.Result{
			Title: "echo", Scenario: "echo", Params: json.RawMessage(`{"n":5,"server-cmd":"` + name + `"}`), Complete: true,
			Target: report.Target{Name: name}, Valid: report.Validity{OK: true},
			Summary: report.Summary{Latency: map[string]report.Latency{"response": {P99: int64(p99[i])}}},
			Server:  &report.Server{CPUUsPerMsg: cpu[i]},
		})
	}
	return all
}

func TestCompare(t *testing.T) {
	a := rounds("one", []float64{100e3, 104e3, 98e3, 102e3, 100e3}, []float64{5, 5.1, 4.9, 5, 5})
	b := rounds("two", []float64{103e3, 99e3, 101e3, 97e3, 105e3}, []float64{8, 8.1, 7.9, 8, 8.2})
	c, err := report.Compare(a, b, false)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]string{}
	for _, r := range c.Rows {
		verdicts[r.Metric] = r.Verdict
		if r.Low > r.Ratio || r.High < r.Ratio {
			t.Errorf("%s: %g is not within %g and %g", r.Metric, r.Ratio, r.Low, r.High)
		}
	}
	if len(verdicts) != 2 || verdicts["p99"] != report.Same || verdicts["cpu_us_per_msg"] != report.Worse {
		t.Errorf("got %v", verdicts)
	}
	if row, worse := c.Regressed(0.05); !worse || row.Metric != "cpu_us_per_msg" {
		t.Errorf("regressed: %+v, %t", row, worse)
	}
	if _, worse := c.Regressed(0.9); worse {
		t.Error("1.6 times is 90 % worse")
	}
	back, err := report.Compare(b, a, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, worse := back.Regressed(0.05); worse {
		t.Error("the other way round is worse as well")
	}
	var text bytes.Buffer
	if err := c.Text(&text); err != nil || !strings.Contains(text.String(), "cpu_us_per_msg") || !strings.Contains(text.String(), "worse") {
		t.Errorf("text %q, error %v", text.String(), err)
	}
	page := filepath.Join(t.TempDir(), "c.html")
	if err := c.SaveHTML(page); err != nil {
		t.Fatal(err)
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.Contains(html, []byte(`class="bad"`)) || bytes.Contains(html, []byte("NaN")) {
		t.Errorf("%d bytes of page, error %v", len(html), err)
	}
	if err := c.Save(filepath.Join(t.TempDir(), "c.json")); err != nil {
		t.Error(err)
	}
}

func TestCompareHigherIsBetter(t *testing.T) {
	a, b := rounds("one", []float64{1, 1, 1, 1}, []float64{0, 0, 0, 0}), rounds("two", []float64{1, 1, 1, 1}, []float64{0, 0, 0, 0})
	for i := range a {
		a[i].Summary.Closed, b[i].Summary.Closed = true, true
		a[i].Summary.Rates.Answered, b[i].Summary.Rates.Answered = 1000+float64(i), 500+float64(i)
	}
	c, err := report.Compare(a, b, false)
	if err != nil {
		t.Fatal(err)
	}
	if row, worse := c.Regressed(0.05); !worse || row.Metric != "rate" {
		t.Errorf("half the rate is not worse: %+v", c.Rows)
	}
}

func TestCompareRefuses(t *testing.T) {
	flat := []float64{1, 1, 1}
	for name, change := range map[string]func(b []*report.Result) []*report.Result{
		"another count":     func(b []*report.Result) []*report.Result { return b[:2] },
		"another scenario":  func(b []*report.Result) []*report.Result { b[0].Scenario = "rooms"; return b },
		"other parameters":  func(b []*report.Result) []*report.Result { b[1].Params = json.RawMessage(`{"n":6}`); return b },
		"another kernel":    func(b []*report.Result) []*report.Result { b[2].Env.Kernel = "5"; return b },
		"another generator": func(b []*report.Result) []*report.Result { b[2].Env.Generator = "x"; return b },
		"broken parameters": func(b []*report.Result) []*report.Result { b[2].Params = nil; return b },
	} {
		if _, err := report.Compare(rounds("a", flat, flat), change(rounds("b", flat, flat)), false); !errors.Is(err, report.ErrUnlike) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	b := rounds("b", flat, flat)
	b[0].Valid = report.Validity{Reasons: []string{"generator-bound"}}
	c, err := report.Compare(rounds("a", flat, flat), b, false)
	if err != nil || len(c.Left) != 1 || c.Rounds != 2 {
		t.Errorf("an invalid run: %+v, error %v", c, err)
	}
	for _, r := range c.Rows {
		if r.Verdict != report.Unsure {
			t.Errorf("two rounds tell a difference: %+v", r)
		}
	}
	if c, err = report.Compare(rounds("a", flat, flat), b, true); err != nil || c.Rounds != 3 {
		t.Errorf("accepted: %+v, error %v", c, err)
	}
}

func TestBootstrap(t *testing.T) {
	a, b := []float64{10, 11, 9, 10, 12}, []float64{20, 22, 18, 20, 24}
	low, high := report.Bootstrap(a, b)
	if math.Abs(low-2) > 1e-9 || math.Abs(high-2) > 1e-9 {
		t.Errorf("values that are always twice as large give %g to %g", low, high)
	}
	l1, h1 := report.Bootstrap([]float64{1, 2, 3, 4, 5}, []float64{5, 4, 3, 2, 1})
	if l2, h2 := report.Bootstrap([]float64{1, 2, 3, 4, 5}, []float64{5, 4, 3, 2, 1}); l1 != l2 || h1 != h2 || l1 >= 1 || h1 <= 1 {
		t.Errorf("%g to %g, then %g to %g", l1, h1, l2, h2)
	}
	if m := report.Median([]float64{3, 1, 2, 4}); m != 2.5 {
		t.Errorf("median %g", m)
	}
	if m := report.Median(nil); m != 0 {
		t.Errorf("median of nothing %g", m)
	}
}
