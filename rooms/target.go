// Whom a broadcast is for.

package rooms

import "time"

// Target selects sockets of a namespace: the members of any of Rooms, or all
// sockets if there are none, without the members of any room in Except. The id
// of a socket is a room with that socket in it. The zero Target is everybody.
//
// A Target is a value; those who hold one do not change its slices.
type Target struct {
	Rooms  []string
	Except []string
	Flags  Flags
}

// Flags say how a packet is sent.
type Flags struct {
	Volatile bool          // may be dropped where it cannot be sent at once
	Local    bool          // concerns the sockets of this server only
	Compress bool          // may be compressed, the default of the protocol
	Timeout  time.Duration // for acknowledgements and answers of other servers; 0 is the default
	Conflate string        // key of a packet whose place a later one with the same key may take; "" for none
}
