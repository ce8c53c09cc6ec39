// Charts as SVG, drawn here so that a page needs nothing from elsewhere.

package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The size of a chart and its margins, in units of the drawing.
const (
	chartWidth, chartHeight         = 720, 260
	leftSpace, rightSpace, topSpace = 74, 18, 12
	bottomSpace                     = 38
	plotWidth                       = chartWidth - leftSpace - rightSpace
	plotHeight                      = chartHeight - topSpace - bottomSpace
	maxTicks                        = 6
	colours7                        = 7
)

// xy is a point.
type xy struct{ x, y float64 }

// curve is a line of a chart. Its colour is that of a class of the page.
type curve struct {
	name   string
	colour int
	points []xy
	dashed bool
}

// chart is what a chart shows.
type chart struct {
	title  string
	curves []curve
	logY   bool
	// textX and textY format the ticks; ticksX replaces those computed.
	textX, textY func(float64) string
	ticksX       []float64
	labelX       string
}

// bounds are the ranges of the axes.
func (c *chart) bounds() (x0, x1, y0, y1 float64, ok bool) {
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, k := range c.curves {
		for _, p := range k.points {
			if c.logY && p.y <= 0 {
				continue
			}
			x0, x1 = min(x0, p.x), max(x1, p.x)
			y0, y1 = min(y0, p.y), max(y1, p.y)
		}
	}
	if math.IsInf(x0, 1) {
		return 0, 0, 0, 0, false
	}
	if !c.logY {
		y0 = min(y0, 0)
	}
	if x1 == x0 {
		x1 = x0 + 1
	}
	if y1 == y0 {
		y1 = y0 + max(math.Abs(y0), 1)
	}
	return x0, x1, y0, y1, true
}

// svg draws the chart; a chart without points is empty.
func (c *chart) svg() template.HTML {
	x0, x1, y0, y1, ok := c.bounds()
	if !ok {
		return ""
	}
	ticks := linearTicks(y0, y1)
	if c.logY {
		y0, y1 = math.Pow(10, math.Floor(math.Log10(y0))), math.Pow(10, math.Ceil(math.Log10(y1)))
		ticks = logTicks(y0, y1)
	} else {
		y1 = max(y1, ticks[len(ticks)-1])
	}
	px := func(x float64) float64 { return leftSpace + (x-x0)/(x1-x0)*plotWidth }
	py := func(y float64) float64 {
		if c.logY {
			return topSpace + plotHeight - (math.Log10(max(y, y0))-math.Log10(y0))/(math.Log10(y1)-math.Log10(y0))*plotHeight
		}
		return topSpace + plotHeight - (y-y0)/(y1-y0)*plotHeight
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>%s</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, html.EscapeString(c.title), chartWidth, chartHeight, html.EscapeString(c.title))
	for _, t := range ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			leftSpace, chartWidth-rightSpace, py(t), py(t), leftSpace-6, py(t)+4, html.EscapeString(c.textY(t)))
	}
	xs := c.ticksX
	if xs == nil {
		xs = linearTicks(x0, x1)
	}
	for _, t := range xs {
		if t < x0 || t > x1*1.0001 {
			continue
		}
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, px(t), chartHeight-bottomSpace+16, html.EscapeString(c.textX(t)))
	}
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, leftSpace+plotWidth/2, chartHeight-3, html.EscapeString(c.labelX))
	for _, k := range c.curves {
		c.draw(&b, k, px, py)
	}
	b.WriteString(`</svg>`)
	c.legend(&b)
	b.WriteString(`</figure>`)
	return template.HTML(b.String())
}

// draw draws one curve, with its values to be read under the pointer.
func (c *chart) draw(b *strings.Builder, k curve, px, py func(float64) float64) {
	var path strings.Builder
	pen := "M"
	for _, p := range k.points {
		if c.logY && p.y <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, px(p.x), py(p.y))
		pen = "L"
	}
	dash := ""
	if k.dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(b, `<path class="c%d" d="%s"%s/>`, k.colour%colours7, path.String(), dash)
	if len(k.points) > 400 {
		return
	}
	for _, p := range k.points {
		if c.logY && p.y <= 0 {
			continue
		}
		fmt.Fprintf(b, `<circle class="f%d" cx="%.1f" cy="%.1f" r="2.2"><title>%s: %s at %s</title></circle>`, k.colour%colours7, px(p.x), py(p.y),
			html.EscapeString(k.name), html.EscapeString(c.textY(p.y)), html.EscapeString(c.textX(p.x)))
	}
}

// legend names the curves.
func (c *chart) legend(b *strings.Builder) {
	b.WriteString(`<p class="legend">`)
	for _, k := range c.curves {
		style := ""
		if k.dashed {
			style = " dashed"
		}
		fmt.Fprintf(b, `<span><i class="b%d%s"></i>%s</span>`, k.colour%colours7, style, html.EscapeString(k.name))
	}
	b.WriteString(`</p>`)
}

// linearTicks are round values from at or below low to at or above high.
func linearTicks(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/maxTicks)))
	for _, f := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*f) <= maxTicks {
			step *= f
			break
		}
	}
	var ticks []float64
	for v := math.Floor(low/step) * step; len(ticks) == 0 || ticks[len(ticks)-1] < high-step/1e6; v += step {
		ticks = append(ticks, v)
	}
	return ticks
}

