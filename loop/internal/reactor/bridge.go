// Bridges: connections of an engine without a descriptor of its loop's, whose bytes a goroutine carries.

package reactor

import (
	"context"
	"net"
	"sync"

	"github.com/sioserver/sioserver/transport"
)

// noFD is the descriptor of a bridge.
const noFD = -1

// Bridge is a connection of an engine that is no socket of its loop's: a request
// that came over package net/http, a websocket inside TLS of somebody else's. One
// goroutine feeds it and one carries away what the engine writes, which may be
// the same. It counts as a connection until it is closed.
type Bridge struct {
	// Immutable.
	loop          *loop
	down          <-chan struct{} // closed when the loops end
	remote, local net.Addr
	news          chan struct{}

	// Owned by the loop.
	conn  *transport.Conn // nil before the first Feed and after the end
	value any

	mu struct {
		sync.Mutex
		out  []byte // written by the engine and not taken
		sent int    // taken and not known to be sent
		end  bool   // nothing is written any more
		over bool   // the engine has closed the connection, or the loop has ended
	}
}

// Bridge opens a bridge to loop i. It is to be closed.
func (r *Reactor) Bridge(i int, remote, local net.Addr, value any) (*Bridge, error) {
	r.mu.Lock()
	down := r.mu.down
	r.mu.Unlock()
	if !r.enter() {
		return nil, ErrFull
	}
	return &Bridge{loop: r.loops[i], down: down, remote: remote, local: local, news: make(chan struct{}, 1), value: value}, nil
}

// RemoteAddr implements [transport.Wire].
func (b *Bridge) RemoteAddr() net.Addr { return b.remote }

// LocalAddr implements [transport.Wire].
func (b *Bridge) LocalAddr() net.Addr { return b.local }

// Value is what [Reactor.Bridge] was given, nil after Forget. Loop only.
func (b *Bridge) Value() any { return b.value }

// Forget gives up the value. Loop only.
func (b *Bridge) Forget() { b.value = nil }

// Feed gives the engine bytes and waits until it has read them. After an error
// p may still be read.
func (b *Bridge) Feed(p []byte) error {
	return b.do(func() {
		l := b.loop
		l.engine.Enter()
		if b.conn == nil {
			if b.Over() {
				return
			}
			b.conn = l.engine.Open(b, noFD)
			if l.bridges == nil {
				l.bridges = map[*Bridge]struct{}{}
			}
			l.bridges[b] = struct{}{}
		}
		c := b.conn
		defer l.guard(c)
		l.engine.Feed(c, p)
	})
}

// Close ends the connection as the peer would, unless the engine has. What was
// taken and not reported as sent is lost.
func (b *Bridge) Close() {
	err := b.do(func() {
		b.loop.engine.Enter()
		b.closed()
	})
	if err != nil {
		// The loops are ending, and close what they know.
		b.ended()
	}
}

// bridgeTask runs on the loop.
type bridgeTask struct {
	run  func()
	done chan struct{}
}

// Run implements gnet's Runnable.
func (t *bridgeTask) Run(context.Context) error {
	defer close(t.done)
	t.run()
	return nil
}

// do runs f on the loop and waits for it.
func (b *Bridge) do(f func()) error {
	t := &bridgeTask{run: f, done: make(chan struct{})}
	l := b.loop
	l.mu.Lock()
	running := l.mu.events != nil
	if running {
		l.execute(t)
	}
	l.mu.Unlock()
	if !running {
		return errNotRunning
	}
	select {
	case <-t.done:
		return nil
	case <-b.down:
		return errNotRunning
	}
}

// News tells that there may be something to take, or that the end has come.
func (b *Bridge) News() <-chan struct{} { return b.news }

// Take returns what the engine has written since the last call, the caller's for
// good, and whether nothing more comes.
func (b *Bridge) Take() (p []byte, end bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p = b.mu.out
	b.mu.out = nil
	b.mu.sent += len(p)
	return p, b.mu.end
}

// Sent reports that n bytes that were taken are on their way to the peer.
func (b *Bridge) Sent(n int) {
	b.mu.Lock()
	b.mu.sent -= n
	b.mu.Unlock()
}

// Over reports whether the engine has closed the connection.
func (b *Bridge) Over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.over
}

// write is the engine's Write.
func (b *Bridge) write(p []byte) error {
	b.mu.Lock()
	b.mu.out = append(b.mu.out, p...)
	b.mu.Unlock()
	b.tell()
	return nil
}

// buffered is what the engine has written and nobody reported as sent.
func (b *Bridge) buffered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mu.out) + b.mu.sent
}

// shut notes that the engine writes nothing more.
func (b *Bridge) shut() {
	b.mu.Lock()
	b.mu.end = true
	b.mu.Unlock()
	b.tell()
}

// closed ends the connection on its loop, whoever wants it.
func (b *Bridge) closed() {
	if !b.ended() {
		return
	}
	if c := b.conn; c != nil {
		// The engine asks how much was lost, so the connection keeps its wire.
		b.conn = nil
		delete(b.loop.bridges, b)
		b.loop.closed(c, false)
	}
}

// ended notes that the connection is over, and reports whether that is news.
func (b *Bridge) ended() bool {
	b.mu.Lock()
	was := b.mu.over
	b.mu.over, b.mu.end = true, true
	b.mu.Unlock()
	if was {
		return false
	}
	b.loop.reactor.gone()
	b.tell()
	return true
}

func (b *Bridge) tell() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// closeBridges ends the bridges of a loop that has ended.
func (l *loop) closeBridges() {
	if len(l.bridges) == 0 {
		return
	}
	l.engine.Enter()
	for b := range l.bridges {
		if c := b.conn; c != nil {
			b.conn = nil
			b.ended()
			l.closed(c, false)
		}
	}
	clear(l.bridges)
}
