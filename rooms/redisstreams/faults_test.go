// What must hold when Redis is away, and when what is in the stream is not ours.

package redisstreams_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

// quiet keeps what is expected to go wrong out of the output.
var quiet = slog.New(slog.DiscardHandler)

// TestRedisSleeps: Redis says nothing for longer than anybody waits. The rooms of
// this server go on, and the others get everything afterwards, once and in order.
func TestRedisSleeps(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	one, two := newCluster(t, s, redisstreams.Options{Logger: quiet}), newCluster(t, s, redisstreams.Options{Logger: quiet})
	a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
	redistest.Ready(t, one, two)
	a.Say(t, "0")
	a.Next(t)
	b.Next(t)
	s.Sleep()
	const events = 2000
	for i := range events {
		a.Say(t, fmt.Sprint(i+1))
		if got := a.Next(t); got != fmt.Sprint(i+1) {
			t.Fatalf("the rooms of this server get %q", got)
		}
	}
	// Until the one that publishes has given up a connection, and so cannot know
	// what Redis will find in it.
	redistest.Until(t, func() bool { return one.Stats().Retries > 0 })
	s.Wake()
	for i := range events {
		if got := b.Next(t); got != fmt.Sprint(i+1) {
			t.Fatalf("%q arrives, want %d: %+v", got, i+1, one.Stats())
		}
	}
	if st := one.Stats(); st.Dropped != 0 || st.PublishErrors != 0 || two.Stats().Gaps != 0 {
		t.Errorf("%+v; %+v", st, two.Stats())
	}
}

// TestRedisRestarts: Redis ends and comes back with what it had.
func TestRedisRestarts(t *testing.T) {
	t.Parallel()
	s := redistest.StartDurable(t)
	one, two := newCluster(t, s, redisstreams.Options{Logger: quiet}), newCluster(t, s, redisstreams.Options{Logger: quiet})
	a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
	redistest.Ready(t, one, two)
	for i := range 300 {
		if i == 100 {
			s.Stop()
		}
		if i == 200 {
			s.Restart()
		}
		a.Say(t, fmt.Sprint(i))
	}
	for i := range 300 {
		if got := b.Next(t); got != fmt.Sprint(i) {
			t.Fatalf("%q arrives, want %d", got, i)
		}
	}
	if n := two.Stats().Gaps; n != 0 {
		t.Errorf("%d gaps", n)
	}
}

// cutting breaks a connection when it has been read from so often, if another is
// still to be broken.
type cutting struct {
	net.Conn
	reads int
	more  *atomic.Int64
}

func (c *cutting) Read(p []byte) (int, error) {
	const most = 6
	if c.reads++; c.reads == most && c.more.Add(-1) >= 0 {
		_ = c.Close()
		return 0, errors.New("cut")
	}
	return c.Conn.Read(p)
}

