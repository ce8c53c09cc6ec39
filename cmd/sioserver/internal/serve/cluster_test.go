// What joins a node to others, and what is told of it.

package serve

import (
	"log/slog"
	"testing"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/loop"
)

// TestJoin: each backend has an adapter, and counts what waits for a Redis that is
// not there.
func TestJoin(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, backend := range []string{"none", "redis", "redis_sharded", "redis_streams"} {
		j, err := join(config.Cluster{Backend: backend, URL: "unix:///none/redis.sock", Key: "k"}, log)
		if err != nil {
			t.Fatalf("%s: %v", backend, err)
		}
		s, err := loop.New(loop.Config{NoListen: true, Adapter: j.adapter, Logger: log})
		if err != nil {
			t.Fatalf("%s: %v", backend, err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatalf("%s: %v", backend, err)
		}
		if backend == "none" {
			if j.adapter != nil || j.stats != nil {
				t.Error("nothing joins the nodes, but something is told of it")
			}
		} else {
			if err := s.Root().To("room").Emit("event"); err != nil {
				t.Errorf("%s: %v", backend, err)
			}
			for deadline := time.Now().Add(time.Minute); j.stats().QueuedBytes == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %+v", backend, j.stats())
				}
			}
			for _, result := range []string{"published", "failed", "dropped", "received", "malformed", "refused"} {
				if n, told := j.stats().Messages[result]; n != 0 || !told {
					t.Errorf("%s: %s: %d, %v", backend, result, n, told)
				}
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", backend, err)
		}
		if err := j.close(); err != nil {
			t.Errorf("%s: %v", backend, err)
		}
	}
}
