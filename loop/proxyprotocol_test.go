// The PROXY protocol on listeners: who the client is, who is believed, what is refused.

package loop_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	oracle "github.com/pires/go-proxyproto"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/transport/proxyproto"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// announce dials and sends a header in front of everything else.
func announce(addr, header string) (*wire, error) {
	w, err := dialPlain(narrow, addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, header); err != nil {
		return nil, err
	}
	return newWire(overTest(w.Conn)), nil
}

// line is a header of version 1 for a client.
func line(client string) string { return "PROXY TCP4 " + client + " 198.51.100.1 4711 443\r\n" }

// header2 is a header of version 2 for a client, with or without TLS.
func header2(t testing.TB, client string, secure bool) string {
	t.Helper()
	h := oracle.HeaderProxyFromAddrs(2, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client)), &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 443})
	if secure {
		if err := h.SetTLVs([]oracle.TLV{{Type: oracle.PP2_TYPE_SSL, Value: []byte{1, 0, 0, 0, 0}}}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestProxyProtocol: the address of a handshake and of requests, with what HTTP
// says on top.
func TestProxyProtocol(t *testing.T) {
	unix := "unix:" + filepath.Join(t.TempDir(), "s")
	local := "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
	for _, v := range []struct {
		name   string
		l      loop.Listener
		header string
		fields []string
		addr   string
		secure bool
	}{
		{"version 1", loop.Listener{ProxyProtocol: loop.ProxyRequired}, line("192.0.2.77"), nil, "192.0.2.77:4711", overTLS},
		{"version 2", loop.Listener{ProxyProtocol: loop.ProxyRequired}, header2(t, "[2001:db8::7]:4711", false), nil, "[2001:db8::7]:4711", overTLS},
		{"TLS ended in front", loop.Listener{ProxyProtocol: loop.ProxyRequired}, header2(t, "192.0.2.77:4711", true), nil, "192.0.2.77:4711", true},
		{"optional and there", loop.Listener{ProxyProtocol: loop.ProxyOptional}, line("192.0.2.77"), nil, "192.0.2.77:4711", overTLS},
		{"optional and not there", loop.Listener{ProxyProtocol: loop.ProxyOptional}, "", nil, "127.0.0.1", overTLS},
		{"the client forges fields", loop.Listener{ProxyProtocol: loop.ProxyRequired}, line("192.0.2.77"), []string{"X-Forwarded-For: 6.6.6.6"}, "192.0.2.77:4711", overTLS},
		{"a proxy behind a proxy", loop.Listener{ProxyProtocol: loop.ProxyRequired}, line("127.0.0.9"), []string{"X-Forwarded-For: 192.0.2.5"}, "192.0.2.5:0", false},
		{"the proxy's own connection", loop.Listener{ProxyProtocol: loop.ProxyRequired}, local, nil, "127.0.0.1", overTLS},
		{"and its fields are believed", loop.Listener{ProxyProtocol: loop.ProxyRequired}, local, []string{"X-Forwarded-For: 192.0.2.5"}, "192.0.2.5:0", false},
		{"unix", loop.Listener{Address: unix, ProxyProtocol: loop.ProxyRequired, Trusted: true}, line("192.0.2.77"), nil, "192.0.2.77:4711", overTLS},
		{"unix, fields", loop.Listener{Address: unix, Trusted: true}, "", []string{"X-Forwarded-For: 192.0.2.5", "X-Forwarded-Proto: https"}, "192.0.2.5:0", true},
		{"unix, nobody trusted", loop.Listener{Address: unix}, "", []string{"X-Forwarded-For: 192.0.2.5"}, "@", overTLS},
		{"unix, the client forges fields", loop.Listener{Address: unix, ProxyProtocol: loop.ProxyRequired, Trusted: true}, line("192.0.2.77"), []string{"X-Forwarded-For: 6.6.6.6"}, "192.0.2.77:4711", overTLS},
	} {
		t.Run(v.name, func(t *testing.T) {
			if v.l.Address == "" {
				v.l.Address = "127.0.0.1:0"
			}
			type seen struct {
				address string
				secure  bool
			}
			hands, remotes := make(chan seen, 1), make(chan string, 3)
			s := serve(t, loop.Config{
				Listen: []string{}, Listeners: ownTLS(v.l), TrustedProxies: loopback,
				AllowRequest: func(r *http.Request) error { remotes <- r.RemoteAddr; return nil },
			}, func(s *loop.Server) {
				s.OnConnection(func(sock *loop.Socket) { hands <- seen{sock.Handshake().Address(), sock.Handshake().Secure()} })
				s.HandleHTTP("/route", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { remotes <- r.RemoteAddr }))
			})
			same := func(where, got string) {
				t.Helper()
				if got != v.addr && (strings.Contains(v.addr, ":") || !strings.HasPrefix(got, v.addr+":")) {
					t.Errorf("%s has %q, want %q", where, got, v.addr)
				}
			}
			w, err := announce(s.addr(), v.header)
			if err != nil {
				t.Fatal(err)
			}
			c := &sio{&overWebSocket{wire: w}}
			defer c.drop()
			// A route first: the connection leaves its loop, and comes back.
			for _, path := range []string{"/route", "/route"} {
				if r, err := w.exchange("GET", path, "", v.fields...); err != nil || r.status != 200 {
					t.Fatal(r, err)
				}
				same("the request", within(t, "a request", remotes))
			}
			head := upgradeText(target("websocket", ""))
			for _, f := range v.fields {
				head = strings.Replace(head, "\r\n\r\n", "\r\n"+f+"\r\n\r\n", 1)
			}
			if _, err := io.WriteString(w, head); err != nil {
				t.Fatal(err)
			}
			if err := w.upgraded(); err != nil {
				t.Fatal(err)
			}
			same("AllowRequest", within(t, "the question", remotes))
			if _, err := w.readPacket(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.join("/", ""); err != nil {
				t.Fatal(err)
			}
			host := v.addr
			if a, err := netip.ParseAddrPort(v.addr); err == nil {
				host = a.Addr().String()
			}
			if got := within(t, "a client", hands); got != (seen{host, v.secure}) {
				t.Errorf("%+v, want %s, %v", got, host, v.secure)
			}
		})
	}
}

// TestProxyProtocolRefused: who is no proxy, and what is no header; others do
// not notice.
func TestProxyProtocolRefused(t *testing.T) {
	errs := make(chan error, 10)
	s := serve(t, loop.Config{
		Listen: []string{}, TrustedProxies: loopback, OnError: func(_ *loop.Socket, err error) { errs <- err },
		Listeners: ownTLS(
			loop.Listener{Address: "127.0.0.1:0", ProxyProtocol: loop.ProxyRequired},
			loop.Listener{Address: "[::1]:0", ProxyProtocol: loop.ProxyRequired},
			loop.Listener{Address: "[::1]:0", ProxyProtocol: loop.ProxyOptional},
		),
	}, onSync)
	addrs := s.Addrs()
	w, err := announce(addrs[0], line("192.0.2.77"))
	if err != nil {
		t.Fatal(err)
	}
	good, err := openWebSocket(w, "")
	if err != nil {
		t.Fatal(err)
	}
	defer good.drop()
	other := &sio{good}
	if _, err := other.join("/", ""); err != nil {
		t.Fatal(err)
	}
	refused := uint64(0)
	closed := func(addr, text string, want error) {
		t.Helper()
		w, err := dialPlain(narrow, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		_, _ = io.WriteString(w, text)
		if got, err := io.ReadAll(w); len(got) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%.30q is answered with %q, %v", text, got, err)
		}
		refused++
		if want == nil {
			return
		}
		var p *loop.ProxyError
		if err := within(t, "an error", errs); !errors.As(err, &p) || !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "loop: connection of the proxy 127.0.0.1:") {
			t.Errorf("%.30q: %v, want %v", text, err, want)
		}
	}
	closed(addrs[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n", proxyproto.ErrMissing)
	closed(addrs[0], "\x16\x03\x01\x02\x00", proxyproto.ErrMissing)
	closed(addrs[0], "PROXY "+strings.Repeat("A", 1000), proxyproto.ErrTooLong)
	closed(addrs[0], "PROXY TCP4 1.1.1.1\r\n", proxyproto.ErrMalformed)
	closed(addrs[0], "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"+strings.Repeat("\x00", 70000), proxyproto.ErrTooLong)
	closed(addrs[1], line("192.0.2.77"), nil)
	// Where it is optional, the header of somebody else is no HTTP and no TLS.
	w, err = dialPlain(narrow, addrs[2])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	_, _ = io.WriteString(w, line("192.0.2.77")+"\r\n")
	if got, err := io.ReadAll(w); err != nil || !overTLS && !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
		t.Errorf("the header of a stranger is answered with %q, %v", got, err)
	}
	other.sync(t)
	if st := s.stats(t); st.ProxyFailures != refused {
		t.Errorf("%d failures are counted, there were %d", st.ProxyFailures, refused)
	}
	if n := s.log.count("not the address of a trusted proxy"); n != 1 {
		t.Errorf("%d lines about strangers", n)
	}
}

// TestProxyProtocolHeld: many who send half a header, or one byte at a time,
// keep nobody else waiting.
func TestProxyProtocolHeld(t *testing.T) {
	s := serve(t, loop.Config{
		Listen: []string{}, TrustedProxies: loopback, Loops: 1,
		Listeners: ownTLS(loop.Listener{Address: "127.0.0.1:0", ProxyProtocol: loop.ProxyRequired}),
	}, onSync)
	const crowd = 200
	slow := make([]*wire, crowd)
	for i := range slow {
		w, err := dialPlain(narrow, s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		slow[i] = w
	}
	header := header2(t, "192.0.2.77:4711", false)
	for i := range len(header) - 1 {
		for _, w := range slow {
			if _, err := io.WriteString(w, header[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	begun := time.Now()
	w, err := announce(s.addr(), line("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := openWebSocket(w, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.drop()
	t.Logf("another is in after %v", time.Since(begun))
	for _, w := range slow[:10] { // they get in when the last byte comes
		if _, err := io.WriteString(w, header[len(header)-1:]); err != nil {
			t.Fatal(err)
		}
		late, err := openWebSocket(newWire(overTest(w.Conn)), "")
		if err != nil {
			t.Fatal(err)
		}
		defer late.drop()
	}
	if got := s.Connections(); got != crowd+1 {
		t.Errorf("%d connections", got)
	}
}

// TestProxyProtocolConfig: what cannot be is refused by New.
func TestProxyProtocolConfig(t *testing.T) {
	for _, v := range []struct {
		cfg  loop.Config
		want string
	}{
		{loop.Config{Listeners: []loop.Listener{{Address: "x:1", ProxyProtocol: 3}}}, "loop: the listener x:1 has ProxyProtocol 3, it must be ProxyOff, ProxyOptional or ProxyRequired"},
		{
			loop.Config{Listeners: []loop.Listener{{Address: "x:1", ProxyProtocol: loop.ProxyRequired}}},
			"loop: the listener x:1 has the PROXY protocol and nobody to believe: set TrustedProxies, or Trusted if only proxies can reach it",
		},
		{
			loop.Config{TrustedProxies: loopback, Listeners: []loop.Listener{{Address: "unix:/x", ProxyProtocol: loop.ProxyOptional}}},
			"loop: the listener unix:/x has the PROXY protocol and nobody to believe, for on a unix socket nobody has an address: set Trusted",
		},
	} {
		if _, err := loop.New(v.cfg); err == nil || !strings.HasPrefix(err.Error(), v.want) {
			t.Errorf("%v, want %s", err, v.want)
		}
	}
	if err := fmt.Errorf("x: %w", &loop.ProxyError{Remote: &net.TCPAddr{}, Err: io.EOF}); !errors.Is(err, io.EOF) {
		t.Error("a ProxyError does not unwrap")
	}
}
