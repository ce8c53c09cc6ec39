// Connections: bytes in any pieces, ends, ways to a blocking connection and back.

package tlsconn

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

func now() int64 { return time.Now().UnixMilli() }

// each cuts into pieces of n bytes.
func each(n int) func([]byte) [][]byte {
	return func(p []byte) (list [][]byte) {
		for len(p) > n {
			list, p = append(list, p[:n]), p[n:]
		}
		return append(list, p)
	}
}

// TestEcho: whatever pieces the bytes come in, both versions.
func TestEcho(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for name, cut := range map[string]func([]byte) [][]byte{"whole": nil, "by byte": each(1), "by 7": each(7), "by 4096": each(4096)} {
			t.Run(tls.VersionName(version)+" "+name, func(t *testing.T) {
				pool := NewHandshakes(4, now)
				near, l := dial(t, pool, cut)
				_, cfg := configs()
				cfg = cfg.Clone()
				cfg.MinVersion, cfg.MaxVersion = version, version
				client := tls.Client(near, cfg)
				for _, size := range []int{1, 10, 1000, 16384, 16385, 100_000} {
					said(t, client, bytes.Repeat([]byte("x"), size))
				}
				l.on(t, func() {
					if st := l.c.State(); st.Version != version || st.NegotiatedProtocol != http1 || l.c.Handshaking() {
						t.Errorf("%+v", st)
					}
				})
				if st := pool.Stats(); st.Done != 1 || st.Running != 0 || st.Failed != 0 {
					t.Errorf("%+v", st)
				}
				ends(t, client, l)
			})
		}
	}
}

// FuzzCut: cuts that the fuzzer chooses.
func FuzzCut(f *testing.F) {
	f.Add(uint64(1), uint16(1), true)
	f.Add(uint64(2), uint16(20_000), false)
	f.Fuzz(func(t *testing.T, seed uint64, size uint16, old bool) {
		rng := rand.New(rand.NewPCG(seed, 0))
		near, l := dial(t, NewHandshakes(1, now), func(p []byte) (list [][]byte) {
			for len(p) > 0 {
				n := 1 + rng.IntN(min(len(p), 1+rng.IntN(2000)))
				list, p = append(list, p[:n]), p[n:]
			}
			return list
		})
		_, cfg := configs()
		cfg = cfg.Clone()
		if old {
			cfg.MaxVersion = tls.VersionTLS12
		}
		client := tls.Client(near, cfg)
		for range 3 {
			said(t, client, bytes.Repeat([]byte("y"), int(size)+1))
		}
		ends(t, client, l)
	})
}

// ends announces the end and demands that it is announced back.
func ends(t testing.TB, client *tls.Conn, l *loop) {
	t.Helper()
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, client); n > 0 || err != nil {
		t.Errorf("%d bytes more, %v", n, err)
	}
	if err := within(t, "the end", l.ended); err != io.EOF {
		t.Error(err)
	}
}

// TestFirstBytes: what is taken for a handshake and what is not.
func TestFirstBytes(t *testing.T) {
	for _, v := range []struct {
		in    string
		whole bool
		err   error
	}{
		{"", false, nil},
		{"\x16", false, nil},
		{"\x16\x03\x01\x00", false, nil},
		{"\x16\x03\x01\x00\x02x", false, nil},
		{"\x16\x03\x01\x00\x02xx", true, nil},
		{"\x16\x03\x03\x00\x02xxxx", true, nil},
		{"\x16\x03\x01\x48\x00", false, nil},
		{"\x16\x03\x01\x48\x01", false, ErrNotTLS},
		{"\x16\x02\x01\x00\x02", false, ErrNotTLS},
		{"\x15", false, ErrNotTLS},
		{"\x80", false, ErrNotTLS},
		{"g", false, ErrNotTLS},
		{"G", false, nil},
		{"GET ", false, nil},
		{"GET /", false, ErrHTTP},
		{"PATCH", false, ErrHTTP},
		{"GETTI", false, ErrNotTLS},
	} {
		c := Server(&tls.Config{}, nil, nil)
		if whole, err := c.Offer([]byte(v.in)); whole != v.whole || err != v.err {
			t.Errorf("%q: %v, %v", v.in, whole, err)
		}
	}
}

