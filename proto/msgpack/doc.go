// Package msgpack holds the packets of Socket.IO in the form of
// socket.io-msgpack-parser: each is one MessagePack map in one binary message of
// Engine.IO. It stands beside package socketio, has its shape, and shares its
// Packet, Limits and Error. Like that one it is bytes in, values out, and values
// in, bytes appended: no I/O, no clock, no goroutines. Applications use package
// loop instead.
//
// # The grammar
//
// A map with these keys, in any order:
//
//	type  an integer
//	nsp   a string, "/" too
//	id    an integer, where an answer is asked for or given
//	data  0 CONNECT        absent or a map: auth, or the id granted
//	      1 DISCONNECT     absent
//	      2 EVENT          an array: the name, then the arguments
//	      3 ACK            an array of arguments
//	      4 CONNECT_ERROR  a map or a string; sent by servers only
//
// Binary data is inline, so there are no attachments. JavaScript's undefined has
// a form of its own and is the same as absent; nil is not. Other keys, such as
// the options that clients send along, are passed over.
//
// # Values
//
// They are those of notepack.io, the reference's codec:
//
//	undefined            fixext 1 of type 0
//	Date                 fixext 8 of type 0, milliseconds since 1970
//	Buffer               bin
//	ArrayBuffer          ext 8, 16 or 32 of type 0, or bin: both are a []byte
//	all else             as in the MessagePack text
//
// Timestamps, the extension of type -1, are read too and never written. Integers
// are written in the smallest form, floats without a fraction as integers.
//
// # Reading
//
// Decode checks a packet in one pass and builds nothing: what it returns are
// views. NextArg walks the arguments, Unmarshal makes Go values of them. An event
// that nobody listens to costs one pass, and one that is only passed on a copy.
//
//	Decode      about 200 ns for a chat event of 67 bytes, over 3 GB/s in long strings
//	Unmarshal   one more pass; strings, maps and slices are allocated
//
// # Writing
//
// AppendArgs turns Go values into MessagePack by the rules of encoding/json, so
// that a type looks the same to clients of either form. FromJSON and ToJSON turn
// one form of arguments into the other, for servers that share a cluster.
// AppendEvent and AppendAck put the packet around; to reach many clients the
// result is made once and shared.
//
// # What is refused
//
// Whatever the reference implementation refuses, with its messages, and the
// following, which no official client sends:
//
//   - types and ids that are not written as integers, ids below 0 or above 2^53-1
//   - an id on a packet that cannot be answered, and an ACK without one
//   - namespaces that the text form cannot carry: without a leading slash, or with
//     a comma
//   - event names that are not a string or a non-negative integer, are empty, or
//     one of the six reserved names
//   - one of the keys above twice, and more than 32 keys in a packet. Inside the
//     data the last of equal keys counts, as in JavaScript
//   - map keys that are neither strings nor integers
//   - text that is not UTF-8, and all that Limits bound
//
// # Version 2
//
// Servers and clients of version 2 send CONNECT, DISCONNECT and ERROR as the JSON
// text of such a map, and events and acks with binary data under the types 5 and
// 6. The functions with V2 in their names are for them; all else is the same.
package msgpack
