// What must hold when Redis is away, and when what comes from it is not ours.

package redis_test

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

func TestRedisComesBack(t *testing.T) {
	s := redistest.Start(t)
	one, two := newCluster(t, s, redis.Options{}), newCluster(t, s, redis.Options{})
	a, b := redistest.Listen(t, one.Adapter, "/"), redistest.Listen(t, two.Adapter, "/")
	redistest.Ready(t, one, two)
	a.Say(t, "before")
	if got := b.Next(t); got != "before" {
		t.Fatal(got)
	}
	a.Next(t)
	before := two.Stats()
	s.Stop()
	for i := range 10 {
		event := fmt.Sprintf("meanwhile %d", i)
		a.Say(t, event)
		if got := a.Next(t); got != event {
			t.Errorf("the rooms of this server get %q", got)
		}
	}
	s.Restart()
	deadline := time.After(redistest.Patience)
	for {
		a.Say(t, "after")
		select {
		case got := <-b.Heard:
			if !strings.HasPrefix(got, "meanwhile") && got != "after" {
				t.Errorf("%q arrives", got)
			}
			if got != "after" {
				continue
			}
			// What was missed cannot be counted; that there was a time to miss it in is.
			if s := two.Stats(); s.SubscriptionBreaks <= before.SubscriptionBreaks || s.SubscriptionDown <= before.SubscriptionDown {
				t.Errorf("%+v, before %+v", s, before)
			}
			return
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatalf("nothing arrives %s after the restart: %+v", redistest.Patience, two.Stats())
		}
	}
}

func TestQueueLimits(t *testing.T) {
	redistest.QueueLimits(t, func(client goredis.UniversalClient, messages, bytes int) (rooms.Factory, func() redistest.Queue) {
		c, err := redis.New(redis.Options{Client: client, QueueMessages: messages, QueueBytes: bytes, Logger: slog.New(slog.DiscardHandler)})
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

func TestHostileMessages(t *testing.T) {
	s := redistest.Start(t)
	c := newCluster(t, s, redis.Options{Logger: slog.New(slog.DiscardHandler)})
	e := redistest.Listen(t, c.Adapter, "/")
	redistest.Ready(t, c)
	raw := s.Client()
	publish := func(channel string, payload []byte) {
		t.Helper()
		if err := raw.Publish(t.Context(), channel, payload).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// What this server publishes, to see that nothing is sent on.
	watch := raw.PSubscribe(t.Context(), "socket.io*")
	t.Cleanup(func() { _ = watch.Close() })
	if _, err := watch.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := watch.Channel(goredis.WithChannelSize(10_000))
	e.Say(t, "mine")
	e.Next(t)
	own := []byte((<-seen).Payload)
	good := unhex(t, "93a6616263646566"+"83a474797065"+"02"+"a464617461"+"91a474727565"+"a36e7370a12f"+
		"83a5726f6f6d7390a665786365707490a5666c61677380")

	published := 0
	send := func(channel string, payload []byte) {
		publish(channel, payload)
		published++
	}
	send("socket.io#/#", own) // comes back
	for i := range good {
		send("socket.io#/#", good[:i])
		send("socket.io-request#/#", good[:i])
		send("socket.io-response#/#", good[:i])
	}
	for _, text := range []string{
		"", "{", "{}", "null", `{"type":6}`, `{"type":6,"data":[]}`, `{"type":6,"data":[1]}`, `{"type":99}`, `{"type":"2"}`,
		`{"type":2,"opts":{"rooms":{}}}`, `{"type":7,"requestId":"x"}`, `{"requestId":"x","type":8,"clientCount":-1}`,
		strings.Repeat("[", 100_000), `{"opts":` + strings.Repeat("[", 100_000),
	} {
		for _, channel := range []string{"socket.io#/#", "socket.io#/#room#", "socket.io-request#/#", "socket.io-response#/#"} {
			send(channel, []byte(text))
		}
	}
	for _, evil := range []string{
		"dfffffffff", "ddffffffff", "93a161ddffffffff", "c6ffffffff", "93" + strings.Repeat("91", 100_000), "c1", "93c0c0c0",
		"93a161" + "83a47479706503a46461746190a36e7370a12f" + "80",                 // an ack where an event was due
		"93a161" + "83a47479706502a46461746191a7636f6e6e656374a36e7370a12f" + "80", // a reserved name
	} {
		for _, channel := range []string{"socket.io#/#", "socket.io-request#/#", "socket.io-response#/#"} {
			send(channel, unhex(t, evil))
		}
	}
	send("socket.io#/#", good)
	if got := e.Next(t); got != "true" {
		t.Errorf("%q is heard", got)
	}
	if n := c.Stats().Malformed; n == 0 {
		t.Error("nothing was counted")
	}
	for range published {
		<-seen
	}
	// The server answers a request when it has read all before: nothing else of
	// its own may have come until then.
	publish("socket.io-request#/#", []byte(`{"uid":"other1","requestId":"last","type":1}`))
	got := []string{(<-seen).Channel, (<-seen).Channel}
	if want := []string{"socket.io-request#/#", "socket.io-response#/#"}; !slices.Equal(got, want) {
		t.Errorf("published: %q", got)
	}
	if len(e.Heard) != 0 {
		t.Errorf("%d more broadcasts are heard", len(e.Heard))
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
