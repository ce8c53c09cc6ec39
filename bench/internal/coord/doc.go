// Package doc of coord.

// Package coord plans a run, starts the workers and if asked the server, leads
// them through connecting, holding and sending, reads the kernel's figures on
// the way, and makes a report.Result of it all.
package coord
