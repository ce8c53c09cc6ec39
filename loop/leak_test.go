// Leaks: nothing is left of clients that vanish.

package loop_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// heap is the size of the heap after collection.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// goroutines counts those that run, without the pool of gnet, which keeps idle
// ones for some seconds.
func goroutines() (n int) {
	buf := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if !strings.Contains(stack, "ants/v2.(*goWorker)") {
			n++
		}
	}
	return n
}

// nothingLeft waits until the server holds nothing on behalf of clients.
func (s *server) nothingLeft(t *testing.T) {
	t.Helper()
	var l loop.Leftovers
	defer func() {
		if t.Failed() {
			t.Logf("left: %+v", l)
		}
	}()
	eventually(t, "nothing is left", func() bool { l = s.leftovers(t); return l == loop.Leftovers{} })
}

// abort goes in the middle of a POST.
func (c *overPolling) abort() {
	text := requestText("POST", target("polling", c.sid()), strings.Repeat("x", 100))
	_, _ = io.WriteString(c.post, text[:len(text)-50])
	_ = c.post.Close()
}

// TestVanishingClients: crowds of clients come, join, ask, and vanish without a
// word; afterwards everything is as it was.
func TestVanishingClients(t *testing.T) {
	n := size(100, 500, 3000)
	s := serve(t, loop.Config{
		Limits: loop.Limits{AttachmentTime: time.Minute},
	}, func(s *loop.Server) {
		other := s.Of("/other")
		for _, ns := range []*loop.Namespace{s.Root(), other} {
			ns.OnConnection(func(s *loop.Socket) {
				s.SetData(make([]byte, 1000))
				s.On("own", func(*loop.Socket, *loop.Event) {})
				_ = s.Context()
			})
			ns.OnDisconnect(func(*loop.Socket, loop.DisconnectReason, error) {})
		}
		s.On("join", func(s *loop.Socket, e *loop.Event) {
			_ = s.Join("all", "room-"+string(e.Args().Raw(0)), s.ID()+"-own")
			_ = s.EmitAck("never answered", func(loop.Args, error) {})
			_ = s.Timeout(time.Hour).EmitAck("never answered", func(loop.Args, error) {})
			_ = s.Emit("joined")
		})
		s.Of("/slow").Use(func(s *loop.Socket) error { <-s.Context().Done(); return nil })
	})
	client := func(i int) error {
		c, err := dialSession(s.addr(), transports[i%3], fmt.Sprint("padding=", i))
		if err != nil {
			return err
		}
		defer c.drop()
		for _, name := range []string{"/", "/other"} {
			if _, err := c.join(name, `{"some":"auth"}`); err != nil {
				return err
			}
		}
		if err := c.write("0/slow,", fmt.Sprintf(`2["join",%d]`, i%17)); err != nil {
			return err
		}
		for {
			p, err := c.next()
			if err != nil {
				return err
			}
			if p.text == `2["joined"]` {
				break
			}
		}
		if p, ok := c.carrier.(*overPolling); ok {
			// Between its requests nobody misses it before its heartbeat is due.
			defer p.abort()
		}
		// Half a packet stays behind.
		return c.send(packet{text: `452-["own",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`}, packet{bin: make([]byte, 500), binary: true})
	}
	var running int
	var before int64
	for round := range 4 {
		if err := parallel(n, client); err != nil {
			t.Fatal(err)
		}
		s.nothingLeft(t)
		if round == 0 { // pools and slabs have their size now
			running, before = goroutines(), heap()
			continue
		}
		eventually(t, "the goroutines are gone", func() bool { return goroutines() <= running })
		if grown := heap() - before; grown > 2<<20 {
			t.Errorf("round %d: the heap has grown by %d bytes", round, grown)
		}
	}
	st := s.stats(t)
	if st.Connects != st.Disconnects || st.Sockets != 0 || st.Connections != 0 || st.Panics != 0 {
		t.Errorf("%+v", st)
	}
}

