// Clients over a transport of the application's: in memory.

package loop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// inMemory is a client in the same process: the two ends of an EngineConn.
type inMemory struct {
	session *loop.EngineSession
	out     chan packet
	hold    chan struct{} // Send waits for it, unless it is nil
	ended   chan loop.DisconnectReason
	gone    chan struct{}
}

func newInMemory() *inMemory {
	return &inMemory{out: make(chan packet, 1<<16), ended: make(chan loop.DisconnectReason, 1), gone: make(chan struct{})}
}

// Send implements [loop.EngineConn].
func (m *inMemory) Send(message []byte, binary bool) error {
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-m.gone:
			return io.ErrClosedPipe
		}
	}
	p := packet{binary: binary, bin: bytes.Clone(message)}
	if !binary {
		p = packet{text: "4" + string(message)}
	}
	m.out <- p
	return nil
}

// Close implements [loop.EngineConn].
func (m *inMemory) Close(reason loop.DisconnectReason) {
	m.ended <- reason // blocks if it is called twice
	close(m.gone)
}

func (m *inMemory) send(packets ...packet) (err error) {
	for _, p := range packets {
		if p.binary {
			err = errors.Join(err, m.session.Receive(p.bin, true))
		} else {
			err = errors.Join(err, m.session.Receive([]byte(p.text[1:]), false))
		}
	}
	return err
}

func (m *inMemory) recv() (packet, error) {
	select {
	case p := <-m.out:
		return p, nil
	default:
	}
	select {
	case p := <-m.out:
		return p, nil
	case <-m.gone:
		select {
		case p := <-m.out:
			return p, nil
		default:
			return packet{}, io.EOF
		}
	case <-time.After(patience):
		return packet{}, errors.New("nothing in time")
	}
}

func (m *inMemory) drop()                       { m.session.Close(io.ErrUnexpectedEOF) }
func (m *inMemory) close()                      { m.session.Close(nil) }
func (m *inMemory) SetDeadline(time.Time) error { return nil }

// bind makes a client in memory.
func (s *server) bind(t testing.TB, m *inMemory, h loop.EngineHandshake) *sio {
	t.Helper()
	session, err := s.Bind(m, h)
	if err != nil {
		t.Fatal(err)
	}
	m.session = session
	t.Cleanup(m.close)
	return &sio{m}
}

