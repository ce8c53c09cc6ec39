// Base: what the adapters of one server share besides their connections.

package link

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Base keeps account of the namespaces of one server, answers the requests of
// others, and logs what goes wrong. Its methods may be called from any
// goroutine.
type Base struct {
	Malformed atomic.Uint64 // messages that could not be used
	Refused   atomic.Uint64 // requests for which there was no place

	name      string
	logger    *slog.Logger
	timeout   time.Duration
	answering chan struct{} // a place for each request that is being answered

	mu struct {
		sync.Mutex
		complained time.Time // last error in the log
		silent     uint64    // errors since that were not
		namespaces map[string]bool
	}
}

// NewBase makes a base for a package of this name. requests is how many requests
// are answered at the same time at most, each within timeout.
func NewBase(name string, logger *slog.Logger, requests int, timeout time.Duration) *Base {
	b := &Base{name: name, logger: logger, timeout: timeout, answering: make(chan struct{}, requests)}
	b.mu.namespaces = map[string]bool{}
	return b
}

// Claim notes that a namespace has an adapter.
func (b *Base) Claim(nsp string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.namespaces[nsp] {
		return fmt.Errorf("%s: namespace %q has an adapter already: each server needs a Cluster of its own", b.name, nsp)
	}
	b.mu.namespaces[nsp] = true
	return nil
}

// Release notes that a namespace has none any more.
func (b *Base) Release(nsp string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mu.namespaces, nsp)
}

// complainEvery is the least time between two errors in the log.
const complainEvery = 5 * time.Second

// Complain logs an error, not more often than one reader can follow.
func (b *Base) Complain(doing string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.Sub(b.mu.complained) < complainEvery {
		b.mu.silent++
		return
	} else {
		b.mu.complained = now
	}
	b.logger.Warn("the cluster cannot be reached as it should", "doing", doing, "error", err, "more_errors", b.mu.silent)
	b.mu.silent = 0
}

// Unusable counts a message that cannot be used.
func (b *Base) Unusable(err error) {
	b.Malformed.Add(1)
	b.Complain("reading", err)
}

// Answer runs what answers a request of another server, if there is a place. It
// may wait for the event loops.
func (b *Base) Answer(f func(ctx context.Context)) {
	select {
	case b.answering <- struct{}{}:
	default:
		b.Refused.Add(1)
		return
	}
	go func() {
		defer func() { <-b.answering }()
		defer b.Recover(requests)
		ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
		defer cancel()
		f(ctx)
	}()
}

// requests stands for the channel of what is answered apart.
const requests = "requests"

// Recover is deferred where messages of other servers are handled: whatever one
// of them has sent, this one goes on.
func (b *Base) Recover(channel string) {
	if p := recover(); p != nil {
		b.Malformed.Add(1)
		b.logger.Error("a message of another server caused a panic", "channel", channel, "panic", p, "stack", string(debug.Stack()))
	}
}
