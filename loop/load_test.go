// Load: many clients, idle, slow, or more than there are descriptors.

package loop_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/loop"
)

// long is set for runs that may take minutes.
var long = os.Getenv("LOOP_TEST_LONG") != ""

// size picks a number of clients: with the race detector on or over TLS,
// normally, and in long runs.
func size(race, normal, longRun int) int {
	switch {
	case raceEnabled, overTLS:
		return race
	case long:
		return longRun
	}
	return normal
}

// connectMany joins n websocket clients.
func connectMany(addr string, n int) ([]*sio, error) {
	return connectWith(&net.Dialer{Timeout: patience}, addr, n)
}

func connectWith(d *net.Dialer, addr string, n int) ([]*sio, error) {
	list := make([]*sio, n)
	const workers = 8
	err := parallel(workers, func(w int) error {
		for i := w; i < n; i += workers {
			w, err := dialWith(d, addr)
			if err != nil {
				return err
			}
			c, err := openWebSocket(w, "")
			if err == nil {
				list[i] = &sio{c}
				_, err = list[i].join("/", "")
			}
			if err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
		}
		return nil
	})
	return list, err
}

func dropAll(list []*sio) {
	for _, c := range list {
		if c != nil {
			c.drop()
		}
	}
}

// TestDescriptorExhaustion: with 256 descriptors and a thousand dials the
// clients that are in are served, and new ones get in as soon as others leave.
func TestDescriptorExhaustion(t *testing.T) {
	const dials = 1000
	c := startChild(t, 256)
	before := c.do("state")
	if before.Max < 100 || before.Max > 256-64 {
		t.Fatalf("MaxConnections is %d", before.Max)
	}
	begin := time.Now()
	inside, err := connectMany(before.Addr, 20)
	defer dropAll(inside)
	if err != nil {
		t.Fatal(err)
	}
	flood := make([]net.Conn, 0, dials)
	for range dials {
		conn, err := net.DialTimeout("tcp", before.Addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		flood = append(flood, conn)
		if len(flood)%100 == 0 {
			for _, in := range inside {
				in.sync(t)
			}
		}
	}
	full := c.do("state")
	eventually(t, "those beyond the limit are refused", func() bool {
		full = c.do("state")
		return full.Stats.ConnectionsRefused >= uint64(dials+20-full.Max)
	})
	if full.Stats.Connections != full.Max {
		t.Errorf("%d connections are open, the limit is %d", full.Stats.Connections, full.Max)
	}
	for _, in := range inside {
		in.sync(t)
	}
	for _, conn := range flood {
		_ = conn.Close()
	}
	left := time.Now()
	var newcomer *sio
	eventually(t, "a new client gets in", func() bool {
		newcomer, err = dialSession(before.Addr, "websocket", "")
		return err == nil
	})
	defer newcomer.drop()
	if took := time.Since(left); took > time.Second {
		t.Errorf("a new client got in after %s", took)
	}
	if _, err := newcomer.join("/", ""); err != nil {
		t.Error(err)
	}
	after := c.do("state")
	if after.Stats.Restarts != 0 {
		t.Error("the engine was restarted")
	}
	if n, most := c.log.count("level="), int(time.Since(begin).Seconds())+2; n > most {
		t.Errorf("%d lines logged, at most %d are allowed:\n%s", n, most, tail(c.log.String()))
	}
	if c.log.count("connections are refused") == 0 {
		t.Error("the log does not tell that connections are refused")
	}
}

// TestEngineRestart: when accepting fails for want of descriptors, the loops
// are started again, and everything works as before: timers, broadcasts,
// questions to the loops, shutdown.
func TestEngineRestart(t *testing.T) {
	c := startChild(t, 256)
	addr := c.do("state").Addr
	polling, err := dialSession(addr, "polling", "")
	if err != nil {
		t.Fatal(err)
	}
	defer polling.drop()
	if _, err := polling.join("/", ""); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		inside, err := connectMany(addr, 10)
		defer dropAll(inside)
		if err != nil {
			t.Fatal(err)
		}
		if hogged := c.do("hog").Hogged; hogged == 0 {
			t.Fatal("no descriptor was left")
		}
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err == nil {
			defer func() { _ = conn.Close() }()
		}
		for _, in := range inside {
			in.expectEnd(t)
		}
		c.do("unhog")
		eventually(t, "the loops run again", func() bool {
			s := c.do("state")
			return s.Stats.Restarts > uint64(round) && s.Stats.SessionsOpened > 0
		})
		var again *sio
		eventually(t, "clients get in again", func() bool {
			again, err = dialSession(addr, "websocket", "")
			return err == nil
		})
		defer again.drop()
		if _, err := again.join("/", ""); err != nil {
			t.Fatal(err)
		}
		again.sync(t)
		p, err := again.recv()
		if err != nil || p.text != "2" {
			t.Fatalf("no heartbeat after a restart: %v, %v", p, err)
		}
		_ = again.send(packet{text: "3"})
		c.do("broadcast")
		again.expect(t, `2["m"]`)
		again.close()
		eventually(t, "nothing is left of those before", func() bool {
			l := c.do("state").Leftovers
			return l.Conns <= 2 && l.Sockets <= 1 && l.Members <= 1
		})
	}
	if n := c.log.count("the event loops ended"); n < 2 || n > 20 {
		t.Errorf("%d lines about it", n)
	}
}

