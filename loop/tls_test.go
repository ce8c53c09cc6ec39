// TLS on own listeners: what is agreed, what is exposed, how it ends.

package loop_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sioserver/sioserver/loop"
)

// dialTLS dials and shakes hands.
func dialTLS(addr string, cfg *tls.Config) (*wire, error) {
	w, err := dialPlain(&net.Dialer{Timeout: patience}, addr)
	if err != nil {
		return nil, err
	}
	c := tls.Client(w.Conn, cfg)
	if err := c.Handshake(); err != nil {
		_ = w.Close()
		return nil, err
	}
	return newWire(c), nil
}

// connectTLS joins the namespace "/" over a websocket with TLS.
func connectTLS(addr string, cfg *tls.Config) (*sio, *tls.Conn, error) {
	w, err := dialTLS(addr, cfg)
	if err != nil {
		return nil, nil, err
	}
	c, err := openWebSocket(w, "")
	if err != nil {
		return nil, nil, err
	}
	s := &sio{c}
	_, err = s.join("/", "")
	return s, w.Conn.(*tls.Conn), err
}

func (s *server) connectTLS(t testing.TB, cfg *tls.Config) (*sio, *tls.Conn) {
	t.Helper()
	c, conn, err := connectTLS(s.addr(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.drop)
	return c, conn
}

// TestTLSVersions: 1.2 and 1.3 with their kinds of ciphers, HTTP/1.1 by ALPN,
// nothing older.
func TestTLSVersions(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving()}, onSync)
	for _, v := range []struct {
		name   string
		change func(*tls.Config)
		alpn   string
	}{
		{"1.3", func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }, ""},
		{"1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		{"1.2 with CBC", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, ""},
		{"ALPN", func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, "http/1.1"},
		{"ALPN with HTTP/2", func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, "http/1.1"},
	} {
		t.Run(v.name, func(t *testing.T) {
			cfg := trusting()
			v.change(cfg)
			c, conn := s.connectTLS(t, cfg)
			c.sync(t)
			if got := conn.ConnectionState().NegotiatedProtocol; got != v.alpn {
				t.Errorf("%q was agreed to by ALPN", got)
			}
		})
	}
	for name, cfg := range map[string]*tls.Config{
		"version 1.1":       {InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"HTTP/2 only":       {InsecureSkipVerify: true, NextProtos: []string{"h2"}},
		"no common cipher":  {InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
		"untrusted by them": {ServerName: "localhost"},
	} {
		if w, err := dialTLS(s.addr(), cfg); err == nil {
			_ = w.Close()
			t.Errorf("%s: a client gets in", name)
		} else if errors.Is(err, io.EOF) || errors.As(err, new(net.Error)) && err.(net.Error).Timeout() {
			t.Errorf("%s: the client is told %v", name, err)
		}
	}
	eventually(t, "the failures are counted", func() bool { return s.stats(t).TLSFailures == 4 })
	if st := s.stats(t); st.TLSHandshakes != 5 || st.TLSFaults != 0 {
		t.Errorf("%d handshakes, %d faults", st.TLSHandshakes, st.TLSFaults)
	}
}

// TestTLSTickets: a client comes back without a full handshake.
func TestTLSTickets(t *testing.T) {
	s := serve(t, loop.Config{TLS: serving()}, onSync)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := trusting()
		cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(4)
		for i, again := range []bool{false, true, true} {
			c, conn := s.connectTLS(t, cfg)
			c.sync(t)
			if conn.ConnectionState().DidResume != again {
				t.Errorf("%s, connection %d: resumed is %v", tls.VersionName(version), i, !again)
			}
		}
	}
}

