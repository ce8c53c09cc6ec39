// The page: everything in one file, also on paper and in the dark.

package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"os"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

//go:embed page.html
var pageText string

//go:embed comparison.html
var comparisonText string

//go:embed style.css
var styleText string

var (
	page           = template.Must(template.New("page").Funcs(pageFuncs).Parse(pageText))
	comparisonPage = template.Must(template.New("comparison").Funcs(pageFuncs).Parse(comparisonText))
)

var pageFuncs = template.FuncMap{
	"time": TimeText, "size": SizeText, "rate": RateText, "count": func(v int64) string { return CountText(float64(v)) },
	"size64": func(v int64) string { return SizeText(float64(v)) }, "mean": nsText, "percent": func(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) },
	"num": func(v float64) string { return fmt.Sprintf("%.2f", v) }, "lower": strings.ToLower,
}

// pageData is what the page is made from.
type pageData struct {
	R       *Result
	Style   template.CSS
	Verdict string
	Names   []string
	Errors  []string
	Charts  []template.HTML
	Params  string
	JSON    template.JS
}

// SaveHTML writes the result as a page that needs nothing else.
func (r *Result) SaveHTML(path string) error {
	b, err := r.HTML()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// HTML is the page.
func (r *Result) HTML() ([]byte, error) {
	// Marshal escapes < > & so that the text may stand in a script element.
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var params bytes.Buffer
	_ = json.Indent(&params, r.Params, "", " ")
	var b bytes.Buffer
	err = page.Execute(&b, pageData{
		R: r, Style: template.CSS(styleText), Verdict: Verdict(r), Names: LatencyNames(r), Errors: ErrorKinds(r), Charts: charts(r),
		Params: params.String(), JSON: template.JS(raw),
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}

// charts are those that the result has data for.
func charts(r *Result) []template.HTML {
	var all []template.HTML
	add := func(svg template.HTML) {
		if svg != "" {
			all = append(all, svg)
		}
	}
	add(percentileChart("Latency by percentile", []*Result{r}, []string{""}))
	add(seriesChart(r, "Response time", true, nsText, []string{"p50", "p99", "max"}, []func(*Point) float64{
		func(p *Point) float64 { return float64(p.P50) }, func(p *Point) float64 { return float64(p.P99) }, func(p *Point) float64 { return float64(p.Max) },
	}))
	add(heatSVG(r.Heat))
	add(seriesChart(r, "Messages a second", false, CountText, []string{"sent", "answered"}, []func(*Point) float64{
		func(p *Point) float64 { return p.Sent }, func(p *Point) float64 { return p.Answered },
	}))
	add(seriesChart(r, "Sessions", false, CountText, []string{"up"}, []func(*Point) float64{func(p *Point) float64 { return float64(p.Conns) }}))
	percent := func(v float64) string { return fmt.Sprintf("%.0f %%", v) }
	add(seriesChart(r, "Processor", false, percent, []string{"server", "generator"}, []func(*Point) float64{
		func(p *Point) float64 { return p.ServerCPU }, func(p *Point) float64 { return p.ClientCPU },
	}))
	mebibytes := func(v float64) string { return short(v) + " MiB" }
	add(seriesChart(r, "Memory (RSS)", false, mebibytes, []string{"server", "generator"}, []func(*Point) float64{
		func(p *Point) float64 { return float64(p.ServerRSS) / (1 << 20) }, func(p *Point) float64 { return float64(p.ClientRSS) / (1 << 20) },
	}))
	add(phaseChart(r))
	return all
}

// seriesChart draws columns of the series.
func seriesChart(r *Result, title string, logY bool, text func(float64) string, names []string, of []func(*Point) float64) template.HTML {
	if len(r.Series) < 2 {
		return ""
	}
	c := chart{title: title, logY: logY, textY: text, textX: func(v float64) string { return fmt.Sprintf("%g s", math.Round(v*10)/10) }, labelX: "since connecting began"}
	any := false
	for i, f := range of {
		// Of two curves that lie on each other both are seen.
		k := curve{name: names[i], colour: i, dashed: i > 0 && len(of) == 2}
		for j := range r.Series {
			v := f(&r.Series[j])
			any = any || v != 0
			k.points = append(k.points, xy{r.Series[j].T, v})
		}
		c.curves = append(c.curves, k)
	}
	if !any {
		return ""
	}
	return c.svg()
}

// nines are the percentiles that the axis names, by the number of nines.
var nines = []float64{0, 1, 2, 3, 4, 5, 6}

// percentileChart draws latencies against the number of nines, for one result or
// several.
func percentileChart(title string, results []*Result, labels []string) template.HTML {
	c := chart{title: title, logY: true, textY: nsText, ticksX: nines, labelX: "percentile", textX: func(n float64) string {
		return fmt.Sprintf("%.*f %%", max(int(math.Ceil(n))-2, 0), 100*(1-math.Pow(10, -n)))
	}}
	for i, r := range results {
		for k, name := range []string{"response", "service", "baseline"} {
			text, ok := r.Histograms[name]
			if !ok || k > 0 && len(results) > 1 {
				continue
			}
			h, err := hdrhistogram.Decode([]byte(text))
			if err != nil || h.TotalCount() == 0 {
				continue
			}
			c.curves = append(c.curves, curve{name: strings.TrimSpace(labels[i] + " " + name), colour: i + k, dashed: k > 0, points: percentiles(h)})
		}
	}
	return c.svg()
}

// percentiles are the steps of a distribution, up to its last value.
func percentiles(h *hdrhistogram.Histogram) []xy {
	var points []xy
	last := math.Log10(float64(h.TotalCount()))
	for n := 0.0; n <= last; n += 0.1 {
		points = append(points, xy{n, float64(h.ValueAtQuantile(100 * (1 - math.Pow(10, -n))))})
	}
	return points
}

// phaseChart draws what connecting is made of.
func phaseChart(r *Result) template.HTML {
	phases := []string{"tcp", "http", "open", "namespace", "join"}
	p50, p99 := bar{name: "p50"}, bar{name: "p99"}
	for _, name := range phases {
		l := r.Summary.Latency[name]
		p50.parts, p99.parts = append(p50.parts, float64(l.P50)), append(p99.parts, float64(l.P99))
	}
	return barsSVG("Connecting, phase by phase (percentiles of each phase, side by side)", phases, []bar{p50, p99}, nsText)
}

// comparisonData is what the page of a comparison is made from.
type comparisonData struct {
	C      *Comparison
	Style  template.CSS
	Ratios template.HTML
	Charts []template.HTML
	JSON   template.JS
}

// SaveHTML writes the comparison as a page that needs nothing else.
func (c *Comparison) SaveHTML(path string) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	d := comparisonData{C: c, Style: template.CSS(styleText), Ratios: ratioSVG(c.Rows), JSON: template.JS(raw)}
	for _, p := range c.Pairs {
		if svg := percentileChart(p[0].Title+": response times", p[:], []string{"A", "B"}); svg != "" {
			d.Charts = append(d.Charts, svg)
		}
	}
	var b bytes.Buffer
	if err := comparisonPage.Execute(&b, d); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Cell formats a value of the row's figure, for the page.
func (r Row) Cell(v float64) string { return MetricText(r.Metric)(v) }
