// Options of a cluster, and what it counts.

package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/pending"
)

// Options are the settings of a cluster. Those of the reference have its names
// and defaults.
type Options struct {
	// Client is the connection to Redis: of a single server, of Sentinel or of a
	// Redis Cluster. [Connect] makes one. If you make it yourself, set its
	// MaxRetries to -1: a broadcast that is sent again because the answer to it got
	// lost arrives twice. It is the caller's to close, after the servers.
	Client goredis.UniversalClient
	// Key is the prefix of all channels. Default: "socket.io".
	Key string
	// RequestsTimeout is how long the answers of other servers may take. Default:
	// 5 s.
	RequestsTimeout time.Duration
	// PublishOnSpecificResponseChannel publishes answers on a channel of the
	// server that asked, so that the others do not see them. All servers of a
	// cluster understand both. Default: false.
	PublishOnSpecificResponseChannel bool
	// Sharded uses sharded Pub/Sub, of Redis 7 and later, and the messages of the
	// reference's createShardedAdapter. All servers of a cluster use the same. In a
	// Redis Cluster each channel is with the node that has its slot: broadcasts to
	// rooms with channels of their own may overtake each other there. Default: false.
	Sharded bool
	// SubscriptionMode says which broadcasts of a sharded cluster have a channel of
	// their own: those to one room with [Dynamic] or [DynamicPrivate], none with
	// [Static]. Default: Dynamic.
	SubscriptionMode SubscriptionMode
	// QueueMessages and QueueBytes are how much may wait to be published. Beyond
	// that the oldest messages are dropped and counted. Defaults: 100,000 messages
	// and 16 MiB.
	QueueMessages int
	QueueBytes    int
	// Requests is how many requests of other servers that ask this one to find
	// sockets may be answered at the same time. More are dropped and counted, and
	// those who asked wait for their timeout. Default: 64.
	Requests int
	// Logger receives what an operator should know. Default: [slog.Default].
	Logger *slog.Logger
}

// SubscriptionMode says which rooms have a channel of their own.
type SubscriptionMode string

// The subscription modes, with the names of the reference.
const (
	Static         SubscriptionMode = "static"          // none
	Dynamic        SubscriptionMode = "dynamic"         // those that are not a single socket's
	DynamicPrivate SubscriptionMode = "dynamic-private" // all of them
)

func (o Options) withDefaults() Options {
	setDefault(&o.Key, "socket.io")
	setDefault(&o.RequestsTimeout, 5*time.Second)
	setDefault(&o.QueueMessages, 100_000)
	setDefault(&o.QueueBytes, 16<<20)
	setDefault(&o.Requests, 64)
	setDefault(&o.SubscriptionMode, Dynamic)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (o *Options) validate() error {
	switch {
	case o.Client == nil:
		return errors.New("redis: Options.Client is missing: pass a client of github.com/redis/go-redis/v9")
	case o.SubscriptionMode != Static && o.SubscriptionMode != Dynamic && o.SubscriptionMode != DynamicPrivate:
		return fmt.Errorf("redis: Options.SubscriptionMode is %q, it must be %q, %q or %q", o.SubscriptionMode, Static, Dynamic, DynamicPrivate)
	case o.RequestsTimeout < 0 || o.QueueMessages < 0 || o.QueueBytes < 0 || o.Requests < 0:
		return errors.New("redis: RequestsTimeout, QueueMessages, QueueBytes and Requests must not be negative")
	}
	return nil
}

// ErrTimeout: not all servers have answered within Options.RequestsTimeout.
var ErrTimeout = pending.ErrTimeout

// Stats are counters since New.
type Stats struct {
	Published      uint64 // messages that Redis took
	PublishErrors  uint64 // messages that it did not take
	Dropped        uint64 // messages for which the queue had no place
	QueuedMessages int    // now
	QueuedBytes    int    // now
	Received       uint64 // messages from other servers
	Malformed      uint64 // of these, such as could not be read
	Refused        uint64 // requests beyond Options.Requests
	Subscriptions  uint64 // that Redis has confirmed, again after each break
	// SubscriptionBreaks are the connections with subscriptions that were lost, and
	// SubscriptionDown how long it took from each loss until all were confirmed again,
	// up to now: what other servers publish in that time does not arrive.
	// A connection that goes silent is lost from its last sign of life on, at most
	// four seconds too early.
	SubscriptionBreaks uint64
	SubscriptionDown   time.Duration
}

// counters are the Stats that any goroutine adds to.
type counters struct {
	published, publishErrors, dropped atomic.Uint64
}

// Stats returns the counters. Any goroutine.
func (c *Cluster) Stats() Stats {
	n, bytes := c.queue.Waiting()
	in := c.subscriber.Counts()
	return Stats{
		Published: c.counts.published.Load(), PublishErrors: c.counts.publishErrors.Load(), Dropped: c.counts.dropped.Load(),
		QueuedMessages: n, QueuedBytes: bytes,
		Received: in.Received, Malformed: c.base.Malformed.Load(), Refused: c.base.Refused.Load(),
		Subscriptions: in.Subscriptions, SubscriptionBreaks: in.Breaks, SubscriptionDown: in.Down,
	}
}