// TestTLSNames: SNI chooses the certificate, and a name that nobody has gets
// the default one.
func TestTLSNames(t *testing.T) {
	usual, other := certificate("usual.test"), certificate("other.test")
	seen := make(chan string, 10)
	for name, server := range map[string]*tls.Config{
		"GetCertificate": {GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			seen <- h.Conn.RemoteAddr().String()
			if h.ServerName == "other.test" {
				return &other, nil
			}
			return &usual, nil
		}},
		"GetConfigForClient": {Certificates: []tls.Certificate{usual}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			seen <- h.Conn.RemoteAddr().String()
			if h.ServerName == "other.test" {
				return &tls.Config{Certificates: []tls.Certificate{other}, NextProtos: []string{"h2", "http/1.1"}}, nil
			}
			return nil, nil
		}},
		"Certificates": {Certificates: []tls.Certificate{usual, other}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, loop.Config{TLS: server}, onSync)
			for asked, want := range map[string]string{"other.test": "other.test", "usual.test": "usual.test", "nobody.test": "usual.test", "": "usual.test"} {
				c, conn := s.connectTLS(t, &tls.Config{InsecureSkipVerify: true, ServerName: asked, NextProtos: []string{"h2", "http/1.1"}})
				c.sync(t)
				st := conn.ConnectionState()
				if got := st.PeerCertificates[0].Subject.CommonName; got != want || st.NegotiatedProtocol != "http/1.1" {
					t.Errorf("asked for %q: certificate of %s, protocol %q", asked, got, st.NegotiatedProtocol)
				}
				if name != "Certificates" {
					if addr := within(t, "the callback", seen); addr != conn.LocalAddr().String() {
						t.Errorf("the callback saw %s, the client is %s", addr, conn.LocalAddr())
					}
				}
			}
		})
	}
}

