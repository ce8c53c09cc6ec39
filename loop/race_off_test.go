//go:build !race

// The race detector is off.

package loop_test

const raceEnabled = false

// slowness is how much longer tests may take.
const slowness = 1