func TestBind(t *testing.T) {
	s, sockets := connected(t, loop.Config{Loops: 3}, func(s *loop.Server) {
		onSync(s)
		s.On("echo", func(s *loop.Socket, e *loop.Event) {
			_ = s.EmitArgs("echo", e.Args())
			_ = e.AckArgs(e.Args())
		})
		s.On("inline", func(s *loop.Socket, e *loop.Event) { _ = s.EmitArgs("inline", e.Args()) }, loop.Inline())
	})
	r, err := http.NewRequest("GET", "http://host/path?who=me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Test", "yes")
	r.TLS = &tls.ConnectionState{ServerName: "inner"}
	type key struct{}
	r = r.WithContext(context.WithValue(context.Background(), key{}, "value"))
	m := newInMemory()
	c := s.bind(t, m, loop.EngineHandshake{Transport: "memory", ID: "chosen", Request: r, RemoteAddr: "10.0.0.1:99"})
	sid, err := c.join("/", `{"token":"x"}`)
	if err != nil {
		t.Fatal(err)
	}
	sock := within(t, "the connection", sockets)
	h, conn := sock.Handshake(), sock.Conn()
	if sock.ID() != sid || sock.Transport() != "memory" || conn.Transport() != "memory" || conn.ID() != "chosen" || conn.Protocol() != 4 {
		t.Errorf("socket %q of %q, over %q", sock.ID(), conn.ID(), sock.Transport())
	}
	if h.Query().Get("who") != "me" || h.Header().Get("X-Test") != "yes" || h.Address() != "10.0.0.1" || h.URL() != "/path?who=me" ||
		string(h.RawAuth()) != `{"token":"x"}` || h.Context().Value(key{}) != "value" || !h.Secure() {
		t.Errorf("handshake %v %v %q %q %s", h.Query(), h.Header(), h.Address(), h.URL(), h.RawAuth())
	}
	c.mustWrite(t, `21["echo",1,"x"]`, `2["inline",2]`)
	c.expect(t, `2["echo",1,"x"]`, `31[1,"x"]`, `2["inline",2]`)
	cited := `["echo",{"_placeholder":true,"num":0}]`
	if err := c.send(packet{text: "451-" + cited}, packet{bin: []byte{7, 8}, binary: true}); err != nil {
		t.Fatal(err)
	}
	c.expect(t, "51-"+cited)
	if p, err := c.next(); err != nil || !bytes.Equal(p.bin, []byte{7, 8}) {
		t.Errorf("attachment %v, %v", p, err)
	}
	// Beside clients of other transports, in rooms and broadcasts.
	other, _ := s.connect(t, "polling")
	_ = within(t, "the other", sockets).Join("room")
	_ = sock.Join("room")
	_ = s.To("room").Emit("to", "both", []byte{1})
	for _, x := range []*sio{c, other} {
		x.expect(t, `51-["to","both",{"_placeholder":true,"num":0}]`)
		if p, err := x.next(); err != nil || !bytes.Equal(p.bin, []byte{1}) {
			t.Errorf("attachment %v, %v", p, err)
		}
	}
	for i := range 2000 {
		_ = sock.Emit("n", i)
	}
	for i := range 2000 {
		c.expect(t, fmt.Sprintf(`2["n",%d]`, i))
	}
	_ = sock.Emit("last")
	conn.Close(false)
	c.expect(t, `2["last"]`)
	if reason := within(t, "the end", m.ended); reason != loop.ForcedClose || m.session.Reason() != reason {
		t.Errorf("ended with %q", reason)
	}
	within(t, "done", m.session.Done())
	if err := m.session.Receive([]byte("2"), false); err != loop.ErrDisconnected {
		t.Errorf("behind the end: %v", err)
	}
	eventually(t, "nothing is left", func() bool { return s.ClientsCount() == 1 && s.Root().ConnectedSockets() == 1 })
	// Its id is free again, and no request has ever found it.
	again := s.bind(t, newInMemory(), loop.EngineHandshake{ID: "chosen"})
	again.sync0(t)
	if r := s.ask(t, "GET", pollingPath+"&sid=chosen"); r.status != 400 {
		t.Errorf("a poll for it: %d", r.status)
	}
}

// sync0 joins "/".
func (c *sio) sync0(t *testing.T) {
	t.Helper()
	if _, err := c.join("/", ""); err != nil {
		t.Fatal(err)
	}
}

// TestBindEnds: every way to end, and what both sides are told.
func TestBindEnds(t *testing.T) {
	reasons := make(chan string, 10)
	s, sockets := connected(t, loop.Config{MaxHTTPBufferSize: 1000}, func(s *loop.Server) {
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, " ", err) })
	})
	mine := errors.New("mine")
	for name, v := range map[string]struct {
		end  func(m *inMemory, sock *loop.Socket)
		want string
	}{
		"client leaves":    {func(m *inMemory, _ *loop.Socket) { m.session.Close(nil) }, "transport close <nil>"},
		"carrier fails":    {func(m *inMemory, _ *loop.Socket) { m.session.Close(mine) }, "transport error mine"},
		"no packet":        {func(m *inMemory, _ *loop.Socket) { _ = m.session.Receive([]byte("x"), false) }, "forced close socketio: unknown packet type"},
		"too long":         {func(m *inMemory, _ *loop.Socket) { _ = m.session.Receive(make([]byte, 1001), true) }, "transport error message too large"},
		"no text":          {func(m *inMemory, _ *loop.Socket) { _ = m.session.Receive([]byte{'2', 0xff}, false) }, "parse error payload is not UTF-8"},
		"leaves by itself": {func(m *inMemory, _ *loop.Socket) { _ = m.session.Receive([]byte("1"), false) }, "client namespace disconnect <nil>"},
		"disconnected":     {func(_ *inMemory, sock *loop.Socket) { sock.Disconnect(true) }, "server namespace disconnect <nil>"},
	} {
		m := newInMemory()
		c := s.bind(t, m, loop.EngineHandshake{})
		c.sync0(t)
		v.end(m, within(t, "the connection", sockets))
		if got := within(t, "the disconnect", reasons); got != v.want {
			t.Errorf("%s: %s, want %s", name, got, v.want)
		}
		if name == "disconnected" {
			c.expect(t, "1")
		}
		if name == "leaves by itself" {
			m.session.Close(nil)
		}
		within(t, "the close", m.gone)
		within(t, "done", m.session.Done())
	}
}

