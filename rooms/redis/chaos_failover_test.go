//go:build chaos

// Redis fails over to a replica, by sentinels.

package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

// sentinels is a world over a master and its replica, which a sentinel watches.
type sentinels struct {
	world
	master, replica *redistest.TCP
	sentinel        *goredis.SentinelClient
}

func newSentinels(t *testing.T, o redis.Options) *sentinels {
	t.Helper()
	s := &sentinels{master: redistest.StartTCP(t)}
	s.replica = redistest.StartTCP(t, "--replicaof", "127.0.0.1 "+s.master.Port)
	s.role(t, s.replica, "master_link_status:up")
	addr := redistest.StartSentinel(t, fmt.Sprintf("sentinel monitor main 127.0.0.1 %s 1\n"+
		"sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n", s.master.Port))
	s.sentinel = goredis.NewSentinelClient(&goredis.Options{Addr: addr})
	t.Cleanup(func() { _ = s.sentinel.Close() })
	begin := time.Now()
	for len(s.sentinel.Replicas(t.Context(), "main").Val()) == 0 {
		if time.Since(begin) > healTime {
			t.Fatal("the sentinel sees no replica")
		}
	}
	for i, name := range []string{"a", "b"} {
		client, err := redis.Connect(redis.ConnectOptions{URL: "redis://" + addr, Sentinel: "main"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		s.nodes[i] = startNode(t, name, client, o)
	}
	s.whole(t)
	return s
}

// role waits until a server says something of itself.
func (s *sentinels) role(t *testing.T, of *redistest.TCP, what string) {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: of.Addr})
	defer c.Close()
	for begin := time.Now(); !strings.Contains(c.Info(t.Context(), "replication").Val(), what); {
		if time.Since(begin) > healTime {
			t.Fatalf("%s: not so after %s", what, healTime)
		}
	}
}

// failover lets Redis fail over, and waits until the servers are one cluster
// again.
func (s *sentinels) failover(t *testing.T, start func()) {
	t.Helper()
	pulses := []*pulse{s.nodes[0].beat(t), s.nodes[1].beat(t)}
	begin := time.Now()
	start()
	s.role(t, s.replica, "role:master")
	promoted := time.Since(begin).Round(time.Millisecond)
	heard, found := s.whole(t)
	t.Logf("the replica was promoted after %s; then: heard after %s, sockets found after %s", promoted, heard, found)
	for i, p := range pulses {
		p.end(t, "server "+s.nodes[i].name)
	}
}

func TestChaosFailover(t *testing.T) {
	for kind, o := range plainAndSharded {
		t.Run("master dies/"+kind, func(t *testing.T) {
			s := newSentinels(t, o)
			s.failover(t, s.master.Kill)
		})
		// The old master stays, as a replica: what is published there does not reach
		// the new one.
		t.Run("on demand/"+kind, func(t *testing.T) {
			s := newSentinels(t, o)
			s.failover(t, func() {
				if err := s.sentinel.Failover(t.Context(), "main").Err(); err != nil {
					t.Fatal(err)
				}
			})
			s.role(t, s.master, "role:slave")
			heard, found := s.whole(t)
			t.Logf("once the old master was a replica: heard after %s, sockets found after %s", heard, found)
		})
	}
}
