// Recovery with an adapter that keeps events and sessions: on any server, and what becomes of those who wait.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// cluster starts servers with one vault. What connects is told of in sockets.
func (v *vault) cluster(t *testing.T, n int, c loop.RecoveryConfig) (servers []*server, sockets chan *loop.Socket) {
	t.Helper()
	sockets = make(chan *loop.Socket, 100)
	for range n {
		c := c
		if c.RestoreTimeout == 0 {
			c.RestoreTimeout = patience
		}
		cfg := recovering(c)
		cfg.Adapter = v.factory
		servers = append(servers, serve(t, cfg, func(s *loop.Server) {
			onSync(s)
			s.OnConnection(func(s *loop.Socket) { sockets <- s; _ = s.Emit("hello") })
		}))
	}
	return servers, sockets
}

// leaveFor cuts a client off and waits until it may come back.
func (v *vault) leave(t *testing.T, s *server, m *member) {
	t.Helper()
	m.leave(t, s)
	eventually(t, "it is kept", func() bool { return v.has(m.PID) })
}

func TestRecoveryOnAnotherServer(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		for _, forget := range []bool{false, true} {
			v := &vault{forget: forget}
			servers, sockets := v.cluster(t, 2, loop.RecoveryConfig{RestoreData: func(data []byte) (any, error) { return string(data), nil }})
			one, two := servers[0], servers[1]
			var m member
			m.mustEnter(t, one, transport)
			m.mustGet(t, `2["hello"]`)
			first := within(t, "the socket", sockets)
			first.SetData([]string{"mine"})
			must := func(errs ...error) {
				t.Helper()
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
			}
			must(first.Join("room"), two.Root().To("room").Emit("before", []byte("bin"), 1))
			if p, err := m.next(); err != nil || !strings.HasPrefix(p.text, `51-["before",{"_placeholder":true,"num":0},1,"`) {
				t.Fatal(p, err)
			}
			m.Offset = "1"
			if p, err := m.next(); err != nil || p.String() != "binary 62696e" {
				t.Fatal(p, err)
			}
			sid, pid := m.SID, m.PID
			v.leave(t, one, &m)
			must(
				one.Root().Emit("all"), two.Root().To("room").Emit("room", "x"), two.Root().To("elsewhere").Emit("not"), two.Root().Except("room").Emit("not"),
				one.Root().To(sid).Emit("own"), two.Root().Volatile().Emit("not"), two.Root().Local().Emit("not"),
			)
			m.mustEnter(t, two, transport, `2["all"]`, `2["room","x"]`, `2["own"]`)
			second := within(t, "the socket", sockets)
			if m.SID != sid || m.PID != pid || second.ID() != sid || !second.Recovered() || second.Server() != two.Server {
				t.Errorf("came back as %q (was %q), recovered %v, %q", m.SID, sid, second.Recovered(), second.RecoveryFailure())
			}
			if data := second.Data(); data != `["mine"]` || !slices.Equal(second.Rooms(), []string{sid, "room"}) {
				t.Errorf("data %q, rooms %q", data, second.Rooms())
			}
			m.mustGet(t, `2["hello"]`)
			must(one.Root().To("room").Emit("after"))
			m.mustGet(t, `2["after"]`)
			// Nobody can take its place, and it can leave again.
			thief := m
			thief.mustEnter(t, one, transport)
			if sock := within(t, "the socket", sockets); thief.SID == sid || sock.RecoveryFailure() != loop.RecoveryUnknownSession {
				t.Errorf("two sockets of one (%s)", sock.RecoveryFailure())
			}
			v.leave(t, two, &m)
			m.mustEnter(t, one, transport)
			if m.SID != sid {
				t.Error("it could come back once only")
			}
			if n := one.stats(t).Recovered + two.stats(t).Recovered; n != 2 {
				t.Errorf("%d are counted", n)
			}
		}
	})
}