// failing is a connection that fails at a message.
type failing struct {
	*inMemory
	how func() error
}

func (f failing) Send(message []byte, binary bool) error {
	if bytes.Contains(message, []byte(`"fail"`)) {
		return f.how()
	}
	return f.inMemory.Send(message, binary)
}

func TestBindSendFails(t *testing.T) {
	reasons := make(chan string, 10)
	s, sockets := connected(t, loop.Config{}, func(s *loop.Server) {
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, " ", err) })
	})
	for want, how := range map[string]func() error{
		"transport error mine":                                 func() error { return errors.New("mine") },
		"transport error loop: panic in EngineConn.Send: mine": func() error { panic("mine") },
	} {
		m := newInMemory()
		session, err := s.Bind(failing{m, how}, loop.EngineHandshake{})
		if err != nil {
			t.Fatal(err)
		}
		m.session = session
		(&sio{m}).sync0(t)
		sock := within(t, "the connection", sockets)
		_ = sock.Emit("fail")
		_ = sock.Emit("more")
		if got := within(t, "the disconnect", reasons); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		within(t, "done", session.Done())
	}
}

// TestBindSlow: a client that does not take what it is sent is cut off by the
// limits of all, and volatile events are not kept for it.
func TestBindSlow(t *testing.T) {
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{OutboundBytes: 100_000, OutboundBurst: 300_000, OutboundGrace: time.Hour}}, nil)
	m := newInMemory()
	m.hold = make(chan struct{}, 10)
	m.hold <- struct{}{} // for the answer to CONNECT
	c := s.bind(t, m, loop.EngineHandshake{})
	c.sync0(t)
	sock := within(t, "the connection", sockets)
	_ = sock.Emit("held")
	s.stats(t)
	s.stats(t)
	_ = sock.Volatile().Emit("dropped")
	if n := s.stats(t).VolatileDropped; n != 1 {
		t.Errorf("%d volatile events dropped", n)
	}
	ended := make(chan string, 1)
	sock.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { ended <- fmt.Sprint(r, " ", err) })
	for range 10 {
		_ = sock.Emit("much", strings.Repeat("x", 50_000))
	}
	if got := within(t, "the end", ended); got != "transport error slow consumer: the outbound queue is full" {
		t.Errorf("ended with %s", got)
	}
	within(t, "done, although Send was waiting", m.session.Done())
}

// TestBindCloses: what is being sent when the session is closed still arrives.
func TestBindCloses(t *testing.T) {
	s, sockets := connected(t, loop.Config{}, nil)
	m := newInMemory()
	m.hold = make(chan struct{}, 1)
	m.hold <- struct{}{}
	c := s.bind(t, m, loop.EngineHandshake{})
	c.sync0(t)
	sock := within(t, "the connection", sockets)
	_ = sock.Emit("last")
	s.stats(t)
	s.stats(t) // it has been handed over, and Send waits
	sock.Conn().Close(false)
	s.stats(t)
	m.hold <- struct{}{}
	c.expect(t, `2["last"]`)
	within(t, "done", m.session.Done())
}

// TestBindStuck: a connection that does not send the rest is closed in the end.
func TestBindStuck(t *testing.T) {
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{OutboundStall: 50 * time.Millisecond}}, nil)
	m := newInMemory()
	m.hold = make(chan struct{}, 10)
	m.hold <- struct{}{}
	c := s.bind(t, m, loop.EngineHandshake{})
	c.sync0(t)
	sock := within(t, "the connection", sockets)
	_ = sock.Emit("held")
	sock.Conn().Close(false)
	within(t, "done", m.session.Done())
}

