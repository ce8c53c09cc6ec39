// What is published, and the goroutine that does it.

package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/link"
)

// message is what is to be published.
type message struct {
	channel string
	payload []byte
	sharded bool // goes the way of sharded Pub/Sub
}

// Size implements [link.Sized].
func (m message) Size() int { return len(m.channel) + len(m.payload) }

// publishAll writes the queue out until ctx is done, and then what is left if
// Redis takes it.
func (c *Cluster) publishAll(ctx context.Context) {
	var batch []message
	wait := link.RetryFirst
	for {
		if batch = c.queue.Take(batch[:0]); len(batch) == 0 {
			select {
			case <-c.queue.More():
				continue
			case <-ctx.Done():
				return
			}
		}
		err := c.publish(batch)
		if link.Unreachable(err) && ctx.Err() == nil {
			// Nothing was sent; it may be when Redis is back.
			c.queue.Back()
			c.base.Complain("publishing", err)
			wait = link.Pause(ctx, wait)
			continue
		}
		wait = link.RetryFirst
		if err != nil {
			c.base.Complain("publishing", err)
		}
		c.queue.Done()
		clear(batch)
		if link.Unreachable(err) {
			return
		}
	}
}

// publisher is the client to publish with. In a Redis Cluster any node would do,
// but by several of them messages would overtake each other: all servers use the
// same. Those of sharded Pub/Sub have nodes of their own.
func (c *Cluster) publisher(ctx context.Context) (goredis.UniversalClient, error) {
	nodes, ok := c.opts.Client.(*goredis.ClusterClient)
	if !ok || c.opts.Sharded {
		return c.opts.Client, nil
	}
	return nodes.MasterForKey(ctx, c.opts.Key)
}

// publish writes messages at once and counts what has become of them.
func (c *Cluster) publish(batch []message) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.RequestsTimeout)
	defer cancel()
	client, err := c.publisher(ctx)
	if err != nil {
		return err
	}
	pipe := client.Pipeline()
	commands := make([]*goredis.IntCmd, len(batch))
	for i := range batch {
		publish := pipe.Publish
		if batch[i].sharded {
			publish = pipe.SPublish
		}
		commands[i] = publish(ctx, batch[i].channel, batch[i].payload)
	}
	_, err = pipe.Exec(ctx)
	if link.Unreachable(err) {
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
