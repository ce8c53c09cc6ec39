// The limits of the gate over real sockets, and its end.

package loop_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// TestGatedRequests: so many may wait and no longer than so; the loops go on,
// and those that have gone do no harm.
func TestGatedRequests(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	s := serve(t, loop.Config{
		Limits: loop.Limits{GatedRequests: 3, GateTime: time.Hour},
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Wait") != "" {
				entered <- struct{}{}
				<-release
			}
			return nil
		},
	}, onSync)
	c, _ := s.connect(t, "websocket")
	var waiting []*wire
	for range 3 {
		w, err := dialWire(s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		if err := w.request("GET", pollingPath, "", "X-Wait: 1"); err != nil {
			t.Fatal(err)
		}
		within(t, "AllowRequest", entered)
		waiting = append(waiting, w)
	}
	if r := s.ask(t, "GET", pollingPath); r.status != 503 {
		t.Errorf("one more: %d", r.status)
	}
	if n := s.stats(t).LimitHits["gated"]; n != 1 {
		t.Errorf("%d hits", n)
	}
	c.sync(t)
	waiting[0].reset()
	eventually(t, "there is a place again", func() bool { return s.ask(t, "GET", pollingPath).status == 200 })
	close(release)
	for _, w := range waiting[1:] {
		if r, err := w.response("GET"); err != nil || r.status != 200 {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// TestGateTime: who is not decided about in time is told that the server is
// busy; the context of the request says so too.
func TestGateTime(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, loop.Config{
		Limits:       loop.Limits{GateTime: 50 * time.Millisecond},
		AllowRequest: func(r *http.Request) error { <-r.Context().Done(); ended <- r.Context().Err(); return nil },
	}, nil)
	if r := s.ask(t, "GET", pollingPath); r.status != 503 && r.status != 200 {
		t.Errorf("%d", r.status)
	}
	if err := within(t, "the end of the context", ended); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

// TestGateTimeBlocked is a function that does not look at the context.
func TestGateTimeBlocked(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, loop.Config{
		Limits:       loop.Limits{GateTime: 20 * time.Millisecond},
		AllowRequest: func(*http.Request) error { <-release; return nil },
	}, nil)
	for _, r := range []*response{s.ask(t, "GET", pollingPath), s.askUpgrade(t, webSocketPath)} {
		if r.status != 503 {
			t.Errorf("%d", r.status)
		}
	}
	if n := s.stats(t).LimitHits["gate_time"]; n != 2 {
		t.Errorf("%d hits", n)
	}
	close(release)
}

// TestGateShutdown: a shutdown waits for those who decide, and the requests end.
func TestGateShutdown(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, loop.Config{AllowRequest: func(*http.Request) error {
		close(entered)
		<-release
		return nil
	}}, nil)
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.request("GET", pollingPath, ""); err != nil {
		t.Fatal(err)
	}
	within(t, "AllowRequest", entered)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if r, err := w.response("GET"); err == nil {
		t.Errorf("answered %d by a server that ends", r.status)
	}
	select {
	case err := <-stopped:
		t.Errorf("the shutdown did not wait: %v", err)
	default:
	}
	close(release)
	if err := within(t, "the end", stopped); err != nil {
		t.Error(err)
	}
}