// logTicks are the powers of ten.
func logTicks(low, high float64) []float64 {
	var ticks []float64
	for v := low; v <= high*1.001; v *= 10 {
		ticks = append(ticks, v)
	}
	return ticks
}

// heatSVG draws the response times of each second as a map.
func heatSVG(columns []HeatColumn) template.HTML {
	if len(columns) < 2 {
		return ""
	}
	low, high, most := math.MaxInt, 0, int64(1)
	for _, c := range columns {
		for row, n := range c.Rows {
			if n > 0 {
				low, high, most = min(low, row), max(high, row), max(most, n)
			}
		}
	}
	if high < low {
		return ""
	}
	high++
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>Response times, second by second</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="Response times, second by second">`, chartWidth, chartHeight)
	w, h := float64(plotWidth)/float64(len(columns)), float64(plotHeight)/float64(high-low)
	for i, c := range columns {
		for row, n := range c.Rows {
			if n == 0 {
				continue
			}
			shade := 0.12 + 0.88*math.Log1p(float64(n))/math.Log1p(float64(most))
			fmt.Fprintf(&b, `<rect class="f0" fill-opacity="%.2f" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%d from %s, at %.0f s</title></rect>`, shade,
				leftSpace+float64(i)*w, topSpace+float64(high-row-1)*h, w+0.3, h+0.3, n, TimeText(int64(HeatValue(row))), c.T)
		}
	}
	for row := low; row <= high; row += max((high-low)/maxTicks, 1) {
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, leftSpace-6, topSpace+float64(high-row)*h+4, TimeText(int64(HeatValue(row))))
	}
	for i := 0; i < len(columns); i += max(len(columns)/maxTicks, 1) {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%.0f s</text>`, leftSpace+(float64(i)+0.5)*w, chartHeight-bottomSpace+16, columns[i].T)
	}
	b.WriteString(`</svg><p class="legend">the stronger the colour, the more answers</p></figure>`)
	return template.HTML(b.String())
}

// bar is a row of a bar chart: parts side by side.
type bar struct {
	name  string
	parts []float64
}

// barsSVG draws bars of parts that add up.
func barsSVG(title string, parts []string, bars []bar, text func(float64) string) template.HTML {
	top := 0.0
	for _, r := range bars {
		sum := 0.0
		for _, v := range r.parts {
			sum += v
		}
		top = max(top, sum)
	}
	if top == 0 {
		return ""
	}
	const row = 34
	height := len(bars)*row + 10
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>%s</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, html.EscapeString(title), chartWidth, height, html.EscapeString(title))
	for i, r := range bars {
		x, y := float64(leftSpace), float64(i*row+4)
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, leftSpace-6, y+17, html.EscapeString(r.name))
		sum := 0.0
		for k, v := range r.parts {
			w := v / top * (plotWidth - 80)
			fmt.Fprintf(&b, `<rect class="f%d" x="%.1f" y="%.1f" width="%.1f" height="24"><title>%s: %s</title></rect>`, k%colours7, x, y, w, html.EscapeString(parts[k]), html.EscapeString(text(v)))
			x += w
			sum += v
		}
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f">%s</text>`, x+6, y+17, html.EscapeString(text(sum)))
	}
	b.WriteString(`</svg><p class="legend">`)
	for k, name := range parts {
		fmt.Fprintf(&b, `<span><i class="b%d"></i>%s</span>`, k%colours7, html.EscapeString(name))
	}
	b.WriteString(`</p></figure>`)
	return template.HTML(b.String())
}

// ratioSVG draws ratios with their intervals around 1.
func ratioSVG(rows []Row) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	const row, label = 24, 320
	span := 1.2
	for _, r := range rows {
		for _, v := range []float64{r.Ratio, r.Low, r.High} {
			if v > 0 && v < 1e6 {
				span = max(span, v, 1/v)
			}
		}
	}
	span = min(span, 64)
	width := float64(chartWidth - label - 60)
	px := func(v float64) float64 {
		v = min(max(v, 1/span), span)
		return label + (math.Log(v)/math.Log(span)+1)/2*width
	}
	height := len(rows)*row + 30
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><figcaption>B to A, with 95 %% intervals (logarithmic)</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="ratios of B to A">`, chartWidth, height)
	fmt.Fprintf(&b, `<line class="axis" x1="%.1f" x2="%.1f" y1="0" y2="%d"/><text class="tick" x="%.1f" y="%d" text-anchor="middle">1</text>`, px(1), px(1), height-22, px(1), height-8)
	for _, v := range []float64{1 / span, span} {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%.2g</text>`, px(v), height-8, v)
	}
	for i, r := range rows {
		y := float64(i*row) + 12
		class := "same"
		switch r.Verdict {
		case Better:
			class = "good"
		case Worse:
			class = "bad"
		}
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, label-8, y+4, html.EscapeString(r.Title+" "+r.Metric))
		fmt.Fprintf(&b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><circle class="%s" cx="%.1f" cy="%.1f" r="4"><title>%.3f (%.3f to %.3f)</title></circle>`,
			class, px(r.Low), px(r.High), y, y, class, px(r.Ratio), y, r.Ratio, r.Low, r.High)
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%.3f</text>`, chartWidth-4, y+4, r.Ratio)
	}
	b.WriteString(`</svg></figure>`)
	return template.HTML(b.String())
}
