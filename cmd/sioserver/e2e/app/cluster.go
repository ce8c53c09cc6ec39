// The adapters of CONTRACT.md for several servers, and the emitter.

package main

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/redis"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// cluster is what joins the servers; the zero value joins none.
type cluster struct {
	adapter rooms.Factory
	client  goredis.UniversalClient
	emitter func() emitter
	close   func()
}

// emitter is a process that is no server: that of Pub/Sub, or that of streams.
type emitter struct {
	of         func(nsp string) emitter
	to, except func(names ...string) emitter
	volatile   func() emitter
	sender
}

// sender is what both kinds of emitters can do.
type sender interface {
	Emit(ctx context.Context, event string, args ...any) error
	SocketsJoin(ctx context.Context, names ...string) error
	SocketsLeave(ctx context.Context, names ...string) error
	DisconnectSockets(ctx context.Context, closeConn bool) error
	ServerSideEmit(ctx context.Context, event string, args ...any) error
}

// narrower is how both kinds address sockets.
type narrower[E any] interface {
	sender
	Of(nsp string) E
	To(names ...string) E
	Except(names ...string) E
	Volatile() E
}

func emitterOf[E narrower[E]](e E) emitter {
	return emitter{
		of:       func(nsp string) emitter { return emitterOf(e.Of(nsp)) },
		to:       func(names ...string) emitter { return emitterOf(e.To(names...)) },
		except:   func(names ...string) emitter { return emitterOf(e.Except(names...)) },
		volatile: func() emitter { return emitterOf(e.Volatile()) },
		sender:   e,
	}
}

// maker is what both kinds of clusters can do.
type maker interface {
	Adapter(l rooms.Local) (rooms.Adapter, error)
	Close() error
}

// join makes the cluster that the flags name.
func join(f flags) (cluster, error) {
	c := cluster{close: func() {}}
	if f.adapter == "none" {
		return c, nil
	}
	if nodes, ok := strings.CutPrefix(f.redis, "cluster:"); ok {
		c.client = goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: strings.Split(nodes, ","), MaxRetries: -1})
	} else {
		c.client = goredis.NewClient(&goredis.Options{Network: "unix", Addr: f.redis, MaxRetries: -1})
	}
	c.emitter = func() emitter { return emitterOf(redis.NewEmitter(c.client, f.redisKey)) }
	var joined maker
	var err error
	o := redis.Options{Client: c.client, Key: f.redisKey}
	switch f.adapter {
	case "redis":
		joined, err = redis.New(o)
	case "redis-specific":
		o.PublishOnSpecificResponseChannel = true
		joined, err = redis.New(o)
	case "redis-sharded":
		o.Sharded = true
		joined, err = redis.New(o)
	case "redis-streams":
		o := redisstreams.Options{Client: c.client, StreamName: f.redisKey, ChannelPrefix: f.redisKey}
		c.emitter = func() emitter { return emitterOf(redisstreams.NewEmitter(o)) }
		joined, err = redisstreams.New(o)
	default:
		err = fmt.Errorf("--adapter: no %q", f.adapter)
	}
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
	on := func(event string, h func(em emitter, e *loop.Event) error) {
		n.On(event, func(s *loop.Socket, e *loop.Event) {
			var t target
			_ = e.Args().Decode(0, &t)
			em := c.emitter().of(s.Namespace().Name()).to(t.To...).except(t.Except...)
			if t.Volatile {
				em = em.volatile()
			}
			if h(em, e) == nil && e.WantsAck() {
				_ = e.Ack()
			}
		})
	}
	on("emitter-emit", func(em emitter, e *loop.Event) error { return em.Emit(ctx, "op", values(rest(e, 1))...) })
	on("emitter-join", func(em emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsJoin(ctx, rooms...) })
	})
	on("emitter-leave", func(em emitter, e *loop.Event) error {
		var rooms names
		return firstOf(e.Args().Decode(1, &rooms), func() error { return em.SocketsLeave(ctx, rooms...) })
	})
	on("emitter-disconnect", func(em emitter, e *loop.Event) error {
		var closeConn bool
		return firstOf(e.Args().Decode(1, &closeConn), func() error { return em.DisconnectSockets(ctx, closeConn) })
	})
	on("emitter-side", func(em emitter, e *loop.Event) error {
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
