// The first step of a restart without a gap: no new connections.

package loop

import (
	"context"
	"fmt"
)

// StopAccepting makes the server take no more connections at its addresses and
// give these up. Its clients stay, and may open further sessions by the
// connections they have; [Server.Handler] goes on. It is the first step of a
// restart without a gap: start the new process, with ReusePort on both, call
// StopAccepting in the old one, then [Server.Drain] and [Server.Shutdown].
//
// No connection is lost that way: those that have been made are accepted, those
// being made have 0.7 s, and who begins in that time is made to try again by its
// system after a second, which brings it to the other process. A packet lost
// on the way may still cost one that takes longer, unless the system is set to
// hand connections over (net.ipv4.tcp_migrate_req=1). Without ReusePort, or if
// nobody else listens on the port, it takes a moment, and whoever connects
// afterwards is refused. Sockets that were passed
// (fd:) stay open, and connections wait in them.
//
// When ctx is done before, it returns ctx's error and goes on all the same. The
// server must run; after its end the error is [ErrClosed].
func (s *Server) StopAccepting(ctx context.Context) error {
	select {
	case <-s.reactor.Booted():
	case <-s.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.reactor.Cease(ctx); err != nil {
		return fmt.Errorf("loop: %w", err)
	}
	return nil
}
