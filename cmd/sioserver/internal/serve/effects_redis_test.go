// What the keys do that name a Redis: cluster, ingest, and recovery on another server.

package serve

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/nodetest"
)

// TestRedisKeys: two servers that share what the keys say, and a publisher.
//
//effect:keys cluster.backend cluster.url cluster.key ingest.redis.enabled ingest.redis.url ingest.redis.dialects ingest.redis.key ingest.redis.python_channel ingest.redis.laravel_prefix
func TestRedisKeys(t *testing.T) {
	t.Parallel()
	path, client := nodetest.Redis(t)
	url := "unix://" + path
	cluster := fmt.Sprintf("cluster: {backend: redis, url: %q, key: mine}\n", url)
	a := effect(t, cluster)
	b := effect(t, cluster+fmt.Sprintf("ingest: {redis: {enabled: true, url: %q, dialects: [socketio, python, laravel], key: theirs, python_channel: py, laravel_prefix: app_}}", url))
	alone := effect(t, "")
	for _, s := range []*wire{a, b} {
		s.until("the servers see each other", func() bool {
			n, err := client.PubSubNumPat(t.Context()).Result()
			return err == nil && n >= 2 && s.metric("sioserver_scrape_incomplete") == 0
		})
	}
	one, two, none := a.connect(""), b.connect(""), alone.connect("")
	b.emit("news", 1)
	for _, c := range []*socket{one, two} {
		c.s.like("the event", c.next(), `42["news",1]`)
	}
	names, err := client.PubSubChannels(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(names, " ")
	if !strings.Contains(all, "mine") || !strings.Contains(all, "py") || strings.Contains(all, "socket.io") {
		t.Errorf("the channels are %s", all)
	}
	// The patterns are not listed: who is reached tells.
	for channel, payload := range map[string]string{
		"py":           `{"method":"emit","event":"python","data":[1]}`,
		"app_orders.7": `{"event":"laravel","data":null}`,
		"theirs#/#":    "\x93\xa7emitter\x83\xa4type\x02\xa4data\x92\xa8socketio\x01\xa3nsp\xa1/\x81\xa5rooms\x90",
	} {
		n, err := client.Publish(t.Context(), channel, payload).Result()
		if err != nil || n != 1 {
			t.Errorf("%s reaches %d, %v", channel, n, err)
		}
		if channel == "app_orders.7" {
			continue // of its room alone
		}
		if got := two.next(); !strings.HasPrefix(got, `42["`) || !strings.HasSuffix(got, ",1]") {
			t.Errorf("%s: %s", channel, got)
		}
	}
	b.until("all are accepted", func() bool {
		n := 0.0
		for _, source := range []string{"socketio", "python", "laravel"} {
			n += max(0, b.metric(fmt.Sprintf(`sioserver_ingest_messages_total{result="ok",source="%s"}`, source)))
		}
		return n == 3
	})
	alone.emit("own", 1)
	if got := none.next(); !strings.HasPrefix(got, `42["own",1`) {
		t.Errorf("one that shares nothing was sent %s", got)
	}
}

// TestRecoveryElsewhere: a client comes back on another server as the socket it
// was.
//
//effect:keys recovery.backend
func TestRecoveryElsewhere(t *testing.T) {
	t.Parallel()
	path, _ := nodetest.Redis(t)
	url := "unix://" + path
	for backend, want := range map[string]bool{"redis_streams": true, "memory": false} {
		text := fmt.Sprintf("cluster: {backend: redis_streams, url: %q, key: %s}\nrecovery: {backend: %s}", url, backend, backend)
		a, b := effect(t, text), effect(t, text)
		c := a.open()
		c.send("40")
		var x struct{ SID, PID string }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(c.next(), "40")), &x); err != nil {
			t.Fatal(err)
		}
		if (x.PID != "") != want {
			t.Errorf("%s: pid %q", backend, x.PID)
		}
		a.emit("first", 1)
		var event []any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(c.next(), "42")), &event); err != nil {
			t.Fatal(err)
		}
		_ = c.CloseNow()
		a.until("it is gone", func() bool { return len(a.sockets()) == 0 })
		if got := b.back(x.SID, fmt.Sprintf(`{"pid":%q,"offset":"%v"}`, x.PID, event[len(event)-1])); got != want {
			t.Errorf("%s: it came back as the socket it was: %v", backend, got)
		}
	}
}
