// Protocols of the application's on listeners of the server.

package loop_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// lines is a protocol of lines: each is answered, and some do more.
type lines struct {
	server *loop.Server
	opened chan *loop.RawConn
	closed chan error
}

func newLines() *lines {
	return &lines{opened: make(chan *loop.RawConn, 100), closed: make(chan error, 100)}
}

var errUnknown = errors.New("unknown word")

// OnOpen implements [loop.Protocol].
func (p *lines) OnOpen(c *loop.RawConn) loop.RawHandler {
	p.opened <- c
	_, _ = c.Write([]byte("welcome\n"))
	return p
}

// OnData implements [loop.RawHandler]: a line at a time.
func (p *lines) OnData(c *loop.RawConn, data []byte) (int, error) {
	if !c.Loop().OnLoop() {
		panic("not on the loop")
	}
	line, _, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return 0, nil
	}
	word, rest, _ := strings.Cut(string(line), " ")
	switch word {
	case "echo":
		_, _ = c.Write([]byte(rest + "\n"))
	case "emit":
		_ = p.server.Emit("news", rest)
	case "quit":
		_, _ = c.Write([]byte("bye\n"))
		_ = c.Close()
	case "panic":
		panic(rest)
	case "lie":
		return len(data) + 1, nil
	case "flood":
		for range 100 {
			_, _ = c.Write(make([]byte, 1<<20))
		}
	default:
		_, _ = c.Write([]byte("what?\n"))
		return 0, errUnknown
	}
	return len(line) + 1, nil
}

// OnClose implements [loop.RawHandler].
func (p *lines) OnClose(_ *loop.RawConn, err error) { p.closed <- err }

// serveLines serves Socket.IO on the first address and lines on the second.
func serveLines(t *testing.T, cfg loop.Config, security *tls.Config) (*server, *lines, chan *loop.Socket) {
	t.Helper()
	p := newLines()
	cfg.Listeners = []loop.Listener{{Address: "127.0.0.1:0", TLS: security, Protocol: p}}
	if overTLS {
		cfg.TLS = serving()
	}
	s, sockets := connected(t, cfg, func(s *loop.Server) {
		p.server = s
		onSync(s)
	})
	return s, p, sockets
}

// talker is a client of the protocol.
type talker struct {
	net.Conn
	in *bufio.Reader
}

func (s *server) talk(t *testing.T, security *tls.Config) *talker {
	t.Helper()
	nc, err := net.DialTimeout("tcp", s.Addrs()[1], patience)
	if err != nil {
		t.Fatal(err)
	}
	if security != nil {
		nc = tls.Client(nc, security)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := &talker{nc, bufio.NewReader(nc)}
	c.hear(t, "welcome")
	return c
}

func (c *talker) say(t *testing.T, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (c *talker) hear(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		if line, err := c.in.ReadString('\n'); err != nil || line != w+"\n" {
			t.Fatalf("line %q, %v, want %q", line, err, w)
		}
	}
}

// ended reads to the end of the connection.
func (c *talker) ended(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(c.in); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatalf("instead of the end: %q, %v", rest, err)
	}
}

