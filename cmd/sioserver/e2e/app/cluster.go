// The adapters of CONTRACT.md for several servers, and the emitter.

package main

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/cluster"
	"github.com/sioserver/sioserver/rooms/redis"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// joined is what joins the servers; the zero value joins none.
type joined struct {
	adapter rooms.Factory
	client  goredis.UniversalClient
	emitter func() cluster.Emitter // a process that is no server
	close   func()
}

// maker is what both kinds of clusters can do.
type maker interface {
	Adapter(l rooms.Local) (rooms.Adapter, error)
	Close() error
}

// join makes the cluster that the flags name.
func join(f flags) (joined, error) {
	c := joined{close: func() {}}
	if f.adapter == "none" {
		return c, nil
	}
	if nodes, ok := strings.CutPrefix(f.redis, "cluster:"); ok {
		c.client = goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: strings.Split(nodes, ","), MaxRetries: -1})
	} else {
		c.client = goredis.NewClient(&goredis.Options{Network: "unix", Addr: f.redis, MaxRetries: -1})
	}
	c.emitter = func() cluster.Emitter { return redis.NewEmitter(c.client, f.redisKey) }
	var made maker
	var err error
	o := redis.Options{Client: c.client, Key: f.redisKey}
	switch f.adapter {
	case "redis":
		made, err = redis.New(o)
	case "redis-specific":
		o.PublishOnSpecificResponseChannel = true
		made, err = redis.New(o)
	case "redis-sharded":
		o.Sharded = true
		made, err = redis.New(o)
	case "redis-streams":
		o := redisstreams.Options{Client: c.client, StreamName: f.redisKey, ChannelPrefix: f.redisKey}
		c.emitter = func() cluster.Emitter { return redisstreams.NewEmitter(o) }
		made, err = redisstreams.New(o)
	default:
		err = fmt.Errorf("--adapter: no %q", f.adapter)
	}
	if err != nil {
		return c, err
	}
	c.adapter = made.Adapter
	c.close = func() { _, _ = made.Close(), c.client.Close() }
	return c, nil
}

// outside registers what a process that is no server does to the sockets of all
// servers.
func (c joined) outside(n *loop.Namespace) {
	if c.client == nil {
		return
	}
	ctx := context.Background()
	on := func(event string, h func(em cluster.Emitter, e *loop.Event) error) {
		n.On(event, func(s *loop.Socket, e *loop.Event) {
			var t target
			_ = e.Args().Decode(0, &t)
			em := c.emitter().Of(s.Namespace().Name()).To(t.To...).Except(t.Except...)
			if t.Volatile {
				em = em.Volatile()
			}
			if h(em, e) == nil && e.WantsAck() {
				_ = e.Ack()
			}
		})
	}
	on("emitter-emit", func(em cluster.Emitter, e *loop.Event) error { return em.Emit(ctx, "op", values(rest(e, 1))...) })
	on("emitter-join", func(em cluster.Emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsJoin(ctx, rooms...) })
	})
	on("emitter-leave", func(em cluster.Emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsLeave(ctx, rooms...) })
	})
	on("emitter-disconnect", func(em cluster.Emitter, e *loop.Event) error {
		var closeConn bool
		return firstOf(e.Args().Decode(1, &closeConn), func() error { return em.DisconnectSockets(ctx, closeConn) })
	})
	on("emitter-side", func(em cluster.Emitter, e *loop.Event) error {
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
