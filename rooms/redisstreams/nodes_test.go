// The suite of adapters over a real Redis Cluster.

package redisstreams_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/adaptertest"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	var made atomic.Int32
	for name, o := range map[string]redisstreams.Options{"plain": {}, "sharded": {UseShardedPubSub: true, StreamCount: 4}} {
		t.Run(name, func(t *testing.T) {
			key := redistest.PerTest(func(testing.TB) string { return fmt.Sprint("key", made.Add(1)) }) // the tests share the nodes
			adaptertest.Run(t, func(t testing.TB) rooms.Factory {
				o := o
				o.Client, o.StreamName, o.ChannelPrefix = nodes.Client(t), key(t), key(t)
				c, err := redisstreams.New(o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = c.Close() })
				return c.Adapter
			})
		})
	}
}
