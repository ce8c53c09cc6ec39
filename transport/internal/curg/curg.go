// The identity of the calling goroutine.

// Package curg tells whether two calls run on the same goroutine, in about a
// nanosecond. It reads the address of the runtime's record of the goroutine and
// never looks inside: two live goroutines have different addresses, which is
// all an event loop needs to know whether it is called by itself.
package curg

// Supported tells that ID works on this architecture. Where it does not, ID is
// always 0 and callers take the way that is right for any goroutine.
const Supported = supported
