//go:build !amd64 && !arm64

package curg

const supported = false

// ID is always 0 on this architecture. Any goroutine.
func ID() uintptr { return 0 }
