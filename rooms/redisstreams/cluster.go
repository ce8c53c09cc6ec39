// Cluster: the connections to Redis that the adapters of one server share.

package redisstreams

import (
	"context"
	"strconv"
	"sync"
	"unicode/utf16"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/link"
)

// Cluster makes the adapters of one server and holds what they share: one
// subscribed connection, one that reads each stream, and one goroutine that
// publishes. Its methods may be called from any goroutine.
type Cluster struct {
	// Immutable after New.
	opts       Options
	base       *link.Base
	queue      *link.Queue[*message]
	subscriber link.Subscription
	reading    goredis.UniversalClient
	ctx        context.Context // until Close
	cancel     context.CancelFunc
	publishing context.CancelFunc
	running    sync.WaitGroup

	// Owned by the goroutine that publishes.
	last map[string]string // id of the last entry of this server, by stream

	// Any goroutine.
	counts counters
	once   sync.Once
	mu     struct {
		sync.RWMutex
		buses   map[string]*bus // by namespace
		readers map[string]*reader
		closed  bool
	}
}

// New makes a cluster. It does not wait for Redis: a server starts and serves
// its own rooms while Redis is away. [Cluster.Ready] waits.
func New(o Options) (*Cluster, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	reading, err := o.reading()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	publishing, stop := context.WithCancel(context.Background())
	c := &Cluster{opts: o, reading: reading, ctx: ctx, cancel: cancel, publishing: stop, last: map[string]string{}}
	c.mu.buses, c.mu.readers = map[string]*bus{}, map[string]*reader{}
	c.base = link.NewBase("redisstreams", o.Logger, o.Requests, o.RequestsTimeout)
	c.queue = link.NewQueue[*message](o.QueueMessages, o.QueueBytes, c.lost)
	c.subscriber = link.NewSubscription(o.Client, o.UseShardedPubSub, c.base.Recover, c.base.Complain)
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
	return c.open(l), nil
}

// Ready waits until Redis has confirmed the subscriptions of all namespaces
// there are and has said where their streams end: what other servers publish from
// then on arrives. The error is ctx's.
func (c *Cluster) Ready(ctx context.Context) error {
	c.mu.RLock()
	var readers []*reader
	for _, r := range c.mu.readers {
		readers = append(readers, r)
	}
	c.mu.RUnlock()
	for _, r := range readers {
		select {
		case <-r.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.subscriber.Ready(ctx)
}

// Close publishes what waits, if Redis takes it, and gives the connections up.
// It is called when the server has shut down.
func (c *Cluster) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		c.mu.closed = true
		c.mu.Unlock()
		c.publishing()
		c.cancel()
		_ = c.reading.Close()
		c.running.Wait()
	})
	return nil
}

// lost is told of each message that the queue has dropped.
func (c *Cluster) lost(m *message) {
	if m.done {
		return
	}
	c.counts.dropped.Add(1)
	c.base.Complain("publishing", link.ErrQueueFull)
}

// streamOf is the stream of a namespace.
func (o *Options) streamOf(nsp string) string {
	if o.StreamCount == 1 {
		return o.StreamName
	}
	// The sum is of 32 bits and has a sign, which the remainder keeps.
	var sum int32
	for _, unit := range utf16.Encode([]rune(nsp)) {
		sum = sum*31 + int32(unit)
	}
	return o.StreamName + "-" + strconv.Itoa(int(sum)%o.StreamCount)
}

// read sees to it that a stream is read. ready is called once it is known from
// where on.
func (c *Cluster) read(stream string, ready func()) {
	c.mu.Lock()
	r := c.mu.readers[stream]
	if r == nil && !c.mu.closed {
		r = &reader{cluster: c, stream: stream, ready: make(chan struct{})}
		c.mu.readers[stream] = r
		c.running.Go(r.run)
	}
	c.mu.Unlock()
	if r != nil {
		r.whenReady(ready)
	}
}

// gap tells the namespaces of a stream that some of it is missing.
func (c *Cluster) gap(stream string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, b := range c.mu.buses {
		if b.stream == stream {
			b.kept.local.Gap()
		}
	}
}

// bus is the bus of a namespace, nil if it is not here.
func (c *Cluster) bus(nsp string) *bus {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.mu.buses[nsp]
}