// TestChaos: many clients do random things at once. In the end there was a
// disconnect for each connect, and nothing is left.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	deadline := time.Now().Add(2 * time.Second)
	if long {
		deadline = time.Now().Add(2 * time.Minute)
	}
	s := newServer(t, loop.Config{
		PingInterval: 100 * time.Millisecond, PingTimeout: 200 * time.Millisecond, UpgradeTimeout: 100 * time.Millisecond,
		Limits: loop.Limits{AttachmentTime: 100 * time.Millisecond, OutboundBytes: 64 << 10, OutboundBurst: 128 << 10},
	})
	s.SetSessionLinger(100)
	for _, n := range []*loop.Namespace{s.Root(), s.Of("/other")} {
		chaosHandlers(n)
	}
	s.start(t)
	s.Of("/other").Use(func(s *loop.Socket) error {
		if s.ID()[0] < 'A' {
			return &loop.Error{Message: "not you"}
		}
		return s.Join("middleware")
	})
	err := parallel(24, func(worker int) error {
		rng := rand.New(rand.NewPCG(seed, uint64(worker)))
		for time.Now().Before(deadline) {
			chaosClient(s, rng)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.nothingLeft(t)
	st := s.stats(t)
	if st.Connects != st.Disconnects || st.Connects == 0 || st.Upgrades == 0 || st.Panics != 0 || st.Restarts != 0 {
		t.Errorf("%+v", st)
	}
	if s.log.count("level=ERROR") != 0 {
		t.Errorf("log:\n%s", tail(s.log.String()))
	}
	t.Logf("%d connects, %d upgrades, %d events", st.Connects, st.Upgrades, st.Events)
}

func chaosHandlers(n *loop.Namespace) {
	n.OnConnection(func(s *loop.Socket) {
		_ = s.Join("all")
		s.On("own", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("own", e.Args()) })
	})
	n.OnDisconnecting(func(s *loop.Socket, _ loop.DisconnectReason, _ error) { _ = s.Rooms() }, loop.Inline())
	n.OnDisconnect(func(s *loop.Socket, _ loop.DisconnectReason, _ error) { _ = s.Broadcast().Emit("left", s.ID()) }, loop.Inline())
	n.On("echo", func(s *loop.Socket, e *loop.Event) {
		_ = s.EmitArgs("echo", e.Args())
		_ = e.AckArgs(e.Args())
	}, loop.Inline())
	n.On("off", func(s *loop.Socket, e *loop.Event) { _ = s.Emit("off", e.Args()); _ = e.Ack("off") })
	n.On("room", func(s *loop.Socket, e *loop.Event) {
		_ = s.Join("a")
		_ = s.To("a", "all").EmitArgs("room", e.Args())
		s.Leave("a")
	})
	n.On("ask", func(s *loop.Socket, _ *loop.Event) {
		ctx, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
		defer cancel()
		_, _ = s.EmitWithAck(ctx, "q")
	})
	n.On("ask-all", func(s *loop.Socket, _ *loop.Event) {
		_, _ = s.Namespace().To("all").Timeout(20*time.Millisecond).EmitWithAck(s.Context(), "q")
	})
	n.On("kick", func(s *loop.Socket, e *loop.Event) { s.Disconnect(e.Args().Len() > 0) })
	n.On("kick-inline", func(s *loop.Socket, e *loop.Event) { s.Disconnect(e.Args().Len() > 0) }, loop.Inline())
	n.On("sockets", func(s *loop.Socket, _ *loop.Event) {
		list, _ := s.Namespace().Sockets(s.Context())
		for _, other := range list {
			_ = other.Volatile().Emit("seen", s.ID())
		}
	})
}

// chaosClient is the life of one client. It does not care what becomes of it.
func chaosClient(s *server, rng *rand.Rand) {
	c, err := dialSession(s.addr(), transports[rng.IntN(3)], "")
	if err != nil {
		return
	}
	defer c.drop()
	_ = c.write("0")
	messages := []string{
		`20["echo",1,{"a":[]}]`, `2["off","x"]`, `2["room",1]`, `2["own",1]`, `2["ask"]`, `2["ask-all"]`, `2["sockets"]`, `2["none"]`,
		"0/other,", "0/nope,", `2["echo"]`, `3999[]`, "30[1]", "31[]",
	}
	rude := []string{"1", "0", `2["kick"]`, `2["kick",1]`, `2["kick-inline"]`, `2["kick-inline",1]`, "1/other,", `2/other,["echo"]`, "9", `2[`}
	for range rng.IntN(30) {
		switch k := rng.IntN(20); {
		case k < 12:
			err = c.write(messages[rng.IntN(len(messages))])
		case k == 12:
			err = c.write(rude[rng.IntN(len(rude))])
		case k == 13:
			err = c.send(packet{text: `451-["own",{"_placeholder":true,"num":0}]`}, packet{bin: []byte{1, 2}, binary: true})
		case k == 14:
			err = c.send(packet{text: `451-["own",{"_placeholder":true,"num":0}]`})
		case k == 15:
			if p, ok := c.carrier.(*overPolling); ok {
				if u, err := p.upgradeTo(); err == nil {
					c.carrier = u
				}
			}
		default:
			_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
			_, err = c.next()
		}
		if err != nil {
			return
		}
	}
	if rng.IntN(2) == 0 {
		c.close()
	}
}
