//go:build chaos

// A server in a cluster, and a client of it that says something all the time.

package redis_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

// node is a server and its client.
type node struct {
	name    string
	server  *loop.Server
	cluster *redis.Cluster
	*client
}

// startNode starts a server on one loop whose handlers run on it: what waits for
// Redis there stops everything.
func startNode(t *testing.T, name string, c goredis.UniversalClient, o redis.Options) *node {
	t.Helper()
	o.Client, o.Logger = c, slog.New(slog.DiscardHandler)
	n := &node{name: name}
	var err error
	if n.cluster, err = redis.New(o); err != nil {
		t.Fatal(err)
	}
	n.server, err = loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}, Loops: 1, Adapter: n.cluster.Adapter, Logger: o.Logger})
	if err != nil {
		t.Fatal(err)
	}
	n.server.Root().On("say", func(s *loop.Socket, e *loop.Event) {
		_ = s.Namespace().To().EmitArgs("said", e.Args())
	}, loop.Inline())
	if err := n.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), redistest.Patience)
		defer cancel()
		_ = n.server.Shutdown(ctx)
		_ = n.cluster.Close()
	})
	n.client = dialClient(t, n.server.Addrs()[0])
	return n
}

// client is a websocket client that notes who has said what.
type client struct {
	conn net.Conn
	in   io.ReadWriter
	mu   struct {
		sync.Mutex
		sending sync.Mutex
		said    map[string][]int // numbers by speaker
		changed chan struct{}    // closed and replaced when something is heard
	}
}

func dialClient(t *testing.T, addr string) *client {
	t.Helper()
	conn, early, _, err := ws.Dial(t.Context(), "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &client{conn: conn, in: conn}
	if early != nil { // what came with the handshake
		c.in = struct {
			io.Reader
			io.Writer
		}{early, conn}
	}
	c.mu.said, c.mu.changed = map[string][]int{}, make(chan struct{})
	for _, want := range []string{"0", "40"} {
		if want == "40" {
			c.send(t, "40")
		}
		if text, err := wsutil.ReadServerText(c.in); err != nil || !strings.HasPrefix(string(text), want) {
			t.Fatalf("%q where %q was due: %v", text, want, err)
		}
	}
	go c.listen(t)
	return c
}

func (c *client) send(t *testing.T, text string) {
	c.mu.sending.Lock()
	defer c.mu.sending.Unlock()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil && t.Context().Err() == nil {
		t.Errorf("sending: %v", err)
	}
}

func (c *client) listen(t *testing.T) {
	for {
		text, err := wsutil.ReadServerText(c.in)
		if err != nil {
			return
		}
		if string(text) == "2" {
			c.send(t, "3")
			continue
		}
		var event struct {
			name, who string
			n         int
		}
		list := []any{&event.name, &event.who, &event.n}
		if raw, ok := strings.CutPrefix(string(text), "42"); !ok || json.Unmarshal([]byte(raw), &list) != nil {
			t.Errorf("%q comes from the server", text)
			continue
		}
		c.mu.Lock()
		c.mu.said[event.who] = append(c.mu.said[event.who], event.n)
		close(c.mu.changed)
		c.mu.changed = make(chan struct{})
		c.mu.Unlock()
	}
}

// hears waits until somebody has said a number.
func (c *client) hears(who string, n int, within time.Duration) bool {
	deadline := time.After(within)
	for {
		c.mu.Lock()
		heard, changed := slices.Contains(c.mu.said[who], n), c.mu.changed
		c.mu.Unlock()
		if heard {
			return true
		}
		select {
		case <-changed:
		case <-deadline:
			return false
		}
	}
}

// pulseEvery is how often a client says something to all, on all servers.
const pulseEvery = 5 * time.Millisecond

// pulse is a client that says something all the time, and hears itself.
type pulse struct {
	took []time.Duration
	done chan struct{}
	stop context.CancelFunc
}

// beat starts a pulse.
func (n *node) beat(t *testing.T) *pulse {
	ctx, stop := context.WithCancel(t.Context())
	p := &pulse{done: make(chan struct{}), stop: stop}
	t.Cleanup(func() { stop(); <-p.done })
	go func() {
		defer close(p.done)
		tick := time.NewTicker(pulseEvery)
		defer tick.Stop()
		for i := 0; ; i++ {
			begin := time.Now()
			n.send(t, fmt.Sprintf(`42["say","pulse of %s",%d]`, n.name, i))
			if !n.hears("pulse of "+n.name, i, redistest.Patience) {
				t.Errorf("server %s does not answer its own client", n.name)
				return
			}
			p.took = append(p.took, time.Since(begin))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return p
}

// mostWait is how long a server may take to answer whatever is wrong with Redis:
// far below every timeout towards it, far above what a busy machine takes.
const mostWait = 2 * time.Second

// end stops a pulse and checks that it never missed a beat.
func (p *pulse) end(t *testing.T, who string) {
	t.Helper()
	p.stop()
	<-p.done
	slices.Sort(p.took)
	if len(p.took) == 0 {
		t.Fatalf("%s: no pulse", who)
	}
	at := func(q float64) time.Duration {
		return p.took[int(q*float64(len(p.took)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%s answered its own client %d times: p50 %s, p99 %s, most %s", who, len(p.took), at(0.5), at(0.99), at(1))
	if at(1) > mostWait {
		t.Errorf("%s let its own client wait for %s", who, at(1))
	}
}
