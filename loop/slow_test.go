// Clients that do not keep up: who is told, what is dropped, and what never is.

package loop_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// blockedEvents are many times what the kernel takes of blockedBytes each.
const (
	blockedEvents = 160
	blockedBytes  = 256 << 10
)

// slowServer has one client that reads nothing.
func slowServer(t *testing.T, policy loop.SlowPolicy) (*server, *sio, *loop.Socket, chan loop.SocketStatus) {
	slow := make(chan loop.SocketStatus, 10)
	s, sockets := connected(t, loop.Config{
		SlowPolicy: policy, PingInterval: 10 * time.Minute, PingTimeout: 10 * time.Minute,
		Limits: loop.Limits{OutboundBytes: 4 << 20, OutboundBurst: 1 << 30, OutboundStall: time.Hour},
	}, func(s *loop.Server) {
		s.OnSlow(func(st loop.SocketStatus) { slow <- st })
	})
	c, _ := s.connect(t, "websocket")
	return s, c, within(t, "the connection", sockets), slow
}

// TestSlowPolicies: the client gets what the policy leaves, in order, and an event that is to be acknowledged in any
// case.
func TestSlowPolicies(t *testing.T) {
	t.Parallel()
	ballast := strings.Repeat("x", blockedBytes)
	for policy, check := range map[loop.SlowPolicy]func(got []int) bool{
		loop.SlowDropNewest: func(got []int) bool { return got[len(got)-1] == len(got)-1 },
		loop.SlowDropOldest: func(got []int) bool { return got[len(got)-1] == blockedEvents-1 },
		loop.SlowConflate:   func(got []int) bool { return got[len(got)-1] == blockedEvents-1 },
	} {
		t.Run(policy.String(), func(t *testing.T) {
			t.Parallel()
			s, c, sock, slow := slowServer(t, policy)
			for i := range blockedEvents {
				var err error
				if i%2 == 0 {
					err = sock.Conflate("k").Emit("n", i, ballast)
				} else {
					err = s.Root().Conflate("k").Emit("n", i, ballast)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			asked := make(chan error, 1)
			go func() {
				_, err := sock.EmitWithAck(ctx, "ask")
				asked <- err
			}()
			st := within(t, "the news", slow)
			if st.Socket.ID() != sock.ID() || st.Buffered == 0 || st.Dropped > 0 {
				t.Errorf("told %d bytes, %d dropped", st.Buffered, st.Dropped)
			}
			q, err := s.Queues(t.Context(), 1)
			if err != nil || len(q.Longest) != 1 || q.Longest[0].Dropped == 0 || q.Longest[0].Buffered > 5<<20 {
				t.Errorf("%+v, %v", q, err)
			}
			var got []int
			for {
				text := c.mustNext(t)
				var i int
				if n, _ := fmt.Sscanf(text, `2["n",%d,`, &i); n == 1 {
					got = append(got, i)
					continue
				}
				if text == `20["ask"]` {
					break
				}
			}
			c.mustWrite(t, `30[]`)
			if err := within(t, "the answer", asked); err != nil {
				t.Error(err)
			}
			counted := s.stats(t)
			dropped := counted.SlowDropped[policy.String()]
			if len(got)+int(dropped) != blockedEvents || dropped == 0 || counted.SlowClients != 1 || !check(got) {
				t.Errorf("%d got, %d dropped, %d times slow: %v", len(got), dropped, counted.SlowClients, got)
			}
			for i := 1; i < len(got); i++ {
				if got[i] <= got[i-1] {
					t.Errorf("out of order: %v", got)
				}
			}
			if len(slow) > 0 {
				t.Error("told twice")
			}
		})
	}
}

// TestSlowClosed: without a policy, the handler is told before the client is closed.
func TestSlowClosed(t *testing.T) {
	t.Parallel()
	slow := make(chan loop.SocketStatus, 10)
	gone := make(chan error, 1)
	inline := make(chan loop.SocketStatus, 10)
	s, sockets := connected(t, loop.Config{
		PingInterval: 10 * time.Minute, Limits: loop.Limits{OutboundBytes: 1 << 20, OutboundBurst: 2 << 20, OutboundStall: time.Hour},
	}, func(s *loop.Server) {
		s.OnSlow(func(st loop.SocketStatus) { slow <- st })
		s.OnSlow(func(st loop.SocketStatus) { inline <- st }, loop.Inline())
	})
	s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	sock.OnDisconnect(func(_ *loop.Socket, _ loop.DisconnectReason, err error) { gone <- err })
	ballast := strings.Repeat("x", blockedBytes)
	for range blockedEvents {
		if sock.Emit("n", ballast) != nil {
			break
		}
	}
	if err := within(t, "the end", gone); !loop.IsSlowConsumer(err) {
		t.Error(err)
	}
	if len(slow) != 1 {
		t.Errorf("told %d times before the end", len(slow))
	}
	if st := within(t, "the inline handler", inline); st.Socket != sock {
		t.Error("another socket")
	}
}

// TestSlowOptions: policies and limits that there are not.
func TestSlowOptions(t *testing.T) {
	for _, cfg := range []loop.Config{
		{SlowPolicy: loop.SlowConflate + 1},
		{Limits: loop.Limits{OutboundSlow: -1}},
		{Limits: loop.Limits{OutboundMessages: -1}},
	} {
		cfg.NoListen = true
		if _, err := loop.New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	if (loop.SlowConflate + 1).String() != "unknown" {
		t.Error("a name for what there is not")
	}
}
