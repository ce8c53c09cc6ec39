// What the kernel knows of the connections of clients.

package loop

import (
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport"
)

// Network is what the kernel knows of a client's connection over TCP. What is not
// known is 0.
type Network struct {
	// RTT is how long the peer takes to acknowledge what it gets, smoothed. Behind
	// a proxy the peer is the proxy.
	RTT time.Duration
	// BytesIn and BytesOut are the bytes of the client's websocket connection so
	// far, with all that frames, HTTP and TLS add, and what the peer has
	// acknowledged of them; 0 over polling, which uses many connections.
	BytesIn, BytesOut uint64
}

// networkOf asks the kernel about a session's connection, on its loop.
func networkOf(s *transport.Session) (n Network) {
	fd, websocket := s.Wired()
	if fd < 0 {
		return n
	}
	rtt, in, out, ok := reactor.TCP(int(fd))
	if !ok {
		return n
	}
	n.RTT = rtt
	if websocket {
		n.BytesIn, n.BytesOut = in, out
	}
	return n
}
