// Cluster: the connections to Redis that the adapters of one server share.

package redis

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sioserver/sioserver/rooms"
)

// Cluster makes the adapters of one server and holds what they share: one
// subscribed connection, and one goroutine that publishes. Its methods may be
// called from any goroutine.
type Cluster struct {
	// Immutable after New.
	opts       Options
	queue      *queue
	subscriber *subscriber
	cancel     context.CancelFunc
	publishing context.CancelFunc
	running    sync.WaitGroup
	answering  chan struct{} // a place for each request that is being answered

	// Any goroutine.
	counts counters
	once   sync.Once
	mu     struct {
		sync.Mutex
		complained time.Time // last error in the log
		silent     uint64    // errors since that were not
		namespaces map[string]bool
	}
}

// New makes a cluster. It does not wait for Redis: a server starts and serves
// its own rooms while Redis is away. [Cluster.Ready] waits.
func New(o Options) (*Cluster, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	publishing, stop := context.WithCancel(context.Background())
	c := &Cluster{opts: o, cancel: cancel, publishing: stop, answering: make(chan struct{}, o.Requests)}
	c.mu.namespaces = map[string]bool{}
	c.queue = newQueue(o.QueueMessages, o.QueueBytes, c.lost)
	c.subscriber = newSubscriber(o.Client.Subscribe(ctx), &c.counts, c.recoverFrom)
	c.running.Go(func() { c.publishAll(publishing) })
	c.running.Go(func() { c.subscriber.obey(ctx) })
	c.running.Go(c.subscriber.receive)
	return c, nil
}

// Adapter makes the adapter of a namespace. It is a [rooms.Factory]. Each server
// needs a cluster of its own: a second adapter for a namespace is an error.
func (c *Cluster) Adapter(l rooms.Local) (rooms.Adapter, error) {
	if err := c.claim(l.Name()); err != nil {
		return nil, err
	}
	if c.opts.Sharded {
		return openSharded(c, l), nil
	}
	a := newAdapter(c, l)
	a.open()
	return a, nil
}

// claim notes that a namespace has an adapter.
func (c *Cluster) claim(nsp string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.namespaces[nsp] {
		return fmt.Errorf("redis: namespace %q has an adapter already: each server needs a Cluster of its own", nsp)
	}
	c.mu.namespaces[nsp] = true
	return nil
}

// release notes that a namespace has none any more.
func (c *Cluster) release(nsp string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.mu.namespaces, nsp)
}

// Ready waits until Redis has confirmed the subscriptions of all namespaces
// there are: what other servers publish from then on arrives. The error is
// ctx's.
func (c *Cluster) Ready(ctx context.Context) error { return c.subscriber.ready(ctx) }

// Close publishes what waits, if Redis takes it, and gives the connections up.
// It is called when the server has shut down.
func (c *Cluster) Close() error {
	c.once.Do(func() {
		c.publishing()
		c.cancel()
		_ = c.subscriber.ps.Close()
		c.running.Wait()
	})
	return nil
}

// enqueue puts a message into the queue. It never waits.
func (c *Cluster) enqueue(m message) { c.queue.put(m) }

// lost is told of each message that the queue has dropped.
func (c *Cluster) lost() {
	c.counts.dropped.Add(1)
	c.complain("publishing", errQueueFull)
}

// complainEvery is the least time between two errors in the log.
const complainEvery = 5 * time.Second

// complain logs an error, not more often than one reader can follow.
func (c *Cluster) complain(doing string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.mu.complained) < complainEvery {
		c.mu.silent++
		return
	} else {
		c.mu.complained = now
	}
	c.opts.Logger.Warn("the cluster cannot be reached as it should", "doing", doing, "error", err, "more_errors", c.mu.silent)
	c.mu.silent = 0
}

// answer runs what answers a request of another server, if there is a place. It
// may wait for the event loops.
func (c *Cluster) answer(f func(ctx context.Context)) {
	select {
	case c.answering <- struct{}{}:
	default:
		c.counts.refused.Add(1)
		return
	}
	go func() {
		defer func() { <-c.answering }()
		defer c.recoverFrom(requests)
		ctx, cancel := context.WithTimeout(context.Background(), c.opts.RequestsTimeout)
		defer cancel()
		f(ctx)
	}()
}

// requests stands for the channel of what is answered apart.
const requests = "requests"

// recoverFrom is deferred where messages of other servers are handled: whatever
// one of them has sent, this one goes on.
func (c *Cluster) recoverFrom(channel string) {
	if p := recover(); p != nil {
		c.counts.malformed.Add(1)
		c.opts.Logger.Error("a message of another server caused a panic", "channel", channel, "panic", p, "stack", string(debug.Stack()))
	}
}

// shortID is a random id as those of the reference: 6 characters.
func shortID() string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = digits[b[i]&63]
	}
	return string(b[:])
}
