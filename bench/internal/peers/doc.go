// Package doc of peers.

// Package peers measures several servers with one suite and puts the figures
// side by side. The servers are those of bench/targets, which says of each what
// it speaks, and one of our own.
package peers
