// A network made of nothing: the loop and its engine without sockets, for
// allocation counts and benchmarks.

package loop

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/transport"
)

// fakeNetwork takes everything that is written and keeps the last of it, or all
// of it once all is not nil.
type fakeNetwork struct {
	last, all []byte
	writes    int
	woken     bool
}

func (n *fakeNetwork) Write(_ *transport.Conn, p []byte) error {
	n.last = append(n.last[:0], p...)
	if n.all != nil {
		n.all = append(n.all, p...)
	}
	n.writes++
	return nil
}

func (n *fakeNetwork) Send(batch []transport.Output) {
	for i := range batch {
		o := &batch[i]
		_ = n.Write(o.Conn, o.Data)
		o.Sent = len(o.Data)
	}
}

func (*fakeNetwork) Buffered(*transport.Conn) int                         { return 0 }
func (*fakeNetwork) Shutdown(*transport.Conn)                             {}
func (*fakeNetwork) Close(*transport.Conn)                                {}
func (*fakeNetwork) Leave(*transport.Conn, []byte) bool                   { return false }
func (*fakeNetwork) Move(*transport.Conn, *transport.Engine, []byte) bool { return false }
func (n *fakeNetwork) Wake()                                              { n.woken = true }
func (*fakeNetwork) Alarm(int64)                                          {}
func (*fakeNetwork) RemoteAddr() net.Addr                                 { return nil }
func (*fakeNetwork) LocalAddr() net.Addr                                  { return nil }

// fakeServer is a server of one loop that the calling goroutine runs.
type fakeServer struct {
	*Server
	net    *fakeNetwork
	engine *transport.Engine
}

func newFakeServer(t testing.TB) *fakeServer {
	t.Helper()
	s, err := New(Config{Listen: []string{"127.0.0.1:0"}, Loops: 1, DropHandshake: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.engines[0].Leave()
		_ = s.Shutdown(t.Context())
	})
	f := &fakeServer{s, &fakeNetwork{}, s.engines[0]}
	f.engine.Attach(upcalls{s.loops[0]}, f.net)
	f.engine.Enter()
	return f
}

// feed gives bytes to a connection, and lets the batch end if the engine wants to.
func (f *fakeServer) feed(c *transport.Conn, b []byte) {
	f.engine.Feed(c, b)
	if f.net.woken {
		f.net.woken = false
		f.engine.RunTasks()
	}
}

// connect makes a websocket client in the namespace "/".
func (f *fakeServer) connect(t testing.TB) *transport.Conn {
	t.Helper()
	c := f.engine.Open(f.net, 0)
	f.engine.Feed(c, []byte("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
	f.feed(c, maskedText("40"))
	if !strings.Contains(string(f.net.last), `40{"sid":"`) {
		t.Fatalf("answer to CONNECT: %q", f.net.last)
	}
	return c
}

// maskedText is a client's text frame. Its mask is 0, so that it stays the same
// when it is unmasked in place.
func maskedText(text string) []byte {
	b := []byte{0x81}
	if n := len(text); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), text...)
}