func TestRaw(t *testing.T) {
	for name, security := range map[string]*tls.Config{"plain": nil, "tls": serving()} {
		t.Run(name, func(t *testing.T) {
			var client *tls.Config
			if security != nil {
				client = trusting()
			}
			s, p, _ := serveLines(t, loop.Config{Loops: 2}, security)
			listener, _ := s.connect(t, "websocket")
			poller, _ := s.connect(t, "polling")
			c := s.talk(t, client)
			conn := within(t, "the connection", p.opened)
			if (conn.TLS() != nil) != (security != nil) || conn.RemoteAddr().String() != c.LocalAddr().String() ||
				conn.LocalAddr().String() != c.RemoteAddr().String() {
				t.Errorf("facts: %v %v %v", conn.TLS(), conn.RemoteAddr(), conn.LocalAddr())
			}
			// Several in one piece, and one in many.
			c.say(t, "echo one\necho two\necho th")
			c.hear(t, "one", "two")
			for _, b := range []byte("ree\n") {
				c.say(t, string(b))
			}
			c.hear(t, "three")
			large := strings.Repeat("x", 50_000)
			c.say(t, "echo "+large+"\n")
			c.hear(t, large)
			// From here to clients of Socket.IO, and from elsewhere to here.
			c.say(t, "emit hello\n")
			listener.expect(t, `2["news","hello"]`)
			poller.expect(t, `2["news","hello"]`)
			if n, err := conn.Write([]byte("from outside\n")); n != 13 || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			c.hear(t, "from outside")
			onLoop(t, conn.Loop(), func() {
				_, _ = conn.Write([]byte("from the loop\n"))
				if n := conn.Buffered(); n < 0 {
					t.Errorf("%d bytes wait", n)
				}
			})
			c.hear(t, "from the loop")
			c.say(t, "quit\necho never\n")
			c.hear(t, "bye")
			c.ended(t)
			_ = c.Close()
			if err := within(t, "the end", p.closed); err != nil {
				t.Errorf("closed with %v", err)
			}
			if _, err := conn.Write([]byte("x")); err != loop.ErrDisconnected {
				t.Errorf("Write behind the end: %v", err)
			}
			_ = conn.Close()
			// The peer goes.
			c = s.talk(t, client)
			_ = c.Close()
			if err := within(t, "the end", p.closed); err != nil {
				t.Errorf("closed with %v", err)
			}
			listener.sync(t)
			eventually(t, "only clients of Socket.IO are left", func() bool { return s.stats(t).Sessions == 2 })
		})
	}
}

// TestRawEnds: every end that is somebody's fault, with its reason, and nobody
// else is touched.
func TestRawEnds(t *testing.T) {
	s, p, _ := serveLines(t, loop.Config{Loops: 1, Limits: loop.Limits{RawInput: 1000, OutboundBurst: 8 << 20}}, nil)
	other, _ := s.connect(t, "websocket")
	bystander := s.talk(t, nil)
	within(t, "the connection", p.opened)
	for want, text := range map[string]string{
		"unknown word":            "nonsense\n",
		"a panic in the handler":  "panic now\n",
		"has used 5 of 4 bytes":   "lie\n",
		"leaves unused":           strings.Repeat("x", 1001),
		"slow consumer: the outb": "flood\n",
	} {
		c := s.talk(t, nil)
		within(t, "the connection", p.opened)
		c.say(t, text)
		if text == "nonsense\n" {
			c.hear(t, "what?") // what was written before arrives
		}
		if text != "flood\n" {
			c.ended(t)
			_ = c.Close()
		}
		if err := within(t, "the end", p.closed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("closed with %v, want %s", err, want)
		}
	}
	if st := s.stats(t); st.Panics != 1 || st.LimitHits["raw_input"] != 1 || st.LimitHits["outbound_burst"] != 1 {
		t.Errorf("counted: %d panics, %v", st.Panics, st.LimitHits)
	}
	// As much as the limit waits.
	bystander.say(t, "echo "+strings.Repeat("x", 995))
	bystander.say(t, "\n")
	bystander.hear(t, strings.Repeat("x", 995))
	other.sync(t)
	// And the server's end.
	go func() { // as a peer does
		_, _ = io.Copy(io.Discard, bystander.in)
		_ = bystander.Close()
	}()
	other.drop()
	s.stop(t)
	if err := within(t, "the end", p.closed); err != loop.ErrClosed {
		t.Errorf("closed with %v", err)
	}
}

