// The table as data.

package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sioserver/sioserver/bench/internal/coord"
	"github.com/sioserver/sioserver/bench/internal/proc"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// Schema names the form of a Table.
const Schema = "siobench/peers/v1"

// Table is what all targets did in all runs.
type Table struct {
	Schema string `json:"schema"`
	// Date is when it was begun, Commit the one that this program, and with it the
	// server of this project, was built from.
	Date   time.Time `json:"date"`
	Commit string    `json:"commit"`
	Suite  string    `json:"suite"`
	Rounds int       `json:"rounds"`
	// ServerCPUs and ClientCPUs are the processors of either side, empty for all.
	ServerCPUs string `json:"server_cpus"`
	ClientCPUs string `json:"client_cpus"`
	Host       Host   `json:"host"`
	// Complete is false if it was interrupted.
	Complete bool  `json:"complete"`
	Runs     []Run `json:"runs"`
	Targets  []Row `json:"targets"`
}

// Host is what a reader must know of the machine, and no more.
type Host struct {
	Kernel      string `json:"kernel"`
	CPUModel    string `json:"cpu_model"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memory_bytes"`
	NoFile      uint64 `json:"nofile"`
	Governor    string `json:"governor"`
	// LoadAverage is that of the last minute when the table was begun.
	LoadAverage string `json:"load_average"`
}

// Run is a run of the suite.
type Run struct {
	Title string `json:"title"`
	// Params is what the runs of all targets share.
	Params coord.Spec `json:"params"`
	// Figures are those that the run is about, the headline first.
	Figures []string `json:"figures"`
}

// Row is a target.
type Row struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	// Skipped says why it was left out, if it was.
	Skipped string `json:"skipped,omitempty"`
	Cells   []Cell `json:"cells"`
	ordered bool
}

// Cell is what a target did in a run, over all rounds.
type Cell struct {
	Title string `json:"title"`
	// Failed says why there are no figures, if there are none.
	Failed string `json:"failed,omitempty"`
	// Rounds are those that the figures come from, Notes what a reader should know.
	Rounds  int               `json:"rounds"`
	Valid   bool              `json:"valid"`
	Notes   []string          `json:"notes"`
	Figures map[string]Figure `json:"figures"`
	rounds  []*report.Result
}

// Figure is a figure over the rounds.
type Figure struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// NewTable begins a table of the runs. Any goroutine.
func NewTable(suite string, runs []coord.Spec, rounds int, commit, serverCPUs, clientCPUs string) (*Table, error) {
	h := proc.ReadHost()
	load, _, _ := strings.Cut(h.LoadAverage, " ")
	t := &Table{
		Schema: Schema, Date: time.Now().UTC().Truncate(time.Second), Commit: commit, Suite: suite, Rounds: rounds, ServerCPUs: serverCPUs, ClientCPUs: clientCPUs,
		Host: Host{Kernel: h.Kernel, CPUModel: h.CPUModel, Cores: h.Cores, MemoryBytes: h.MemoryBytes, NoFile: h.NoFile, Governor: h.Governor, LoadAverage: load},
		Runs: []Run{}, Targets: []Row{},
	}
	for _, s := range runs {
		if slices.ContainsFunc(t.Runs, func(r Run) bool { return r.Title == s.Name }) {
			return nil, fmt.Errorf("two runs of %s are called %s: a table needs names", suite, s.Name)
		}
		s.URLs = []string{"http://127.0.0.1:1"}
		if err := s.Complete(); err != nil {
			return nil, err
		}
		s.URLs, s.ServerCmd, s.ServerCPUs, s.ClientCPUs = nil, "", "", ""
		t.Runs = append(t.Runs, Run{Title: s.Name, Params: s, Figures: columns(&s)})
	}
	return t, nil
}

// Row is the row of a target, a new one if there is none yet.
func (t *Table) Row(of *Target) *Row {
	for i := range t.Targets {
		if t.Targets[i].Name == of.Name {
			return &t.Targets[i]
		}
	}
	t.Targets = append(t.Targets, Row{Name: of.Name, Version: of.Version, Kind: of.Kind, Cells: []Cell{}, ordered: of.Ordered == nil || *of.Ordered})
	return &t.Targets[len(t.Targets)-1]
}

// cell is the cell of a run, a new one if there is none yet.
func (r *Row) cell(title string) *Cell {
	for i := range r.Cells {
		if r.Cells[i].Title == title {
			return &r.Cells[i]
		}
	}
	r.Cells = append(r.Cells, Cell{Title: title, Notes: []string{}, Figures: map[string]Figure{}})
	return &r.Cells[len(r.Cells)-1]
}

// Add takes the outcome of one run of a target. One goroutine at a time.
func (t *Table) Add(of *Target, title string, res *report.Result, err error) {
	row := t.Row(of)
	c := row.cell(title)
	if err != nil {
		c.note("a round failed: " + of.anonymous(err.Error()))
		if len(c.rounds) == 0 {
			c.Failed = of.anonymous(err.Error())
		}
		return
	}
	if row.Version == "" {
		row.Version = res.Target.Version
	}
	c.Failed = ""
	c.rounds = append(c.rounds, res)
	t.settle(row, c)
}

// anonymous is a sentence without the places of this machine.
func (t *Target) anonymous(s string) string {
	if t.dir != "" {
		s = strings.ReplaceAll(s, filepath.Dir(t.dir)+"/", "")
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		s = strings.ReplaceAll(s, home, "~")
	}
	if dir, err := os.Getwd(); err == nil && dir != "/" {
		s = strings.ReplaceAll(s, dir+"/", "")
	}
	return s
}

func (c *Cell) note(text string) {
	if !slices.Contains(c.Notes, text) {
		c.Notes = append(c.Notes, text)
	}
}

// settle computes a cell from its rounds. Rounds that the generator limited count
// only if there are no others.
func (t *Table) settle(row *Row, c *Cell) {
	use := slices.DeleteFunc(slices.Clone(c.rounds), func(r *report.Result) bool { return !r.Valid.OK })
	if c.Valid = len(use) > 0; !c.Valid {
		use = c.rounds
		c.note(use[len(use)-1].Valid.Reasons[0])
	} else {
		// What was said of rounds that count no more.
		c.Notes = slices.DeleteFunc(c.Notes, func(n string) bool { return strings.HasPrefix(n, "generator-bound") })
	}
	c.Rounds = len(use)
	last := &use[len(use)-1].Summary
	if a := last.Rates.Achieved; last.Rates.Sent > 0 && a < 0.99 && !last.Closed && c.Valid {
		c.note(fmt.Sprintf("answered %.1f %% of what was due", 100*a))
	}
	if last.Reordered > 0 && !row.ordered {
		c.note("replies to one client may overtake each other in this server")
	}
	for _, name := range t.run(c.Title).Figures {
		values := make([]float64, len(use))
		for i, r := range use {
			values[i] = figureOf(name).value(r)
		}
		c.Figures[name] = Figure{Median: report.Median(values), Low: slices.Min(values), High: slices.Max(values)}
	}
}

func (t *Table) run(title string) *Run {
	i := slices.IndexFunc(t.Runs, func(r Run) bool { return r.Title == title })
	return &t.Runs[i]
}

// Save writes the table as JSON and Markdown into two files that differ in their
// ending. Any goroutine.
func (t *Table) Save(base string) error {
	b, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(base), 0o755); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(base+".json", append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := os.WriteFile(base+".md", []byte(t.Markdown()), 0o644); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	return nil
}
