// Package doc of server.

// Package server is the echo server that the generator measures itself with: a
// thread on an epoll set that follows bench/CONTRACT.md over websocket, long
// polling and the way from one to the other, and echoes raw websocket messages
// and raw TCP bytes. It is told which faults to make, and counts them, so that
// tests can compare what the generator saw with what was done.
//
// It is not a product: it trusts its peers with memory and has no limits but
// the simplest.
package server
