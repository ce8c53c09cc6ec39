// Several servers as one: the adapter that the configuration names.

package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
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

// cluster makes the adapter, nil for none, and what gives it up.
func cluster(c config.Cluster, log *slog.Logger) (rooms.Factory, func() error, error) {
	if c.Backend == "none" {
		return nil, func() error { return nil }, nil
	}
	goredis.SetLogger(redisLog{log})
	client, err := RedisClient(string(c.URL))
	if err != nil {
		return nil, nil, fmt.Errorf("cluster.url: %w", err)
	}
	switch c.Backend {
	case "redis", "redis_sharded":
		joined, err := redis.New(redis.Options{Client: client, Key: c.Key, Sharded: c.Backend == "redis_sharded", Logger: log})
		if err != nil {
			return nil, nil, errors.Join(err, client.Close())
		}
		return joined.Adapter, func() error { return errors.Join(joined.Close(), client.Close()) }, nil
	}
	joined, err := redisstreams.New(redisstreams.Options{Client: client, StreamName: c.Key, ChannelPrefix: c.Key, Logger: log})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return joined.Adapter, func() error { return errors.Join(joined.Close(), client.Close()) }, nil
}
