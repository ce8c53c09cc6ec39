// How output leaves in the tests.

package loop

import (
	"fmt"
	"os"

	"github.com/sioserver/sioserver/loop/internal/reactor"
	"github.com/sioserver/sioserver/transport"
)

// All tests can be run with output leaving in one way only, by the environment
// variable SIOSERVER_TEST_FLUSH: through io_uring whatever it costs
// ("io_uring"), or by a system call each, at the end of a batch ("gather") or at
// once ("send").
func init() {
	flushing = func(c *reactor.Config, o *transport.Options) {
		switch mode := os.Getenv("SIOSERVER_TEST_FLUSH"); mode {
		case "":
		case "io_uring":
			c.Ring, c.Least, o.Gather = reactor.RingAlways, 1, transport.GatherAlways
		case "gather":
			c.Ring, o.Gather = reactor.RingNever, transport.GatherAlways
		case "send":
			c.Ring, o.Gather = reactor.RingNever, transport.GatherNever
		default:
			panic(fmt.Sprintf("SIOSERVER_TEST_FLUSH is %q: it can be io_uring, gather, send or empty", mode))
		}
	}
}
