// The suite of adapters over a real Redis.

package redis_test

import (
	"testing"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/adaptertest"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

// factories makes servers of one cluster for each test.
func factories(o redis.Options) func(testing.TB) rooms.Factory {
	server := redistest.PerTest(redistest.Start)
	return func(t testing.TB) rooms.Factory { return newCluster(t, server(t), o).Adapter }
}

func newCluster(t testing.TB, s *redistest.Server, o redis.Options) *redis.Cluster {
	t.Helper()
	o.Client = s.Client()
	c, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAdapter(t *testing.T) { adaptertest.Run(t, factories(redis.Options{})) }

func TestAdapterWithOptions(t *testing.T) {
	adaptertest.Run(t, factories(redis.Options{Key: "other", PublishOnSpecificResponseChannel: true}))
}

func TestSharded(t *testing.T) {
	for _, mode := range []redis.SubscriptionMode{redis.Static, redis.Dynamic, redis.DynamicPrivate} {
		t.Run(string(mode), func(t *testing.T) {
			adaptertest.Run(t, factories(redis.Options{Sharded: true, SubscriptionMode: mode}))
		})
	}
}