// TestCutWhilePublishing: the answers of Redis get lost, now and again. Nothing
// is sent twice.
func TestCutWhilePublishing(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	two := newCluster(t, s, redisstreams.Options{Logger: quiet})
	var more atomic.Int64
	more.Store(10)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", s.Socket)
		return &cutting{Conn: conn, more: &more}, err
	}
	client := goredis.NewClient(&goredis.Options{Dialer: dial, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	one, err := redisstreams.New(redisstreams.Options{Client: client, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = one.Close() })
	a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
	redistest.Ready(t, one, two)
	const events = 5000 // which are ten batches at least
	for i := range events {
		a.Say(t, fmt.Sprint(i))
	}
	for i := range events {
		if got := b.Next(t); got != fmt.Sprint(i) {
			t.Fatalf("%q arrives, want %d: %+v", got, i, one.Stats())
		}
	}
	if st := one.Stats(); st.Retries == 0 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
}

// TestGaps: a stream that was lost, and one that was cut too short, are noticed
// by those who were to read on, and read from where it is.
func TestGaps(t *testing.T) {
	t.Parallel()
	for _, lose := range []func(s *redistest.Server, raw goredis.UniversalClient) error{
		func(s *redistest.Server, _ goredis.UniversalClient) error { s.Stop(); s.Restart(); return nil },
		func(s *redistest.Server, raw goredis.UniversalClient) error {
			ctx := context.Background()
			pipe := raw.TxPipeline()
			pipe.Do(ctx, "client", "kill", "type", "normal", "skipme", "yes")
			pipe.XAdd(ctx, &goredis.XAddArgs{Stream: "socket.io", MaxLen: 1, Values: []any{"uid", "x", "nsp", "/none", "type", "3"}})
			_, err := pipe.Exec(ctx)
			return err
		},
	} {
		s := redistest.Start(t)
		one, two := newCluster(t, s, redisstreams.Options{Logger: quiet}), newCluster(t, s, redisstreams.Options{Logger: quiet})
		a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
		redistest.Ready(t, one, two)
		a.Say(t, "before")
		b.Next(t)
		redistest.Until(t, func() bool { return one.Stats().Published == 1 })
		if err := lose(s, s.Client()); err != nil {
			t.Fatal(err)
		}
		a.Say(t, "after")
		if got := b.Next(t); got != "after" {
			t.Errorf("%q", got)
		}
		if n := two.Stats().Gaps; n != 1 || b.Gaps.Load() != 1 {
			t.Errorf("%d gaps", n)
		}
	}
}

func TestQueueLimits(t *testing.T) {
	redistest.QueueLimits(t, func(client goredis.UniversalClient, messages, bytes int) (rooms.Factory, func() redistest.Queue) {
		c, err := redisstreams.New(redisstreams.Options{Client: client, QueueMessages: messages, QueueBytes: bytes, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.Adapter, func() redistest.Queue {
			s := c.Stats()
			return redistest.Queue{Messages: s.QueuedMessages, Bytes: s.QueuedBytes, Dropped: s.Dropped}
		}
	})
}

func TestOptions(t *testing.T) {
	client := goredis.NewClient(&goredis.Options{})
	t.Cleanup(func() { _ = client.Close() })
	for want, o := range map[string]redisstreams.Options{
		"Client is missing":         {},
		"must be a *redis.Client":   {Client: goredis.NewRing(&goredis.RingOptions{})},
		"BlockTime must be":         {Client: client, BlockTime: time.Microsecond},
		"StreamCount, MaxLen":       {Client: client, StreamCount: -1},
		"Requests must not be nega": {Client: client, Requests: -1},
	} {
		if _, err := redisstreams.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestHostileEntries(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := newCluster(t, s, redisstreams.Options{Logger: quiet})
	e := redistest.Listen(t, c.Adapter, "/")
	redistest.Ready(t, c)
	raw := s.Client()
	add := func(values ...any) {
		t.Helper()
		if err := raw.XAdd(t.Context(), &goredis.XAddArgs{Stream: "socket.io", Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	e.Say(t, "mine") // and comes back
	e.Next(t)
	good := `{"packet":{"type":2,"data":["good"]},"opts":{"rooms":[],"except":[],"flags":{}}}`
	malformed := 0
	bad := func(values ...any) {
		add(values...)
		malformed++
	}
	for i := 1; i < len(good); i++ {
		bad("uid", "x", "nsp", "/", "type", "3", "data", good[:i])
	}
	bad("what", "ever")
	bad("uid", "x", "nsp", "/", "type", "many", "data", good)
	bad("nsp", "/", "type", "3", "data", good)
	for _, data := range []string{
		"", "null", "[]", "{}", `{"packet":null,"opts":null}`, `{"packet":{"type":9,"data":["x"]}}`, `{"packet":{"type":2,"data":[]}}`,
		`{"packet":{"type":2,"data":[1]}}`, `{"packet":{"type":2,"data":["x"]},"opts":7}`, `{"packet":` + strings.Repeat("[", 100_000),
		"!!!", base64.StdEncoding.EncodeToString([]byte("\xdf\xff\xff\xff\xff")), base64.StdEncoding.EncodeToString([]byte{0xc1}),
		base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x91", 100_000))),
	} {
		bad("uid", "x", "nsp", "/", "type", "3", "data", data)
	}
	// For nobody here, or for nothing.
	add("uid", "x", "nsp", "/other", "type", "3", "data", "{")
	add("uid", "x", "nsp", "/", "type", "99", "data", "{}")
	add("uid", "x", "nsp", "/", "type", "1")
	add("uid", "x", "nsp", "/", "type", "3", "data", good)
	if got := e.Next(t); got != "good" {
		t.Errorf("%q is heard", got)
	}
	if n := c.Stats().Malformed; n != uint64(malformed) {
		t.Errorf("%d malformed entries were counted, want %d", n, malformed)
	}
	list, err := raw.XRange(t.Context(), "socket.io", "-", "+").Result()
	own := slices.DeleteFunc(list, func(m goredis.XMessage) bool { return m.Values["seq"] == nil })
	if err != nil || len(own) != 1 {
		t.Errorf("%d entries are this server's, %v", len(own), err)
	}
}
