// A server that takes leave of its clients.

package loop_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// TestDrain: clients over every transport are sent away, told nothing that would
// keep them away, and nobody is let in meanwhile.
func TestDrain(t *testing.T) {
	reasons := make(chan loop.DisconnectReason, 10)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnDisconnect(func(_ *loop.Socket, reason loop.DisconnectReason, _ error) { reasons <- reason })
	})
	var clients []*sio
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		c, _ := s.connect(t, transport)
		clients = append(clients, c)
	}
	if err := s.Emit("last", 1); err != nil {
		t.Fatal(err)
	}
	var seen []loop.DrainProgress
	if err := s.Drain(t.Context(), loop.DrainPlan{Progress: func(p loop.DrainProgress) { seen = append(seen, p) }}); err != nil {
		t.Fatal(err)
	}
	for i, c := range clients {
		c.expect(t, `2["last",1]`)
		if p, err := c.next(); err == nil {
			t.Errorf("client %d got %v, not the end", i, p)
		} else if strings.HasPrefix(err.Error(), "packet \"41") {
			t.Errorf("client %d was disconnected for good: %v", i, err)
		}
		if reason := within(t, "the disconnect", reasons); reason != loop.ServerShuttingDown {
			t.Errorf("reason %q", reason)
		}
	}
	if first, last := seen[0], seen[len(seen)-1]; first.Total != 3 || first.Remaining != 3 || last.Remaining != 0 {
		t.Errorf("progress from %+v to %+v", first, last)
	}
	if !s.Draining() || s.ClientsCount() != 0 {
		t.Errorf("draining %v with %d clients", s.Draining(), s.ClientsCount())
	}
	for _, transport := range []string{"websocket", "polling"} {
		_, err := dialSession(s.addr(), transport, "")
		var refused *statusError
		if !errors.As(err, &refused) || refused.status != 503 {
			t.Errorf("%s: %v while draining, want status 503", transport, err)
		}
	}
	if n := s.stats(t).RefusedAdmission; n != 2 {
		t.Errorf("%d handshakes were refused, want 2", n)
	}
}

// TestDrainPace: clients go at the rate of the plan and not faster.
func TestDrainPace(t *testing.T) {
	const clients, rate = 30, 100
	s := serve(t, loop.Config{}, nil)
	for range clients {
		s.connect(t, "websocket")
	}
	begun := time.Now()
	if err := s.Drain(t.Context(), loop.DrainPlan{Over: time.Millisecond, MaxRate: rate}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < clients*time.Second/rate {
		t.Errorf("%d clients went in %s, at most %d a second may", clients, took, rate)
	}
}

// TestDrainCancelled: the server is back in service.
func TestDrainCancelled(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	for range 5 {
		s.connect(t, "polling")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Drain(ctx, loop.DrainPlan{Over: 5 * time.Second, Progress: func(p loop.DrainProgress) {
		if p.Total == 5 && p.Remaining < 5 {
			if again := s.Drain(t.Context(), loop.DrainPlan{}); again != loop.ErrDraining {
				t.Errorf("a second drain: %v", again)
			}
			cancel()
		}
	}})
	if err != context.Canceled || s.Draining() {
		t.Fatalf("%v, draining %v", err, s.Draining())
	}
	left := s.ClientsCount()
	if left == 0 || left == 5 {
		t.Errorf("%d clients are left", left)
	}
	s.connect(t, "websocket")
	if err := s.Drain(t.Context(), loop.DrainPlan{}); err != nil || s.ClientsCount() != 0 {
		t.Errorf("the drain after: %v, %d clients left", err, s.ClientsCount())
	}
}

// TestAdmission: the last word on handshakes, and what is given back.
func TestAdmission(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	const most = 2
	inside := make(chan struct{}, most)
	s.SetAdmission(func(a loop.Admission) (func(), *loop.Refusal) {
		if !a.Addr.IsLoopback() {
			t.Errorf("address %v", a.Addr)
		}
		select {
		case inside <- struct{}{}:
			return func() { <-inside }, nil
		default:
			return nil, &loop.Refusal{RetryAfter: 1500 * time.Millisecond, Code: "max_connections_per_ip", Message: "too many from this address"}
		}
	})
	c, _ := s.connect(t, "websocket")
	s.connect(t, "polling")
	w := dialHTTP(t, s)
	for _, fields := range [][]string{nil, websocketFields} {
		target := "/socket.io/?EIO=4&transport=polling"
		if fields != nil {
			target = "/socket.io/?EIO=4&transport=websocket"
		}
		r, err := w.exchange("GET", target, "", fields...)
		if err != nil {
			t.Fatal(err)
		}
		if r.status != 503 || r.field("Retry-After") != "2" || r.body != `{"code":"max_connections_per_ip","message":"too many from this address"}` {
			t.Errorf("refused with %d, %v, %q", r.status, r.fields, r.body)
		}
	}
	c.drop()
	eventually(t, "the place is free again", func() bool { return len(inside) == 1 })
	// A websocket handshake that is broken behind the admission.
	broken := slices.DeleteFunc(slices.Clone(websocketFields), func(f string) bool { return strings.HasPrefix(f, "Sec-WebSocket-Key") })
	if r, err := dialHTTP(t, s).exchange("GET", "/socket.io/?EIO=4&transport=websocket", "", broken...); err != nil || r.status != 400 {
		t.Fatalf("%v, %v", r, err)
	}
	if len(inside) != 1 {
		t.Error("a broken handshake has kept its place")
	}
	s.connect(t, "polling")
	s.SetAdmission(func(loop.Admission) (func(), *loop.Refusal) { panic("in the function") })
	s.connect(t, "polling")
	s.SetAdmission(nil)
	s.connect(t, "websocket")
	if st := s.stats(t); st.RefusedAdmission != 2 || st.Panics != 1 {
		t.Errorf("%d refused, %d panics", st.RefusedAdmission, st.Panics)
	}
}

// dialHTTP opens a connection for requests.
func dialHTTP(t *testing.T, s *server) *wire {
	t.Helper()
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}
