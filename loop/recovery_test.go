// Connection state recovery: who may come back, as what, and what they get.

package loop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// member is a client that can come back.
type member struct {
	*sio
	SID, PID, Offset string
}

// enter joins the namespace "/", as the socket that m was if it was one, and
// returns the events before the answer.
func (m *member) enter(s *server, transport string) (events []string, err error) {
	if m.sio, err = dialSession(s.addr(), transport, ""); err != nil {
		return nil, err
	}
	auth := ""
	if m.PID != "" {
		auth = fmt.Sprintf(`{"pid":%q,"offset":%q}`, m.PID, m.Offset)
	}
	if err := m.write("0" + auth); err != nil {
		return nil, err
	}
	for {
		p, err := m.next()
		if err != nil {
			return events, err
		}
		if strings.HasPrefix(p.text, "4") {
			return events, errors.New(p.text)
		}
		if answer, ok := strings.CutPrefix(p.text, "0"); ok {
			m.SID, m.PID = "", ""
			return events, json.Unmarshal([]byte(answer), m)
		}
		events = append(events, m.note(p.text))
	}
}

// note takes the offset off an event.
func (m *member) note(event string) string {
	list := strings.LastIndexByte(event, ',')
	m.Offset = strings.Trim(event[list+1:], `"]`)
	return event[:list] + "]"
}

func (m *member) mustEnter(t testing.TB, s *server, transport string, missed ...string) {
	t.Helper()
	events, err := m.enter(s, transport)
	if err != nil || !slices.Equal(events, missed) {
		t.Fatalf("came back to %q, %v; want %q", events, err, missed)
	}
	t.Cleanup(m.drop)
}

func (m *member) mustGet(t testing.TB, want string) {
	t.Helper()
	if got := m.note(m.mustNext(t)); got != want {
		t.Fatalf("event %q, want %q", got, want)
	}
}

// leave cuts the connection and waits until the server has noticed. Of a polling
// client it can notice only that an open request is cut.
func (m *member) leave(t testing.TB, s *server) {
	t.Helper()
	before := s.Root().ConnectedSockets()
	if c, polls := m.carrier.(*overPolling); polls {
		if err := c.get.request("GET", target("polling", c.sid()), ""); err != nil {
			t.Fatal(err)
		}
		_ = c.get.Close() // not a reset, which could overtake the request
	}
	m.drop()
	eventually(t, "the disconnect", func() bool { return s.Root().ConnectedSockets() == before-1 })
	s.stats(t) // asks the loops, which are done with the disconnect then: it is kept
}

// follower is a client that is cut off again and again, and must see the events
// m -1, m 0, m 1 ... each once and in order.
type follower struct {
	member
	k     int // which client
	next  int
	sid   string
	begun func() // is called when it has seen the first
}

func (f *follower) see(event string) error {
	if want := fmt.Sprintf(`2["m",%d]`, f.next); event != want {
		return fmt.Errorf("client %d: %s, want %s", f.k, event, want)
	}
	if f.next++; f.next == 0 {
		f.begun()
	}
	return nil
}

// stay comes back, sees what it has missed and so many events more, up to the
// last, and is cut off.
func (f *follower) stay(s *server, more, last int) error {
	events, err := f.enter(s, []string{"websocket", "upgrade"}[f.k%2])
	if err != nil {
		return err
	}
	if f.sid == "" {
		f.sid = f.SID
	}
	if f.SID != f.sid {
		return fmt.Errorf("client %d is another socket at %d", f.k, f.next)
	}
	for _, e := range events {
		if err := f.see(e); err != nil {
			return err
		}
	}
	for stop := min(f.next+more, last); f.next < stop; {
		p, err := f.member.next()
		if err != nil {
			return err
		}
		if err := f.see(f.note(p.text)); err != nil {
			return err
		}
	}
	f.drop()
	return nil
}

