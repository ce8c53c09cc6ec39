// Package engineio holds the wire format of Engine.IO: single packets, the
// payloads that carry several packets over HTTP long polling, and the open
// packet. It is bytes in, values out, and values in, bytes appended: no I/O,
// no clock, no goroutines. Applications use package loop instead.
//
// # Packets
//
// A packet is a type digit and data. Over a websocket one frame carries one
// packet: a text frame holds the digit and the text, a binary frame is always
// a message and, in revision 4, holds the raw bytes alone.
//
//	0 open     server to client, JSON of the handshake
//	1 close    either side asks to end the transport
//	2 ping     revision 4: from the server; "2probe" from a client that upgrades
//	3 pong     revision 4: from the client; "3probe" from the server
//	4 message  application data
//	5 upgrade  client to server, on the new transport
//	6 noop     server to client, ends a long poll
//	b          revision 4, text only: base64 of a binary message
//
// # Payloads
//
// A polling body in revision 4 is UTF-8 text: packets joined by the byte 0x1e,
// binary messages in their base64 form. Nothing is escaped, so the byte never
// occurs inside a packet; JSON writes it as an escape.
//
// # What is refused
//
// An empty packet, an unknown type, a binary packet whose base64 uses another
// alphabet, white space, stray padding or non-zero unused bits. The reference
// reads such base64 leniently and delivers shorter data; silence about damage
// is worse than an error, and no client library produces it.
//
// # Revision 3
//
// Clients of Socket.IO 1 and 2 speak revision 3. Its client sends the pings. A
// binary frame begins with the packet's type as a byte, the base64 form with b
// and the type digit. A payload is packets with their lengths in front: as text
// "2:40" with lengths in UTF-16 code units, or, if a packet is binary and the
// client can read bytes, 0 for text or 1 for binary, the length in bytes as one
// byte for each digit, 0xff, and the packet. Lengths are digits; the reference
// takes any form of a JavaScript number. A [Codec] hides the difference from
// the transports.
package engineio
