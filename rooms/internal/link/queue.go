// Queue: what is to be written to Redis, in order, within limits.

package link

import (
	"errors"
	"net"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// Batch is how many messages are written at once at most.
const Batch = 512

// ErrQueueFull is only logged: those who publish never wait, nor fail.
var ErrQueueFull = errors.New("the queue of what is to be published is full, and its oldest messages are dropped")

// Sized is a message with what it counts for in a queue's limit of bytes.
type Sized interface{ Size() int }

// Queue holds messages in the order in which they were put. The first of them
// may be on their way out. Its methods may be called from any goroutine.
type Queue[M Sized] struct {
	maxMessages, maxBytes int
	dropped               func(M) // called for each message that has lost its place

	more chan struct{} // holds a token while there may be messages
	mu   struct {
		sync.Mutex
		list  []M
		taken int // messages at the front that Take has returned
		bytes int
	}
}

// NewQueue makes a queue. dropped is called for each message that is dropped,
// with the queue's lock held.
func NewQueue[M Sized](messages, bytes int, dropped func(M)) *Queue[M] {
	return &Queue[M]{maxMessages: messages, maxBytes: bytes, dropped: dropped, more: make(chan struct{}, 1)}
}

// Put adds a message. If there is no place for it the oldest lose theirs: what
// is new is worth more to those who hear it late. One that is larger than the
// limit alone is taken, and one beside those that are on their way out.
func (q *Queue[M]) Put(m M) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.tooMuch(1, m.Size()) && q.loseOldest() {
	}
	q.mu.list = append(q.mu.list, m)
	q.mu.bytes += m.Size()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// tooMuch reports whether there is no place for so much more. The lock is held.
func (q *Queue[M]) tooMuch(messages, bytes int) bool {
	return len(q.mu.list)+messages > q.maxMessages || q.mu.bytes+bytes > q.maxBytes
}

// loseOldest drops the oldest message that is not on its way out, and reports
// whether there was one. The lock is held.
func (q *Queue[M]) loseOldest() bool {
	if len(q.mu.list) == q.mu.taken {
		return false
	}
	var none M
	lost := q.mu.list[q.mu.taken]
	q.mu.bytes -= lost.Size()
	if q.mu.taken == 0 {
		q.mu.list[0] = none
		q.mu.list = q.mu.list[1:]
	} else {
		q.mu.list = slices.Delete(q.mu.list, q.mu.taken, q.mu.taken+1)
	}
	q.dropped(lost)
	return true
}

// More holds a token while there may be messages to take.
func (q *Queue[M]) More() <-chan struct{} { return q.more }

// Take moves the first messages into batch, at most [Batch] of them. They keep
// their places until Done or Back.
func (q *Queue[M]) Take(batch []M) []M {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.taken = min(len(q.mu.list), Batch)
	return append(batch, q.mu.list[:q.mu.taken]...)
}

// Done removes what Take has returned.
func (q *Queue[M]) Done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	var none M
	for i := range q.mu.list[:q.mu.taken] {
		q.mu.bytes -= q.mu.list[i].Size()
		q.mu.list[i] = none
	}
	if q.mu.list = q.mu.list[q.mu.taken:]; len(q.mu.list) == 0 {
		q.mu.list = nil
	}
	q.mu.taken = 0
}

// Back says that what Take has returned is still to be published. If a message was
// put beside a full queue's, the oldest loses its place now: else one more could
// be there after each time.
func (q *Queue[M]) Back() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.taken = 0
	for len(q.mu.list) > 1 && q.tooMuch(0, 0) && q.loseOldest() {
	}
}

// Waiting is what is in the queue.
func (q *Queue[M]) Waiting() (messages, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.mu.list), q.mu.bytes
}

// Unreachable tells errors before anything was sent: no connection was made, or
// none was free.
func Unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, goredis.ErrPoolTimeout)
}