// TestBindRevision3: a client of version 2 is in "/" at once.
func TestBindRevision3(t *testing.T) {
	s, sockets := connected(t, loop.Config{AllowEIO3: true}, nil)
	c := s.bind(t, newInMemory(), loop.EngineHandshake{Protocol: 3, ID: "old"})
	c.expect(t, "0")
	if sock := within(t, "the connection", sockets); sock.ID() != "old" || sock.Conn().Protocol() != 3 {
		t.Errorf("id %q", sock.ID())
	}
}

func TestBindRefuses(t *testing.T) {
	s := newServer(t, loop.Config{})
	if _, err := s.Bind(newInMemory(), loop.EngineHandshake{}); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("before Run: %v", err)
	}
	s.start(t)
	r, _ := http.NewRequest("GET", "http://host/", nil)
	r.Header.Set("X-Large", strings.Repeat("x", 100_000))
	s.bind(t, newInMemory(), loop.EngineHandshake{ID: "taken"})
	for want, h := range map[string]loop.EngineHandshake{
		"Protocol is 5":            {Protocol: 5},
		"must be of letters":       {ID: "a b"},
		"Request is larger":        {Request: r},
		"another session has this": {ID: "taken"},
	} {
		if _, err := s.Bind(newInMemory(), h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	m := newInMemory()
	c := s.bind(t, m, loop.EngineHandshake{})
	c.sync0(t)
	s.stop(t)
	if reason := within(t, "the end", m.ended); reason != loop.ServerShuttingDown {
		t.Errorf("ended with %q", reason)
	}
	if _, err := s.Bind(newInMemory(), loop.EngineHandshake{}); err != loop.ErrClosed {
		t.Errorf("behind the end: %v", err)
	}
}

// TestBindConnectTimeout: who joins nothing is closed.
func TestBindConnectTimeout(t *testing.T) {
	s := serve(t, loop.Config{ConnectTimeout: 30 * time.Millisecond}, nil)
	m := newInMemory()
	s.bind(t, m, loop.EngineHandshake{})
	if reason := within(t, "the end", m.ended); reason != loop.ForcedClose {
		t.Errorf("ended with %q", reason)
	}
}

// TestBindWindow: who sends faster than the loop takes waits, and an inline
// handler is told to.
func TestBindWindow(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	var sent int
	var err error // of what an inline handler sends
	s := serve(t, loop.Config{Loops: 1}, func(s *loop.Server) {
		s.On("block", func(*loop.Socket, *loop.Event) {
			blocked <- struct{}{}
			<-release
		}, loop.Inline())
	})
	m := newInMemory()
	c := s.bind(t, m, loop.EngineHandshake{})
	c.sync0(t)
	s.On("flood", func(_ *loop.Socket, e *loop.Event) {
		for err = nil; err == nil; sent++ {
			err = m.session.Receive(make([]byte, 300_000), true)
		}
		blocked <- struct{}{}
	}, loop.Inline())
	other, _ := s.connect(t, "websocket")
	other.mustWrite(t, `2["block"]`)
	within(t, "the loop", blocked)
	received := make(chan error, 10)
	go func() {
		for range 5 {
			received <- m.session.Receive([]byte(`2["`+strings.Repeat("x", 1000)+`",`+strings.Repeat(" ", 299_000)+"1]"), false)
		}
	}()
	for range 3 {
		if err := within(t, "a message that has room", received); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-received:
		t.Fatal("a message passes the window while the loop stands")
	default:
	}
	close(release)
	for range 2 {
		if err := within(t, "a message that waited", received); err != nil {
			t.Fatal(err)
		}
	}
	s.stats(t) // behind all of them
	other.mustWrite(t, `2["flood"]`)
	within(t, "the flood", blocked)
	if sent != 4 || err != loop.ErrOnLoop {
		t.Errorf("message %d of an inline handler: %v", sent, err)
	}
}
