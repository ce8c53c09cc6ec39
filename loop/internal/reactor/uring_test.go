// The ring by itself, on pairs of sockets: what it sends, what it leaves, and what happens when the kernel does not play along.

package reactor

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/transport"
)

// ringOf sets a ring up. Where the system does not allow one, the test is about that: a server that demands a ring must say so.
func ringOf(t *testing.T) *uring {
	t.Helper()
	r, err := newRing(new(flushCounts))
	if err == nil {
		t.Cleanup(r.close)
		return r
	}
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, errNoSend) {
		t.Errorf("no ring for a reason of our own: %v", err)
	}
	engines := transport.NewGroup(1, &transport.Options{}, func() int64 { return 0 })
	if _, err := New(Config{Listeners: []Listener{{Addr: "127.0.0.1:0"}}, Ring: RingAlways}, engines, nil); err == nil || !strings.Contains(err.Error(), "io_uring is demanded") {
		t.Errorf("io_uring is demanded where it cannot be had: %v", err)
	}
	return nil
}

// socketPair is a connection whose both ends belong to the test.
func socketPair(t *testing.T) (c *transport.Conn, peer int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
	})
	return &transport.Conn{FD: int32(fds[0])}, fds[1]
}

// pass sends a batch through a ring.
func pass(r *uring, batch []transport.Output) {
	for i := range batch {
		r.add(i, &batch[i])
	}
	r.submit(batch)
}

