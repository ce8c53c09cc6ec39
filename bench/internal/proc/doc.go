// Package doc of proc.

// Package proc reads what the kernel tells about processes and sockets: the
// processor time, memory, descriptors and context switches of a server's
// processes, and the memory that sockets take outside of any process.
//
// Processor time is the sum of schedstat over the threads, in nanoseconds; the
// clock ticks of stat are too coarse for short runs and serve only to split it
// into user and system time.
package proc
