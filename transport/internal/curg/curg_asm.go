//go:build amd64 || arm64

package curg

const supported = true

// ID is a number no other live goroutine has. It may be used again after the
// goroutine has ended. Any goroutine.
func ID() uintptr