// missed waits until its absence is noticed.
func (f *follower) missed(gone func() bool) error {
	for deadline := time.Now().Add(patience); !gone(); {
		if time.Now().After(deadline) {
			return fmt.Errorf("client %d: its absence is not noticed", f.k)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func recovering(c loop.RecoveryConfig) loop.Config { return loop.Config{ConnectionStateRecovery: &c} }

func TestRecovery(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, transport string) {
		sockets := make(chan *loop.Socket, 4)
		var admitted atomic.Int32
		s := serve(t, recovering(loop.RecoveryConfig{}), func(s *loop.Server) {
			s.Use(func(*loop.Socket) error { admitted.Add(1); return nil })
			s.OnConnection(func(s *loop.Socket) { sockets <- s })
		})
		var m member
		m.mustEnter(t, s, transport)
		first := within(t, "the socket", sockets)
		if first.Recovered() || first.RecoveryFailure() != "" || len(m.PID) != 20 || m.PID == m.SID {
			t.Errorf("recovered %v (%s), pid %q, sid %q", first.Recovered(), first.RecoveryFailure(), m.PID, m.SID)
		}
		first.SetData("mine")
		must := func(errs ...error) {
			t.Helper()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
		}
		must(first.Join("room"), first.Emit("hello"))
		m.mustGet(t, `2["hello"]`)
		sid, pid := m.SID, m.PID
		m.leave(t, s)
		must(
			s.Root().Emit("all", 1, []int{2}), s.Root().To("room").Emit("room"), s.Root().To("elsewhere").Emit("not"),
			s.Root().Except("room").Emit("not"), s.Root().To(sid).Emit("own"), s.Root().Volatile().Emit("not"),
		)
		if _, err := s.Root().EmitWithAck(t.Context(), "not"); err != nil {
			t.Fatal(err)
		}
		m.mustEnter(t, s, transport, `2["all",1,[2]]`, `2["room"]`, `2["own"]`)
		second := within(t, "the socket", sockets)
		if m.SID != sid || m.PID != pid || second.ID() != sid || !second.Recovered() || second == first {
			t.Errorf("came back as %q (was %q), pid %q (was %q), recovered %v", m.SID, sid, m.PID, pid, second.Recovered())
		}
		if data, _ := loop.DataAs[string](second); data != "mine" || !slices.Equal(second.Rooms(), []string{sid, "room"}) || admitted.Load() != 1 {
			t.Errorf("data %q, rooms %q, %d times through middleware", data, second.Rooms(), admitted.Load())
		}
		must(s.Root().To("room").Emit("after"))
		m.mustGet(t, `2["after"]`)
		// Once more: it can come back as often as it leaves.
		m.leave(t, s)
		must(s.Root().Emit("again"))
		m.mustEnter(t, s, transport, `2["again"]`)
		within(t, "the socket", sockets)
		// But nobody else can take its place while it is there.
		thief := m
		thief.mustEnter(t, s, transport)
		if sock := within(t, "the socket", sockets); thief.SID == sid || sock.RecoveryFailure() != loop.RecoveryUnknownSession {
			t.Errorf("two sockets of one (%s)", sock.RecoveryFailure())
		}
		if st := s.stats(t); st.Recovered != 2 || st.RecoveryFailures[loop.RecoveryUnknownSession] != 1 {
			t.Errorf("counted %d, %v", st.Recovered, st.RecoveryFailures)
		}
	})
}

// A client whose pongs do not come may come back too. On a busy machine that may
// happen to it again while it does.
func TestRecoveryAfterPingTimeout(t *testing.T) {
	t.Parallel()
	s := serve(t, loop.Config{
		ConnectionStateRecovery: &loop.RecoveryConfig{}, PingInterval: 50 * time.Millisecond, PingTimeout: time.Second,
	}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { _ = s.Emit("hello", s.Recovered()) })
	})
	for _, transport := range []string{"websocket", "polling"} {
		var m member
		in := func() bool {
			if _, err := m.enter(s, transport); err != nil {
				return false
			}
			t.Cleanup(m.drop)
			p, err := m.next()
			if err == nil {
				m.note(p.text)
			}
			return err == nil
		}
		eventually(t, "it is in", in)
		sid := m.SID
		eventually(t, "its absence is noticed", func() bool { return s.Root().IsAway(m.PID) })
		eventually(t, "it is in again", in)
		if m.SID != sid {
			t.Errorf("%s: it is another socket", transport)
		}
	}
}

