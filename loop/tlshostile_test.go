// Hostile TLS: what a peer can try before, in and after a handshake.

package loop_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// dialBytes opens a connection and sends the bytes.
func dialBytes(t testing.TB, addr string, p []byte) net.Conn {
	t.Helper()
	w, err := dialPlain(&net.Dialer{Timeout: patience}, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if _, err := w.Conn.Write(p); err != nil {
		t.Fatal(err)
	}
	return w.Conn
}

// failures gathers what Config.OnError is told.
type failures struct {
	mu   sync.Mutex
	list []error
}

func (f *failures) add(_ *loop.Socket, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, err)
}

// count is how many were a kind of error.
func (f *failures) count(text string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range f.list {
		if errors.As(err, new(*loop.TLSError)) && strings.Contains(err.Error(), text) {
			n++
		}
	}
	return n
}

// TestHalfHandshakes: a thousand clients that stop somewhere in their handshake
// cost the others little: goroutines are limited, those who can go on do, and in
// the end everybody who stopped is closed.
func TestHalfHandshakes(t *testing.T) {
	// Of the 200 with a whole hello, 50 wait for a place. Who comes behind them
	// waits a second or two, of the five that a slow machine has for it.
	const places, stopped = 150, 1000
	var failed failures
	s := serve(t, loop.Config{
		TLS: serving(), Limits: loop.Limits{TLSHandshakes: places, TLSHandshakeTime: 5 * time.Second}, OnError: failed.add,
	}, onSync)
	before, _ := s.connectTLS(t, trusting())
	before.sync(t)
	goroutines := runtime.NumGoroutine()
	hello := helloBytes(t)
	half := make([]net.Conn, stopped)
	for i := range half {
		part := [][]byte{nil, hello[:1], hello[:5], hello[:len(hello)/2], hello}[i%5]
		half[i] = dialBytes(t, s.addr(), part)
	}
	const whole = stopped / 5
	eventually(t, "places are lent as far as there are some", func() bool { return s.stats(t).LimitHits["tls_handshakes"] >= whole-places })
	if n := runtime.NumGoroutine() - goroutines; n > places+10 {
		t.Errorf("%d goroutines for %d places", n, places)
	}
	for range 3 {
		c, _ := s.connectTLS(t, trusting())
		c.sync(t)
		before.sync(t)
	}
	for _, c := range half {
		if _, err := io.Copy(io.Discard, c); errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
			t.Fatal("a half handshake is never closed")
		}
	}
	st := s.stats(t)
	if ended := st.LimitHits["tls_handshake_time"] + st.LimitHits["tls_evicted"]; ended != stopped {
		t.Errorf("%d were closed: %v", ended, st.LimitHits)
	}
	if n := failed.count("not completed in time") + failed.count("while others waited"); n != stopped {
		t.Errorf("%d were reported", n)
	}
	if st.LimitHits["tls_evicted"] == 0 {
		t.Error("nobody lost a place")
	}
	before.sync(t)
	eventually(t, "the goroutines are back", func() bool { return runtime.NumGoroutine() <= goroutines+10 })
}

