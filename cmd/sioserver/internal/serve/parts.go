// The parts that stand around a server.

package serve

import "github.com/sioserver/sioserver/cmd/sioserver/internal/node"

// parts are made anew for each node and started in this order. They are stopped
// the other way round.
func parts() []node.Part {
	return []node.Part{
		relayPart{},
	}
}
