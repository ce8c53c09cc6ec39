//go:build race

// The race detector is on.

package loop_test

const raceEnabled = true
