// hook: who may ask now, who waits, and whether anybody may.

package hooks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

var (
	errBreaker  = errors.New("it failed often; it is tried again soon (breaker)")
	errOverflow = errors.New("too many requests wait for it (max_pending)")
	errWait     = errors.New("backend timeout: no place became free (concurrency)")
)

// hook is the queue and the breaker of one target.
type hook struct {
	now func() time.Time

	mu struct {
		sync.Mutex
		running  int
		waiting  []chan struct{} // closed when it is their turn
		failures []time.Time     // in a row, within the window
		open     time.Time       // until then, zero if it is closed
		probing  bool            // one tries whether it is well again
	}
}

// enter takes a place, waiting for it if it must. With an error, result says how
// it is counted.
func (h *hook) enter(ctx context.Context, s *settings) (result string, err error) {
	h.mu.Lock()
	if !h.allowed() {
		h.mu.Unlock()
		return "breaker", errBreaker
	}
	probe := !h.mu.open.IsZero() // this one tries for all; if it gets no place, another may
	if h.mu.running < s.Concurrency {
		h.mu.running++
		h.mu.Unlock()
		return "ok", nil
	}
	if len(h.mu.waiting) >= s.MaxPending {
		h.mu.probing = h.mu.probing && !probe
		h.mu.Unlock()
		return "overflow", errOverflow
	}
	turn := make(chan struct{})
	h.mu.waiting = append(h.mu.waiting, turn)
	h.mu.Unlock()
	select {
	case <-turn:
		return "ok", nil
	case <-ctx.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.mu.waiting, turn); i >= 0 {
		h.mu.waiting = slices.Delete(h.mu.waiting, i, i+1)
	} else {
		h.pass() // it was given a place just now
	}
	h.mu.probing = h.mu.probing && !probe
	return "timeout", errWait
}

// allowed asks the breaker. mu is held.
func (h *hook) allowed() bool {
	switch {
	case h.mu.open.IsZero():
		return true
	case h.mu.probing || h.now().Before(h.mu.open):
		return false
	}
	h.mu.probing = true
	return true
}

// leave gives a place back.
func (h *hook) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pass()
}

// pass gives a place to who waits longest. mu is held.
func (h *hook) pass() {
	if len(h.mu.waiting) == 0 {
		h.mu.running--
		return
	}
	close(h.mu.waiting[0])
	h.mu.waiting = h.mu.waiting[1:]
}

// outcome tells the breaker.
func (h *hook) outcome(s *settings, failed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mu.probing = false
	if !failed {
		h.mu.failures, h.mu.open = nil, time.Time{}
		return
	}
	if s.Breaker.Failures <= 0 {
		return
	}
	now := h.now()
	if !h.mu.open.IsZero() {
		h.mu.open = now.Add(time.Duration(s.Breaker.OpenFor))
		return
	}
	window := time.Duration(s.Breaker.Window)
	h.mu.failures = append(slices.DeleteFunc(h.mu.failures, func(t time.Time) bool { return now.Sub(t) > window }), now)
	if len(h.mu.failures) >= s.Breaker.Failures {
		h.mu.failures, h.mu.open = nil, now.Add(time.Duration(s.Breaker.OpenFor))
	}
}

// state is for the counters.
func (h *hook) state() (running, waiting int, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mu.running, len(h.mu.waiting), !h.mu.open.IsZero()
}
