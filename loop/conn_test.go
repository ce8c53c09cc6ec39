// Conn: facts and events of the session behind a socket.

package loop_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

func TestConn(t *testing.T) {
	var got steps
	conns := make(chan loop.Conn, 1)
	s := serve(t, loop.Config{PingInterval: 20 * time.Millisecond, PingTimeout: patience}, func(s *loop.Server) {
		onSync(s)
		s.OnConnection(func(s *loop.Socket) {
			c := s.Conn()
			c.OnUpgrade(func() { got.add("upgrade to %s", c.Transport()) })
			c.OnPacket(func(p loop.ConnPacket) { got.add("in %s %s", p.Type, p.Data) })
			c.OnPacketCreate(func(p loop.ConnPacket) { got.add("out %s %s", p.Type, p.Data) })
			c.OnHeartbeat(func() { got.add("heartbeat") })
			c.OnClose(func(r loop.DisconnectReason, err error) { got.add("close %s %v", r, err) })
			conns <- c
		})
	})
	polling, err := dialPolling(s.addr(), "")
	if err != nil {
		t.Fatal(err)
	}
	p := &sio{polling}
	sid, err := p.join("/", "")
	if err != nil {
		t.Fatal(err)
	}
	conn := within(t, "the connection", conns)
	if conn.ID() != polling.opening.SID || conn.ID() == sid || conn.Protocol() != 4 || conn.Transport() != loop.Polling || conn.ReadyState() != "open" {
		t.Errorf("id %q (of %q), revision %d, %s, %s", conn.ID(), polling.opening.SID, conn.Protocol(), conn.Transport(), conn.ReadyState())
	}
	u, err := polling.upgradeTo()
	if err != nil {
		t.Fatal(err)
	}
	c := &sio{u}
	c.sync(t)
	for !slices.Contains(got.all(), "heartbeat") {
		c.sync(t) // reads and answers pings on the way
	}
	conn.Close(false)
	c.expectEnd(t)
	eventually(t, "the close", func() bool { return slices.Contains(got.all(), "close forced close <nil>") })
	list := got.all()
	for _, want := range []string{"upgrade to websocket", `in message 2["sync"]`, `out message 2["synced"]`, "out ping ", "in pong "} {
		if !slices.Contains(list, want) {
			t.Errorf("no %q among %q", want, list)
		}
	}
	if i := slices.Index(list, "in pong "); i < 0 || !strings.HasPrefix(list[i-1], "heartbeat") && !slices.Contains(list[i:], "heartbeat") {
		t.Errorf("heartbeats: %q", list)
	}
	if conn.ReadyState() != "closed" {
		t.Error(conn.ReadyState())
	}
	conn.Close(true) // has no effect any more
}

func TestConnDrainsAndDiscards(t *testing.T) {
	t.Parallel()
	drained, conns := make(chan bool, 1), make(chan loop.Conn, 1)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.OnConnection(func(s *loop.Socket) {
			s.Conn().OnDrain(func() {
				select {
				case drained <- true:
				default:
				}
			})
			conns <- s.Conn()
		})
		s.On("fill", func(s *loop.Socket, _ *loop.Event) {
			_ = s.Emit("x", strings.Repeat("x", 16<<20)) // more than the kernel takes
		})
	})
	c, _ := s.connect(t, "websocket")
	conn := within(t, "the connection", conns)
	c.mustWrite(t, `2["fill"]`)
	c.mustNext(t)
	within(t, "the drain", drained)
	conn.Close(true)
	c.expectEnd(t)
}

func TestConnSockets(t *testing.T) {
	sockets := make(chan *loop.Socket, 2)
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.Of("/a")
		s.OnConnection(func(s *loop.Socket) { sockets <- s })
		s.On("inline", func(s *loop.Socket, e *loop.Event) {
			_, err := s.Conn().Sockets(s.Context())
			_ = e.Ack(err == loop.ErrOnLoop)
		}, loop.Inline())
	})
	c, sid := s.connect(t, "websocket")
	other, _ := s.connect(t, "websocket")
	other.mustJoin(t, "/a")
	sock := within(t, "the socket", sockets)
	if sock.ID() != sid {
		sock = within(t, "the socket", sockets)
	}
	a, err := c.join("/a", "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := sock.Conn().Sockets(t.Context())
	var ids []string
	for _, x := range list {
		ids = append(ids, x.Namespace().Name()+" "+x.ID())
	}
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, []string{"/ " + sid, "/a " + a}) {
		t.Errorf("sockets %q, %v", ids, err)
	}
	c.mustWrite(t, `20["inline"]`)
	c.expect(t, `30[true]`)
	if n := s.stats(t).Sessions; n != 2 {
		t.Errorf("%d sessions", n)
	}
	c.close()
	eventually(t, "one has left", func() bool { return s.stats(t).Sessions == 1 })
	if list, err := sock.Conn().Sockets(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("sockets of a client that is gone: %v, %v", list, err)
	}
}
