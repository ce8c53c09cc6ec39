// One handshake: a goroutine that is lent, fed, listened to and given back.

package tlsconn

import (
	"bytes"
	"container/list"
	"crypto/tls"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Why handshakes fail, besides what crypto/tls and callbacks of the user say.
var (
	// ErrHTTP is a request of HTTP where TLS was expected.
	ErrHTTP = errors.New("tlsconn: an HTTP request without TLS")
	// ErrNotTLS is something else where TLS was expected.
	ErrNotTLS = errors.New("tlsconn: the first record is not of TLS")
	// ErrTooMuch is more than a client can have to say before it is answered.
	ErrTooMuch = errors.New("tlsconn: too many bytes before the handshake is over")
	// ErrEvicted is a client that let others wait.
	ErrEvicted = errors.New("tlsconn: the client did not go on with its handshake while others waited")

	errAbandoned = errors.New("tlsconn: the connection is gone")
)

// The sizes of records (RFC 8446 5.1, RFC 5246 6.2.3).
const (
	headerSize = 5
	recordMost = 16384 + 2048
	typeOfHand = 22 // handshake
)

// helloRoom is how many bytes a client may send before the server's first
// answer: what crypto/tls takes as one message, and its records.
const helloRoom = 80 << 10

// handshake is what a connection has until its handshake is over.
type handshake struct {
	// Immutable after Start.
	tls    *tls.Conn
	pool   *Handshakes // nil before Start
	notify func()      // tells the loop of output or the end
	later  int         // bytes that may wait once the client has been answered

	// Guarded by the pool.
	place  *list.Element // in one of the pool's lists
	queued bool          // it is that of those that have no goroutine
	since  int64         // when it began to wait for its client

	mu      sync.Mutex
	more    sync.Cond // there is input, or there will be none
	in, out []byte    // from and to the client
	room    int       // bytes that may wait in in
	sent    bool      // something has been written
	lent    int       // the part of room that is the pool's
	stopped error     // why no input will come any more
	over    bool      // the goroutine has ended
	taken   bool      // and Progress has told so
	err     error     // of the handshake, when it is over
}

func newHandshake() *handshake {
	h := &handshake{room: helloRoom}
	h.more.L = &h.mu
	return h
}

// Handshaking reports whether the handshake is not over.
func (c *Conn) Handshaking() bool { return c.hs != nil }

// Offer takes bytes of a handshake that is not over. They are copied. Before
// Start it reports whether there is a record to start with.
func (c *Conn) Offer(p []byte) (ready bool, err error) {
	h := c.hs
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.in)+len(p) > h.room {
		if !h.sent || !h.pool.spare(len(p)) {
			return false, ErrTooMuch
		}
		h.room += len(p)
		h.lent += len(p)
	}
	h.in = append(h.in, p...)
	if h.pool != nil {
		h.more.Signal()
		return false, nil
	}
	return isRecord(h.in)
}

// isRecord looks at the first bytes of a connection: they are a record, or may
// become one, or never will.
func isRecord(p []byte) (whole bool, err error) {
	switch {
	case len(p) == 0:
		return false, nil
	case p[0] != typeOfHand && (p[0] < 'A' || p[0] > 'Z'):
		return false, ErrNotTLS
	case len(p) < headerSize:
		return false, nil
	}
	size := int(p[3])<<8 | int(p[4])
	switch {
	case isHTTP(p[:headerSize]):
		return false, ErrHTTP
	case p[0] != typeOfHand || p[1] != 3 || size > recordMost:
		return false, ErrNotTLS
	}
	return len(p) >= headerSize+size, nil
}

// isHTTP reports whether the first bytes of a connection are those of a request.
func isHTTP(p []byte) bool {
	for _, m := range []string{"GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "CONNE"} {
		if bytes.HasPrefix(p, []byte(m)) {
			return true
		}
	}
	return false
}

