//go:build chaos

// Redis stops, hangs, is cut off, and fails over, under servers with clients. It
// takes minutes and root: make chaos.

package redis_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redis"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// How long a fault lasts, and how long healing may take.
const (
	faultTime = 10 * time.Second
	healTime  = time.Minute
)

// Limits of the servers here, small enough to be reached.
const (
	askTime    = time.Second
	queueBytes = 256 << 10
	// The queue may have one message too much beside those on their way out.
	oneMessage = 2000
)

// plainAndSharded are the kinds of clusters that everything is tried on.
var plainAndSharded = map[string]redis.Options{
	"plain":   {RequestsTimeout: askTime, QueueBytes: queueBytes},
	"sharded": {RequestsTimeout: askTime, QueueBytes: queueBytes, Sharded: true},
}

func dialRedis(t *testing.T, addr string) goredis.UniversalClient {
	c := goredis.NewClient(&goredis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// world is two servers, each with a link of its own to one Redis.
type world struct {
	redis *exec.Cmd
	links [2]*redistest.Link
	nodes [2]*node
	next  int // number of the next probe
}

func newWorld(t *testing.T, o redis.Options) *world {
	t.Helper()
	m := redistest.NewMachine(t)
	w := &world{links: [2]*redistest.Link{m.Link(), m.Link()}}
	w.redis = m.Redis(w.links[0])
	for i, name := range []string{"a", "b"} {
		w.nodes[i] = startNode(t, name, dialRedis(t, w.links[i].There+":6379"), o)
	}
	w.whole(t)
	return w
}

// reaches reports whether what one server's client says arrives at the other's a
// moment later.
func (w *world) reaches(t *testing.T, from, to *node) bool {
	w.next++
	from.send(t, fmt.Sprintf(`42["say","probe of %s",%d]`, from.name, w.next))
	return to.hears("probe of "+from.name, w.next, 20*time.Millisecond)
}

// whole waits until the servers hear each other and find each other's sockets,
// and says how long that took.
func (w *world) whole(t *testing.T) (heard, found time.Duration) {
	t.Helper()
	begin := time.Now()
	wait := func(what string, so func() bool) time.Duration {
		t.Helper()
		for !so() {
			if time.Since(begin) > healTime {
				t.Fatalf("%s: not so after %s; %+v, %+v", what, healTime, w.nodes[0].cluster.Stats(), w.nodes[1].cluster.Stats())
			}
		}
		return time.Since(begin).Round(time.Millisecond)
	}
	a, b := w.nodes[0], w.nodes[1]
	wait("a reaches b", func() bool { return w.reaches(t, a, b) })
	heard = wait("b reaches a", func() bool { return w.reaches(t, b, a) })
	for _, n := range w.nodes {
		found = wait(n.name+" finds both sockets", func() bool {
			list, err := n.server.Root().To().FetchSockets(t.Context())
			return err == nil && len(list) == 2
		})
	}
	return heard, found
}

// survives lets something happen to a world with clients that talk all the time,
// and checks what must hold meanwhile and afterwards. cut are the servers that
// Redis cannot be used by meanwhile.
func (w *world) survives(t *testing.T, cut []*node, fault, heal func()) {
	t.Helper()
	var pulses []*pulse
	for _, n := range w.nodes {
		pulses = append(pulses, n.beat(t))
	}
	fault()
	over := time.After(faultTime)
	for _, n := range cut {
		n.asks(t)
		n.floods(t)
	}
	<-over
	heal()
	heard, found := w.whole(t)
	t.Logf("healed: heard after %s, sockets found after %s", heard, found)
	for i, n := range w.nodes {
		pulses[i].end(t, "server "+n.name)
		if s := n.cluster.Stats(); s.QueuedBytes > queueBytes+oneMessage || s.Malformed > 0 {
			t.Errorf("server %s: %+v", n.name, s)
		}
	}
}

// asks: a question to all servers ends in time, with what is known here.
func (n *node) asks(t *testing.T) {
	t.Helper()
	begin := time.Now()
	list, err := n.server.Root().To().FetchSockets(t.Context())
	took := time.Since(begin).Round(time.Millisecond)
	t.Logf("meanwhile server %s finds %d sockets in %s: %v", n.name, len(list), took, err)
	if len(list) == 0 || err == nil {
		t.Errorf("server %s, cut off: %d sockets, %v", n.name, len(list), err)
	}
	if took > askTime+mostWait {
		t.Errorf("server %s waited %s for sockets, its limit is %s", n.name, took, askTime)
	}
}

// floods: the queue takes what its limits say, and counts the rest.
func (n *node) floods(t *testing.T) {
	t.Helper()
	text := strings.Repeat("x", 1000)
	for range 4 * queueBytes / len(text) {
		if err := n.server.Root().To("nobody").Emit("flood", text); err != nil {
			t.Error(err)
		}
		if s := n.cluster.Stats(); s.QueuedBytes > queueBytes+oneMessage {
			t.Fatalf("server %s: %+v", n.name, s)
		}
	}
	s := n.cluster.Stats()
	t.Logf("server %s, flooded: %d messages wait, %d were dropped, %d lost on their way", n.name, s.QueuedMessages, s.Dropped, s.PublishErrors)
	if s.Dropped == 0 || s.QueuedBytes < queueBytes/2 {
		t.Errorf("server %s: the queue is not full: %+v", n.name, s)
	}
}

func TestChaosRedisStops(t *testing.T) {
	for kind, o := range plainAndSharded {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, o)
			m := w.links[0]
			w.survives(t, w.nodes[:], func() {
				_, _ = w.redis.Process.Kill(), w.redis.Wait()
			}, func() { w.redis = m.Machine().Redis(m) })
		})
	}
}

func TestChaosRedisHangs(t *testing.T) {
	for kind, o := range plainAndSharded {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, o)
			send := func(s syscall.Signal) {
				if err := w.redis.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			w.survives(t, w.nodes[:], func() { send(syscall.SIGSTOP) }, func() { send(syscall.SIGCONT) })
		})
	}
}

func TestChaosPartition(t *testing.T) {
	for name, directions := range map[string]int{"to Redis": redistest.To, "from Redis": redistest.From, "both ways": redistest.To | redistest.From} {
		for kind, o := range plainAndSharded {
			t.Run(name+"/"+kind, func(t *testing.T) {
				w := newWorld(t, o)
				w.survives(t, w.nodes[:1], func() { w.links[0].Cut(directions) }, w.links[0].Heal)
			})
		}
	}
}
