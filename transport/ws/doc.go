// Package ws is the server's side of RFC 6455: the opening handshake, frame headers, masking, message assembly, UTF-8
// and the closing handshake. It moves bytes only: no I/O, no clock, no goroutine, no log. Other packages of this module
// are its users; its API follows their needs and may change.
//
// A connection goes through it like this:
//
//	CheckAccept      the header fields of the upgrade request, copied as views into a Request; nil or the refusal
//	AppendAccept     the 101 answer
//	Reader.Next      received bytes in, one Event out: Text, Binary, Ping, Pong, Close, or None for "all consumed"
//	AppendFrame      and its relatives: server frames, appended to the caller's output
//	AppendClose      the last frame, with Event.Code of a Close or CloseError.Code of a fault
//
// # Reading
//
// Next unmasks in place, so the caller's buffer must be writable. A message that arrives in one frame and in one read
// is a view of that buffer; nothing is copied or allocated. Anything less whole moves to pooled memory, which is lent
// while a message or frame is incomplete and grows with the bytes received, never with the length announced. An idle
// connection owns a Reader of 16 bytes and nothing else.
//
// Call Next until it answers None: the call after a message gives the lent memory back.
//
// # Refusing
//
// Everything RFC 6455 forbids a client is refused as soon as the bytes show it, with the close code in the error: 1002
// for the protocol (reserved bits and opcodes, missing masks, non-minimal lengths, the 64-bit sign, control frames that
// are long or in pieces, pieces out of order, close bodies), 1007 for text and close reasons that are not UTF-8, 1008
// for floods of fragments, 1009 for messages over the limit. The result never depends on how the input was cut.
//
// # Compression
//
// The package negotiates nothing. Where the caller has agreed on permessage-deflate (RFC 7692), Reader.AllowRSV1 lets
// the marked messages through; they come out as received, with Event.Compressed set, and the caller inflates and checks
// them (ValidUTF8 or UTF8).
package ws
