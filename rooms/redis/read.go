// Reading what emitters publish, for those who are no server of their cluster.

package redis

import (
	"fmt"

	"github.com/sioserver/sioserver/rooms"
)

// Command is what an emitter asks for: an event for the sockets of a target, or
// something done to them.
type Command struct {
	Packet     *rooms.Packet // of an event; nil for other commands
	Join       []string      // rooms to join
	Leave      []string      // rooms to leave
	Disconnect bool          // with the whole connection if Close is true
	Close      bool
	Target     rooms.Target
}

// ReadEvent reads what is published on the channels of a namespace, key + "#" +
// namespace + "#", with or without a room behind it. It returns nil for an event
// of another namespace. The payload must not change afterwards. Any goroutine.
func ReadEvent(payload []byte, namespace string) (*Command, error) {
	r, err := readBroadcast(payload, namespace)
	if err != nil || r.packet == nil {
		return nil, err
	}
	return &Command{Packet: r.packet, Target: r.target}, nil
}

// ReadRequest reads what is published on the channel key + "-request#" +
// namespace + "#". It returns nil for requests that only a server of the cluster
// can answer. Any goroutine.
func ReadRequest(payload []byte) (*Command, error) {
	r, err := readRequest(payload)
	if err != nil {
		return nil, err
	}
	c := &Command{Target: r.target()}
	names := make([]string, 0, len(r.Rooms)+1)
	for _, n := range r.Rooms {
		names = append(names, string(n))
	}
	if r.Room != "" {
		names = append(names, string(r.Room))
	}
	switch r.kind() {
	case requestRemoteJoin:
		c.Join = names
	case requestRemoteLeave:
		c.Leave = names
	case requestRemoteDisconnect:
		c.Disconnect, c.Close = true, r.Close
	case noRequest:
		return nil, fmt.Errorf("redis: a request without a type")
	default:
		return nil, nil
	}
	return c, nil
}