// TestTrim: a connection that is silent keeps neither what its handshake needed
// nor what a large record did.
func TestTrim(t *testing.T) {
	if rawInput == 0 || hand == 0 {
		t.Fatal("crypto/tls has other names for its buffers: look at trim.go")
	}
	near, l := dial(t, NewHandshakes(1, now), nil)
	_, cfg := configs()
	client := tls.Client(near, cfg)
	kept := func() (n int) {
		t.Helper()
		l.on(t, func() {
			v := reflect.ValueOf(l.c.tls).Elem()
			for _, name := range []string{"rawInput", "hand"} {
				n += v.FieldByName(name).FieldByName("buf").Cap()
			}
		})
		return n
	}
	for _, size := range []int{1, 100_000, 1} {
		said(t, client, make([]byte, size))
		if n := kept(); n > 1024 {
			t.Errorf("%d bytes are kept after a message of %d", n, size)
		}
	}
	said(t, client, make([]byte, 2000))
	if n := kept(); n < 2000 || n > trimFrom {
		t.Errorf("%d bytes are kept for the next message of 2000", n)
	}
}

// behind is a connection with bytes in front of it.
type behind struct {
	net.Conn
	front []byte
}

func (c *behind) Read(p []byte) (int, error) {
	if len(c.front) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.front)
	c.front = c.front[n:]
	return n, nil
}

// TestOverAndBack: a connection goes from one that blocks to one that is fed,
// back with a record half read, and over again.
func TestOverAndBack(t *testing.T) {
	server, cfg := configs()
	near, far := net.Pipe()
	for _, c := range []net.Conn{near, far} {
		_ = c.SetDeadline(time.Now().Add(patience))
		defer func() { _ = c.Close() }()
	}
	c := Over(far)
	blocking, client := tls.Server(c, server), tls.Client(near, cfg)
	says := func(w io.Writer, text string, r io.Reader) {
		t.Helper()
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(w, text)
			sent <- err
		}()
		p := make([]byte, len(text))
		if _, err := io.ReadFull(r, p); err != nil || string(p) != text {
			t.Fatalf("%q, %v, want %q", p, err, text)
		}
		if err := within(t, "a write", sent); err != nil {
			t.Fatal(err)
		}
	}
	// record is what the client sends for a text.
	record := func(text string) []byte {
		t.Helper()
		go func() { _, _ = io.WriteString(client, text) }()
		p := make([]byte, 1000)
		n, err := far.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		return p[:n]
	}
	// fed reads from the connection as a loop does.
	fed := func(p []byte, want string, wantErr error) {
		t.Helper()
		c.Feed(p)
		got := make([]byte, 100)
		if n, err := c.Decrypt(got); string(got[:n]) != want || err != wantErr {
			t.Fatalf("%q, %v, want %q, %v", got[:n], err, want, wantErr)
		}
	}
	says(client, "blocking", blocking)
	if c.Release(blocking) != far {
		t.Error("another connection is below")
	}
	fed(nil, "", ErrWouldBlock)
	fed(record("fed"), "fed", nil)
	p := record("half")
	fed(p[:7], "", ErrWouldBlock)
	c.Feed(p[7:12])
	c.Keep()
	clear(p[:12])
	back := c.Lend(&behind{far, p[12:]})
	if back != blocking {
		t.Error("another connection is lent")
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(back, got); err != nil || string(got) != "half" {
		t.Fatalf("%q, %v", got, err)
	}
	says(back, "to the client", client)
	says(client, "from the client", back)
	c.Release(back)
	fed(record("again"), "again", nil)
	out, err := c.Encrypt(nil, []byte("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = far.Write(c.Notify(out)) }()
	if b, err := io.ReadAll(client); err != nil || string(b) != "sealed" {
		t.Errorf("%q, %v", b, err)
	}
	if !c.Notified() || len(c.Notify(nil)) != 0 {
		t.Error("the end is announced twice")
	}
	if b, err := c.Encrypt(nil, []byte("late")); err == nil || len(b) != 0 {
		t.Errorf("%d bytes behind the end", len(b))
	}
}

// TestConfigRefuses: configurations that are not safe or of no use.
func TestConfigRefuses(t *testing.T) {
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
	for _, v := range []struct {
		cfg  *tls.Config
		want string
	}{
		{&tls.Config{}, "no certificate"},
		{&tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS11}, "TLS 1.1"},
		{&tls.Config{GetCertificate: get, MaxVersion: tls.VersionTLS10}, "TLS 1.0"},
	} {
		if _, err := Config(v.cfg); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%v, want %s", err, v.want)
		}
	}
}