// TestRawIdle: a connection on which nothing comes is closed if it is to be.
func TestRawIdle(t *testing.T) {
	s, p, _ := serveLines(t, loop.Config{Loops: 1}, nil)
	c := s.talk(t, nil)
	conn := within(t, "the connection", p.opened)
	conn.SetIdleTimeout(time.Hour)
	conn.SetIdleTimeout(0)
	c.say(t, "echo one\n")
	c.hear(t, "one")
	onLoop(t, conn.Loop(), func() { conn.SetIdleTimeout(30 * time.Millisecond) })
	c.ended(t)
	_ = c.Close()
	if err := within(t, "the end", p.closed); err == nil || !strings.Contains(err.Error(), "nothing came for too long") {
		t.Errorf("closed with %v", err)
	}
	if n := s.stats(t).LimitHits["raw_idle"]; n != 1 {
		t.Errorf("%d hits are counted", n)
	}
}

// TestRawRefuses: OnOpen may refuse, or panic.
func TestRawRefuses(t *testing.T) {
	calls := 0
	s := serve(t, loop.Config{Loops: 1, Listeners: []loop.Listener{
		{Address: "127.0.0.1:0", Protocol: loop.ProtocolFunc(func(c *loop.RawConn) loop.RawHandler {
			if calls++; calls == 1 {
				panic("no")
			}
			_, _ = c.Write([]byte("full\n"))
			return nil
		})},
	}}, nil)
	for _, want := range []string{"", "full\n"} {
		nc, err := net.DialTimeout("tcp", s.Addrs()[1], patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		if rest, err := io.ReadAll(nc); string(rest) != want || err != nil {
			t.Errorf("%q, %v, want %q", rest, err, want)
		}
		_ = nc.Close()
	}
	if n := s.stats(t).Panics; n != 1 {
		t.Errorf("%d panics", n)
	}
}

// TestRawConnections: they count, and nothing of them is left.
func TestRawConnections(t *testing.T) {
	s, p, _ := serveLines(t, loop.Config{Loops: 2, MaxConnections: 5}, nil)
	var talkers []*talker
	for i := range 5 {
		c := s.talk(t, nil)
		c.say(t, fmt.Sprintf("echo %d\n", i))
		c.hear(t, fmt.Sprint(i))
		talkers = append(talkers, c)
	}
	nc, err := net.DialTimeout("tcp", s.Addrs()[1], patience)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	if rest, _ := io.ReadAll(nc); len(rest) > 0 {
		t.Errorf("a connection too many gets %q", rest)
	}
	_ = nc.Close()
	for _, c := range talkers {
		_ = c.Close()
		within(t, "the end", p.closed)
	}
	s.nothingLeft(t)
}

// TestRawBehindProxy: the address is the one that a proxy announces, with TLS and
// without.
func TestRawBehindProxy(t *testing.T) {
	for name, security := range map[string]*tls.Config{"plain": nil, "tls": serving()} {
		t.Run(name, func(t *testing.T) {
			p := newLines()
			s := serve(t, loop.Config{Loops: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Listeners: []loop.Listener{
				{Address: "127.0.0.1:0", TLS: security, Protocol: p, ProxyProtocol: loop.ProxyRequired},
			}}, nil)
			nc, err := net.DialTimeout("tcp", s.Addrs()[1], patience)
			if err != nil {
				t.Fatal(err)
			}
			_ = nc.SetDeadline(time.Now().Add(patience))
			for _, piece := range []string{"PROXY TCP4 192.0.2.7 ", "192.0.2.1 1234 80\r\n"} {
				if _, err := nc.Write([]byte(piece)); err != nil {
					t.Fatal(err)
				}
			}
			if security != nil {
				nc = tls.Client(nc, trusting())
			}
			c := &talker{nc, bufio.NewReader(nc)}
			c.hear(t, "welcome")
			if a := within(t, "the connection", p.opened).RemoteAddr(); a.String() != "192.0.2.7:1234" {
				t.Errorf("the peer is %v", a)
			}
			c.say(t, "echo x\n")
			c.hear(t, "x")
			_ = c.Close()
			within(t, "the end", p.closed)
		})
	}
}
