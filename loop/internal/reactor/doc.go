// Package reactor joins the engines of package transport to gnet: it listens,
// accepts, reads, writes, wakes and keeps time. Nothing above it knows gnet.
//
// Each gnet event loop runs one engine. Every listener is opened once for each
// loop with SO_REUSEPORT, so that accepting and refusing happen in one step on
// the loop; the alternative, one accepting loop in front, runs ahead of the
// others and meets the limit of descriptors before any of them can refuse, and
// gnet ends all loops on that error.
package reactor
