// Suites: lists of runs in YAML.

// Package suite reads lists of runs: what the runs share, each run with its
// objectives, how often it is repeated, and for which values of a parameter.
package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/sioserver/sioserver/bench/internal/coord"
)

// ErrSuite is a file that is not a suite; what is wrong follows.
var ErrSuite = errors.New("suite")

// Suite is a list of runs.
type Suite struct {
	Name  string
	About string
	Runs  []coord.Spec
}

// file is a suite as it is written. Parameters have the names of the flags.
type file struct {
	Name     string           `json:"name"`
	About    string           `json:"about"`
	Defaults map[string]any   `json:"defaults"`
	Runs     []map[string]any `json:"runs"`
}

// Load reads a suite from a file. Any goroutine.
func Load(path string) (*Suite, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	s, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse reads a suite. Any goroutine.
func Parse(b []byte) (*Suite, error) {
	raw, err := yaml.YAMLToJSON(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	var f file
	if err := strict(raw, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	s := &Suite{Name: f.Name, About: f.About}
	for i, run := range f.Runs {
		specs, err := expand(f.Defaults, run)
		if err != nil {
			return nil, fmt.Errorf("%w: run %d: %w", ErrSuite, i+1, err)
		}
		s.Runs = append(s.Runs, specs...)
	}
	if len(s.Runs) == 0 {
		return nil, fmt.Errorf("%w: there are no runs in it", ErrSuite)
	}
	return s, nil
}

// strict decodes JSON and refuses what it does not know.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// expand turns one run of the file into as many as its matrix and repetition
// ask for.
func expand(defaults, run map[string]any) ([]coord.Spec, error) {
	run = maps.Clone(run)
	repeat := 1
	if v, ok := run["repeat"]; ok {
		n, isNumber := v.(float64)
		if !isNumber || n < 1 || n > 100 || n != float64(int(n)) {
			return nil, errors.New("repeat is not a number from 1 to 100")
		}
		repeat = int(n)
	}
	matrix, err := matrixOf(run["matrix"])
	if err != nil {
		return nil, err
	}
	delete(run, "repeat")
	delete(run, "matrix")
	var specs []coord.Spec
	for _, cell := range matrix {
		merged := maps.Clone(defaults)
		if merged == nil {
			merged = map[string]any{}
		}
		maps.Copy(merged, run)
		maps.Copy(merged, cell.values)
		b, err := json.Marshal(merged)
		if err != nil {
			return nil, err
		}
		var spec coord.Spec
		if err := strict(b, &spec); err != nil {
			return nil, err
		}
		if !slices.Contains(coord.Scenarios, spec.Scenario) {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", spec.Scenario, strings.Join(coord.Scenarios, ", "))
		}
		if spec.Name == "" {
			spec.Name = spec.Scenario
		}
		spec.Name += cell.label
		for range repeat {
			specs = append(specs, spec)
		}
	}
	return specs, nil
}

// cell is one combination of a matrix.
type cell struct {
	label  string
	values map[string]any
}

// matrixOf is all combinations of lists of values, in the order of the names.
func matrixOf(v any) ([]cell, error) {
	cells := []cell{{values: map[string]any{}}}
	if v == nil {
		return cells, nil
	}
	lists, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("matrix is not a map from parameters to lists")
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		values, ok := lists[name].([]any)
		if !ok || len(values) == 0 {
			return nil, fmt.Errorf("matrix: %s is not a list", name)
		}
		var next []cell
		for _, c := range cells {
			for _, value := range values {
				with := maps.Clone(c.values)
				with[name] = value
				next = append(next, cell{fmt.Sprintf("%s %s=%v", c.label, name, value), with})
			}
		}
		cells = next
	}
	return cells, nil
}
