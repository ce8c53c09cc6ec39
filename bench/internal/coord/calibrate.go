// The ceiling of the generator on this machine.

package coord

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sioserver/sioserver/bench/internal/job"
	"github.com/sioserver/sioserver/bench/internal/report"
)

// Ceiling is what the generator can do with a server that does next to nothing.
type Ceiling struct {
	Date string `json:"date"`
	Size int    `json:"size"`
	// PerSecond is echoes a second and process, by messages on their way for each
	// of 100 sessions.
	PerSecond map[string]float64 `json:"per_second"`
	// GeneratorUs is processor time of the generator for each echo.
	GeneratorUs map[string]float64 `json:"generator_us"`
	Valid       map[string]bool    `json:"-"`
}

// depths are the steps of a calibration.
var depths = []int{1, 16, 64}

// Calibrate runs closed loops of several depths against a server of our own.
func Calibrate(ctx context.Context, base Spec, opt Options, each func(depth int, r *report.Result)) (*Ceiling, error) {
	c := &Ceiling{Date: time.Now().UTC().Format(time.RFC3339), PerSecond: map[string]float64{}, GeneratorUs: map[string]float64{}, Valid: map[string]bool{}}
	for _, d := range depths {
		s := base
		s.Scenario, s.Closed, s.Inflight = "echo", true, d
		fillFrom(&s.N, 100)
		fillFrom(&s.Transport, job.WebSocket)
		fillFrom(&s.Duration, seconds(5))
		fillFrom(&s.Size, 128)
		c.Size = s.Size
		r, err := Run(ctx, s, opt)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprint(d)
		c.PerSecond[key] = r.Summary.Rates.Answered / float64(max(r.Generator.Processes, 1))
		c.GeneratorUs[key] = r.Generator.CPUUsPerMsg
		// Here the generator may be the limit; that others took its processor may not.
		c.Valid[key] = r.Generator.WaitMax <= waitLimit
		each(d, r)
	}
	return c, nil
}

// Best is the highest rate of any depth.
func (c *Ceiling) Best() (best float64) {
	for _, v := range c.PerSecond {
		best = max(best, v)
	}
	return best
}

// ceilingPath is where the last calibration of this user is kept.
func ceilingPath() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place to keep the calibration: %w", err)
	}
	return filepath.Join(dir, "siobench", "ceiling.json"), nil
}

// Save keeps the calibration for the warnings of later runs.
func (c *Ceiling) Save() (string, error) {
	path, err := ceilingPath()
	if err != nil {
		return "", err
	}
	b, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return "", fmt.Errorf("calibration: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("calibration: %w", err)
	}
	return path, os.WriteFile(path, b, 0o644)
}

// LoadCeiling is the last calibration, nil if there is none.
func LoadCeiling() *Ceiling {
	path, err := ceilingPath()
	if err != nil {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	c := new(Ceiling)
	if json.Unmarshal(b, c) != nil {
		return nil
	}
	return c
}
