// Package pending keeps the requests of a server that others are to answer.
package pending

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sioserver/sioserver/rooms"
)

// ErrTimeout: not all servers have answered in time.
var ErrTimeout = errors.New("timeout reached while waiting for the answers of other servers")

// Kind says what a request asks for.
type Kind uint8

// The kinds of requests.
const (
	Sockets Kind = iota
	Rooms
	Event
	Broadcast
)

// Wait is a request and what has come for it.
type Wait struct {
	Kind Kind

	// What has come, by kind; the table's lock is held for them until Ask has
	// returned.
	Sockets []rooms.SocketInfo
	Rooms   []string
	Answers []rooms.Answer

	// Of a broadcast, whose answers are passed on as they come.
	Clients func(n int)
	Answer  func(rooms.Answer)

	due, came int
	complete  chan struct{}
}

// Table holds the requests of one adapter. Its methods may be called from any
// goroutine.
type Table struct {
	newID func() string
	mu    sync.Mutex
	waits map[string]*Wait
}

// NewTable makes a table whose requests get ids of newID.
func NewTable(newID func() string) *Table {
	return &Table{newID: newID, waits: map[string]*Wait{}}
}

// Begin keeps a request under a new id until End.
func (t *Table) Begin(w *Wait) (id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id = t.newID(); t.waits[id] != nil; {
		id = t.newID()
	}
	t.waits[id] = w
	return id
}

// End gives a request up.
func (t *Table) End(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waits, id)
}

// Ask sends a request by send, which is given its id, to the other ones of
// servers, and waits until all have answered or ctx is done. The error says how
// many have, and wraps ctx's cause; w has what has come.
func (t *Table) Ask(ctx context.Context, w *Wait, servers int, send func(id string) error) error {
	if w.due = servers - 1; w.due <= 0 {
		return nil
	}
	w.complete = make(chan struct{})
	id := t.Begin(w)
	defer t.End(id)
	if err := send(id); err != nil {
		return err
	}
	select {
	case <-w.complete:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		// What comes from now on comes too late: nobody may change w any more.
		delete(t.waits, id)
		return fmt.Errorf("%d of %d other servers have answered: %w", w.came, w.due, context.Cause(ctx))
	}
}

// Broadcast returns the request with this id if it is a broadcast.
func (t *Table) Broadcast(id string) (*Wait, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.waits[id]
	return w, w != nil && w.Kind == Broadcast
}

// Answered adds what a server has answered to the request with this id, if there
// is one that is no broadcast.
func (t *Table) Answered(id string, add func(w *Wait)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.waits[id]
	if w == nil || w.Kind == Broadcast {
		return
	}
	add(w)
	if w.came++; w.came == w.due {
		close(w.complete)
		delete(t.waits, id)
	}
}
