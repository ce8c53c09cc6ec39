// Addresses for servers that are started here.

package coord

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddress is an address of this machine on which nobody listens, nor on the
// ports that follow it, in all. Any goroutine.
func FreeAddress(ports int) (string, error) {
	// Below the ports that the kernel gives to connections: one of those may be
	// taken before the server is there.
	const low, high, tries = 20000, 32000, 200
	var err error
	for range tries {
		port := low + rand.IntN(high-low-ports)
		if err = vacant(port, ports); err == nil {
			return fmt.Sprintf("127.0.0.1:%d", port), nil
		}
	}
	return "", internal("no free port was found: %v", err)
}

// vacant is an error if somebody listens on one of the ports.
func vacant(port, ports int) error {
	for p := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+p))
		if err != nil {
			return err
		}
		_ = l.Close()
	}
	return nil
}
