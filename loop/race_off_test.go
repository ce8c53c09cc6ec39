//go:build !race

// The race detector is off.

package loop_test

const raceEnabled = false
