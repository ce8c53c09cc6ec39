// Ingest: other doors for publishers, the emitters people already have.

// Package ingest lets backends publish over Redis in the ways they know: with
// @socket.io/redis-emitter and its kin, python-socketio as write-only manager, and
// Laravel's broadcasting. docs/ingest.md is its manual.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/config"
	"github.com/sioserver/sioserver/cmd/sioserver/internal/node"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// The dialects, as the configuration names them.
const (
	dialectSocketIO = "socketio"
	dialectPython   = "python"
	dialectLaravel  = "laravel"
)

// Ingest publishes what comes from Redis. It is a [node.Part].
type Ingest struct {
	dial   func(url string) (redis.UniversalClient, error)
	node   *node.Node
	client redis.UniversalClient
	doors  []*door
	ended  sync.WaitGroup
	stop   context.CancelFunc
	local  bool // every node of the cluster hears the same
}

// New makes an Ingest that reaches Redis by dial.
func New(dial func(url string) (redis.UniversalClient, error)) *Ingest { return &Ingest{dial: dial} }

// door is a dialect, or the part of one that is for a namespace.
type door struct {
	source             string
	channels, patterns []string
	handle             func(channel string, payload []byte) error

	connected                 atomic.Bool
	accepted, ignored, faults atomic.Uint64
	told                      atomic.Int64 // Unix seconds of the last line about a fault
}

// errIgnored says that a message is well formed and not for this server.
var errIgnored = fmt.Errorf("ingest: nothing for this server")

// Start implements [node.Part].
func (i *Ingest) Start(ctx context.Context, n *node.Node) error {
	c := n.Config().Ingest.Redis
	if !c.Enabled {
		return nil
	}
	i.node, i.local = n, n.Config().Cluster.Backend != "none" && n.Config().Cluster.Backend != ""
	for _, dialect := range c.Dialects {
		switch dialect {
		case dialectSocketIO:
			if b := n.Config().Cluster.Backend; (b == "redis" || b == "redis_sharded") && n.Config().Cluster.Key == c.Key {
				n.Log.Info("ingest: the cluster hears the emitters of the dialect socketio itself", "key", c.Key)
				continue
			}
			for _, name := range i.namespaces() {
				i.doors = append(i.doors, i.socketIO(c.Key, name))
			}
		case dialectPython:
			i.doors = append(i.doors, i.python(c.PythonChannel))
		case dialectLaravel:
			i.doors = append(i.doors, i.laravel(c.LaravelPrefix))
		}
	}
	var err error
	if i.client, err = i.dial(string(c.URL)); err != nil {
		return fmt.Errorf("ingest.redis.url: %w", err)
	}
	ctx, i.stop = context.WithCancel(ctx)
	for _, d := range i.doors {
		i.ended.Go(func() { d.listen(ctx, i.client, n.Log) })
	}
	return nil
}

// namespaces are the configured ones.
func (i *Ingest) namespaces() (names []string) {
	for _, n := range i.node.Config().Namespaces {
		names = append(names, n.Name)
	}
	return names
}

// Prepare implements [node.Part].
func (i *Ingest) Prepare(*config.Config) (func(), error) { return nil, nil }

// Stop implements [node.Part].
func (i *Ingest) Stop(context.Context) error {
	if i.client == nil {
		return nil
	}
	i.stop()
	i.ended.Wait()
	return i.client.Close()
}

// Ready tells whether every door hears.
func (i *Ingest) Ready() (bool, string) {
	for _, d := range i.doors {
		if !d.connected.Load() {
			return false, "no subscription to Redis for " + d.source
		}
	}
	return true, ""
}

// The pauses between attempts to reach Redis.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// listen hears until ctx is done.
func (d *door) listen(ctx context.Context, client redis.UniversalClient, log *slog.Logger) {
	pause := retryFirst
	for ctx.Err() == nil {
		heard, err := d.hear(ctx, client, log)
		if d.connected.Swap(false) || heard {
			pause = retryFirst
		}
		if ctx.Err() != nil {
			return
		}
		d.complain(log, "Redis cannot be heard; what is published meanwhile is lost", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, retryMost)
	}
}

// hear subscribes once, and handles what comes until the connection ends.
func (d *door) hear(ctx context.Context, client redis.UniversalClient, log *slog.Logger) (heard bool, err error) {
	sub := client.PSubscribe(ctx, d.patterns...)
	defer func() { _ = sub.Close() }()
	// A read waits for the connection, not for ctx.
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	if len(d.channels) > 0 {
		if err := sub.Subscribe(ctx, d.channels...); err != nil {
			return false, err
		}
	}
	left := len(d.channels) + len(d.patterns)
	for {
		m, err := sub.Receive(ctx)
		if err != nil {
			return heard, err
		}
		switch m := m.(type) {
		case *redis.Subscription:
			if left--; left == 0 {
				d.connected.Store(true)
				heard = true
			}
		case *redis.Message:
			d.message(m, log)
		}
	}
}

// message handles one message.
func (d *door) message(m *redis.Message, log *slog.Logger) {
	switch err := d.handle(m.Channel, []byte(m.Payload)); err {
	case nil:
		d.accepted.Add(1)
	case errIgnored:
		d.ignored.Add(1)
	default:
		d.faults.Add(1)
		d.complain(log, "a message on "+m.Channel+" cannot be used", err)
	}
}

// complainEvery is how many seconds lie between two lines of one door.
const complainEvery = 10

func (d *door) complain(log *slog.Logger, what string, err error) {
	now := time.Now().Unix()
	if last := d.told.Load(); last+complainEvery <= now && d.told.CompareAndSwap(last, now) {
		log.Warn("ingest: "+what, "dialect", d.source, "error", err)
	}
}

// do does what an emitter asks for, in a namespace of the configuration.
func (i *Ingest) do(namespace string, t rooms.Target, what func(loop.BroadcastOperator) error) error {
	if namespace == "" {
		namespace = "/"
	}
	if !slices.Contains(i.namespaces(), namespace) {
		return fmt.Errorf("the configuration has no namespace %s", namespace)
	}
	o := i.node.Server.Of(namespace).To(t.Rooms...).Except(t.Except...).Compress(t.Flags.Compress)
	if t.Flags.Volatile {
		o = o.Volatile()
	}
	if i.local {
		o = o.Local()
	}
	return what(o)
}

// glob escapes a name in a pattern of Redis.
func glob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}
