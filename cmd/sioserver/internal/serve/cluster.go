// Several servers as one: the adapter that the configuration names.

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/metrics"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/redis"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// RedisClient makes a client of the Redis at an address: one server, a cluster
// if the address names several hosts (?addr=), Sentinel with ?master_name=.
func RedisClient(address string) (goredis.UniversalClient, error) {
	return redis.Connect(redis.ConnectOptions{URL: address})
}

// redisLog takes what the client's library has to say of connections: it says it
// again each time, so that it is of use to those who look for details only. What
// matters is told by the parts that use the client.
type redisLog struct{ log *slog.Logger }

// Printf implements the library's interface.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	if l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "redis: "+fmt.Sprintf(format, args...))
	}
}

// joined is what joins the node to others.
type joined struct {
	adapter rooms.Factory               // nil if nothing does
	stats   func() metrics.ClusterStats // nil likewise
	close   func() error
}

// join makes what the configuration names.
func join(c config.Cluster, log *slog.Logger) (joined, error) {
	if c.Backend == "none" {
		return joined{close: func() error { return nil }}, nil
	}
	goredis.SetLogger(redisLog{log})
	client, err := RedisClient(string(c.URL))
	if err != nil {
		return joined{}, fmt.Errorf("cluster.url: %w", err)
	}
	var j joined
	var leave func() error
	if c.Backend == "redis_streams" {
		j, leave, err = joinStreams(redisstreams.Options{Client: client, StreamName: c.Key, ChannelPrefix: c.Key, Logger: log})
	} else {
		j, leave, err = joinPubSub(redis.Options{Client: client, Key: c.Key, Sharded: c.Backend == "redis_sharded", Logger: log})
	}
	if err != nil {
		return joined{}, errors.Join(err, client.Close())
	}
	j.close = func() error { return errors.Join(leave(), client.Close()) }
	return j, nil
}

func joinPubSub(o redis.Options) (joined, func() error, error) {
	c, err := redis.New(o)
	if err != nil {
		return joined{}, nil, err
	}
	return joined{adapter: c.Adapter, stats: func() metrics.ClusterStats {
		s := c.Stats()
		return metrics.ClusterStats{
			Messages: map[string]uint64{
				"published": s.Published, "failed": s.PublishErrors, "dropped": s.Dropped,
				"received": s.Received, "malformed": s.Malformed, "refused": s.Refused,
			},
			QueuedBytes: s.QueuedBytes, SubscriptionBreaks: s.SubscriptionBreaks, SubscriptionDown: s.SubscriptionDown,
		}
	}}, c.Close, nil
}

func joinStreams(o redisstreams.Options) (joined, func() error, error) {
	c, err := redisstreams.New(o)
	if err != nil {
		return joined{}, nil, err
	}
	return joined{adapter: c.Adapter, stats: func() metrics.ClusterStats {
		s := c.Stats()
		return metrics.ClusterStats{
			Messages: map[string]uint64{
				"published": s.Published, "failed": s.PublishErrors, "dropped": s.Dropped,
				"received": s.Received, "malformed": s.Malformed, "refused": s.Refused,
			},
			QueuedBytes: s.QueuedBytes, Gaps: s.Gaps, SubscriptionBreaks: s.SubscriptionBreaks, SubscriptionDown: s.SubscriptionDown,
		}
	}}, c.Close, nil
}
