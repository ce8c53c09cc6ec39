// Tally: counting work that somebody may want to wait for.

package loop

import (
	"context"
	"sync"
)

// tally counts work under way. The zero tally is at zero. Its methods may be
// called from any goroutine.
type tally struct {
	mu struct {
		sync.Mutex
		n    int
		all  uint64        // that were ever added
		zero chan struct{} // closed at zero, nil while nobody waits
	}
}

func (t *tally) add() {
	t.mu.Lock()
	t.mu.n++
	t.mu.all++
	t.mu.Unlock()
}

// seen is how many pieces of work are under way, and how many have ever been.
func (t *tally) seen() (now int, ever uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.n, t.mu.all
}

func (t *tally) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.n--; t.mu.n == 0 && t.mu.zero != nil {
		close(t.mu.zero)
		t.mu.zero = nil
	}
}

// wait returns when the tally is at zero, or ctx's error.
func (t *tally) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.mu.n == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.mu.zero == nil {
		t.mu.zero = make(chan struct{})
	}
	zero := t.mu.zero
	t.mu.Unlock()
	select {
	case <-zero:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
