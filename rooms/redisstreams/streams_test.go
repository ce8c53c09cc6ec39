// The suite of adapters over a real Redis.

package redisstreams_test

import (
	"sync"
	"testing"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/adaptertest"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// factories makes servers of one cluster for each test.
func factories(o redisstreams.Options) func(testing.TB) rooms.Factory {
	var mu sync.Mutex
	servers := map[testing.TB]*redistest.Server{}
	return func(t testing.TB) rooms.Factory {
		mu.Lock()
		defer mu.Unlock()
		if servers[t] == nil {
			servers[t] = redistest.Start(t)
		}
		return newCluster(t, servers[t], o).Adapter
	}
}

func newCluster(t testing.TB, s *redistest.Server, o redisstreams.Options) *redisstreams.Cluster {
	t.Helper()
	o.Client = s.Client()
	c, err := redisstreams.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAdapter(t *testing.T) { adaptertest.Run(t, factories(redisstreams.Options{})) }

func TestAdapterWithOptions(t *testing.T) {
	adaptertest.Run(t, factories(redisstreams.Options{StreamName: "other", StreamCount: 3, ChannelPrefix: "else", UseShardedPubSub: true}))
}
