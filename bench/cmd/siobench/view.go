// What is shown while a run goes on: a live view on a terminal, lines elsewhere.

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/report"
)

const (
	plainEvery = 5 * time.Second
	liveLines  = 4
	sparkWidth = 24
)

// view shows progress.
type view struct {
	w      io.Writer
	mode   string
	plan   *coord.Plan
	bar    *progressbar.ProgressBar
	drawn  bool
	last   time.Time
	p99s   []int64
	colour bool
}

func newView(mode string, w io.Writer) *view {
	v := &view{w: w, mode: mode, colour: colours(w)}
	if mode == "auto" {
		if v.mode = "plain"; isTerminal(w) {
			v.mode = "live"
		}
	}
	return v
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours reports whether to colour what goes to w.
func colours(w io.Writer) bool { return isTerminal(w) && os.Getenv("NO_COLOR") == "" }

// Plan shows the plan.
func (v *view) Plan(p *coord.Plan) {
	v.plan = p
	v.p99s, v.last = nil, time.Time{}
	if v.mode == "none" {
		return
	}
	fmt.Fprint(v.w, p)
	v.bar = progressbar.NewOptions(1000,
		progressbar.OptionSetWriter(io.Discard), progressbar.OptionSetWidth(30), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: "-", BarStart: "[", BarEnd: "]"}))
}

// Progress shows how far the run is.
func (v *view) Progress(p coord.Progress) {
	v.p99s = append(v.p99s, p.Point.P99)
	switch v.mode {
	case "live":
		v.live(p)
	case "plain":
		if time.Since(v.last) >= plainEvery {
			v.last = time.Now()
			fmt.Fprintln(v.w, plainLine(p))
		}
	}
}

// plainLine is the state in one line.
func plainLine(p coord.Progress) string {
	q := p.Point
	line := fmt.Sprintf("%4.0fs %-10s conns %d/%d", p.Elapsed.Seconds(), p.Phase, q.Conns, p.Asked)
	if q.Sent > 0 || q.Answered > 0 {
		line += fmt.Sprintf("  sent %s  answered %s  p50 %s  p99 %s  max %s  lag p99 %s", report.RateText(q.Sent), report.RateText(q.Answered),
			report.TimeText(q.P50), report.TimeText(q.P99), report.TimeText(q.Max), report.TimeText(q.LagP99))
	}
	line += fmt.Sprintf("  server cpu %.0f%% rss %s  generator cpu %.0f%%", q.ServerCPU, report.SizeText(float64(q.ServerRSS)), q.ClientCPU)
	if p.Failed+p.Dropped+p.Errors > 0 {
		line += fmt.Sprintf("  failed %d dropped %d errors %d", p.Failed, p.Dropped, p.Errors)
	}
	return line
}

// live draws the state over what was drawn before.
func (v *view) live(p coord.Progress) {
	width := 100
	if f, ok := v.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			width = w
		}
	}
	_ = v.bar.Set(int(p.Done * 1000))
	q := p.Point
	lines := [liveLines]string{
		fmt.Sprintf(" %s  %s  %s  %.0fs", v.plan.Spec.Scenario, strings.Join(v.plan.Spec.URLs, " "), p.Phase, p.Elapsed.Seconds()),
		fmt.Sprintf(" %s conns %d/%d  failed %d  dropped %d  errors %d", strings.TrimSpace(v.bar.String()), q.Conns, p.Asked, p.Failed, p.Dropped, p.Errors),
		fmt.Sprintf(" sent %s  answered %s  p50 %s  p99 %s  max %s  lag p99 %s  %s", report.RateText(q.Sent), report.RateText(q.Answered),
			report.TimeText(q.P50), report.TimeText(q.P99), report.TimeText(q.Max), report.TimeText(q.LagP99), report.Spark(v.p99s, sparkWidth)),
		fmt.Sprintf(" server cpu %.0f%%  rss %s   generator cpu %.0f%%  rss %s", q.ServerCPU, report.SizeText(float64(q.ServerRSS)), q.ClientCPU, report.SizeText(float64(q.ClientRSS))),
	}
	var b strings.Builder
	if v.drawn {
		fmt.Fprintf(&b, "\x1b[%dA", liveLines)
	}
	for _, l := range lines {
		l = strings.TrimRight(strings.ReplaceAll(l, "\r", ""), " ")
		if r := []rune(l); len(r) > width-1 {
			l = string(r[:width-1])
		}
		b.WriteString("\x1b[2K" + l + "\n")
	}
	v.drawn = true
	fmt.Fprint(v.w, b.String())
}

// end leaves the last state on the screen.
func (v *view) end() { v.drawn = false }