// TestTLSState: handlers see how the client came, and its certificate.
func TestTLSState(t *testing.T) {
	pool := x509.NewCertPool()
	pool.AddCert(authority().cert)
	server := serving().Clone()
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, pool
	handshakes := make(chan *loop.Handshake, 1)
	requests := make(chan *http.Request, 1)
	asked := make(chan *http.Request, 1)
	s := serve(t, loop.Config{
		TLS:          server,
		AllowRequest: func(r *http.Request) error { asked <- r; return nil },
		HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests <- r
			_, _ = io.WriteString(w, "hello")
		}),
	}, func(s *loop.Server) { s.OnConnection(func(s *loop.Socket) { handshakes <- s.Handshake() }) })
	cfg := trusting()
	if _, _, err := connectTLS(s.addr(), cfg); err == nil {
		t.Error("a client without a certificate gets in")
	}
	stranger := issue(issue(nil, "stranger authority"), "stranger")
	cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{stranger.der}, PrivateKey: stranger.key}}
	if _, _, err := connectTLS(s.addr(), cfg); err == nil {
		t.Error("a client with a certificate of another authority gets in")
	}
	cfg.Certificates = []tls.Certificate{certificate("alice")}
	client := func(what string, st *tls.ConnectionState) {
		t.Helper()
		switch {
		case st == nil:
			t.Errorf("%s: no TLS state", what)
		case len(st.PeerCertificates) != 1 || st.PeerCertificates[0].Subject.CommonName != "alice" || st.ServerName != "localhost" || len(st.VerifiedChains) == 0:
			t.Errorf("%s: %+v", what, st)
		}
	}
	_, _ = s.connectTLS(t, cfg)
	client("AllowRequest", within(t, "AllowRequest", asked).TLS)
	h := within(t, "the connection", handshakes)
	client("the handshake", h.TLS())
	if !h.Secure() {
		t.Error("the handshake is not secure")
	}
	if b, err := h.MarshalJSON(); err != nil || !strings.Contains(string(b), `"secure":true`) {
		t.Errorf("%s, %v", b, err)
	}
	w, err := dialTLS(s.addr(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if err := w.request("GET", "/page", ""); err != nil {
		t.Fatal(err)
	}
	if r, err := w.response("GET"); err != nil || r.body != "hello" {
		t.Errorf("%+v, %v", r, err)
	}
	client("the request", within(t, "the request", requests).TLS)
}

// TestTLSBehindProxy: a trusted proxy that uses TLS itself is believed about
// its clients, and is a client when it says nothing.
func TestTLSBehindProxy(t *testing.T) {
	for _, v := range []struct {
		name   string
		fields []string
		secure bool
	}{
		{"nothing said", nil, true},
		{"scheme http", []string{"X-Forwarded-Proto: http"}, false},
		{"scheme https", []string{"X-Forwarded-Proto: https"}, true},
		{"client over http", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: http"}, false},
		{"client over https", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"}, true},
		{"client without a scheme", []string{"X-Forwarded-For: 1.1.1.1"}, false},
	} {
		t.Run(v.name, func(t *testing.T) {
			sockets := make(chan *loop.Socket, 1)
			s := serve(t, loop.Config{TLS: serving(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, func(s *loop.Server) {
				s.OnConnection(func(sock *loop.Socket) { sockets <- sock })
			})
			w, err := dialTLS(s.addr(), trusting())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			c, err := openWebSocket(w, "", v.fields...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := (&sio{c}).join("/", ""); err != nil {
				t.Fatal(err)
			}
			if got := within(t, "the connection", sockets).Handshake().Secure(); got != v.secure {
				t.Errorf("secure is %v", got)
			}
		})
	}
}

// TestListeners: each has its own settings, and all are listened on.
func TestListeners(t *testing.T) {
	second := &tls.Config{Certificates: []tls.Certificate{certificate("second")}}
	s := serve(t, loop.Config{
		Listen: []string{"127.0.0.1:0", "[::1]:0"}, TLS: serving(),
		Listeners: []loop.Listener{{Address: "127.0.0.1:0"}, {Address: "localhost:0", TLS: second}, {Address: ":0", TLS: second}},
	}, onSync)
	names := []string{"localhost", "localhost", "", "second", "second"}
	if addrs := s.Addrs(); len(addrs) != len(names) {
		t.Fatal(addrs)
	}
	for range 4 { // so that all loops get some
		for i, addr := range s.Addrs() {
			addr = strings.Replace(addr, "0.0.0.0", "127.0.0.1", 1)
			if names[i] == "" {
				w, err := dialPlain(&net.Dialer{Timeout: patience}, addr)
				if err != nil {
					t.Fatal(err)
				}
				c, err := openWebSocket(w, "")
				if err != nil {
					t.Fatal(addr, err)
				}
				c.drop()
				continue
			}
			c, conn, err := connectTLS(addr, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(addr, err)
			}
			if got := conn.ConnectionState().PeerCertificates[0].Subject.CommonName; got != names[i] {
				t.Errorf("%s has the certificate of %s", addr, got)
			}
			c.drop()
		}
	}
}

// TestTLSConfig: what cannot be used is refused by New.
func TestTLSConfig(t *testing.T) {
	old := serving().Clone()
	old.MinVersion = tls.VersionTLS10
	for _, v := range []struct {
		cfg  loop.Config
		want string
	}{
		{loop.Config{TLS: &tls.Config{}}, "loop: the TLS of :3000 has no certificate: set Certificates or GetCertificate"},
		{loop.Config{TLS: old}, "loop: the TLS of :3000 allows TLS 1.0, which is not safe: the versions are 1.2 and 1.3"},
		{loop.Config{Listeners: []loop.Listener{{Address: "x:1", TLS: &tls.Config{}}}}, "loop: the TLS of x:1 has no certificate"},
		{loop.Config{TLS: serving(), Listeners: []loop.Listener{{Address: "127.0.0.1:0"}}}, "loop: TLS is for Listen, which is empty: set the TLS of each of Listeners"},
		{loop.Config{Limits: loop.Limits{TLSHandshakes: -1}}, "loop: Limits.TLSHandshakes is -1, it must be from 1 to "},
		{loop.Config{Limits: loop.Limits{TLSHandshakeTime: 1}}, "loop: Limits.TLSHandshakeTime is 1ns, it must be from 1ms to 24h"},
	} {
		if _, err := loop.New(v.cfg); err == nil || !strings.HasPrefix(err.Error(), v.want) {
			t.Errorf("%v, want %s", err, v.want)
		}
	}
	mine := serving().Clone()
	mine.NextProtos = []string{"h2", "acme-tls/1"}
	s := serve(t, loop.Config{TLS: mine}, onSync)
	if !slices.Equal(mine.NextProtos, []string{"h2", "acme-tls/1"}) {
		t.Errorf("the caller's configuration was changed: %q", mine.NextProtos)
	}
	w, err := dialTLS(s.addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	if got := w.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "acme-tls/1" {
		t.Errorf("%q was agreed to", got)
	}
}

// tap notes the types of the records that a client of TLS gets. In version 1.2
// they can be seen from outside.
type tap struct {
	net.Conn
	read []byte
}

func (c *tap) NetConn() net.Conn { return c.Conn }

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read = append(c.read, p[:n]...)
	return n, err
}

// last is the type of the last record.
func (c *tap) last(t *testing.T) (kind byte) {
	t.Helper()
	for p := c.read; len(p) > 0; {
		if len(p) < 5 || len(p) < 5+int(p[3])<<8+int(p[4]) {
			t.Fatalf("half a record at the end: %x", p)
		}
		kind, p = p[0], p[5+int(p[3])<<8+int(p[4]):]
	}
	return kind
}

// TestTLSEnds: both sides say that nothing more comes before they end, and what
// was sent before arrives.
func TestTLSEnds(t *testing.T) {
	reasons := make(chan string, 1)
	entered, release := make(chan struct{}), make(chan struct{})
	s := serve(t, loop.Config{TLS: serving(), HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "late")
	})}, func(s *loop.Server) {
		onSync(s)
		s.On("leave", func(s *loop.Socket, _ *loop.Event) { s.Disconnect(true) })
		s.OnDisconnect(func(_ *loop.Socket, r loop.DisconnectReason, err error) { reasons <- fmt.Sprint(r, " ", err) })
	})
	dial := func(t *testing.T) (*wire, *tap, *tls.Conn) {
		w, err := dialPlain(&net.Dialer{Timeout: patience}, s.addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = w.Close() })
		cfg := trusting()
		cfg.MaxVersion = tls.VersionTLS12
		tapped := &tap{Conn: w.Conn}
		c := tls.Client(tapped, cfg)
		return newWire(c), tapped, c
	}
	ends := func(t *testing.T, w *wire, c *tap) {
		t.Helper()
		if n, err := io.Copy(io.Discard, w.r); err != nil || n > 0 {
			t.Errorf("%d bytes more, %v", n, err)
		}
		if kind := c.last(t); kind != 21 {
			t.Errorf("the last record is of type %d, not an alert", kind)
		}
	}
	join := func(t *testing.T, w *wire) *sio {
		c, err := openWebSocket(w, "")
		if err != nil {
			t.Fatal(err)
		}
		client := &sio{c}
		if _, err := client.join("/", ""); err != nil {
			t.Fatal(err)
		}
		return client
	}
	t.Run("closed by the server", func(t *testing.T) {
		w, c, _ := dial(t)
		join(t, w).mustWrite(t, `2["leave"]`)
		if got := within(t, "the disconnect", reasons); got != "server namespace disconnect <nil>" {
			t.Error(got)
		}
		for op := byte(0); op != opClose; {
			var err error
			if op, _, err = w.readFrame(); err != nil {
				t.Fatal(err)
			}
		}
		ends(t, w, c)
	})
	t.Run("last answer", func(t *testing.T) {
		w, c, _ := dial(t)
		if err := w.request("GET", "/socket.io/?EIO=4&transport=none", "", "Connection: close"); err != nil {
			t.Fatal(err)
		}
		if r, err := w.response("GET"); err != nil || r.status != 400 {
			t.Errorf("%+v, %v", r, err)
		}
		ends(t, w, c)
	})
	t.Run("refused in the middle of a body", func(t *testing.T) {
		w, c, _ := dial(t)
		if err := w.request("POST", "/socket.io/?EIO=4&transport=none", strings.Repeat("x", 10), "Connection: close"); err != nil {
			t.Fatal(err)
		}
		if r, err := w.response("POST"); err != nil || r.status != 400 {
			t.Errorf("%+v, %v", r, err)
		}
		ends(t, w, c)
	})
	t.Run("closed by the client", func(t *testing.T) {
		w, c, conn := dial(t)
		join(t, w).sync(t)
		if err := conn.CloseWrite(); err != nil { // close_notify alone: TCP goes on
			t.Fatal(err)
		}
		if got := within(t, "the disconnect", reasons); got != "transport close <nil>" {
			t.Error(got)
		}
		ends(t, w, c)
	})
	t.Run("half closed by the client", func(t *testing.T) {
		w, c, conn := dial(t)
		if err := w.request("GET", "/page", ""); err != nil {
			t.Fatal(err)
		}
		within(t, "the request", entered)
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		close(release)
		if r, err := w.response("GET"); err != nil || r.body != "late" {
			t.Errorf("%+v, %v", r, err)
		}
		ends(t, w, c)
	})
	t.Run("poll left open", func(t *testing.T) {
		w, c, conn := dial(t)
		if err := w.request("GET", "/socket.io/?EIO=4&transport=polling", ""); err != nil {
			t.Fatal(err)
		}
		r, err := w.response("GET")
		if err != nil {
			t.Fatal(err)
		}
		sid := strings.Split(r.body, `"`)[3]
		if err := w.request("GET", "/socket.io/?EIO=4&transport=polling&sid="+sid, ""); err != nil {
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		ends(t, w, c)
		eventually(t, "the session is gone", func() bool { return s.stats(t).Sessions == 0 })
	})
}
