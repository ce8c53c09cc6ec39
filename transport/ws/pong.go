// Pongs: how many answers to pings may wait in a connection's output.
//
// A peer that sends pings and does not read would otherwise fill its output with pongs. RFC 6455 section 5.5.3 allows
// to answer only the newest of several pings, so past the limit one slot is overwritten again and again.

package ws

// MaxQueuedPongs is how many pongs may wait in a connection's output.
const MaxQueuedPongs = 60

// Pongs counts the pongs in one connection's output that have not been written yet. The zero value is ready; idle, it
// holds no memory but its own.
type Pongs struct {
	held   *heldPong // the newest ping that found no room, nil if none
	queued uint8
}

type heldPong struct {
	size    uint8
	payload [maxControl]byte
}

// Append answers a ping with that payload: it appends a pong to dst, the connection's output, and returns it grown.
// With MaxQueuedPongs in the output it returns dst as it is and keeps a copy of the payload in place of the one kept
// before. Loop only.
func (q *Pongs) Append(dst, payload []byte) []byte {
	if q.queued < MaxQueuedPongs {
		q.queued++
		return AppendPong(dst, payload)
	}
	if q.held == nil {
		q.held = new(heldPong)
	}
	q.held.size = uint8(copy(q.held.payload[:], payload))
	return dst
}

// Written says that all of the connection's output has been written. If a ping was kept, its pong is appended to dst,
// which is returned grown. Loop only.
func (q *Pongs) Written(dst []byte) []byte {
	held := q.held
	q.held, q.queued = nil, 0
	if held == nil {
		return dst
	}
	return q.Append(dst, held.payload[:held.size])
}
