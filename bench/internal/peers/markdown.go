// The table as Markdown.

package peers

import (
	"fmt"
	"strings"

	"github.com/sioserver/sioserver/bench/internal/report"
)

// Markdown is the table for people: first the headline of every run, then each
// run by itself. Any goroutine.
func (t *Table) Markdown() string {
	var b strings.Builder
	w := func(format string, a ...any) { fmt.Fprintf(&b, format, a...) }
	w("# Side by side, %s\n\n", t.Date.Format("2006-01-02"))
	if !t.Complete {
		w("**Interrupted: not all runs are in it.**\n\n")
	}
	h := &t.Host
	w("%s, %d cores, %s, Linux %s", h.CPUModel, h.Cores, report.SizeText(float64(h.MemoryBytes)), h.Kernel)
	if h.Governor != "" {
		w(", governor %s", h.Governor)
	}
	w(", load %s when it began. Commit %s, suite %s, ", h.LoadAverage, t.Commit, t.Suite)
	if t.Rounds > 1 {
		w("medians of %d rounds.", t.Rounds)
	} else {
		w("one round.")
	}
	if t.ServerCPUs != "" || t.ClientCPUs != "" {
		w(" Servers on processor %s, generator on %s.", orAll(t.ServerCPUs), orAll(t.ClientCPUs))
	}
	w(" All over loopback; every run with a freshly started server. bench/README.md says what each figure means.\n")
	t.overview(w)
	for i := range t.Runs {
		t.detail(w, &t.Runs[i])
	}
	return b.String()
}

func orAll(s string) string {
	if s == "" {
		return "any"
	}
	return s
}

// overview is the headline of every run for every target.
func (t *Table) overview(w func(string, ...any)) {
	w("\n## Overview\n\n| server | version |")
	for i := range t.Runs {
		r := &t.Runs[i]
		w(" %s: %s |", escape(r.Title), figureOf(r.Figures[0]).heading)
	}
	w("\n|---|---|%s\n", strings.Repeat("---:|", len(t.Runs)))
	marked := false
	for i := range t.Targets {
		row := &t.Targets[i]
		if row.Skipped != "" {
			continue
		}
		w("| %s | %s |", escape(row.Name), escape(row.Version))
		for k := range t.Runs {
			text, mark := row.headline(&t.Runs[k])
			marked = marked || mark
			w(" %s |", text)
		}
		w("\n")
	}
	if marked {
		w("\n\\* see the notes below that run's table.\n")
	}
	for i := range t.Targets {
		if row := &t.Targets[i]; row.Skipped != "" {
			w("\nSkipped: %s (%s).\n", escape(row.Name), escape(row.Skipped))
		}
	}
}

// find is the cell of a run, nil if the target has none.
func (r *Row) find(title string) *Cell {
	for i := range r.Cells {
		if r.Cells[i].Title == title {
			return &r.Cells[i]
		}
	}
	return nil
}

// headline is the first figure of a run, and whether there are notes on it.
func (r *Row) headline(run *Run) (text string, mark bool) {
	c := r.find(run.Title)
	switch {
	case c == nil:
		return "", false
	case c.Failed != "":
		return "failed\\*", true
	}
	text = figureOf(run.Figures[0]).text(c.Figures[run.Figures[0]].Median)
	if len(c.Notes) > 0 {
		return text + "\\*", true
	}
	return text, false
}

// detail is one run.
func (t *Table) detail(w func(string, ...any), run *Run) {
	w("\n## %s\n\n%s\n\n| server |", escape(run.Title), describe(run))
	for _, f := range run.Figures {
		w(" %s |", figureOf(f).heading)
	}
	w("\n|---|%s\n", strings.Repeat("---:|", len(run.Figures)))
	var notes []string
	for i := range t.Targets {
		row := &t.Targets[i]
		c := row.find(run.Title)
		if c == nil || row.Skipped != "" {
			continue
		}
		if c.Failed != "" {
			notes = append(notes, fmt.Sprintf("%s failed: %s", row.Name, c.Failed))
			continue
		}
		w("| %s |", escape(row.Name))
		for _, f := range run.Figures {
			w(" %s |", figureOf(f).text(c.Figures[f].Median))
		}
		w("\n")
		for _, n := range c.Notes {
			notes = append(notes, row.Name+": "+n)
		}
	}
	if len(notes) > 0 {
		w("\n")
	}
	for _, n := range notes {
		w("- %s\n", escape(n))
	}
}

// describe is what is done in a run, in a sentence.
func describe(run *Run) string {
	s := &run.Params
	var parts []string
	add := func(format string, a ...any) { parts = append(parts, fmt.Sprintf(format, a...)) }
	add("%d sessions over %s", s.N, s.Transport)
	switch {
	case s.Scenario == "idle":
		add("held for %s", text(s.Hold))
	case s.Scenario == "connect":
		add("opened at %s", report.RateText(s.ConnectRate))
	case s.Closed:
		add("closed loop with %d messages on their way for each", s.Inflight)
	case s.Scenario == "upgrade":
		add("20 messages each across the change to websocket")
	default:
		add("%s in all offered, open loop", report.RateText(s.Rate))
	}
	if s.Turn > 1 {
		add("%d due at once", s.Turn)
	}
	if s.Scenario == "rooms" {
		add("rooms of %d", s.RoomSize)
	}
	if s.Scenario != "idle" && s.Scenario != "connect" {
		add("%d bytes", s.Size)
		add("measured for %s", text(s.Duration))
	}
	return strings.Join(parts, ", ") + "."
}

func text(d interface{ MarshalText() ([]byte, error) }) string {
	b, _ := d.MarshalText()
	return string(b)
}

// escape keeps what stands in a cell in it.
func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "*", "\\*", "_", "\\_", "<", "&lt;", "\n", " ").Replace(s)
}
