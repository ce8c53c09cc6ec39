// Package doc of worker.

// Package worker is the load generator itself: one thread, one epoll set, and
// any number of sessions in flat slabs without pointers. There is no goroutine,
// no timer and no buffer for a session at rest.
//
// Everything in this package belongs to the goroutine that called Run. The
// thread takes what the kernel has, in batches, and between two of them sends
// what its schedules say is due; nothing that is due is ever skipped.
package worker
