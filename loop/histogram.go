// Histograms: values counted by their size.

package loop

import (
	"slices"
	"sync/atomic"
)

// Histogram is how many values there were, by size.
type Histogram struct {
	Bounds []float64 // ascending
	// Counts are of values up to each of the bounds and above the one before, and
	// behind them of those above all.
	Counts []uint64
	Sum    float64 // of the values
}

// ackBounds are those of [Stats.AckSeconds], receiverBounds those of
// [Stats.BroadcastReceivers].
var (
	ackBounds      = [...]float64{0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30}
	receiverBounds = [...]float64{0, 1, 10, 100, 1_000, 10_000, 100_000}
)

// receivers counts broadcasts by the number of their receivers, where no loop can
// do it for itself: each at the first loop with a receiver, so that few add at the
// same place. Their sum is that of the loops' deliveries.
type receivers []receiverCounts

type receiverCounts struct {
	counts [len(receiverBounds) + 1]atomic.Uint64
	_      [64]byte // away from the next
}

// place is that of a value among the counts of a histogram.
func place(bounds []float64, value float64) (i int) {
	for i < len(bounds) && value > bounds[i] {
		i++
	}
	return i
}

// addTo adds the counts to a histogram.
func (r receivers) addTo(h *Histogram) {
	for i := range r {
		for k := range h.Counts {
			h.Counts[k] += r[i].counts[k].Load()
		}
	}
}

// newHistogram is empty.
func newHistogram(bounds []float64) Histogram {
	return Histogram{Bounds: slices.Clone(bounds), Counts: make([]uint64, len(bounds)+1)}
}