func TestRecoveryRefusedByKeeper(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	defer close(stop)
	hang := func(context.Context) error { <-stop; return errors.New("too late") }
	for _, test := range []struct {
		failure string
		cfg     loop.RecoveryConfig
		change  func(v *vault, m *member)
	}{
		{loop.RecoveryUnknownSession, loop.RecoveryConfig{}, func(_ *vault, m *member) { m.PID = strings.Repeat("x", 20) }},
		{loop.RecoveryUnknownOffset, loop.RecoveryConfig{}, func(_ *vault, m *member) { m.Offset = "none" }},
		{loop.RecoveryUnknownOffset, loop.RecoveryConfig{}, func(_ *vault, m *member) { m.Offset = "99" }},
		{loop.RecoveryUnknownOffset, loop.RecoveryConfig{}, func(v *vault, _ *member) { v.forget, v.events[0].packet = true, nil }},
		{loop.RecoveryUnknownOffset, loop.RecoveryConfig{MaxBytes: 1000}, func(v *vault, _ *member) {
			v.forget = true
			for range 3 {
				p := &rooms.Packet{Event: "big", Args: []any{rooms.RawArgs{Bytes: []byte(`"` + strings.Repeat("x", 900) + `"`), Count: 1}}, Offset: "x"}
				v.events = append(v.events, keptEvent{packet: p})
				v.keepers[1].seen++
			}
		}},
		{loop.RecoveryTimeout, loop.RecoveryConfig{RestoreTimeout: 50 * time.Millisecond}, func(v *vault, _ *member) { v.search = hang }},
		{loop.RecoveryFailed, loop.RecoveryConfig{}, func(v *vault, _ *member) { v.search = func(context.Context) error { return errors.New("broken") } }},
		{loop.RecoveryFailed, loop.RecoveryConfig{}, func(v *vault, _ *member) { v.search = func(context.Context) error { panic("broken") } }},
		{loop.RecoveryFailed, loop.RecoveryConfig{RestoreData: func([]byte) (any, error) { return nil, errors.New("no") }}, func(v *vault, m *member) {
			v.sessions[m.PID].Data = []byte("1")
		}},
		{loop.RecoveryFailed, loop.RecoveryConfig{}, func(v *vault, m *member) { v.sessions[m.PID].SID = "short" }},
	} {
		v := &vault{}
		servers, sockets := v.cluster(t, 2, test.cfg)
		var m member
		m.mustEnter(t, servers[0], "websocket")
		m.mustGet(t, `2["hello"]`)
		within(t, "the socket", sockets)
		sid := m.SID
		v.leave(t, servers[0], &m)
		v.mu.Lock()
		test.change(v, &m)
		v.mu.Unlock()
		m.mustEnter(t, servers[1], "websocket")
		sock := within(t, "the socket", sockets)
		if sock.Recovered() || sock.RecoveryFailure() != test.failure || m.SID == sid {
			t.Errorf("recovered %v, failure %q, want %q", sock.Recovered(), sock.RecoveryFailure(), test.failure)
		}
		if got := servers[1].stats(t).RecoveryFailures; got[test.failure] != 1 {
			t.Errorf("%s: counted %v", test.failure, got)
		}
	}
}

