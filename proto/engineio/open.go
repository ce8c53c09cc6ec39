// The open packet: what the server tells a client at the handshake.

package engineio

import "strconv"

// Handshake is the content of an open packet. Times are in milliseconds.
type Handshake struct {
	SID          string
	Upgrades     []string // transports the client may upgrade to
	PingInterval int64
	PingTimeout  int64
	MaxPayload   int64 // bytes in one polling body or websocket message
}

// AppendOpen appends the open packet for h, type digit included, with the
// members in the order of the reference. Any goroutine.
func AppendOpen(dst []byte, h *Handshake) []byte {
	dst = append(dst, `0{"sid":"`...)
	dst = append(dst, h.SID...)
	dst = append(dst, `","upgrades":[`...)
	for i, u := range h.Upgrades {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, u...)
		dst = append(dst, '"')
	}
	dst = append(dst, `],"pingInterval":`...)
	dst = strconv.AppendInt(dst, h.PingInterval, 10)
	dst = append(dst, `,"pingTimeout":`...)
	dst = strconv.AppendInt(dst, h.PingTimeout, 10)
	dst = append(dst, `,"maxPayload":`...)
	dst = strconv.AppendInt(dst, h.MaxPayload, 10)
	return append(dst, '}')
}
