// Encoding of packets whose payload is already there. Keys come in the order in
// which the reference's server writes them.

package msgpack

import (
	"unicode/utf8"

	"github.com/sioserver/sioserver/proto/socketio"
)

// AppendString appends s as a MessagePack string. Each byte that is not UTF-8
// becomes U+FFFD. Any goroutine.
func AppendString(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return append(appendStringHead(dst, len(s)), s...)
}

// appendNamespace appends the member that names the namespace; unlike the text
// form this one always has it.
func appendNamespace(dst []byte, nsp string) []byte {
	if nsp == "" {
		nsp = "/"
	}
	return AppendString(append(dst, "\xa3nsp"...), nsp)
}

// AppendConnect appends the CONNECT packet that admits a client to nsp under the
// id sid. pid is the private id for connection state recovery, "" when that is
// off. Here and below, "" for nsp is "/". Any goroutine.
func AppendConnect(dst []byte, nsp, sid, pid string) []byte {
	dst = append(dst, "\x83\xa4type\x00\xa4data"...)
	if pid == "" {
		dst = AppendString(append(dst, "\x81\xa3sid"...), sid)
	} else {
		dst = AppendString(append(dst, "\x82\xa3sid"...), sid)
		dst = AppendString(append(dst, "\xa3pid"...), pid)
	}
	return appendNamespace(dst, nsp)
}

// AppendConnectError appends the CONNECT_ERROR packet that refuses nsp to a
// client. payload is one MessagePack value: a map with a message, or a string.
// Any goroutine.
func AppendConnectError(dst []byte, nsp string, payload []byte) []byte {
	dst = append(dst, "\x83\xa4type\x04\xa4data"...)
	return appendNamespace(append(dst, payload...), nsp)
}

// AppendPayload appends a packet with one value for its payload, none if that is
// empty: a CONNECT as clients send it, or what AppendConnectError does. Any
// goroutine.
func AppendPayload(dst []byte, t socketio.PacketType, nsp string, payload []byte) []byte {
	if len(payload) == 0 {
		return appendNamespace(append(append(dst, "\x82\xa4type"...), byte(t)), nsp)
	}
	dst = append(append(dst, "\x83\xa4type"...), byte(t))
	return appendNamespace(append(append(dst, "\xa4data"...), payload...), nsp)
}

// AppendDisconnect appends a DISCONNECT packet. Any goroutine.
func AppendDisconnect(dst []byte, nsp string) []byte {
	return appendNamespace(append(dst, "\x82\xa4type\x01"...), nsp)
}

// AppendEvent appends an event packet. args are MessagePack values in the form
// of Packet.Args; id counts if hasID. Any goroutine.
func AppendEvent(dst []byte, nsp string, id uint64, hasID bool, name string, args []byte) []byte {
	dst = appendEventStart(dst, hasID)
	dst = AppendEventPayload(dst, name, args)
	return appendEventEnd(dst, nsp, id, hasID)
}

// AppendEventPayload appends the array of an event: its name, and args in the
// form of Packet.Args. Any goroutine.
func AppendEventPayload(dst []byte, name string, args []byte) []byte {
	dst = appendArrayHead(dst, 1+countArgs(args))
	return append(AppendString(dst, name), args...)
}

// AppendEventWith appends an event around a payload that AppendEventPayload has
// made: a broadcast with acks shares the payload and differs in the id.
// Any goroutine.
func AppendEventWith(dst []byte, nsp string, id uint64, hasID bool, payload []byte) []byte {
	dst = appendEventStart(dst, hasID)
	return appendEventEnd(append(dst, payload...), nsp, id, hasID)
}

func appendEventStart(dst []byte, hasID bool) []byte {
	if hasID {
		return append(dst, "\x84\xa4type\x02\xa4data"...)
	}
	return append(dst, "\x83\xa4type\x02\xa4data"...)
}

func appendEventEnd(dst []byte, nsp string, id uint64, hasID bool) []byte {
	if hasID {
		dst = appendUint(append(dst, "\xa2id"...), id)
	}
	return appendNamespace(dst, nsp)
}

// AppendAck appends the answer to the event with the given id. args are
// MessagePack values in the form of Packet.Args, empty for an answer without
// arguments. Any goroutine.
func AppendAck(dst []byte, nsp string, id uint64, args []byte) []byte {
	dst = appendUint(append(dst, "\x84\xa2id"...), id)
	dst = append(dst, "\xa4type\x03\xa4data"...)
	dst = append(appendArrayHead(dst, countArgs(args)), args...)
	return appendNamespace(dst, nsp)
}
