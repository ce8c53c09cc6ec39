// How many servers there are.

package link

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"
)

// NumSubCommand is PUBSUB NUMSUB or its form for sharded channels.
type NumSubCommand func(c goredis.Cmdable, ctx context.Context, channels ...string) *goredis.MapStringIntCmd

// NumSub is the number of subscribers of a channel; in a Redis Cluster each node
// knows those of its own.
func NumSub(ctx context.Context, client goredis.UniversalClient, channel string, ask NumSubCommand) (int, error) {
	count := func(ctx context.Context, c goredis.Cmdable) (int, error) {
		n, err := ask(c, ctx, channel).Result()
		if err != nil {
			return 0, fmt.Errorf("redis: counting servers: %w", err)
		}
		return int(n[channel]), nil
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
