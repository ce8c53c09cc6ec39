// The adapters of CONTRACT.md for several servers, and the emitter.

package main

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/redis"
)

// cluster is what joins the servers; the zero value joins none.
type cluster struct {
	adapter rooms.Factory
	client  goredis.UniversalClient
	key     string
	close   func()
}

// join makes the cluster that the flags name.
func join(f flags) (cluster, error) {
	c := cluster{key: f.redisKey, close: func() {}}
	if f.adapter == "none" {
		return c, nil
	}
	c.client = goredis.NewClient(&goredis.Options{Network: "unix", Addr: f.redis, MaxRetries: -1})
	o := redis.Options{Client: c.client, Key: f.redisKey}
	switch f.adapter {
	case "redis":
	case "redis-specific":
		o.PublishOnSpecificResponseChannel = true
	case "redis-sharded":
		o.Sharded = true
	default:
		return c, fmt.Errorf("--adapter: no %q", f.adapter)
	}
	joined, err := redis.New(o)
	if err != nil {
		return c, err
	}
	c.adapter = joined.Adapter
	c.close = func() { _, _ = joined.Close(), c.client.Close() }
	return c, nil
}

// outside registers what a process that is no server does to the sockets of all
// servers.
func (c cluster) outside(n *loop.Namespace) {
	if c.client == nil {
		return
	}
	ctx := context.Background()
	on := func(event string, h func(em redis.Emitter, e *loop.Event) error) {
		n.On(event, func(s *loop.Socket, e *loop.Event) {
			var t target
			_ = e.Args().Decode(0, &t)
			em := redis.NewEmitter(c.client, c.key).Of(s.Namespace().Name()).To(t.To...).Except(t.Except...)
			if t.Volatile {
				em = em.Volatile()
			}
			if h(em, e) == nil && e.WantsAck() {
				_ = e.Ack()
			}
		})
	}
	on("emitter-emit", func(em redis.Emitter, e *loop.Event) error { return em.Emit(ctx, "op", values(rest(e, 1))...) })
	on("emitter-join", func(em redis.Emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsJoin(ctx, rooms...) })
	})
	on("emitter-leave", func(em redis.Emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsLeave(ctx, rooms...) })
	})
	on("emitter-disconnect", func(em redis.Emitter, e *loop.Event) error {
		var closeConn bool
		return firstOf(e.Args().Decode(1, &closeConn), func() error { return em.DisconnectSockets(ctx, closeConn) })
	})
	on("emitter-side", func(em redis.Emitter, e *loop.Event) error {
		return em.ServerSideEmit(ctx, "side", values(e.Args())...)
	})
}

// firstOf is err, or what then returns.
func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// values are arguments as Go values.
func values(a loop.Args) []any {
	list := make([]any, a.Len())
	for i := range list {
		_ = a.Decode(i, &list[i])
	}
	return list
}
