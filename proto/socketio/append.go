// Encoding of packets: the header, and payloads whose JSON is already there.

package socketio

import "strconv"

// appendHeader appends the type, the attachment count and the namespace. The
// root namespace is left out; any other is followed by a comma, payload or not.
func appendHeader(dst []byte, t PacketType, attachments int, nsp string) []byte {
	dst = append(dst, '0'+byte(t))
	if t >= BinaryEvent {
		dst = strconv.AppendUint(dst, uint64(attachments), 10)
		dst = append(dst, '-')
	}
	if nsp != "/" && nsp != "" {
		dst = append(dst, nsp...)
		dst = append(dst, ',')
	}
	return dst
}

// AppendConnect appends the CONNECT packet that admits a client to nsp under
// the id sid. pid is the private id for connection state recovery, "" when that
// is off. Clients of revision 4 get neither: sid is "". Here and below, nsp must not hold a comma: the grammar cannot carry
// it. Any goroutine.
func AppendConnect(dst []byte, nsp, sid, pid string) []byte {
	dst = appendHeader(dst, Connect, 0, nsp)
	if sid == "" {
		return dst
	}
	dst = append(dst, `{"sid":`...)
	dst = AppendString(dst, sid)
	if pid != "" {
		dst = append(dst, `,"pid":`...)
		dst = AppendString(dst, pid)
	}
	return append(dst, '}')
}

// AppendConnectError appends the CONNECT_ERROR packet that refuses nsp to a
// client. payload is JSON: an object with a message, or for older clients a
// string. Any goroutine.
func AppendConnectError(dst []byte, nsp string, payload []byte) []byte {
	dst = appendHeader(dst, ConnectError, 0, nsp)
	return append(dst, payload...)
}

// AppendDisconnect appends a DISCONNECT packet. Any goroutine.
func AppendDisconnect(dst []byte, nsp string) []byte {
	return appendHeader(dst, Disconnect, 0, nsp)
}

// AppendEventHeader appends an event as far as its payload, which
// AppendEventPayload makes: a broadcast with acks shares the payload and differs
// in the header. With attachments it is a BINARY_EVENT. id counts if hasID.
// Any goroutine.
func AppendEventHeader(dst []byte, nsp string, id uint64, hasID bool, attachments int) []byte {
	t := Event
	if attachments > 0 {
		t = BinaryEvent
	}
	dst = appendHeader(dst, t, attachments, nsp)
	if hasID {
		dst = strconv.AppendUint(dst, id, 10)
	}
	return dst
}

// AppendEventPayload appends the JSON array of an event: its name, and args in
// the form of Packet.Args. Any goroutine.
func AppendEventPayload(dst []byte, name string, args []byte) []byte {
	dst = append(dst, '[')
	dst = AppendString(dst, name)
	if len(args) > 0 {
		dst = append(dst, ',')
		dst = append(dst, args...)
	}
	return append(dst, ']')
}

// AppendEvent appends an event packet: header and payload. args is JSON in the
// form of Packet.Args, with one placeholder for each of the attachments.
// Any goroutine.
func AppendEvent(dst []byte, nsp string, id uint64, hasID bool, attachments int, name string, args []byte) []byte {
	dst = AppendEventHeader(dst, nsp, id, hasID, attachments)
	return AppendEventPayload(dst, name, args)
}

// AppendAck appends the answer to the event with the given id. With attachments
// it is a BINARY_ACK. args is JSON in the form of Packet.Args, empty for an
// answer without arguments. Any goroutine.
func AppendAck(dst []byte, nsp string, id uint64, attachments int, args []byte) []byte {
	t := Ack
	if attachments > 0 {
		t = BinaryAck
	}
	dst = appendHeader(dst, t, attachments, nsp)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, '[')
	dst = append(dst, args...)
	return append(dst, ']')
}
