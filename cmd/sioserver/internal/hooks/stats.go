// Stats: what hooks cost, for the metrics.

package hooks

import (
	"slices"
	"sync"
	"time"
)

// Bounds are the upper bounds of the classes of Stats.Durations, in seconds. A
// last class has no bound.
var Bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Results are the results that requests are counted by.
var Results = []string{"ok", "denied", "timeout", "error", "status", "invalid", "breaker", "overflow"}

// Stats are the counters of one hook, all its addresses together.
type Stats struct {
	Hook        string
	Requests    map[string]uint64 // by result
	Durations   []uint64          // of the requests, wait included, by class
	Seconds     float64           // of all of them
	InFlight    int
	Pending     int
	BreakerOpen bool // of one of its addresses
}

// Stats are the counters of all hooks.
func (c *Client) Stats() []Stats {
	list := make([]Stats, len(Names))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, name := range Names {
		list[i] = c.count[name].stats()
		list[i].Hook = name
		for k, h := range c.hooks {
			if k.hook != name {
				continue
			}
			running, waiting, open := h.state()
			list[i].InFlight += running
			list[i].Pending += waiting
			list[i].BreakerOpen = list[i].BreakerOpen || open
		}
	}
	return list
}

// counters count the requests of one hook.
type counters struct {
	mu struct {
		sync.Mutex
		results   map[string]uint64
		durations []uint64
		total     time.Duration
	}
}

func newCounters() *counters {
	c := new(counters)
	c.mu.results, c.mu.durations = map[string]uint64{}, make([]uint64, len(Bounds)+1)
	for _, r := range Results {
		c.mu.results[r] = 0
	}
	return c
}

func (c *counters) add(result string, took time.Duration) {
	class, _ := slices.BinarySearch(Bounds, took.Seconds())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.results[result]++
	c.mu.durations[class]++
	c.mu.total += took
}

func (c *counters) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{Requests: map[string]uint64{}, Durations: slices.Clone(c.mu.durations), Seconds: c.mu.total.Seconds()}
	for r, n := range c.mu.results {
		s.Requests[r] = n
	}
	return s
}
