// Emit with acknowledgements: who answered what.

package control

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// ackWish says for which answers an emit waits.
type ackWish struct {
	TimeoutMS int `json:"timeout_ms"`
	Min       int `json:"min,omitempty"` // that are enough; 0 is all
}

// AckResult is what came.
type AckResult struct {
	Expected int         `json:"expected"`
	Received int         `json:"received"`
	TimedOut int         `json:"timed_out"`
	Gone     int         `json:"gone"` // disconnected meanwhile
	Acks     []ackAnswer `json:"acks"`
}

type ackAnswer struct {
	SID  string          `json:"sid"`
	User string          `json:"user,omitempty"`
	Args json.RawMessage `json:"args"`
}

// The limits of an emit with acknowledgements.
const (
	ackMostTime    = 60 * time.Second
	ackDefaultTime = 5 * time.Second
	ackSockets     = 10_000
	ackRemotes     = 64 // requests to sockets of other nodes at once
)

// ask emits an event to each socket and waits for the answers.
func (x *call) ask(o loop.BroadcastOperator, r *emitRequest, args []any) (*AckResult, error) {
	timeout := time.Duration(r.Ack.TimeoutMS) * time.Millisecond
	if timeout == 0 {
		timeout = ackDefaultTime
	}
	if timeout < 0 || timeout > ackMostTime {
		return nil, invalid("ack.timeout_ms", "it is %d, it must be 1 to %d", r.Ack.TimeoutMS, ackMostTime.Milliseconds())
	}
	if r.Ack.Min < 0 {
		return nil, invalid("ack.min", "it must not be negative")
	}
	ctx, cancel := context.WithTimeout(x.ctx, timeout)
	defer cancel()
	sockets, err := o.FetchSockets(ctx)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	if len(sockets) > ackSockets {
		return nil, invalid("to", "%d sockets are addressed; acknowledgements can be asked of %d", len(sockets), ackSockets)
	}
	return gather(ctx, sockets, r, args, timeout), nil
}

// gathering is the answers so far.
type gathering struct {
	mu     sync.Mutex
	result AckResult
	left   int // that may still answer
	enough int
	done   chan struct{}
	over   bool
}

// gather asks each socket, and waits until ctx is done, all have answered, or
// enough.
func gather(ctx context.Context, sockets []loop.RemoteSocket, r *emitRequest, args []any, timeout time.Duration) *AckResult {
	g := &gathering{left: len(sockets), enough: r.Ack.Min, done: make(chan struct{})}
	g.result.Expected, g.result.Acks = len(sockets), []ackAnswer{}
	if len(sockets) == 0 {
		return &g.result
	}
	places := make(chan struct{}, ackRemotes)
	for _, s := range sockets {
		sid, user := s.ID(), userOf(s)
		if local := s.Local(); local != nil {
			err := local.Timeout(timeout).EmitAck(r.Event, func(a loop.Args, err error) { g.add(sid, user, a, err) }, args...)
			if err != nil {
				g.add(sid, user, loop.Args{}, err)
			}
			continue
		}
		go func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-ctx.Done():
				return
			}
			a, err := s.EmitWithAck(ctx, timeout, r.Event, args...)
			g.add(sid, user, a, err)
		}()
	}
	select {
	case <-g.done:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
	g.result.TimedOut = g.result.Expected - g.result.Received - g.result.Gone
	return &g.result
}

// add notes what a socket answered.
func (g *gathering) add(sid, user string, a loop.Args, err error) {
	text, fault := json.Marshal(a)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return
	}
	g.left--
	switch {
	case err == nil && fault == nil:
		g.result.Received++
		g.result.Acks = append(g.result.Acks, ackAnswer{sid, user, text})
	case err == loop.ErrTimeout || err == context.DeadlineExceeded:
	default:
		g.result.Gone++
	}
	if g.left == 0 || g.enough > 0 && g.result.Received == g.enough {
		g.over = true
		close(g.done)
	}
}
