// Numbers for people.

package report

import (
	"fmt"
	"math"
	"strings"
)

// TimeText is a time in ns.
func TimeText(ns int64) string {
	v := float64(ns)
	switch {
	case ns == 0:
		return "0"
	case v < 1e3:
		return fmt.Sprintf("%dns", ns)
	case v < 1e6:
		return short(v/1e3) + "us"
	case v < 1e9:
		return short(v/1e6) + "ms"
	}
	return short(v/1e9) + "s"
}

// RateText is a number of things a second.
func RateText(v float64) string { return CountText(v) + "/s" }

// CountText is a number of things.
func CountText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return short(v/1e9) + "G"
	case a >= 1e6:
		return short(v/1e6) + "M"
	case a >= 1e4:
		return short(v/1e3) + "k"
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	}
	return short(v)
}

// SizeText is a number of bytes.
func SizeText(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1<<30:
		return short(v/(1<<30)) + "GiB"
	case a >= 1<<20:
		return short(v/(1<<20)) + "MiB"
	case a >= 10<<10:
		return short(v/(1<<10)) + "KiB"
	}
	return fmt.Sprintf("%.0fB", v)
}

// short is a number with three significant digits.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// sparks are eight heights.
var sparks = []rune("▁▂▃▄▅▆▇█")

// Spark draws the last values as a line of blocks.
func Spark(values []int64, width int) string {
	if len(values) > width {
		values = values[len(values)-width:]
	}
	top := int64(1)
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteRune(sparks[min(int(max(v, 0)*int64(len(sparks)-1)/top), len(sparks)-1)])
	}
	return b.String()
}
