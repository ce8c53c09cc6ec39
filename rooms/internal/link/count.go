// How many servers there are.

package link

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// NumSubCommand is PUBSUB NUMSUB or its form for sharded channels.
type NumSubCommand func(c goredis.Cmdable, ctx context.Context, channels ...string) *goredis.MapStringIntCmd

// NumSub is the number of subscribers of a channel; in a Redis Cluster each node
// knows those of its own. An answer is waited for as long as ctx says, not as the
// client's options do; the error wraps its cause then.
func NumSub(ctx context.Context, client goredis.UniversalClient, channel string, ask NumSubCommand) (int, error) {
	count := func(ctx context.Context, c goredis.Cmdable) (int, error) {
		n, err := ask(within(ctx, c), ctx, channel).Result()
		if deadline, ends := ctx.Deadline(); err != nil && ends && !time.Now().Before(deadline) {
			<-ctx.Done() // which is due, and has the cause
		}
		switch {
		case err == nil:
			return int(n[channel]), nil
		case ctx.Err() != nil:
			return 0, fmt.Errorf("redis: counting servers: %w: %w", context.Cause(ctx), err)
		}
		return 0, fmt.Errorf("redis: counting servers: %w", err)
	}
	nodes, ok := client.(*goredis.ClusterClient)
	if !ok {
		return count(ctx, client)
	}
	counts := make(chan int, 1)
	counts <- 0
	err := nodes.ForEachShard(ctx, func(ctx context.Context, node *goredis.Client) error {
		n, err := count(ctx, node)
		counts <- n + <-counts
		return err
	})
	return <-counts, err
}

// within is a client that waits for answers until the deadline of ctx. Clients
// pass over it unless an option says otherwise.
func within(ctx context.Context, c goredis.Cmdable) goredis.Cmdable {
	client, ok := c.(*goredis.Client)
	deadline, ends := ctx.Deadline()
	if !ok || !ends {
		return c
	}
	return client.WithTimeout(max(time.Until(deadline), time.Millisecond))
}
