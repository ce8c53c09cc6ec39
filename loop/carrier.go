// Messages of clients of Bind, on their way in and out.

package loop

import (
	"fmt"
	"sync"
	"time"

	"github.com/sioserver/sioserver/transport"
)

// Receive delivers a message of the client, text or bytes, which is copied.
// Messages are taken in the order of the calls. If more than a megabyte is on its
// way to the event loop it waits, or returns [ErrOnLoop] to an inline handler.
// When the session has ended the error is [ErrDisconnected].
func (e *EngineSession) Receive(message []byte, binary bool) error {
	weight := len(message) + messageWeight
	if err := e.window.take(weight, e.loop.server.onLoop); err != nil {
		return err
	}
	e.carried.Receive(append(make([]byte, 0, len(message)), message...), binary, func() { e.window.give(weight) })
	return nil
}

// Close tells that the client has gone, reason "transport close", or with an
// error that its connection has failed, "transport error". The connection is
// closed.
func (e *EngineSession) Close(err error) {
	if err != nil {
		e.carried.Close(transport.TransportError, err)
		return
	}
	e.carried.Close(transport.TransportClose, nil)
}

// Done is closed when the session has ended and its connection is closed.
func (e *EngineSession) Done() <-chan struct{} { return e.done }

// Reason is why the session has ended, "" before.
func (e *EngineSession) Reason() DisconnectReason {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.mu.reason
}

// window bounds the messages that are on their way to a loop.
type window struct {
	mu struct {
		sync.Mutex
		used int
		over bool
		room chan struct{} // closed when something is given back; nil if nobody waits
	}
}

const (
	windowBytes   = 1 << 20
	messageWeight = 128 // what a message weighs besides its bytes
)

// take waits until there is room, which there is for one message in any case.
func (w *window) take(n int, onLoop func() bool) error {
	for {
		w.mu.Lock()
		if w.mu.over {
			w.mu.Unlock()
			return ErrDisconnected
		}
		if w.mu.used == 0 || w.mu.used+n <= windowBytes {
			w.mu.used += n
			w.mu.Unlock()
			return nil
		}
		if w.mu.room == nil {
			w.mu.room = make(chan struct{})
		}
		room := w.mu.room
		w.mu.Unlock()
		if onLoop() {
			return ErrOnLoop
		}
		<-room
	}
}

func (w *window) give(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.used -= n
	w.wake()
}

// end lets nobody wait any more.
func (w *window) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mu.over = true
	w.wake()
}

func (w *window) wake() {
	if w.mu.room != nil {
		close(w.mu.room)
		w.mu.room = nil
	}
}

// sessionCarrier implements [transport.Carrier].
type sessionCarrier struct{ *EngineSession }

// Deliver implements [transport.Carrier].
func (c sessionCarrier) Deliver(s transport.Spool) {
	c.mu.Lock()
	c.mu.queue = append(c.mu.queue, s)
	c.startSending()
	c.mu.Unlock()
}

// Closed implements [transport.Carrier].
func (c sessionCarrier) Closed(rest transport.Spool, reason transport.CloseReason, _ error) {
	c.window.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.ended, c.mu.reason = true, DisconnectReason(reason.String())
	patience := c.loop.server.cfg.Limits.OutboundStall
	switch reason {
	case transport.TransportError, transport.TransportClose, transport.PingTimeout:
		patience = 0 // there is nobody, or nobody who keeps up
	}
	if rest != nil {
		c.mu.queue = append(c.mu.queue, rest)
	}
	if c.mu.sending || rest != nil {
		time.AfterFunc(patience, c.closeConn)
	}
	c.startSending()
}

// startSending starts the goroutine that sends, unless it runs. The lock is held.
func (e *EngineSession) startSending() {
	if !e.mu.sending {
		e.mu.sending = true
		e.loop.server.strands.add()
		go e.send()
	}
}

// send sends what there is to send, and closes the connection behind it if the
// session has ended.
func (e *EngineSession) send() {
	defer e.loop.server.strands.done()
	for {
		e.mu.Lock()
		if len(e.mu.queue) == 0 || e.mu.broken {
			e.mu.queue, e.mu.sending = nil, false
			ended := e.mu.ended
			e.mu.Unlock()
			if ended {
				e.closeConn()
			}
			return
		}
		part := e.mu.queue[0]
		e.mu.queue = e.mu.queue[1:]
		e.mu.Unlock()
		if err := e.sendAll(part); err != nil {
			e.mu.Lock()
			e.mu.broken = true
			e.mu.Unlock()
			e.carried.Close(transport.TransportError, err)
			continue
		}
		e.carried.Ready()
	}
}

// sendAll sends a list of messages.
func (e *EngineSession) sendAll(list transport.Spool) (err error) {
	defer e.panicked("Send", &err)
	for {
		message, binary, ok := list.Next()
		if !ok {
			return nil
		}
		if err := e.conn.Send(message, binary); err != nil {
			return err
		}
	}
}

// panicked turns a panic of the connection into an error.
func (e *EngineSession) panicked(what string, err *error) {
	if p := recover(); p != nil {
		e.loop.server.logPanic("EngineConn."+what, p)
		*err = fmt.Errorf("loop: panic in EngineConn.%s: %v", what, p)
	}
}

// closeConn closes the connection, once.
func (e *EngineSession) closeConn() {
	e.closing.Do(func() {
		defer close(e.done)
		var err error
		defer e.panicked("Close", &err)
		e.conn.Close(e.Reason())
	})
}
