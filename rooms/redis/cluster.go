// Cluster: the connections to Redis that the adapters of one server share.

package redis

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/link"
)

// Cluster makes the adapters of one server and holds what they share: one
// subscribed connection, and one goroutine that publishes. Its methods may be
// called from any goroutine.
type Cluster struct {
	// Immutable after New.
	opts       Options
	base       *link.Base
	queue      *link.Queue[message]
	subscriber link.Subscription
	cancel     context.CancelFunc
	publishing context.CancelFunc
	running    sync.WaitGroup

	// Any goroutine.
	counts counters
	once   sync.Once
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
	c := &Cluster{opts: o, cancel: cancel, publishing: stop}
	c.base = link.NewBase("redis", o.Logger, o.Requests, o.RequestsTimeout)
	c.queue = link.NewQueue[message](o.QueueMessages, o.QueueBytes, c.lost)
	c.subscriber = link.NewSubscription(o.Client, o.Sharded, c.base.Recover, c.base.Complain)
	c.running.Go(func() { c.publishAll(publishing) })
	c.running.Go(func() { c.subscriber.Run(ctx) })
	return c, nil
}

// Adapter makes the adapter of a namespace. It is a [rooms.Factory]. Each server
// needs a cluster of its own: a second adapter for a namespace is an error.
func (c *Cluster) Adapter(l rooms.Local) (rooms.Adapter, error) {
	if err := c.base.Claim(l.Name()); err != nil {
		return nil, err
	}
	if c.opts.Sharded {
		return openSharded(c, l), nil
	}
	a := newAdapter(c, l)
	a.open()
	return a, nil
}

// Ready waits until Redis has confirmed the subscriptions of all namespaces
// there are: what other servers publish from then on arrives. The error is
// ctx's.
func (c *Cluster) Ready(ctx context.Context) error { return c.subscriber.Ready(ctx) }

// Close publishes what waits, if Redis takes it, and gives the connections up.
// It is called when the server has shut down.
func (c *Cluster) Close() error {
	c.once.Do(func() {
		c.publishing()
		c.cancel()
		c.running.Wait()
	})
	return nil
}

// enqueue puts a message into the queue. It never waits.
func (c *Cluster) enqueue(m message) { c.queue.Put(m) }

// lost is told of each message that the queue has dropped.
func (c *Cluster) lost(message) {
	c.counts.dropped.Add(1)
	c.base.Complain("publishing", link.ErrQueueFull)
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