// Only so many wait; the loop serves others meanwhile.
func TestRecoveryBusy(t *testing.T) {
	t.Parallel()
	v := &vault{}
	servers, sockets := v.cluster(t, 1, loop.RecoveryConfig{MaxRestoring: 1, RestoreTimeout: patience})
	s := servers[0]
	var one, two member
	for _, m := range []*member{&one, &two} {
		m.mustEnter(t, s, "websocket")
		m.mustGet(t, `2["hello"]`)
		within(t, "the socket", sockets)
		v.leave(t, s, m)
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	v.mu.Lock()
	v.search = func(context.Context) error { close(begun); <-goOn; return nil }
	v.mu.Unlock()
	sid := one.SID
	came := make(chan error, 1)
	go func() { _, err := one.enter(s, "websocket"); came <- err }()
	within(t, "the search", begun)
	two.mustEnter(t, s, "websocket")
	if sock := within(t, "the socket", sockets); sock.RecoveryFailure() != loop.RecoveryBusy {
		t.Errorf("failure %q", sock.RecoveryFailure())
	}
	close(goOn)
	if err := within(t, "the other", came); err != nil || one.SID != sid {
		t.Errorf("%v; %q was %q", err, one.SID, sid)
	}
	t.Cleanup(one.drop)
	if n := s.stats(t).RecoveryFailures[loop.RecoveryBusy]; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// A client that goes while it is looked for may try again, and a shutdown does not
// wait for who is.
func TestGoneWhileRestoring(t *testing.T) {
	t.Parallel()
	v := &vault{}
	servers, sockets := v.cluster(t, 2, loop.RecoveryConfig{RestoreTimeout: patience})
	var m member
	m.mustEnter(t, servers[0], "websocket")
	m.mustGet(t, `2["hello"]`)
	within(t, "the socket", sockets)
	v.leave(t, servers[0], &m)
	begun, goOn := make(chan struct{}, 9), make(chan struct{})
	v.mu.Lock()
	v.search = func(context.Context) error { begun <- struct{}{}; <-goOn; return nil }
	v.mu.Unlock()
	sid := m.SID
	ask := func(s *server) *sio {
		c, err := dialSession(s.addr(), "websocket", "")
		if err != nil {
			t.Fatal(err)
		}
		c.mustWrite(t, fmt.Sprintf(`0{"pid":%q,"offset":%q}`, m.PID, m.Offset))
		within(t, "the search", begun)
		return c
	}
	c := ask(servers[1])
	c.drop()
	eventually(t, "it has gone", func() bool { return servers[1].stats(t).Sessions == 0 })
	goOn <- struct{}{}
	eventually(t, "it is kept", func() bool { return v.has(m.PID) })
	c = ask(servers[0])
	servers[0].stop(t)
	c.drop()
	close(goOn)
	eventually(t, "the search is over", func() bool { return !v.has(m.PID) })
	if m.SID != sid {
		t.Error("it is another")
	}
}

// What a handler does in order reaches the client in order, also if events take
// their time.
func TestOrderBehindKept(t *testing.T) {
	t.Parallel()
	v := &vault{}
	servers, sockets := v.cluster(t, 1, loop.RecoveryConfig{})
	var m member
	m.mustEnter(t, servers[0], "websocket")
	m.mustGet(t, `2["hello"]`)
	sock := within(t, "the socket", sockets)
	v.hold()
	sock.On("ask", func(s *loop.Socket, e *loop.Event) {
		_ = s.Emit("one")
		_ = s.Server().Root().Emit("two")
		_ = e.Ack("three")
		bytes := []byte("five")
		_ = s.Emit("five", bytes)
		copy(bytes, "????")
		_ = s.Server().Root().Local().Emit("six")
		s.Disconnect(false)
	})
	m.mustWrite(t, `20["ask"]`)
	eventually(t, "the handler is done", func() bool { return !sock.Connected() })
	if err := v.release(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < 7 {
		p, err := m.next()
		if err != nil {
			t.Fatal(got, err)
		}
		got = append(got, p.String())
	}
	want := []string{`2["one","1"]`, `2["two","2"]`, `30["three"]`, `51-["five",{"_placeholder":true,"num":0},"3"]`, "binary 66697665", `2["six"]`, "1"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Clients are cut off all the time under a stream of broadcasts by all servers, and
// come back to another one each time; each gets every message once, in order.
func TestNothingIsLostOrTwiceInACluster(t *testing.T) {
	t.Parallel()
	const clients, messages, cuts = 20, 2000, 8
	for _, forget := range []bool{false, true} {
		v := &vault{}
		var servers []*server
		for range 3 {
			cfg := loop.Config{Adapter: v.factory, ConnectionStateRecovery: &loop.RecoveryConfig{RestoreTimeout: patience}}
			servers = append(servers, serve(t, cfg, func(s *loop.Server) {
				s.OnConnection(func(s *loop.Socket) {
					if !s.Recovered() {
						if why := s.RecoveryFailure(); why != "" {
							t.Errorf("one does not come back: %s", why)
						}
						_ = s.Join("room")
						_ = s.Emit("m", -1)
					}
				})
			}))
		}
		var ready sync.WaitGroup
		var abandoned atomic.Bool
		ready.Add(clients)
		go func() {
			ready.Wait()
			for i := range messages {
				if abandoned.Load() {
					return
				}
				_ = servers[i%3].Root().To("room").Emit("m", i)
			}
		}()
		err := parallel(clients, func(k int) error {
			f := follower{k: k, next: -1, begun: ready.Done}
			for round := k; f.next < messages; round++ {
				if forget && f.Offset != "" {
					f.Offset = "0" + f.Offset // which the servers do not remember, but the vault does
				}
				if err := f.stay(servers[round%3], messages/cuts+k, messages); err != nil {
					return err
				}
				if err := f.missed(func() bool { return v.has(f.PID) }); err != nil {
					return err
				}
			}
			return nil
		})
		if abandoned.Store(true); err != nil {
			t.Fatal(err)
		}
	}
}

// An adapter that keeps nothing is refused.
func TestRecoveryNeedsKeeper(t *testing.T) {
	h := &hub{}
	_, err := loop.New(loop.Config{Listen: []string{"127.0.0.1:0"}, Adapter: h.factory, ConnectionStateRecovery: &loop.RecoveryConfig{}})
	if err == nil || !strings.Contains(err.Error(), "needs an Adapter that implements rooms.Recoverer") {
		t.Error(err)
	}
}
