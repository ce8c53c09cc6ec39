// The rows of the heat map.

package report

import "math"

// HeatRow is the row of a latency in ns: four rows to each power of two, from
// 1 us on.
func HeatRow(ns int64) int {
	if ns <= 1000 {
		return 0
	}
	return int(4 * math.Log2(float64(ns)/1000))
}

// HeatValue is where a row begins, in ns.
func HeatValue(row int) float64 { return 1000 * math.Exp2(float64(row)/4) }
