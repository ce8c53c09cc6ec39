// The suite of adapters over a real Redis Cluster, and slots that move in it.

package redis_test

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/adaptertest"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

// TestRedisCluster: all kinds over three masters.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	var made atomic.Int32
	for name, o := range map[string]redis.Options{
		"plain": {}, "static": {Sharded: true, SubscriptionMode: redis.Static}, "dynamic": {Sharded: true},
	} {
		var options []adaptertest.Option
		if o.Sharded && o.SubscriptionMode != redis.Static {
			options = append(options, adaptertest.Unordered)
		}
		t.Run(name, func(t *testing.T) {
			key := redistest.PerTest(func(testing.TB) string { return fmt.Sprint("key", made.Add(1)) }) // the tests share the nodes
			adaptertest.Run(t, func(t testing.TB) rooms.Factory {
				o := o
				o.Key, o.Client = key(t), nodes.Client(t)
				return overNodes(t, o).Adapter
			}, options...)
		})
	}
}

func overNodes(t testing.TB, o redis.Options) *redis.Cluster {
	t.Helper()
	c, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestSlotsMove: the slots of all channels go from one node to another, and the
// subscriptions with them.
func TestSlotsMove(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	one := overNodes(t, redis.Options{Sharded: true, SubscriptionMode: redis.Static, Client: nodes.Client(t), Logger: slog.New(slog.DiscardHandler)})
	two := overNodes(t, redis.Options{Sharded: true, SubscriptionMode: redis.Static, Client: nodes.Client(t), Logger: slog.New(slog.DiscardHandler)})
	a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
	redistest.Ready(t, one, two)
	a.Say(t, "before")
	if got := b.Next(t); got != "before" {
		t.Fatal(got)
	}
	before := two.Stats().Subscriptions
	nodes.Move("socket.io#/#")
	deadline := time.After(redistest.Patience)
	for moved := false; !moved; {
		a.Say(t, "after")
		select {
		case got := <-b.Heard:
			moved = got == "after" && two.Stats().Subscriptions > before
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatalf("nothing arrives %s after the move: %+v", redistest.Patience, two.Stats())
		}
	}
	// Gone is gone: nobody counts the server that has closed.
	if err := a.Adapter.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := b.Adapter.ServerCount(t.Context())
		if n == 1 {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("%d servers, %v", n, err)
		}
	}
}
