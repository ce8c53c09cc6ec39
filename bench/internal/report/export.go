// Exports for plotting programs: percentiles and seconds.

package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// SaveHGRM writes the response times by percentile, in ms, in the form that the
// plotters of HDR histograms read.
func (r *Result) SaveHGRM(path string) error {
	text, ok := r.Histograms["response"]
	if !ok {
		return fmt.Errorf("report: %s measured no response times", r.Scenario)
	}
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return fmt.Errorf("report: response times: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	w := bufio.NewWriter(f)
	_, err = h.PercentilesPrint(w, 5, 1e6)
	if err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// SaveCSV writes the series.
func (r *Result) SaveCSV(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"t", "conns", "sent", "answered", "p50_ns", "p99_ns", "max_ns", "lag_p99_ns", "server_cpu", "server_rss", "client_cpu", "client_rss"})
	g := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	d := func(v int64) string { return strconv.FormatInt(v, 10) }
	for _, p := range r.Series {
		_ = w.Write([]string{
			g(p.T), strconv.Itoa(p.Conns), g(p.Sent), g(p.Answered), d(p.P50), d(p.P99), d(p.Max), d(p.LagP99), g(p.ServerCPU), d(p.ServerRSS), g(p.ClientCPU), d(p.ClientRSS),
		})
	}
	w.Flush()
	err = w.Error()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
