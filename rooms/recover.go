// Recoverer: adapters by which clients come back on any server.

package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Session is a client that has left and may come back.
type Session struct {
	SID   string          // of its socket
	PID   string          // by which it comes back, a secret
	Rooms []string        // the one with its id among them
	Data  json.RawMessage // what the application has attached
}

// ErrUnknownOffset: the event that a client has got last is not kept any more,
// or never was.
var ErrUnknownOffset = errors.New("rooms: the offset is unknown")

// Recoverer is an Adapter that keeps events and sessions where all servers find
// them. What it keeps has one order, the same for all servers: that of the
// offsets, which clients are told.
type Recoverer interface {
	Adapter
	// BroadcastKept sends an event to the sockets of a target on all servers, as one
	// that clients can catch up on. Each server, this one included, hands it to
	// Local.Broadcast with its Offset when it is its turn. While the adapter cannot
	// reach the others, this server does so without an offset, soon. Its arguments
	// are one RawArgs. It does not wait.
	BroadcastKept(p *Packet, t Target) error
	// AfterKept calls f once all that BroadcastKept was given before has been handed
	// to Local.Broadcast here: at once if it has. f does not wait.
	AfterKept(f func())
	// PersistSession keeps a client that has left for so long. It does not wait.
	PersistSession(s *Session, ttl time.Duration) error
	// RestoreSession finds a client that has left by its PID, whichever server it
	// was on, and gives it up: it can be had once. It is nil if there is none.
	RestoreSession(ctx context.Context, pid string) (*Session, error)
	// Missed calls f with the kept events of the namespace behind an offset, in
	// order, up to one that it returns: what comes behind that one has been handed
	// to Local.Broadcast since Missed was called, or will be. The error is
	// ErrUnknownOffset, f's, or that of whatever the events are kept in.
	Missed(ctx context.Context, offset string, f func(p *Packet, t Target) error) (upTo string, err error)
	// Compare tells the order of two offsets: negative if a is before b. One that
	// is malformed is an error.
	Compare(a, b string) (int, error)
}
