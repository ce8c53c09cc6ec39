// The errors that only this grammar has; the others are those of socketio.

package msgpack

import "github.com/sioserver/sioserver/proto/socketio"

// Faults of a packet that the text form does not know. They share the type of
// socketio's errors, so that one table turns both into what the peer is told.
// All other faults are the variables of that package: ErrNamespace, ErrPayload,
// ErrAckID, ErrTooDeep and so on.
var (
	ErrMalformed  = &socketio.Error{Message: "Could not parse"}
	ErrTrailing   = &socketio.Error{Message: "trailing bytes"}
	ErrPacketType = &socketio.Error{Message: "invalid packet type"}
	ErrMembers    = &socketio.Error{Message: "packet repeats a key or has too many"}
)

// ErrDate is a time.Time that no JavaScript Date can hold: more than 273,790
// years away from 1970.
var ErrDate = &socketio.Error{Message: "time out of the range of a date"}
