// The queue of what is to be published, and the goroutine that publishes it.

package redis

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// message is what is to be published.
type message struct {
	channel string
	payload []byte
	sharded bool // goes the way of sharded Pub/Sub
}

// size is what a message counts for in the limit of bytes.
func (m *message) size() int { return len(m.channel) + len(m.payload) }

// batchMessages is how many messages are written at once at most.
const batchMessages = 512

// queue holds messages in the order in which they were put. The first of them
// may be on their way out.
type queue struct {
	maxMessages, maxBytes int
	dropped               func() // called for each message that has lost its place

	more chan struct{} // holds a token while there may be messages
	mu   struct {
		sync.Mutex
		list  []message
		taken int // messages at the front that take has returned
		bytes int
	}
}

func newQueue(messages, bytes int, dropped func()) *queue {
	return &queue{maxMessages: messages, maxBytes: bytes, dropped: dropped, more: make(chan struct{}, 1)}
}

// put adds a message. If there is no place for it the oldest lose theirs: what
// is new is worth more to those who hear it late. One that is larger than the
// limit alone is taken.
func (q *queue) put(m message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.mu.list) > q.mu.taken && (len(q.mu.list) >= q.maxMessages || q.mu.bytes+m.size() > q.maxBytes) {
		q.mu.bytes -= q.mu.list[q.mu.taken].size()
		if q.mu.taken == 0 {
			q.mu.list[0] = message{}
			q.mu.list = q.mu.list[1:]
		} else {
			q.mu.list = slices.Delete(q.mu.list, q.mu.taken, q.mu.taken+1)
		}
		q.dropped()
	}
	q.mu.list = append(q.mu.list, m)
	q.mu.bytes += m.size()
	select {
	case q.more <- struct{}{}:
	default:
	}
}

// take moves the first messages into batch, which keep their places until done
// or back.
func (q *queue) take(batch []message) []message {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.taken = min(len(q.mu.list), batchMessages)
	return append(batch, q.mu.list[:q.mu.taken]...)
}

// done removes what take has returned.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.mu.list[:q.mu.taken] {
		q.mu.bytes -= q.mu.list[i].size()
		q.mu.list[i] = message{}
	}
	if q.mu.list = q.mu.list[q.mu.taken:]; len(q.mu.list) == 0 {
		q.mu.list = nil
	}
	q.mu.taken = 0
}

// back says that what take has returned is still to be published.
func (q *queue) back() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.taken = 0
}

// waiting is what is in the queue.
func (q *queue) waiting() (messages, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.mu.list), q.mu.bytes
}

// The pauses between attempts to reach Redis.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// publishAll writes the queue out until ctx is done, and then what is left if
// Redis takes it.
func (c *Cluster) publishAll(ctx context.Context) {
	var batch []message
	pause := retryFirst
	for {
		if batch = c.queue.take(batch[:0]); len(batch) == 0 {
			select {
			case <-c.queue.more:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := c.publish(batch)
		if unreachable(err) && ctx.Err() == nil {
			// Nothing was sent; it may be when Redis is back.
			c.queue.back()
			c.complain("publishing", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, retryMost)
			continue
		}
		pause = retryFirst
		if err != nil {
			c.complain("publishing", err)
		}
		c.queue.done()
		clear(batch)
		if unreachable(err) {
			return
		}
	}
}

// publish writes messages at once and counts what has become of them.
func (c *Cluster) publish(batch []message) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.RequestsTimeout)
	defer cancel()
	pipe := c.opts.Client.Pipeline()
	commands := make([]*goredis.IntCmd, len(batch))
	for i := range batch {
		publish := pipe.Publish
		if batch[i].sharded {
			publish = pipe.SPublish
		}
		commands[i] = publish(ctx, batch[i].channel, batch[i].payload)
	}
	_, err := pipe.Exec(ctx)
	if unreachable(err) {
		return err
	}
	for _, command := range commands {
		if command.Err() == nil {
			c.counts.published.Add(1)
		} else {
			c.counts.publishErrors.Add(1)
		}
	}
	return err
}

// unreachable tells errors before anything was sent: no connection was made, or
// none was free.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, goredis.ErrPoolTimeout)
}