// TestHandshakePlaces: as many handshakes go on at once as there are places.
func TestHandshakePlaces(t *testing.T) {
	t.Parallel()
	const places = 5
	s := serve(t, loop.Config{TLS: serving(), Limits: loop.Limits{TLSHandshakes: places}}, onSync)
	hello := helloBytes(t)
	answered := func(c net.Conn) error {
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	}
	for range places {
		if err := answered(dialBytes(t, s.addr(), hello)); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.stats(t).LimitHits["tls_handshakes"]; n != 0 {
		t.Errorf("%d had to wait while there were places", n)
	}
	// One more waits, and then takes the place of the first.
	if err := answered(dialBytes(t, s.addr(), hello)); err != nil {
		t.Fatal(err)
	}
	if st := s.stats(t); st.LimitHits["tls_handshakes"] != 1 || st.LimitHits["tls_evicted"] != 1 {
		t.Errorf("%v", st.LimitHits)
	}
}

// TestPlainOnTLS: a request without TLS is told so, anything else is closed, and
// none of it costs a handshake.
func TestPlainOnTLS(t *testing.T) {
	var failed failures
	s := serve(t, loop.Config{TLS: serving(), OnError: failed.add}, onSync)
	for _, request := range []string{
		"GET / HTTP/1.1\r\n\r\n", upgradeText(webSocketPath), "POST /x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100_000), "OPTIONS * HTTP/1.1\r\n\r\n",
	} {
		c := dialBytes(t, s.addr(), []byte(request[:3]))
		if _, err := io.WriteString(c, request[3:]); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(c)
		if want := "HTTP/1.1 400 Bad Request\r\n"; err != nil || !bytes.HasPrefix(b, []byte(want)) || !bytes.HasSuffix(b, []byte("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")) {
			t.Errorf("%.20q is answered %q, %v", request, b, err)
		}
	}
	if n := failed.count("an HTTP request without TLS"); n != 4 {
		t.Errorf("%d requests were reported", n)
	}
	for _, other := range []string{
		"\x00", "\x80\x2e\x01\x03\x01", "SSH-2.0-x\r\n", "\x16\x02\x00\x00\x10", "\x16\x03\x01\xff\xff", "\x17\x03\x03\x00\x05hello", "\xff\xff\xff\xff\xff\xff",
	} {
		c := dialBytes(t, s.addr(), []byte(other))
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil && errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
			t.Errorf("%q is answered %x, %v", other, b, err)
		}
	}
	if n := failed.count("the first record is not of TLS"); n != 7 {
		t.Errorf("%d others were reported", n)
	}
	if st := s.stats(t); st.TLSHandshakes+st.TLSFailures != 0 {
		t.Errorf("%d handshakes were begun", st.TLSHandshakes+st.TLSFailures)
	}
}

// TestHostileHellos: handshakes that crypto/tls refuses are told why, as far as
// there is a word for it.
func TestHostileHellos(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving()}, onSync)
	hello := helloBytes(t)
	message := func(n int, size int) []byte { // records with the begin of a message
		b := append([]byte{clientHello, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, size-4)...)
		var out []byte
		for len(b) > 0 {
			k := min(len(b), 16384)
			out = append(out, recordHandshake, 3, 1, byte(k>>8), byte(k))
			out, b = append(out, b[:k]...), b[k:]
		}
		return out
	}
	for name, p := range map[string][]byte{
		"a message beyond the limit":      message(1<<24-1, 20_000),
		"more than a client has to say":   message(65_000, 200_000),
		"an empty hello":                  message(0, 4),
		"a hello of zeros":                message(40, 44),
		"a second hello behind the first": append(bytes.Clone(hello), hello...),
		"data behind the hello":           append(bytes.Clone(hello), recordData, 3, 3, 0, 5, 'h', 'e', 'l', 'l', 'o'),
		"an alert behind the hello":       append(bytes.Clone(hello), recordAlert, 3, 3, 0, 2, 2, 40),
	} {
		c, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write(p)
		if _, err := io.Copy(io.Discard, c); errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
			t.Errorf("%s: the connection stays open", name)
		}
		_ = c.Close()
	}
	c, _ := s.connectTLS(t, trusting())
	c.sync(t)
	eventually(t, "all have failed", func() bool { return s.stats(t).TLSFailures >= 6 })
	if st := s.stats(t); st.TLSHandshakes != 1 || st.Connections != 1 {
		t.Errorf("%d handshakes, %d connections", st.TLSHandshakes, st.Connections)
	}
}

// split is a connection whose writes are cut into records or segments of one
// byte, the first ones into records.
type split struct {
	net.Conn
	writes int
}

func (c *split) NetConn() net.Conn { return c.Conn }

func (c *split) Write(p []byte) (int, error) {
	c.writes++
	b := p
	if c.writes == 1 {
		b = fragments(p)
	}
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// TestSmallRecords: whatever size records and segments have, what is in them
// arrives.
func TestSmallRecords(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving()}, onSync)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		w, err := dialPlain(&net.Dialer{Timeout: patience}, s.addr())
		if err != nil {
			t.Fatal(err)
		}
		cfg := trusting()
		cfg.MaxVersion = version
		conn := tls.Client(&split{Conn: w.Conn}, cfg)
		for _, b := range []byte(upgradeText(webSocketPath)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		w = newWire(conn)
		if err := w.upgraded(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.readPacket(); err != nil {
			t.Fatal(err)
		}
		c := &sio{&overWebSocket{wire: w}}
		t.Cleanup(c.drop)
		if _, err := c.join("/", ""); err != nil {
			t.Fatal(err)
		}
		c.sync(t)
	}
}

