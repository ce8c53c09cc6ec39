// Claims: ports that are held until the loops listen.

package reactor

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestClaimFaults(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	for addr, want := range map[string]string{
		"":                    `reactor: address "" is not host:port: `,
		"127.0.0.1":           `reactor: address "127.0.0.1" is not host:port: `,
		"127.0.0.1:http:x":    `reactor: address "127.0.0.1:http:x" is not host:port: `,
		"127.0.0.1:70000":     `reactor: address "127.0.0.1:70000": `,
		"127.0.0.1:-1":        `reactor: address "127.0.0.1:-1": `,
		"127.0.0.1:no-such":   `reactor: address "127.0.0.1:no-such": `,
		"192.0.2.1:0":         "reactor: listening on 192.0.2.1:0: bind: cannot assign requested address",
		ln.Addr().String():    "reactor: listening on " + ln.Addr().String() + ": bind: address already in use",
		"[fe80::1%nothing]:0": "reactor: listening on [fe80::1%nothing]:0: bind: ",
	} {
		claims, err := claimAll(at("127.0.0.1:0", addr))
		if err == nil {
			release(claims)
			t.Errorf("%s is accepted", addr)
		} else if !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %q, want %q", addr, err, want)
		}
	}
}

func TestClaimAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:0": "127.0.0.1:", "localhost:0": "", ":0": ":", "0.0.0.0:0": "0.0.0.0:", "[::]:0": ":", "[::1]:0": "[::1]:",
	} {
		claims, err := claimAll(at(addr))
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		got := claims[0].addr
		host, port, err := net.SplitHostPort(got)
		if err != nil || port == "0" || !strings.HasPrefix(got, want) {
			t.Errorf("%s is claimed as %s", addr, got)
		}
		if addr == "localhost:0" && net.ParseIP(host) == nil {
			t.Errorf("%s is claimed as %s, which may mean another address later", addr, got)
		}
		release(claims)
	}
}

// TestClaimHolds: nobody else gets a port that is claimed, and everybody one
// that is given up.
func TestClaimHolds(t *testing.T) {
	claims, err := claimAll(at("127.0.0.1:0", ":0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		if _, err := claimAll(at(c.addr)); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s is claimed twice: %v", c.addr, err)
		}
		if ln, err := net.Listen("tcp", c.addr); err == nil {
			_ = ln.Close()
			t.Errorf("somebody listens on %s", c.addr)
		}
		if conn, err := net.Dial("tcp", strings.Replace("127.0.0.1"+c.addr[strings.LastIndexByte(c.addr, ':'):], "::", ":", 1)); err == nil {
			_ = conn.Close()
			t.Errorf("%s takes connections that nobody accepts", c.addr)
		}
	}
	if _, err := claimAll(at("127.0.0.1:0", claims[0].addr)); err == nil {
		t.Error("an address that is taken is accepted behind one that is free")
	}
	release(claims)
	for _, c := range claims {
		again, err := claimAll(at(c.addr))
		if err != nil {
			t.Errorf("%s is not given up: %v", c.addr, err)
		}
		release(again)
	}
}

// TestClaimShared: on purpose an address may be claimed twice.
func TestClaimShared(t *testing.T) {
	a, err := claimAll(shared("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer release(a)
	b, err := claimAll(shared(a[0].addr))
	if err != nil {
		t.Fatalf("a second claim: %v", err)
	}
	defer release(b)
	if c, err := claimAll(at(a[0].addr)); err == nil {
		release(c)
		t.Error("a claim that is not shared goes with one that is")
	}
}

// TestClaimBehindConnections: connections of a server that has ended do not
// keep the next one from its port.
func TestClaimBehindConnections(t *testing.T) {
	f := newFixture(t, 2, Config{}).start()
	addr := f.Addrs()[0]
	var conns []net.Conn
	for range 5 {
		c := f.dial()
		if r := get(c, "/"); r == nil {
			t.Fatal("no answer")
		}
		conns = append(conns, c)
	}
	f.end()
	claims, err := claimAll(at(addr))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := claimAll(at(addr)); err == nil {
		release(again)
		t.Error("it is claimed twice")
	}
	release(claims)
	next := newFixture(t, 2, Config{Listeners: at(addr)}).start()
	if r := get(next.dial(), "/"); r == nil {
		t.Error("no answer")
	}
	for _, c := range conns {
		if _, err := io.ReadAll(c); err != nil {
			t.Log(err)
		}
	}
}

// TestListenFails: Run reports that it cannot listen.
func TestListenFails(t *testing.T) {
	f := newFixture(t, 2, Config{})
	f.Release()
	f.Release()
	ln, err := net.Listen("tcp", f.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if err := f.Run(); err == nil || !strings.Contains(err.Error(), "reactor: listening on [127.0.0.1:") {
		t.Errorf("Run: %v", err)
	}
}

func TestReserve(t *testing.T) {
	for _, test := range []struct{ limit, loops, addrs, want int }{
		{256, 2, 1, 64}, {1024, 2, 1, 256}, {20_000, 2, 1, 256}, {1_000_000, 2, 1, 10_000}, {256, 64, 1, 64*4 + 1 + 32}, {1024, 256, 2, 256*5 + 2 + 32},
	} {
		if got := reserve(test.limit, test.loops, test.addrs); got != test.want {
			t.Errorf("reserve(%d, %d, %d) = %d, want %d", test.limit, test.loops, test.addrs, got, test.want)
		}
	}
	if _, err := New(Config{Listeners: at("127.0.0.1:0"), MaxConns: 1 << 30}, nil, nil); err == nil {
		t.Error("more connections than descriptors are accepted")
	}
}

// at are listeners without TLS.
func at(addrs ...string) (list []Listener) {
	for _, a := range addrs {
		list = append(list, Listener{Addr: a})
	}
	return list
}

// shared are Listeners whose addresses others may have too.
func shared(addrs ...string) (list []Listener) {
	for _, l := range at(addrs...) {
		l.Shared = true
		list = append(list, l)
	}
	return list
}
