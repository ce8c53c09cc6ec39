// Package doc of wire.

// Package wire holds the bytes that the generator and its echo server speak:
// websocket frames, the heads and bodies of HTTP/1.1, Engine.IO payloads and
// Socket.IO packets. It is written for this purpose alone and shares nothing
// with the server under test, so that a fault in one cannot hide in the other.
//
// Parsers take a slice and return views of it with the count of bytes they
// consumed; a count of zero without an error means that more bytes are needed.
// Appenders grow the slice that they are given. Nothing here does I/O, and
// everything may be called from any goroutine.
package wire