// received is what a peer has got.
func received(t *testing.T, fd int) (all []byte) {
	t.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EAGAIN || n == 0 {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
}

// TestRingSends: many batches of all sizes reach their peers whole, and no other.
func TestRingSends(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	const conns = 2 * ringEntries
	rng := rand.New(rand.NewPCG(1, 2))
	var all [conns]*transport.Conn
	var peers [conns]int
	for i := range all {
		all[i], peers[i] = socketPair(t)
	}
	sends := uint64(0)
	for round := range 100 {
		n := 1 + rng.IntN(ringEntries)
		if round == 0 {
			n = ringEntries
		}
		var batch []transport.Output
		to := rng.Perm(conns)[:n]
		for _, i := range to {
			batch = append(batch, transport.Output{Conn: all[i], Data: bytes.Repeat([]byte{byte(i), byte(round)}, 1+rng.IntN(100))})
		}
		pass(r, batch)
		sends += uint64(n)
		for k, i := range to {
			if o := batch[k]; o.Sent != len(o.Data) || o.Err != nil {
				t.Fatalf("round %d: %d of %d bytes, %v", round, o.Sent, len(o.Data), o.Err)
			}
			if got := received(t, peers[i]); !bytes.Equal(got, batch[k].Data) {
				t.Fatalf("round %d, connection %d: %x arrived, %x was sent", round, i, got, batch[k].Data)
			}
		}
	}
	if c := r.counts; c.sends.Load() != sends || c.submits.Load() != 100 || c.short.Load() != 0 || c.fallbacks.Load() != 0 {
		t.Errorf("%d sends in %d calls, %d short, %d fallbacks", c.sends.Load(), c.submits.Load(), c.short.Load(), c.fallbacks.Load())
	}
}

// TestRingLeaves: what a socket does not take stays with the sender, whatever is wrong with the socket; its neighbours get theirs.
func TestRingLeaves(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	fine, finePeer := socketPair(t)
	narrow, narrowPeer := socketPair(t)
	full, fullPeer := socketPair(t)
	left, leftPeer := socketPair(t)
	closed := &transport.Conn{FD: 1 << 20}
	big := bytes.Repeat([]byte("x"), 1<<20)
	for n := 1; n > 0; {
		var err error
		if n, err = send(full.FD, big); err != nil {
			t.Fatal(err)
		}
	}
	held := len(received(t, fullPeer))
	for range 2 { // full again, to the last byte
		for n := 1; n > 0; {
			n, _ = send(full.FD, big)
		}
	}
	_ = unix.Shutdown(leftPeer, unix.SHUT_RDWR)
	text := []byte("text")
	batch := []transport.Output{{Conn: closed, Data: text}, {Conn: narrow, Data: big}, {Conn: full, Data: text}, {Conn: left, Data: text}, {Conn: fine, Data: text}}
	pass(r, batch)
	for i, want := range []func(int) bool{
		func(n int) bool { return n == 0 },
		func(n int) bool { return n > 0 && n < len(big) },
		func(n int) bool { return n == 0 },
		func(n int) bool { return n == 0 },
		func(n int) bool { return n == len(text) },
	} {
		if o := batch[i]; !want(o.Sent) || o.Err != nil {
			t.Errorf("output %d: %d of %d bytes sent, %v", i, o.Sent, len(o.Data), o.Err)
		}
	}
	if got := received(t, narrowPeer); len(got) != batch[1].Sent {
		t.Errorf("%d bytes sent, %d arrived", batch[1].Sent, len(got))
	}
	if got := received(t, finePeer); string(got) != "text" || held == 0 {
		t.Errorf("%q arrived", got)
	}
	if n := r.counts.short.Load(); n != 4 {
		t.Errorf("%d short sends", n)
	}
}

// TestRingWithoutRoom: the kernel takes a part and has no memory for the rest, which goes another way, once.
func TestRingWithoutRoom(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	c, peer := socketPair(t)
	var batch []transport.Output
	for i := range 10 {
		batch = append(batch, transport.Output{Conn: c, Data: []byte{'a' + byte(i)}})
	}
	calls := 0
	r.enter = func(fd int, submit, wait uint32) (uint32, error) {
		calls++
		switch calls {
		case 1:
			return 0, unix.EINTR
		case 2:
			return enterRing(fd, 3, wait)
		case 3:
			return enterRing(fd, 1, wait)
		}
		return 0, unix.EAGAIN
	}
	pass(r, batch)
	for i := range batch {
		if want := min(1, max(0, 4-i)); batch[i].Sent != want || batch[i].Err != nil {
			t.Errorf("output %d: %d bytes sent, %v", i, batch[i].Sent, batch[i].Err)
		}
	}
	if got := string(received(t, peer)); got != "abcd" || r.broken != nil || r.counts.fallbacks.Load() != 6 {
		t.Errorf("%q arrived, broken %v, %d fallbacks", got, r.broken, r.counts.fallbacks.Load())
	}
	r.enter = enterRing
	next := []transport.Output{{Conn: c, Data: []byte("next")}}
	pass(r, next)
	if got := string(received(t, peer)); got != "next" || next[0].Sent != 4 {
		t.Errorf("afterwards %q arrived", got)
	}
}

// TestRingForbidden: a system that changes its mind costs the ring, and no byte.
func TestRingForbidden(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	c, peer := socketPair(t)
	r.enter = func(int, uint32, uint32) (uint32, error) { return 0, unix.EPERM }
	batch := []transport.Output{{Conn: c, Data: []byte("text")}}
	pass(r, batch)
	if batch[0].Sent != 0 || batch[0].Err != nil || r.broken != unix.EPERM || len(received(t, peer)) != 0 {
		t.Errorf("%d bytes sent, %v, broken %v", batch[0].Sent, batch[0].Err, r.broken)
	}
}

// TestRingPutsOff: sends that are not complete when they are submitted are waited for.
func TestRingPutsOff(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	c, peer := socketPair(t)
	d, peer2 := socketPair(t)
	off := uint32(0)
	r.enter = func(fd int, submit, wait uint32) (uint32, error) {
		if submit > 0 { // as if taken
			off = submit
			return submit, nil
		}
		if off == 2 { // one of two now
			off--
			return enterRing(fd, 1, 1)
		}
		off = 0
		return enterRing(fd, 1, 1)
	}
	batch := []transport.Output{{Conn: c, Data: []byte("one")}, {Conn: d, Data: []byte("two")}}
	pass(r, batch)
	if batch[0].Sent != 3 || batch[1].Sent != 3 || string(received(t, peer))+string(received(t, peer2)) != "onetwo" {
		t.Errorf("%d and %d bytes sent", batch[0].Sent, batch[1].Sent)
	}
}

// TestRingLost: of sends that never come back, the connections are given up and the memory is kept.
func TestRingLost(t *testing.T) {
	r := ringOf(t)
	if r == nil {
		return
	}
	c, _ := socketPair(t)
	r.enter = func(_ int, submit, wait uint32) (uint32, error) {
		if wait > 0 {
			return 0, unix.EBADF
		}
		return submit, nil
	}
	batch := []transport.Output{{Conn: c, Data: []byte("text")}}
	pass(r, batch)
	if batch[0].Err != errRing || batch[0].Sent != 0 || r.broken == nil || len(r.held) != 1 {
		t.Errorf("%d bytes sent, %v, broken %v, %d held", batch[0].Sent, batch[0].Err, r.broken, len(r.held))
	}
}

// TestFlush: echoes of many clients leave by the ring if there is one, and the last word of each is answered.
func TestFlush(t *testing.T) {
	able := RingNever
	if ringOf(t) != nil {
		able = RingAlways
	}
	for _, mode := range []Ring{RingNever, able} {
		f := newFixture(t, 2, Config{Ring: mode, Least: 1})
		f.engines[0].Options().Gather = transport.GatherAlways // of all loops
		f.start()
		const clients, rounds = 50, 20
		var all []*net.TCPConn
		var in []*bufio.Reader
		for range clients {
			c := f.dial()
			if _, err := io.WriteString(c, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(c)
			if a, err := http.ReadResponse(r, nil); err != nil || a.StatusCode != 101 {
				t.Fatal(a, err)
			}
			if head, err := r.ReadByte(); err != nil || head != 0x81 {
				t.Fatal(head, err)
			}
			if n, err := r.ReadByte(); err != nil {
				t.Fatal(err)
			} else if _, err := r.Discard(int(n)); err != nil { // the open packet
				t.Fatal(err)
			}
			all, in = append(all, c.(*net.TCPConn)), append(in, r)
		}
		for i := range rounds {
			for _, c := range all {
				if _, err := c.Write([]byte("\x81\x83\x00\x00\x00\x004" + string(rune('A'+i)) + "x")); err != nil {
					t.Fatal(err)
				}
				if i == rounds-1 {
					_ = c.CloseWrite()
				}
			}
			for k, r := range in {
				answer := make([]byte, 5)
				if _, err := io.ReadFull(r, answer); err != nil || string(answer) != "\x81\x034"+string(rune('A'+i))+"x" {
					t.Fatalf("round %d, client %d: %q, %v", i, k, answer, err)
				}
			}
		}
		eventually(t, "all are gone", func() bool { return f.Conns() == 0 })
		s := f.Flush()
		if used := mode == RingAlways; s.Ring != used || (s.Sends >= clients*rounds-clients) != used || (s.Submits > 0) != used || s.Short+s.Fallbacks > 0 {
			t.Errorf("ring %d: %+v", mode, s)
		}
		f.end()
		if log := f.log.String(); log != "" {
			t.Errorf("log:\n%s", log)
		}
	}
}
