// Package deflate is permessage-deflate (RFC 7692): what is agreed to in the
// opening handshake, messages compressed, messages inflated under a limit. It
// knows no connections: who holds which window, and for how long, its caller
// decides.
//
// A message is a DEFLATE stream of its own (RFC 1951) that ends with an empty
// stored block, of which the last four bytes are not sent. With context takeover
// it may refer to the messages before it, as far as the window goes: then both
// sides remember those.
//
// What costs how much, for 1 KB of JSON: compressing 8 to 10 us, inflating 4. A
// [Compressor] has 0.8 MB of state at level 1, 1.2 MB at level 3, an [Inflater]
// 6 KB and the message as it came.
package deflate