func TestWhoCannotComeBack(t *testing.T) {
	for _, test := range []struct {
		name    string
		cfg     loop.RecoveryConfig
		leave   func(t *testing.T, s *server, m *member)
		failure string
		limit   string
	}{
		{name: "one that left the namespace", leave: func(t *testing.T, s *server, m *member) {
			m.mustWrite(t, "1")
			eventually(t, "it has left", func() bool { return s.Root().ConnectedSockets() == 0 })
		}, failure: loop.RecoveryUnknownSession},
		{name: "one that was sent away", leave: func(t *testing.T, s *server, m *member) {
			if err := s.Root().DisconnectSockets(true); err != nil {
				t.Fatal(err)
			}
			m.expectEnd(t)
		}, failure: loop.RecoveryUnknownSession},
		{name: "away too long", cfg: loop.RecoveryConfig{MaxDisconnectionDuration: time.Millisecond}, leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			eventually(t, "it has expired", func() bool { return s.Root().Away() == 0 })
		}, failure: loop.RecoveryUnknownSession},
		{name: "an offset of the future", leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			m.Offset = "9"
		}, failure: loop.RecoveryUnknownOffset},
		{name: "an offset that is none", leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			m.Offset = "-0"
		}, failure: loop.RecoveryUnknownOffset},
		{name: "an offset in another spelling", leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			m.Offset = "00"
		}, failure: loop.RecoveryUnknownOffset},
		{name: "without an offset", leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			m.PID, m.Offset = "", ""
		}},
		{name: "missed more than is kept", cfg: loop.RecoveryConfig{MaxBytes: 2000}, leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			for range 3 {
				if err := s.Root().Emit("big", strings.Repeat("x", 900)); err != nil {
					t.Fatal(err)
				}
			}
		}, failure: loop.RecoveryUnknownOffset, limit: "recovery_bytes"},
		{name: "too many are away", cfg: loop.RecoveryConfig{MaxSessions: 1}, leave: func(t *testing.T, s *server, m *member) {
			m.leave(t, s)
			var other member
			other.mustEnter(t, s, "websocket")
			other.leave(t, s)
		}, failure: loop.RecoveryUnknownSession, limit: "recovery_sessions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sockets := make(chan *loop.Socket, 4)
			s := serve(t, recovering(test.cfg), func(s *loop.Server) {
				s.OnConnection(func(s *loop.Socket) { sockets <- s; _ = s.Emit("hello") })
			})
			var m member
			m.mustEnter(t, s, "websocket")
			m.mustGet(t, `2["hello"]`)
			within(t, "the socket", sockets)
			sid := m.SID
			test.leave(t, s, &m)
			for len(sockets) > 0 {
				<-sockets
			}
			m.mustEnter(t, s, "websocket")
			if sock := within(t, "the socket", sockets); sock.Recovered() || sock.RecoveryFailure() != test.failure || m.SID == sid {
				t.Errorf("recovered %v, failure %q, want %q", sock.Recovered(), sock.RecoveryFailure(), test.failure)
			}
			if test.limit != "" && s.stats(t).LimitHits[test.limit] == 0 {
				t.Errorf("%s is not counted", test.limit)
			}
		})
	}
}

func TestRecoveryThroughMiddleware(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	s := serve(t, recovering(loop.RecoveryConfig{SkipMiddlewares: loop.Disabled}), func(s *loop.Server) {
		s.Use(func(s *loop.Socket) error {
			if data := s.Data(); s.Recovered() != (data == "mine") {
				return fmt.Errorf("recovered %v with data %v", s.Recovered(), data)
			}
			if refuse.Load() {
				return errors.New("no more")
			}
			s.SetData("mine")
			return nil
		})
		s.OnConnection(func(s *loop.Socket) { _ = s.Emit("hello") })
	})
	var m member
	m.mustEnter(t, s, "websocket")
	m.mustGet(t, `2["hello"]`)
	sid := m.SID
	m.leave(t, s)
	m.mustEnter(t, s, "websocket")
	m.mustGet(t, `2["hello"]`)
	if m.SID != sid {
		t.Error("it did not come back")
	}
	refuse.Store(true)
	m.leave(t, s)
	if events, err := m.enter(s, "websocket"); err == nil {
		t.Errorf("let in with %q", events)
	}
}

func TestVersion2CannotComeBack(t *testing.T) {
	cfg := recovering(loop.RecoveryConfig{})
	cfg.AllowEIO3 = true
	cfg.PingInterval = patience
	s := serve(t, cfg, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) { _ = s.Emit("hello", s.Recovered(), s.RecoveryFailure()) })
	})
	for range 2 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.reset)
		if err := w.upgrade("/socket.io/?EIO=3&transport=websocket"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"0{", "40", `42["hello",false,""]`} {
			p, err := w.readPacket()
			if err != nil || !strings.HasPrefix(p.text, want) || want == "40" && p.text != want {
				t.Fatalf("packet %v, %v; want %q", p, err, want)
			}
		}
		w.reset()
		eventually(t, "it has left", func() bool { return s.Root().ConnectedSockets() == 0 })
	}
	if n := s.Root().Away(); n != 0 {
		t.Errorf("%d clients may come back", n)
	}
}

// Clients are cut off all the time under a stream of broadcasts; each gets every
// message once, in order.
func TestNothingIsLostOrTwice(t *testing.T) {
	const clients, messages, cuts = 20, 3000, 8
	s := serve(t, loop.Config{ConnectionStateRecovery: &loop.RecoveryConfig{}}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) {
			if !s.Recovered() {
				_ = s.Join("room")
				_ = s.Emit("m", -1)
			}
		})
	})
	var ready sync.WaitGroup
	ready.Add(clients)
	go func() {
		ready.Wait()
		for i := range messages {
			_ = s.Root().To("room").Emit("m", i)
		}
	}()
	err := parallel(clients, func(k int) error {
		f := follower{k: k, next: -1, begun: ready.Done}
		for f.next < messages {
			if err := f.stay(s, messages/cuts+k, messages); err != nil {
				return err
			}
			// A client that comes back before its absence is noticed is new.
			if err := f.missed(func() bool { return s.Root().IsAway(f.PID) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
