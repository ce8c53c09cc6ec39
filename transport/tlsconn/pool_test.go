// The pool: places, their order, their loss, and room for bytes that come early.

package tlsconn

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// hello writes the first message of a handshake and nothing more.
func hello(t testing.TB, near net.Conn) {
	t.Helper()
	_, cfg := configs()
	sent := make(chan struct{})
	go func() { _ = tls.Client(&once{near, sent}, cfg).Handshake() }()
	within(t, "the hello", sent)
}

// once is a connection that ends for its user after the first write.
type once struct {
	net.Conn
	sent chan struct{}
}

func (c *once) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	close(c.sent)
	return n, err
}

func (*once) Read([]byte) (int, error) { return 0, io.EOF }

// TestPlaces: as many handshakes as there are places, the others in order; who
// waits for a client loses its place to them, not before its time.
func TestPlaces(t *testing.T) {
	var clock atomic.Int64
	pool := NewHandshakes(2, clock.Load)
	answered := func(near net.Conn) {
		t.Helper()
		if _, err := io.ReadFull(near, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, near) }()
	}
	idle := func(n int) {
		t.Helper()
		eventually(t, "handshakes wait for their clients", func() bool {
			pool.mu.Lock()
			defer pool.mu.Unlock()
			return pool.mu.waiting.Len() == n
		})
	}
	var loops []*loop
	for i := range 2 {
		near, l := dial(t, pool, nil)
		hello(t, near)
		answered(near)
		loops = append(loops, l)
		idle(i + 1)
	}
	third, l := dial(t, pool, nil)
	hello(t, third)
	eventually(t, "the third waits", func() bool { return pool.Stats() == Stats{Running: 2, Waiting: 1, Queued: 1} })
	l.on(t, func() {
		if !l.c.Waiting() {
			t.Error("it does not know")
		}
	})
	clock.Store(evictAfter - 1)
	pool.Press()
	if st := pool.Stats(); st.Evicted != 0 || st.Waiting != 1 {
		t.Errorf("before the time: %+v", st)
	}
	clock.Store(evictAfter)
	pool.Press()
	if err := within(t, "the end of the first", loops[0].ended); !errors.Is(err, ErrEvicted) {
		t.Error(err)
	}
	answered(third)
	idle(2)
	pool.Press() // nobody wants a place
	if st := pool.Stats(); st != (Stats{Running: 2, Failed: 1, Queued: 1, Evicted: 1}) {
		t.Errorf("%+v", st)
	}
	l.on(t, func() {
		if l.c.Waiting() {
			t.Error("it waits still")
		}
	})
	// One that is gone does not wait any more.
	clock.Store(evictAfter - 1)
	fourth, _ := dial(t, pool, nil)
	hello(t, fourth)
	eventually(t, "the fourth waits", func() bool { return pool.Stats().Waiting == 1 })
	_ = fourth.Close()
	eventually(t, "nobody waits", func() bool { return pool.Stats().Waiting == 0 })
}

// TestRoom: before the answer a client has little to say, behind it a body, and
// beyond that there is some for all together.
func TestRoom(t *testing.T) {
	pool := NewHandshakes(1, now)
	c := Server(&tls.Config{}, nil, nil)
	if _, err := c.Offer(append([]byte{typeOfHand, 3, 1, 0x40, 0}, make([]byte, helloRoom-headerSize)...)); err != nil {
		t.Errorf("on the limit: %v", err)
	}
	if _, err := c.Offer([]byte{0}); err != ErrTooMuch {
		t.Errorf("beyond it: %v", err)
	}
	c = Server(&tls.Config{}, nil, nil)
	h := c.hs
	h.pool, h.later = pool, 1000
	if _, err := h.write(nil); err != nil { // the answer
		t.Fatal(err)
	}
	offer := func(n int) error {
		_, err := c.Offer(make([]byte, n))
		return err
	}
	if err := offer(helloRoom + 1000); err != nil || pool.spared.Load() != 0 {
		t.Errorf("on the limit: %v, %d", err, pool.spared.Load())
	}
	if err := offer(spareRoom); err != nil || pool.spared.Load() != spareRoom {
		t.Errorf("all that there is for all: %v, %d", err, pool.spared.Load())
	}
	if err := offer(1); err != ErrTooMuch || pool.spared.Load() != spareRoom {
		t.Errorf("beyond it: %v, %d", err, pool.spared.Load())
	}
	pool.mu.running = 1
	h.notify = func() {}
	h.end(nil)
	if pool.spared.Load() == 0 {
		t.Error("it is given back before it is taken")
	}
	if over, err := c.Progress(); !over || err != nil || pool.spared.Load() != 0 {
		t.Errorf("%v, %v, %d", over, err, pool.spared.Load())
	}
	// The same for one whose connection goes.
	c = Server(&tls.Config{}, nil, nil)
	c.hs.pool, c.hs.sent = pool, true
	if err := offer(helloRoom + 1); err != nil || pool.spared.Load() == 0 {
		t.Errorf("%v, %d", err, pool.spared.Load())
	}
	c.Abandon()
	pool.mu.running = 1
	c.hs.end(errAbandoned)
	if pool.spared.Load() != 0 {
		t.Errorf("%d are not given back", pool.spared.Load())
	}
}
