//go:build race

// The race detector is on.

package loop_test

const raceEnabled = true

// slowness is how much longer tests may take.
const slowness = 3