// TestIdleClients: a connected client that says nothing has no goroutine, and
// one timer in the wheel.
func TestIdleClients(t *testing.T) {
	n := size(2000, 10_000, 15_000)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	n = min(n, int(lim.Max)-1000)
	c := startChild(t, 0)
	before := c.do("state")
	list, err := connectMany(before.Addr, n)
	defer dropAll(list)
	if err != nil {
		t.Fatal(err)
	}
	var during childState
	eventually(t, "all are connected and quiet", func() bool {
		during = c.do("state")
		return during.Leftovers.Sockets == n && during.Goroutines <= before.Goroutines+2
	})
	if during.Leftovers.Timers != n {
		t.Errorf("%d timers are armed for %d clients", during.Leftovers.Timers, n)
	}
	t.Logf("%d clients: %d goroutines (%d before), %d bytes of heap a client", n, during.Goroutines, before.Goroutines,
		(int64(during.Heap)-int64(before.Heap))/int64(n))
	c.do("broadcast")
	for i, client := range list {
		if p, err := client.next(); err != nil || p.text != `2["m"]` {
			t.Fatalf("client %d: %v, %v", i, p, err)
		}
	}
	dropAll(list)
	eventually(t, "nothing is left", func() bool { return c.do("state").Leftovers == loop.Leftovers{} })
}

// TestSlowConsumers: clients that stop reading are cut when they have as much
// waiting as the limits allow, at once or for longer than the grace; the others
// lose nothing and see the order.
func TestSlowConsumers(t *testing.T) {
	t.Parallel()
	slow, good := size(150, 1000, 3000), size(10, 40, 200)
	reasons := make(chan string, slow+good)
	limits := loop.Limits{OutboundBytes: 64 << 10, OutboundBurst: 128 << 10}
	s := serve(t, loop.Config{Limits: limits}, func(s *loop.Server) {
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, ": ", err) })
	})
	stuck, err := connectWith(narrow, s.addr(), slow)
	defer dropAll(stuck)
	if err != nil {
		t.Fatal(err)
	}
	fine, err := connectMany(s.addr(), good)
	defer dropAll(fine)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 4000
	ballast := strings.Repeat("x", 8<<10)
	read := make(chan error, good)
	progress := make([]chan struct{}, good)
	for i, c := range fine {
		progress[i] = make(chan struct{}, limit)
		go func() {
			for k := 0; ; k++ {
				_ = c.SetDeadline(time.Now().Add(patience)) // for each
				p, err := c.next()
				if err == nil && p.text == `2["end"]` {
					read <- nil
					return
				}
				if err == nil && !strings.HasPrefix(p.text, fmt.Sprintf(`2["m",%d,`, k)) {
					err = fmt.Errorf("message %d is %.40q", k, p.text)
				}
				if err != nil {
					read <- fmt.Errorf("client %d: %w", i, err)
					return
				}
				progress[i] <- struct{}{}
			}
		}()
	}
	cut := 0
	for k := 0; cut < slow && k < limit; k++ {
		if err := s.Emit("m", k, ballast); err != nil {
			t.Fatal(err)
		}
		// The good ones keep up: the next broadcast waits for them.
		for i := range progress {
			select {
			case <-progress[i]:
			case err := <-read:
				t.Fatal(err)
			case <-time.After(patience):
				t.Fatalf("client %d does not get message %d", i, k)
			}
		}
		for more := true; more; {
			select {
			case r := <-reasons:
				cut++
				if r != "transport error: slow consumer: the outbound queue is full" &&
					r != "transport error: slow consumer: the outbound queue stays too long" {
					t.Fatal(r)
				}
			default:
				more = false
			}
		}
	}
	if cut != slow {
		t.Fatalf("%d of %d slow clients were cut", cut, slow)
	}
	if err := s.Emit("end"); err != nil {
		t.Fatal(err)
	}
	for range fine {
		if err := within(t, "the end", read); err != nil {
			t.Error(err)
		}
	}
	hits := s.stats(t).LimitHits
	if n := hits["outbound"] + hits["outbound_burst"]; n != uint64(slow) {
		t.Errorf("limit counted %d times, want %d", n, slow)
	}
}
