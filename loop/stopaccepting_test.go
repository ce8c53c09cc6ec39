// Restarts without a gap: two servers at one address, and clients who connect all the time.

package loop_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// arrivals are clients who connect one after the other, several at a time, each
// with a connection of its own.
type arrivals struct {
	stop   chan struct{}
	group  sync.WaitGroup
	served atomic.Int64
	errs   chan error
}

func keepArriving(addr string) *arrivals {
	a := &arrivals{stop: make(chan struct{}), errs: make(chan error, 100)}
	for range 8 {
		a.group.Go(func() {
			for {
				select {
				case <-a.stop:
					return
				default:
				}
				if err := arriveOnce(addr); err != nil {
					select {
					case a.errs <- err:
					default:
					}
				}
				a.served.Add(1)
			}
		})
	}
	return a
}

// arriveOnce opens a session on a new connection.
func arriveOnce(addr string) error {
	w, err := dialWire(addr)
	if err != nil {
		return fmt.Errorf("dialing: %w", err)
	}
	defer w.reset()
	r, err := w.exchange("GET", target("polling", ""), "")
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	if r.status != 200 {
		return fmt.Errorf("status %d", r.status)
	}
	return nil
}

// more waits until n more have been served.
func (a *arrivals) more(t *testing.T, n int64) {
	t.Helper()
	from := a.served.Load()
	eventually(t, "further clients are served", func() bool { return a.served.Load() >= from+n })
}

// end demands that nobody was lost.
func (a *arrivals) end(t *testing.T) {
	t.Helper()
	close(a.stop)
	a.group.Wait()
	close(a.errs)
	for err := range a.errs {
		t.Errorf("a client is lost: %v", err)
	}
	t.Logf("%d clients were served", a.served.Load())
}

// TestStopAccepting: a server takes over from another, and nobody who connects
// meanwhile is lost; clients of the old one stay.
func TestStopAccepting(t *testing.T) {
	t.Parallel()
	local := "unix:" + filepath.Join(t.TempDir(), "s")
	for kind, addr := range map[string]string{"TCP": "127.0.0.1:0", "all addresses": ":0", "unix": local} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			start := func() *server {
				return serve(t, loop.Config{Listen: []string{addr}, ReusePort: true}, onSync)
			}
			old := start()
			addr = old.Addrs()[0]
			at := addr
			if strings.HasPrefix(addr, ":") {
				at = "127.0.0.1" + addr
			}
			crowd := keepArriving(at)
			for range 2 {
				crowd.more(t, 100)
				old.at = at
				mine, _ := old.connect(t, "websocket")
				next := start()
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				if err := parallel(2, func(int) error { return old.StopAccepting(ctx) }); err != nil {
					t.Fatal(err)
				}
				cancel()
				crowd.more(t, 100) // also those who were on their way
				opened := old.stats(t).ConnectionsOpened
				crowd.more(t, 100)
				if now := old.stats(t).ConnectionsOpened; now != opened {
					t.Errorf("%d connections came to the old server afterwards", now-opened)
				}
				mine.sync(t)
				mine.drop()
				old.stop(t)
				old = next
			}
			crowd.end(t)
		})
	}
}

// TestStopAcceptingAlone: without another server its address is free, also for
// somebody who does not share, and clients are refused.
func TestStopAcceptingAlone(t *testing.T) {
	s := serve(t, loop.Config{}, onSync)
	c, _ := s.connect(t, "websocket")
	if err := s.StopAccepting(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := dialWire(s.addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a client is told %v", err)
	}
	if err := s.StopAccepting(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	c.sync(t)
	c.drop()
	ln, err := net.Listen("tcp", s.addr())
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = ln.Close()
	s.stop(t)
	if err := s.StopAccepting(t.Context()); err != nil && !errors.Is(err, loop.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	idle := newServer(t, loop.Config{})
	if err := idle.StopAccepting(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("before it runs: %v", err)
	}
	if err := idle.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