// Start begins the handshake as soon as pool has a place for it. later is how
// many bytes may wait until it is over once the client has been answered.
// notify is called, by any goroutine, when there is something for Progress to
// tell.
func (c *Conn) Start(pool *Handshakes, later int, notify func()) {
	h := c.hs
	h.mu.Lock()
	h.tls, h.pool, h.later, h.notify = c.tls, pool, later, notify
	h.mu.Unlock()
	pool.start(h)
}

// Progress takes what the handshake has written, for Pending and Encrypt, and
// tells whether it is over. Once it is, without an error, there may be bytes to
// decrypt already.
func (c *Conn) Progress() (over bool, err error) {
	h := c.hs
	h.mu.Lock()
	defer h.mu.Unlock()
	c.out = append(c.out, h.out...)
	h.out = nil
	if h.over {
		h.taken = true
		h.settle()
		c.hs, c.in = nil, h.in
	}
	return h.over, h.err
}

// settle gives the pool's room back when nobody offers bytes any more. The lock
// is held.
func (h *handshake) settle() {
	if h.over && h.taken {
		h.pool.spare(-h.lent)
		h.lent = 0
	}
}

// Abandon ends a handshake whose connection is gone. Nothing is told of it any
// more.
func (c *Conn) Abandon() {
	if c.hs != nil {
		c.hs.stop(errAbandoned)
	}
}

// Waiting reports whether the handshake was started and has no place yet.
func (c *Conn) Waiting() bool {
	return c.hs != nil && c.hs.pool != nil && c.hs.pool.waits(c.hs)
}

// stop ends the input.
func (h *handshake) stop(err error) {
	h.mu.Lock()
	if h.stopped == nil {
		h.stopped = err
	}
	if err == errAbandoned {
		h.taken = true // nobody will
	}
	h.settle()
	h.more.Signal()
	pool := h.pool
	h.mu.Unlock()
	if pool != nil {
		pool.forget(h)
	}
}

// run is the goroutine.
func (h *handshake) run() {
	err := errors.New("tlsconn: a callback ended the handshake's goroutine")
	h.pool.compute()
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
		h.pool.rest()
		h.end(err)
	}()
	err = h.tls.Handshake()
}

// end gives the goroutine's place back.
func (h *handshake) end(err error) {
	h.mu.Lock()
	if h.stopped != nil && err != nil {
		err = h.stopped
	}
	h.over, h.err = true, err
	abandoned := h.stopped == errAbandoned
	h.settle()
	h.mu.Unlock()
	h.pool.end(err == nil)
	if !abandoned {
		h.notify()
	}
}

// PanicError is a panic in a callback of the TLS configuration.
type PanicError struct {
	Value any
	Stack []byte
}

// Error tells the value. Any goroutine.
func (e *PanicError) Error() string { return fmt.Sprintf("tlsconn: a callback panicked: %v", e.Value) }

// read is the read of crypto/tls during the handshake. It waits.
func (h *handshake) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.in) == 0 && h.stopped == nil {
		h.idle()
	}
	if h.stopped != nil {
		return 0, h.stopped
	}
	n := copy(p, h.in)
	h.in = h.in[n:]
	return n, nil
}

// idle gives the part of a processor back until the client has said something.
// The lock is held.
func (h *handshake) idle() {
	if len(h.out) > 0 {
		h.mu.Unlock()
		h.notify()
		h.mu.Lock()
	}
	if len(h.in) > 0 || h.stopped != nil {
		return
	}
	h.mu.Unlock()
	h.pool.idle(h)
	h.mu.Lock()
	for len(h.in) == 0 && h.stopped == nil {
		h.more.Wait()
	}
	h.mu.Unlock()
	h.pool.resume(h)
	h.mu.Lock()
}

// write is the write of crypto/tls during the handshake.
func (h *handshake) write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.sent {
		h.sent = true
		h.room += h.later
	}
	if h.stopped == nil {
		h.out = append(h.out, p...)
	}
	return len(p), nil
}
