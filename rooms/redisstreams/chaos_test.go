//go:build chaos

// Redis stops, hangs and is cut off for ten seconds, and nothing gets lost. It
// takes root: make chaos.

package redisstreams_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sioserver/sioserver/rooms/internal/redistest"
	"github.com/sioserver/sioserver/rooms/redisstreams"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

const (
	faultTime = 10 * time.Second
	sayEvery  = 5 * time.Millisecond
	// How long the rooms of a server may wait, whatever is wrong with Redis: far
	// below every timeout towards it.
	mostWait = 2 * time.Second
)

// durable is how a Redis keeps what it has when it is killed.
var durable = []string{"--appendonly", "yes", "--appendfsync", "always"}

// lab is one Redis and two servers, each with a link of its own to it.
type lab struct {
	links    [2]*redistest.Link
	clusters [2]*redisstreams.Cluster
	ears     [2]*redistest.Ear
}

func newLab(t *testing.T) (l *lab, redis *exec.Cmd) {
	t.Helper()
	m := redistest.NewMachine(t)
	l = &lab{links: [2]*redistest.Link{m.Link(), m.Link()}}
	redis = m.Redis(l.links[0], durable...)
	for i, link := range l.links {
		client := goredis.NewClient(&goredis.Options{Addr: link.There + ":6379", MaxRetries: -1})
		t.Cleanup(func() { _ = client.Close() })
		c, err := redisstreams.New(redisstreams.Options{Client: client, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		l.clusters[i], l.ears[i] = c, redistest.Listen(t, c.Adapter, "/")
	}
	redistest.Ready(t, l.clusters[0], l.clusters[1])
	return l, redis
}

// speak says numbers at both servers until the time is over, and reports how many
// each, and how long a server's own rooms waited at most.
func (l *lab) speak(t *testing.T, from int, over <-chan time.Time) (next int, most time.Duration) {
	t.Helper()
	tick := time.NewTicker(sayEvery)
	defer tick.Stop()
	for next = from; ; next++ {
		begin := time.Now()
		for i, e := range l.ears {
			e.Say(t, fmt.Sprint(i, " ", next))
		}
		most = max(most, time.Since(begin))
		select {
		case <-tick.C:
		case <-over:
			return next + 1, most
		}
	}
}

func TestChaosStreams(t *testing.T) {
	signal := func(t *testing.T, redis *exec.Cmd, s syscall.Signal) {
		t.Helper()
		if err := redis.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, fault := range map[string]func(t *testing.T, l *lab, redis *exec.Cmd) (heal func()){
		"Redis stops": func(_ *testing.T, l *lab, redis *exec.Cmd) func() {
			_, _ = redis.Process.Kill(), redis.Wait()
			return func() { l.links[0].Machine().Redis(l.links[0], durable...) }
		},
		"Redis hangs": func(t *testing.T, _ *lab, redis *exec.Cmd) func() {
			signal(t, redis, syscall.SIGSTOP)
			return func() { signal(t, redis, syscall.SIGCONT) }
		},
		"one server is cut off": func(_ *testing.T, l *lab, _ *exec.Cmd) func() {
			l.links[0].Cut(redistest.To | redistest.From)
			return l.links[0].Heal
		},
		"one server hears nothing": func(_ *testing.T, l *lab, _ *exec.Cmd) func() {
			l.links[0].Cut(redistest.From)
			return l.links[0].Heal
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, redis := newLab(t)
			before, _ := l.speak(t, 0, time.After(time.Second))
			heal := fault(t, l, redis)
			said, most := l.speak(t, before, time.After(faultTime))
			if most > mostWait {
				t.Errorf("a call took %s", most)
			}
			if s := l.clusters[0].Stats(); s.QueuedMessages < (said-before)/2 {
				t.Errorf("there was no fault: %+v", s)
			}
			heal()
			begin := time.Now()
			for i, e := range l.ears {
				want := make([][]string, 2) // own, and the other's
				for n := range said {
					want[0], want[1] = append(want[0], fmt.Sprint(0, " ", n)), append(want[1], fmt.Sprint(1, " ", n))
				}
				got := make([][]string, 2)
				for range 2 * said {
					event := e.Next(t)
					who := int(event[0] - '0')
					got[who] = append(got[who], event)
				}
				for who := range got {
					if !slices.Equal(got[who], want[who]) {
						t.Errorf("server %d: what %d said is not what arrived: %d of %d", i, who, len(got[who]), said)
					}
				}
			}
			took := time.Since(begin).Round(time.Millisecond)
			for i, c := range l.clusters {
				s := c.Stats()
				if s.Dropped != 0 || s.PublishErrors != 0 || s.Gaps != 0 || len(l.ears[i].Heard) != 0 {
					t.Errorf("server %d: %+v, %d more", i, s, len(l.ears[i].Heard))
				}
				t.Logf("server %d: %d retries", i, s.Retries)
			}
			t.Logf("%d events each, %d of them meanwhile; all had arrived in their order %s after the fault; a call took %s at most", said, said-before, took, most.Round(10*time.Microsecond))
		})
	}
}
