// The queue of what is to be published, and the goroutine that publishes it.

package redis

import (
	"context"
	"errors"
	"net"
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

// queue holds messages in the order in which they were put.
type queue struct {
	maxMessages, maxBytes int

	more chan struct{} // holds a token while there may be messages
	mu   struct {
		sync.Mutex
		list  []message
		bytes int
	}
}

func newQueue(messages, bytes int) *queue {
	return &queue{maxMessages: messages, maxBytes: bytes, more: make(chan struct{}, 1)}
}

// put adds a message. It reports whether there was a place for it. A message
// that is larger than the limit alone has one in an empty queue.
func (q *queue) put(m message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.mu.list)
	if n >= q.maxMessages || n > 0 && q.mu.bytes+m.size() > q.maxBytes {
		return false
	}
	q.mu.list = append(q.mu.list, m)
	q.mu.bytes += m.size()
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

// take moves the first messages into batch. They count until done.
func (q *queue) take(batch []message) []message {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.mu.list), batchMessages)
	return append(batch, q.mu.list[:n]...)
}

// done removes the n messages that take has returned.
func (q *queue) done(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.mu.list[:n] {
		q.mu.bytes -= q.mu.list[i].size()
		q.mu.list[i] = message{}
	}
	if q.mu.list = q.mu.list[n:]; len(q.mu.list) == 0 {
		q.mu.list = nil
	}
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
		c.queue.done(len(batch))
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
