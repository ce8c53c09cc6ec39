// The suite of adapters over a real Redis Cluster.

package redisstreams_test

import (
	"fmt"
	"sync"
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
			keys := map[testing.TB]string{} // the tests share the nodes
			var mu sync.Mutex
			adaptertest.Run(t, func(t testing.TB) rooms.Factory {
				mu.Lock()
				defer mu.Unlock()
				if keys[t] == "" {
					keys[t] = fmt.Sprint("key", made.Add(1))
				}
				o := o
				o.Client, o.StreamName, o.ChannelPrefix = nodes.Client(t), keys[t], keys[t]
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
