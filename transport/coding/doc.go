// Package coding is the content codings of HTTP answers (RFC 9110 8.4.1):
// which one a request accepts, and gzip and deflate as they are made. It does
// no I/O and has no clock.
package coding
