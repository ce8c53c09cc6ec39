// Nodes: sharded subscriptions in a Redis Cluster, each with the node that has its slot.

package link

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Subscription is what is subscribed to: over one connection, [Subscriber], or
// over one for each node of a Redis Cluster, [Nodes].
type Subscription interface {
	// Subscribe asks for a topic in the name of an owner, Unsubscribe gives it up,
	// and Forget all topics of an owner.
	Subscribe(t Topic, owner any, h Handler)
	Unsubscribe(t Topic, owner any)
	Forget(owner any)
	// Ready waits until Redis has confirmed all subscriptions.
	Ready(ctx context.Context) error
	// Run holds the connections until ctx is done.
	Run(ctx context.Context)
	// Counts are counters since it was made.
	Counts() Counts
}

// Counts are what a [Subscription] counts.
type Counts struct {
	Received      uint64 // messages for somebody
	Subscriptions uint64 // that Redis has confirmed, again after each break
	// Breaks are the connections with subscriptions that were lost, and Down how
	// long it took from each loss until all were confirmed again: what is published
	// in that time does not arrive.
	Breaks uint64
	Down   time.Duration
}

// add adds others.
func (c *Counts) add(o Counts) {
	c.Received += o.Received
	c.Subscriptions += o.Subscriptions
	c.Breaks += o.Breaks
	c.Down += o.Down
}

// NewSubscription makes a subscription, whose topics are all of kind [Shards] if
// sharded. recoverFrom is deferred around each handler, failed told of each
// connection that broke.
func NewSubscription(client goredis.UniversalClient, sharded bool, recoverFrom func(channel string), failed func(doing string, err error)) Subscription {
	if c, ok := client.(*goredis.ClusterClient); ok && sharded {
		n := &Nodes{client: c, recover: recoverFrom, failed: failed, wake: make(chan struct{}, 1)}
		n.mu.topics, n.mu.lines, n.mu.changed = map[Topic]*placed{}, map[string]*line{}, make(chan struct{})
		return n
	}
	return NewSubscriber(client, recoverFrom, failed)
}

// Nodes holds a subscriber for each node of a Redis Cluster that has topics. When
// a connection breaks, as it does when a slot has moved, its topics are looked for
// once more.
type Nodes struct {
	client  *goredis.ClusterClient
	recover func(channel string)
	failed  func(doing string, err error)
	wake    chan struct{} // holds a token while there may be topics without a node

	mu struct {
		sync.Mutex
		ended   Counts // of lines that have ended
		topics  map[Topic]*placed
		lines   map[string]*line // by the address of the node
		changed chan struct{}    // closed and replaced when topics have been placed
	}
}

// placed is a topic and who has asked for it.
type placed struct {
	owners map[any]Handler
	line   *line // nil until the node is known
}

// line is the subscriber of a node.
type line struct {
	subscriber *Subscriber
	address    string
	topics     int
	cancel     context.CancelFunc
}

// Subscribe implements [Subscription].
func (n *Nodes) Subscribe(t Topic, owner any, h Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.mu.topics[t]
	if p == nil {
		p = &placed{owners: map[any]Handler{}}
		n.mu.topics[t] = p
	}
	p.owners[owner] = h
	if p.line != nil {
		p.line.subscriber.Subscribe(t, owner, h)
		return
	}
	n.look()
}

// Unsubscribe implements [Subscription].
func (n *Nodes) Unsubscribe(t Topic, owner any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.mu.topics[t]
	if p == nil || p.owners[owner] == nil {
		return
	}
	delete(p.owners, owner)
	if p.line != nil {
		p.line.subscriber.Unsubscribe(t, owner)
	}
	if len(p.owners) == 0 {
		delete(n.mu.topics, t)
		n.leave(p)
	}
}

// Forget implements [Subscription].
func (n *Nodes) Forget(owner any) {
	n.mu.Lock()
	var topics []Topic
	for t, p := range n.mu.topics {
		if p.owners[owner] != nil {
			topics = append(topics, t)
		}
	}
	n.mu.Unlock()
	for _, t := range topics {
		n.Unsubscribe(t, owner)
	}
}

// leave takes a topic off its line, which ends with its last one. The lock is
// held.
func (n *Nodes) leave(p *placed) {
	l := p.line
	if p.line = nil; l == nil {
		return
	}
	if l.topics--; l.topics == 0 {
		delete(n.mu.lines, l.address)
		l.cancel()
		n.mu.ended.add(l.subscriber.Counts())
	}
}

// look has the topics without a node looked for.
func (n *Nodes) look() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Run implements [Subscription].
func (n *Nodes) Run(ctx context.Context) {
	var lines sync.WaitGroup
	defer lines.Wait()
	wait := RetryFirst
	for {
		select {
		case <-n.wake:
		case <-ctx.Done():
			return
		}
		if err := n.place(ctx, &lines); err != nil && ctx.Err() == nil {
			n.failed("looking for nodes", err)
			wait = Pause(ctx, wait)
			n.look()
			continue
		}
		wait = RetryFirst
	}
}

// place finds the nodes of all topics, and moves those that are with another.
func (n *Nodes) place(ctx context.Context, lines *sync.WaitGroup) error {
	n.mu.Lock()
	var topics []Topic
	for t := range n.mu.topics {
		topics = append(topics, t)
	}
	n.mu.Unlock()
	for _, t := range topics {
		node, err := n.client.MasterForKey(ctx, t.Name)
		if err != nil {
			return err
		}
		n.put(ctx, t, node, lines)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.mu.changed)
	n.mu.changed = make(chan struct{})
	return nil
}

// put places a topic with a node.
func (n *Nodes) put(ctx context.Context, t Topic, node *goredis.Client, lines *sync.WaitGroup) {
	address := node.Options().Addr
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.mu.topics[t]
	if p == nil || p.line != nil && p.line.address == address {
		return
	}
	if p.line != nil {
		for owner := range p.owners {
			p.line.subscriber.Unsubscribe(t, owner)
		}
		n.leave(p)
	}
	l := n.mu.lines[address]
	if l == nil {
		l = &line{address: address}
		var own context.Context
		own, l.cancel = context.WithCancel(ctx)
		l.subscriber = newSubscriber(func(ctx context.Context) connection { return node.Subscribe(ctx) }, n.recover, n.broken)
		n.mu.lines[address] = l
		lines.Go(func() { l.subscriber.Run(own) })
	}
	p.line = l
	l.topics++
	for owner, h := range p.owners {
		l.subscriber.Subscribe(t, owner, h)
	}
}

// broken is told of a connection that broke: the slots may be with other nodes.
func (n *Nodes) broken(doing string, err error) {
	n.failed(doing, err)
	n.client.ReloadState(context.Background())
	n.look()
}

// Ready implements [Subscription].
func (n *Nodes) Ready(ctx context.Context) error {
	for {
		n.mu.Lock()
		unplaced, changed := false, n.mu.changed
		var subscribers []*Subscriber
		for _, p := range n.mu.topics {
			unplaced = unplaced || p.line == nil
		}
		for _, l := range n.mu.lines {
			subscribers = append(subscribers, l.subscriber)
		}
		n.mu.Unlock()
		if !unplaced {
			for _, s := range subscribers {
				if err := s.Ready(ctx); err != nil {
					return err
				}
			}
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Counts implements [Subscription].
func (n *Nodes) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.mu.ended
	for _, l := range n.mu.lines {
		c.add(l.subscriber.Counts())
	}
	return c
}
