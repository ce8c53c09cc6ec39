// Idle: waiting until nothing is under way, for tests of handlers.

package loop

import (
	"context"
	"slices"

	"github.com/sioserver/sioserver/transport"
)

// Idle waits until nothing is under way: what has reached the event loops is
// handled, all handlers have returned, and what they have sent is out, or for a
// client of [Server.Bind] has gone through its Send. What waits for the network,
// for a timer or for a goroutine of the application's is not under way. It is
// for tests: a server with other clients may not be idle for a long time. With
// an inline handler it returns [ErrOnLoop], when the server has ended
// [ErrClosed], and when ctx is done its error.
func (s *Server) Idle(ctx context.Context) error {
	if s.onLoop() {
		return ErrOnLoop
	}
	var before []looked
	var began uint64
	for {
		if err := s.strands.wait(ctx); err != nil {
			return err
		}
		now, ever := s.strands.seen()
		after, err := s.look(ctx)
		if err != nil {
			return err
		}
		// At the moment between two looks no loop had anything to do, if none has
		// done anything but looking; and no handler, if none has begun since.
		if now == 0 && ever == began && slices.EqualFunc(before, after, looked.still) {
			return nil
		}
		before, began = after, ever
	}
}

// looked is what a look at a loop finds: how many times it has run tasks, and
// how many this time.
type looked struct {
	turn  uint64
	tasks int
}

// still reports whether a loop has done nothing between two looks.
func (a looked) still(b looked) bool { return b.turn == a.turn+1 && a.tasks == 1 && b.tasks == 1 }

// look looks at every loop.
func (s *Server) look(ctx context.Context) ([]looked, error) {
	list := make([]looked, len(s.loops))
	seen := make(chan struct{}, len(s.loops))
	for i, l := range s.loops {
		l.engine.Post(&lookTask{&list[i], seen})
	}
	for range s.loops {
		select {
		case <-seen:
		case <-s.done:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return list, nil
}

// lookTask is a look at a loop.
type lookTask struct {
	at   *looked
	seen chan<- struct{}
}

// Run implements [transport.Task].
func (t *lookTask) Run(e *transport.Engine) {
	t.at.turn, t.at.tasks = e.Batch()
	t.seen <- struct{}{}
}