// late is a connection that holds its writes back until there are two.
type late struct {
	net.Conn
	held   []byte
	writes int
}

func (c *late) NetConn() net.Conn { return c.Conn }

func (c *late) Write(p []byte) (int, error) {
	c.writes++
	c.held = append(c.held, p...)
	if c.writes == 2 {
		return len(p), nil // Finished goes with what comes next
	}
	_, err := c.Conn.Write(c.held)
	c.held = nil
	return len(p), err
}

// TestDataBehindHandshake: what a client sends together with the last message of
// its handshake is read.
func TestDataBehindHandshake(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving(), Loops: 1}, onSync)
	for range 20 {
		w, err := dialPlain(&net.Dialer{Timeout: patience}, s.addr())
		if err != nil {
			t.Fatal(err)
		}
		cfg := trusting()
		cfg.MinVersion = tls.VersionTLS13
		w = newWire(tls.Client(&late{Conn: w.Conn}, cfg))
		c, err := openWebSocket(w, "")
		if err != nil {
			t.Fatal(err)
		}
		c.drop()
	}
}

// TestKeyUpdates: a client may change its keys, not for ever without a word, and
// not without reading what it makes the server say.
func TestKeyUpdates(t *testing.T) {
	t.Parallel()
	var reasons steps
	s := serve(t, loop.Config{TLS: serving(), Limits: loop.Limits{OutboundBytes: 64 << 10, OutboundBurst: 128 << 10}}, func(s *loop.Server) {
		onSync(s)
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons.add("%s: %v", r, err) })
	})
	text := func(s string) []byte { return frame(opText, []byte(s)) }
	join := func(r *rawTLS) {
		t.Helper()
		if err := r.send(r.record(recordData, []byte(upgradeText(webSocketPath))), r.update(true), r.record(recordData, text("40"))); err != nil {
			t.Fatal(err)
		}
		w := newWire(r.client)
		if err := w.upgraded(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := w.readPacket(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("few", func(t *testing.T) {
		r := dialRaw(t, s.addr(), tls.VersionTLS13)
		join(r)
		var b [][]byte
		for i := range 16 {
			b = append(b, r.update(i%2 == 0))
		}
		if err := r.send(append(b, r.record(recordData, text(`42["sync"]`)))...); err != nil {
			t.Fatal(err)
		}
		if p, err := newWire(r.client).readPacket(); err != nil || p.text != `42["synced"]` {
			t.Errorf("%v, %v", p, err)
		}
	})
	t.Run("many", func(t *testing.T) {
		r := dialRaw(t, s.addr(), tls.VersionTLS13)
		join(r)
		var b [][]byte
		for range 100 {
			b = append(b, r.update(false))
		}
		if err := r.send(b...); err != nil {
			t.Fatal(err)
		}
		r.alerted("unexpected message")
		eventually(t, "the socket is gone", func() bool { return strings.Contains(fmt.Sprint(reasons.all()), "transport error: broken TLS record") })
	})
	t.Run("unread", func(t *testing.T) {
		r := dialRaw(t, s.addr(), tls.VersionTLS13)
		join(r)
		hits := s.stats(t).LimitHits
		for sent := 0; ; sent++ {
			var b [][]byte
			for range 100 {
				for range 15 {
					b = append(b, r.update(true))
				}
				b = append(b, r.record(recordData, frame(opPong, nil)))
			}
			_ = r.SetDeadline(time.Now().Add(patience)) // for each: the kernel takes megabytes of answers
			if err := r.send(b...); err != nil {
				break
			}
			if sent > 1000 {
				t.Fatal("answers pile up without end")
			}
		}
		now := s.stats(t).LimitHits
		if now["outbound"]+now["outbound_burst"] == hits["outbound"]+hits["outbound_burst"] {
			t.Errorf("the limit was not counted: %v", now)
		}
	})
	c, _ := s.connectTLS(t, trusting())
	c.sync(t)
}

// TestRenegotiation is refused.
func TestRenegotiation(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving()}, onSync)
	r := dialRaw(t, s.addr(), tls.VersionTLS12)
	// First that the records of the test are good.
	if err := r.send(r.record12(recordData, []byte(upgradeText(webSocketPath)))); err != nil {
		t.Fatal(err)
	}
	w := newWire(r.client)
	if err := w.upgraded(); err != nil {
		t.Fatal(err)
	}
	if err := r.send(r.record12(recordHandshake, helloBytes(t)[5:])); err != nil {
		t.Fatal(err)
	}
	if _, err := w.readPacket(); err != nil { // what was sent before
		t.Fatal(err)
	}
	r.alerted("unexpected message")
	if st := s.stats(t); st.TLSHandshakes != 1 || st.TLSFaults != 1 {
		t.Errorf("%d handshakes, %d faults", st.TLSHandshakes, st.TLSFaults)
	}
}

