// Options of a cluster, and what it counts.

package redisstreams

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/pending"
)

// Options are the settings of a cluster. Those of the reference have its names
// and defaults, if nothing else is said.
type Options struct {
	// Client is the connection to Redis: of a single server, of Sentinel or of a
	// Redis Cluster, a *redis.Client or *redis.ClusterClient. Set its MaxRetries to
	// -1: what is sent again because the answer to it got lost arrives twice. It is
	// the caller's to close, after the servers. Streams are read over connections
	// of their own, made from its options.
	Client goredis.UniversalClient
	// StreamName is the stream's key. Default: "socket.io".
	StreamName string
	// StreamCount is the number of streams, among which namespaces are divided. All
	// servers of a cluster have the same. Default: 1.
	StreamCount int
	// ChannelPrefix is the prefix of the channels for requests. Default:
	// "socket.io".
	ChannelPrefix string
	// UseShardedPubSub uses sharded Pub/Sub for requests, of Redis 7 and later. All
	// servers of a cluster use the same. Default: false.
	UseShardedPubSub bool
	// MaxLen is how many entries a stream keeps, about. Default: 10,000.
	MaxLen int64
	// ReadCount is how many entries are read at a time at most. Default: 100.
	ReadCount int64
	// BlockTime is how long a read waits for entries. A connection that is silent
	// for 3 s longer is given up. Default: 2 s; with the reference 5 s.
	BlockTime time.Duration
	// SessionKeyPrefix is the prefix of the keys of clients that may come back.
	// Default: "sio:session:".
	SessionKeyPrefix string
	// ReturnTime is how long an event that clients can catch up on may take to
	// come back from Redis, until the sockets of this server get it without. One
	// that does is counted as Early. A client that loses its connection before
	// another event has reached it gets it once more. Default: 1 s.
	ReturnTime time.Duration
	// OnlyPlaintext says that events hold no binary values: those there are go out
	// as JSON has them, {"type":"Buffer","data":[…]}. Default: false.
	OnlyPlaintext bool
	// RequestsTimeout is how long the answers of other servers may take. Default:
	// 5 s, as with the reference.
	RequestsTimeout time.Duration
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

func (o Options) withDefaults() Options {
	setDefault(&o.StreamName, "socket.io")
	setDefault(&o.StreamCount, 1)
	setDefault(&o.ChannelPrefix, "socket.io")
	setDefault(&o.MaxLen, 10_000)
	setDefault(&o.ReadCount, 100)
	setDefault(&o.BlockTime, 2*time.Second)
	setDefault(&o.SessionKeyPrefix, "sio:session:")
	setDefault(&o.ReturnTime, time.Second)
	setDefault(&o.RequestsTimeout, 5*time.Second)
	setDefault(&o.QueueMessages, 100_000)
	setDefault(&o.QueueBytes, 16<<20)
	setDefault(&o.Requests, 64)
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
		return errors.New("redisstreams: Options.Client is missing: pass a client of github.com/redis/go-redis/v9")
	case o.StreamCount < 0 || o.MaxLen < 0 || o.ReadCount < 0:
		return errors.New("redisstreams: StreamCount, MaxLen and ReadCount must not be negative")
	case o.BlockTime < time.Millisecond:
		return errors.New("redisstreams: BlockTime must be at least 1 ms")
	case o.ReturnTime < 0:
		return errors.New("redisstreams: ReturnTime must not be negative")
	case o.RequestsTimeout < 0 || o.QueueMessages < 0 || o.QueueBytes < 0 || o.Requests < 0:
		return errors.New("redisstreams: RequestsTimeout, QueueMessages, QueueBytes and Requests must not be negative")
	}
	return nil
}

// silence is how much longer than Options.BlockTime a connection may say nothing.
const silence = 3 * time.Second

// reading makes a client for reading streams, which wait in Redis.
func (o *Options) reading() (goredis.UniversalClient, error) {
	switch c := o.Client.(type) {
	case *goredis.Client:
		own := *c.Options()
		own.ReadTimeout, own.MaxRetries, own.MinIdleConns = o.BlockTime+silence, -1, 0
		own.PushNotificationProcessor = nil // which belongs to one client
		return goredis.NewClient(&own), nil
	case *goredis.ClusterClient:
		own := *c.Options()
		own.ReadTimeout, own.MaxRetries, own.MinIdleConns = o.BlockTime+silence, -1, 0
		own.PushNotificationProcessor = nil
		return goredis.NewClusterClient(&own), nil
	}
	return nil, errors.New("redisstreams: Options.Client must be a *redis.Client or a *redis.ClusterClient")
}

// ErrTimeout: not all servers have answered within Options.RequestsTimeout.
var ErrTimeout = pending.ErrTimeout

// Stats are counters since New.
type Stats struct {
	Published      uint64 // messages that Redis took
	PublishErrors  uint64 // messages that it did not take
	Retries        uint64 // times that messages were kept to be published again
	Dropped        uint64 // messages for which the queue had no place
	QueuedMessages int    // now
	QueuedBytes    int    // now
	Received       uint64 // entries of streams, and messages, from this server and others
	Malformed      uint64 // of these, such as could not be read
	Gaps           uint64 // times that a stream was cut or lost where it was to be read
	Early          uint64 // events to sockets here before Redis had them, see Options.ReturnTime
	Refused        uint64 // requests beyond Options.Requests
	Subscriptions  uint64 // that Redis has confirmed, again after each break
	// SubscriptionBreaks are the connections with subscriptions that were lost, and
	// SubscriptionDown how long it took from each loss until all were confirmed again,
	// up to now: what other servers publish past the streams in that time does not arrive.
	// A connection that goes silent is lost from its last sign of life on, at most
	// four seconds too early.
	SubscriptionBreaks uint64
	SubscriptionDown   time.Duration
}

// counters are the Stats that any goroutine adds to.
type counters struct {
	published, publishErrors, dropped, retries atomic.Uint64
	received, gaps, early                      atomic.Uint64
}

// Stats returns the counters. Any goroutine.
func (c *Cluster) Stats() Stats {
	n, bytes := c.queue.Waiting()
	in := c.subscriber.Counts()
	return Stats{
		Published: c.counts.published.Load(), PublishErrors: c.counts.publishErrors.Load(), Retries: c.counts.retries.Load(), Dropped: c.counts.dropped.Load(),
		QueuedMessages: n, QueuedBytes: bytes,
		Received: c.counts.received.Load() + in.Received, Malformed: c.base.Malformed.Load(),
		Gaps: c.counts.gaps.Load(), Early: c.counts.early.Load(), Refused: c.base.Refused.Load(),
		Subscriptions: in.Subscriptions, SubscriptionBreaks: in.Breaks, SubscriptionDown: in.Down,
	}
}
