// Text, exports and the page, made from a real result.

package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sioserver/sioserver/bench/internal/report"
)

// sample is the result that the schema is tested with.
func sample(t testing.TB) *report.Result {
	t.Helper()
	r, err := report.Load("../../schema/testdata/result.json")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// full is a result in which every part is filled in, also with what a server
// may say to break a page.
func full(t testing.TB) *report.Result {
	r := sample(t)
	s := &r.Summary
	s.Errors = map[string]int64{`dropped: </script><script>alert(1)</script>`: 3, "tcp: connection refused": 9}
	s.Streams = append(s.Streams, report.Stream{Kind: "bcast", Rate: 5, Size: 99})
	s.Storm = &report.Storm{Cause: "client-drop", Dropped: 10, Back: 9, Back90: 1e9, Back99: 2e9, Back100: 3e9}
	s.Slow = &report.Slow{Slow: 4, Cut: 1, BaselineP99: 1e6, P99: 2e6, Ratio: 2}
	s.Deflate = &report.Deflate{Messages: 5, Compressed: 50, Inflated: 100, Ratio: 0.5}
	s.Churn = &report.Churn{Replaced: 77, SlopeMBh: 1.5, LowMBh: -1, HighMBh: 4}
	s.Upgraded, s.Extra = 12, 13
	s.Loss, s.Sent, s.Expected = 1, 100, 100
	r.Valid = report.Validity{OK: false, Reasons: []string{"generator-bound: for the test"}, Warnings: []string{"a warning"}}
	r.SLO = []report.SLO{{Expr: "p99<1ms", Text: "2ms"}, {Expr: "loss<5", Text: "1", Pass: true}}
	return r
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := report.Text(&b, full(t), false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"INVALID", "generator-bound: for the test", "note: a warning", "response", "service", "1 lost", "9 of 10 back", "2.00 times", "ratio 0.500", "77 replaced",
		"upgraded     12", "13 events came beside", "9 x tcp: connection refused", "✗ p99<1ms (2ms)", "✓ loss<5 (1)", "B/connection", "us/message",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text does not say %q", want)
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Error("there are colours though none were asked for")
	}
	b.Reset()
	if err := report.Text(&b, full(t), true); err != nil || !strings.Contains(b.String(), "\x1b[31m") {
		t.Errorf("there are no colours, error %v", err)
	}
	for r, want := range map[*report.Result]string{
		{Complete: true, Valid: report.Validity{OK: true}}: "VALID", {Complete: true}: "INVALID", {Valid: report.Validity{OK: true}}: "PARTIAL",
	} {
		if got := report.Verdict(r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if lines := strings.Count(b.String(), "\n"); lines > 45 {
		t.Errorf("%d lines do not fit on a screen", lines)
	}
}

// TestPageStructure: the page needs nothing from elsewhere, and nothing that a
// server said becomes a part of it.
func TestPageStructure(t *testing.T) {
	r := full(t)
	b, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if m := regexp.MustCompile(`(?i)(src|href)\s*=\s*"[^"#]+"|[: ]url\(|@import|<link`).FindString(page); m != "" {
		t.Errorf("the page loads %s", m)
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("an error's text became a script")
	}
	for _, want := range []string{"prefers-color-scheme: dark", "@media print", "<svg", "Latency by percentile", "Processor", "INVALID", "generator-bound: for the test", "Download the result"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if open, shut := strings.Count(page, "<svg"), strings.Count(page, "</svg>"); open != shut || open < 5 {
		t.Errorf("%d charts, %d of them closed", open, shut)
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
		t.Error("a chart has a point that is no number")
	}
	_, data, _ := strings.Cut(page, `id="data">`)
	data, _, _ = strings.Cut(data, "</script>")
	back := new(report.Result)
	if err := json.Unmarshal([]byte(data), back); err != nil || back.ID != r.ID || len(back.Series) != len(r.Series) {
		t.Errorf("the result in the page is another: %v", err)
	}
}

// TestPageInBrowser: where there is a Chromium, it must have run the page's
// script without an error. Elsewhere the structure is all that is tested.
func TestPageInBrowser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := full(t).SaveHTML(path); err != nil {
		t.Fatal(err)
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Log("there is no chromium")
		return
	}
	out, err := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(), "--dump-dom", "file://"+path).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	if !bytes.Contains(out, []byte(`href="blob:`)) {
		t.Error("the link to the result was not made")
	}
}

func TestExports(t *testing.T) {
	r := sample(t)
	dir := t.TempDir()
	hgrm, table := filepath.Join(dir, "x.hgrm"), filepath.Join(dir, "x.csv")
	if err := r.SaveHGRM(hgrm); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(hgrm); err != nil || !bytes.Contains(b, []byte("Percentile")) || bytes.Count(b, []byte("\n")) < 20 {
		t.Errorf("percentiles: %d bytes, error %v", len(b), err)
	}
	if err := r.SaveCSV(table); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(table)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != len(r.Series)+1 {
		t.Errorf("%d rows of %d seconds, error %v", len(rows), len(r.Series), err)
	}
	r.Histograms = nil
	if r.SaveHGRM(hgrm) == nil {
		t.Error("percentiles of nothing were written")
	}
	none := filepath.Join(dir, "none", "x")
	for name, err := range map[string]error{"json": r.Save(none), "html": r.SaveHTML(none), "csv": r.SaveCSV(none)} {
		if err == nil {
			t.Errorf("%s was written into a directory that is not there", name)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	r := sample(t)
	if err := r.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := report.Load(path)
	if err != nil || back.ID != r.ID {
		t.Fatalf("error %v", err)
	}
	for name, text := range map[string]string{"not JSON": "x", "other schema": `{"schema":"x/v2"}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Load(path); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestUnits(t *testing.T) {
	for got, want := range map[string]string{
		report.TimeText(0): "0", report.TimeText(512): "512ns", report.TimeText(1500): "1.50us", report.TimeText(20_000_000): "20.0ms", report.TimeText(3_210_000_000): "3.21s",
		report.RateText(999): "999/s", report.RateText(12345): "12.3k/s", report.RateText(2.5): "2.50/s", report.RateText(1.2e6): "1.20M/s",
		report.SizeText(512): "512B", report.SizeText(20480): "20.0KiB", report.SizeText(5 << 20): "5.00MiB", report.SizeText(3 << 30): "3.00GiB", report.CountText(3e9): "3.00G",
		report.Spark([]int64{0, 5, 10}, 2): "▄█", report.Spark(nil, 5): "",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for _, row := range []int{0, 1, 17, 40} {
		if got := report.HeatRow(int64(math.Ceil(report.HeatValue(row)))); got != row {
			t.Errorf("row %d begins in row %d", row, got)
		}
	}
	if l := report.Distribution(hdrhistogram.New(1, 1000, 3)); l != (report.Latency{}) {
		t.Errorf("nothing is distributed as %+v", l)
	}
}