// TestBrokenRecords: a record that cannot be read ends its connection with an
// alert, and its session.
func TestBrokenRecords(t *testing.T) {
	reasons := make(chan string, 10)
	s := serve(t, loop.Config{TLS: serving()}, func(s *loop.Server) {
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprintf("%s: %v", r, err) })
	})
	other, _ := s.connectTLS(t, trusting())
	for name, v := range map[string]struct {
		record []byte
		alert  string
	}{
		"sealed with other keys": {binary.BigEndian.AppendUint64([]byte{recordData, 3, 3, 0, 40}, 1), "bad record MAC"},
		"too large":              {[]byte{recordData, 3, 3, 0xff, 0xff}, "record overflow"},
		"of another version":     {[]byte{recordData, 2, 0, 0, 40}, "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			c, conn := s.connectTLS(t, trusting())
			if _, err := conn.NetConn().Write(append(bytes.Clone(v.record), make([]byte, 100)...)); err != nil {
				t.Fatal(err)
			}
			if got := within(t, "the disconnect", reasons); got != "transport error: broken TLS record" {
				t.Error(got)
			}
			if _, err := c.next(); err == nil || !strings.Contains(err.Error(), v.alert) {
				t.Errorf("the client is told %v", err)
			}
		})
	}
	if n := s.stats(t).TLSFaults; n != 3 {
		t.Errorf("%d faults", n)
	}
	if _, err := other.join("/x", ""); err == nil {
		t.Error("a namespace that nobody made")
	}
}

// TestTLSCallbacks: callbacks may block and panic; only their own clients
// notice.
func TestTLSCallbacks(t *testing.T) {
	cert := certificate("localhost")
	release := make(chan struct{})
	s := serve(t, loop.Config{TLS: &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		switch h.ServerName {
		case "block.test":
			<-release
		case "panic.test":
			panic("on purpose")
		case "exit.test":
			runtime.Goexit()
		case "fail.test":
			return nil, errors.New("no such name")
		}
		return &cert, nil
	}}}, onSync)
	cfg := func(name string) *tls.Config { return &tls.Config{InsecureSkipVerify: true, ServerName: name} }
	blocked := 2*runtime.GOMAXPROCS(0) + 2 // more than compute at once
	done := make(chan error, blocked)
	for range blocked {
		go func() {
			c, _, err := connectTLS(s.addr(), cfg("block.test"))
			if err == nil {
				c.drop()
			}
			done <- err
		}()
	}
	for _, name := range []string{"panic.test", "exit.test", "fail.test"} {
		if _, _, err := connectTLS(s.addr(), cfg(name)); err == nil {
			t.Errorf("%s gets in", name)
		}
	}
	c, _ := s.connectTLS(t, cfg("localhost"))
	c.sync(t)
	close(release)
	for range blocked {
		if err := within(t, "a client that was blocked", done); err != nil {
			t.Error(err)
		}
	}
	st := s.stats(t)
	if st.Panics != 1 || st.TLSFailures != 3 || s.log.count("panic in a callback of the TLS configuration") != 1 {
		t.Errorf("%d panics, %d failures, log:\n%s", st.Panics, st.TLSFailures, s.log)
	}
}
