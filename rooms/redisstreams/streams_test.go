// The suite of adapters over a real Redis.

package redisstreams_test

import (
	"testing"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/adaptertest"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// factories makes servers of one cluster for each test.
func factories(o redisstreams.Options) func(testing.TB) rooms.Factory {
	server := redistest.PerTest(redistest.Start)
	return func(t testing.TB) rooms.Factory { return newCluster(t, server(t), o).Adapter }
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
