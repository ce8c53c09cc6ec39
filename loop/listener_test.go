// Listeners of every kind: unix sockets, given ones, inherited ones, both families of addresses.

package loop_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sioserver/sioserver/loop"
)

// ownTLS is what listeners with settings of their own speak in this run.
func ownTLS(list ...loop.Listener) []loop.Listener {
	for i := range list {
		if overTLS {
			list[i].TLS = serving()
		}
	}
	return list
}

// talks lets clients of every transport, and one of a route, use an address.
func talks(t *testing.T, addr string) {
	t.Helper()
	for _, transport := range []string{"websocket", "polling", "upgrade"} {
		c, err := dialSession(addr, transport, "")
		if err != nil {
			t.Fatal(addr, transport, err)
		}
		if _, err := c.join("/", ""); err != nil {
			t.Fatal(addr, transport, err)
		}
		c.sync(t)
		c.drop()
	}
	w, err := dialWire(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	for _, path := range []string{"/route", "/socket.io/?EIO=4&transport=polling", "/route"} {
		if r, err := w.exchange("GET", path, ""); err != nil || r.status != 200 {
			t.Fatalf("%s of %s: %v, %v", path, addr, r, err)
		}
	}
}

func onSyncAndRoute(s *loop.Server) {
	onSync(s)
	s.HandleHTTP("/route", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
}

// TestListenerKinds: all of them beside each other, and each without any that
// gnet listens on.
func TestListenerKinds(t *testing.T) {
	dir := t.TempDir()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	local, err := net.Listen("unix", filepath.Join(dir, "given"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"127.0.0.1:", "[::1]:", "unix:" + filepath.Join(dir, "a"), fmt.Sprint("unix:@sioserver-test-", os.Getpid()), tcp.Addr().String(), "unix:" + filepath.Join(dir, "given"),
	}
	s := serve(t, loop.Config{
		Listen: []string{"127.0.0.1:0", "[::1]:0", want[2]}, Listeners: ownTLS(loop.Listener{Address: want[3]}, loop.Listener{Listener: tcp}, loop.Listener{Listener: local}),
		TLS: ownTLS(loop.Listener{})[0].TLS,
	}, onSyncAndRoute)
	addrs := s.Addrs()
	if len(addrs) != len(want) {
		t.Fatal(addrs)
	}
	for i, addr := range addrs {
		if !strings.HasPrefix(addr, want[i]) {
			t.Errorf("%s is %s", want[i], addr)
		}
		talks(t, addr)
	}
	loops := make(chan int, 8)
	alone := serve(t, loop.Config{Listen: []string{}, Listeners: ownTLS(loop.Listener{Address: "unix:" + filepath.Join(dir, "b")})}, func(s *loop.Server) {
		onSyncAndRoute(s)
		s.OnConnection(func(sock *loop.Socket) { loops <- sock.Loop().Index() })
	})
	talks(t, alone.addr())
	alone.connect(t, "websocket")
	var on [2]int
	for range 4 {
		on[within(t, "a client", loops)]++
	}
	if on[0] == 0 || on[1] == 0 {
		t.Errorf("the loops had %v clients", on)
	}
}

// TestBothFamilies: without a host, clients of IPv4 and IPv6 come in.
func TestBothFamilies(t *testing.T) {
	s := serve(t, loop.Config{Listen: []string{":0"}}, onSyncAndRoute)
	_, port, err := net.SplitHostPort(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		talks(t, net.JoinHostPort(host, port))
	}
}

// TestListenerFull: MaxConnections holds for listeners of the other kinds too,
// and a connection that is refused leaves no trace.
func TestListenerFull(t *testing.T) {
	s := serve(t, loop.Config{MaxConnections: 2, Listeners: ownTLS(loop.Listener{Address: "unix:" + filepath.Join(t.TempDir(), "s")}), Listen: []string{}}, onSync)
	a, _ := s.connect(t, "websocket")
	b, _ := s.connect(t, "websocket")
	if c, err := dialSession(s.addr(), "websocket", ""); err == nil {
		c.drop()
		t.Error("a third client gets in")
	}
	a.sync(t)
	a.drop()
	eventually(t, "a client has gone", func() bool { return s.Connections() == 1 })
	c, _ := s.connect(t, "websocket")
	b.sync(t)
	c.sync(t)
	if st := s.stats(t); st.ConnectionsRefused != 1 {
		t.Errorf("%d were refused", st.ConnectionsRefused)
	}
}

// TestUnixSocketFile: whose file is replaced, and when it goes.
func TestUnixSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	at := func(shared loop.Switch) loop.Config {
		return loop.Config{Listen: []string{}, Listeners: ownTLS(loop.Listener{Address: "unix:" + path, Mode: 0o600, ReusePort: shared})}
	}
	refused := func(why string) {
		t.Helper()
		if _, err := loop.New(at(loop.Default)); err == nil || !strings.Contains(err.Error(), "loop: reactor: listening on unix:"+path+": "+why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
	// What a server that was killed leaves behind.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	refused("somebody listens there: end that, choose another path, or set ReusePort to take the path over")
	left.SetUnlinkOnClose(false)
	_ = left.Close()
	first := serve(t, at(loop.Default), onSync)
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeSocket || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v", info, err)
	}
	c, _ := first.connect(t, "websocket")
	refused("somebody listens there")
	second := serve(t, at(loop.Enabled), onSync)
	d, _ := second.connect(t, "websocket")
	c.sync(t) // the first one's clients stay
	c.drop()
	first.stop(t)
	d.sync(t)
	e, _ := second.connect(t, "websocket") // the path is still the second one's
	e.sync(t)
	d.drop()
	e.drop()
	second.stop(t)
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) > 0 {
		t.Errorf("there is %q", names)
	}
	if hidden, _ := filepath.Glob(filepath.Join(dir, ".*")); len(hidden) > 0 {
		t.Errorf("there is %q", hidden)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("there is something else, not a socket: remove it, or choose another path")
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestReleasedListeners: a server that never runs gives up what it has.
func TestReleasedListeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	given, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, loop.Config{Listen: []string{}, Listeners: []loop.Listener{{Address: "unix:" + path}, {Listener: given}}})
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
	if _, err := given.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

// TestListenerFaults: what cannot be served is refused by New, which says what
// helps, and leaves listeners that were given alone.
func TestListenerFaults(t *testing.T) {
	given, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = given.Close() }()
	datagrams, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = datagrams.Close() }()
	number := func(c syscall.Conn) (n int) {
		rc, err := c.SyscallConn()
		if err == nil {
			err = rc.Control(func(fd uintptr) { n = int(fd) })
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	client, err := net.Dial("tcp", given.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	long := "unix:/tmp/" + strings.Repeat("x", 120)
	for _, v := range []struct {
		l    loop.Listener
		want string
	}{
		{loop.Listener{Address: "unix:"}, "loop: reactor: listening on unix:: the path is missing: unix:/run/name.sock"},
		{loop.Listener{Address: long}, "loop: reactor: listening on " + long + ": the path has 125 bytes, and a unix socket's may have 107: choose a shorter one"},
		{loop.Listener{Address: "unix:/no/such/s"}, "loop: reactor: listening on unix:/no/such/s: open /no/such: no such file or directory"},
		{loop.Listener{Address: "unix:@x", Mode: 0o600}, "loop: reactor: listening on unix:@x: a name that begins with @ has no file and so no mode"},
		{loop.Listener{Address: "127.0.0.1:0", Mode: 0o600}, "loop: the listener 127.0.0.1:0 is no unix socket that the server makes, and has a Mode: leave it out"},
		{loop.Listener{Address: "unix:/tmp/x", Mode: fs.ModeSetuid | 0o600}, "loop: the listener unix:/tmp/x has Mode urw-------, it may have permissions only"},
		{loop.Listener{Address: "127.0.0.1:0", ReusePort: 3}, "loop: the listener 127.0.0.1:0 has ReusePort 3, it must be Default, Enabled or Disabled"},
		{loop.Listener{Address: "fd:3", ReusePort: loop.Enabled}, "loop: the listener fd:3 is given, and so is its socket: ReusePort must be set by whoever makes that"},
		{loop.Listener{Address: "x:1", Listener: given}, "loop: the listener " + given.Addr().String() + ` has an Address too, "x:1": leave one of them out`},
		{loop.Listener{Listener: struct{ net.Listener }{given}}, "loop: reactor: a listener of type struct { net.Listener } cannot be served"},
		{loop.Listener{Address: "fd:web"}, `loop: reactor: address "fd:web": no sockets were passed to this process (LISTEN_FDS is "")`},
		{loop.Listener{Address: "fd:2"}, `loop: reactor: address "fd:2": a descriptor that was passed has a number from 3 on`},
		{loop.Listener{Address: "fd:100000"}, `loop: reactor: address "fd:100000": descriptor 100000 is no socket (bad file descriptor)`},
		{loop.Listener{Address: fmt.Sprint("fd:", number(datagrams.(syscall.Conn)))}, "is no stream socket: use ListenStream in the socket unit"},
		{loop.Listener{Address: fmt.Sprint("fd:", number(client.(syscall.Conn)))}, "does not listen: set Accept=no in the socket unit"},
	} {
		list := []loop.Listener{{Listener: given}, v.l}
		if v.l.Listener != nil {
			list = list[1:]
		}
		if s, err := loop.New(loop.Config{Listeners: list}); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%v, want %s", err, v.want)
			if err == nil {
				_ = s.Shutdown(context.Background())
			}
		}
	}
	taken, err := net.Dial("tcp", given.Addr().String())
	if err != nil {
		t.Fatalf("the listener that was given is gone: %v", err)
	}
	_ = taken.Close()
	own := serve(t, loop.Config{Listen: []string{}, Listeners: ownTLS(loop.Listener{Address: fmt.Sprint("fd:", number(given.(syscall.Conn)))})}, onSyncAndRoute)
	_ = client.Close()
	talks(t, own.addr())
}

// inheritRole is the environment variable that makes the test binary a server on
// what it has inherited. Its value are the addresses.
const inheritRole = "LOOP_TEST_INHERIT"

// runInherit tells its addresses, or why there are none, and serves until its
// standard input ends.
func runInherit(role string) error {
	s, err := loop.New(loop.Config{Listeners: ownTLS(func() (list []loop.Listener) {
		for _, a := range strings.Split(role, ",") {
			list = append(list, loop.Listener{Address: a})
		}
		return list
	}()...), Loops: 2})
	if err != nil {
		return json.NewEncoder(os.Stdout).Encode([]string{err.Error()})
	}
	onSyncAndRoute(s)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := s.Start(ctx); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Addrs()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return s.Shutdown(ctx)
}

// inherit starts a process with sockets as systemd would, and returns what it
// says and what ends it. pid is the shell's expression for LISTEN_PID.
func inherit(t *testing.T, pid, names, addrs string, sockets ...*os.File) ([]string, func()) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "export LISTEN_PID="+pid+`; exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), inheritRole+"="+addrs, fmt.Sprint("LISTEN_FDS=", len(sockets)), "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles, cmd.Stderr = sockets, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() {
		_ = in.Close()
		timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("the process ended with %v", err)
		}
	}
	var said []string
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&said); err != nil {
		end()
		t.Fatal(err)
	}
	return said, end
}

// TestInherited: socket activation by name and number, several sockets of one
// name, the queue outliving the server, and what can be wrong.
func TestInherited(t *testing.T) {
	t.Parallel()
	var files []*os.File
	var addrs []string
	for _, l := range []struct{ network, addr string }{{"tcp", "127.0.0.1:0"}, {"tcp", "[::1]:0"}, {"unix", filepath.Join(t.TempDir(), "s")}} {
		ln, err := net.Listen(l.network, l.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ln.Close() }()
		f, err := ln.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		files, addrs = append(files, f), append(addrs, ln.Addr().String())
	}
	addrs[2] = "unix:" + addrs[2]
	for range 2 { // the second process finds them as the first did
		said, end := inherit(t, "$$", "web:web:local", "fd:web,fd:5", files...)
		if strings.Join(said, " ") != strings.Join(addrs, " ") {
			t.Errorf("it listens on %q, want %q", said, addrs)
		}
		for _, addr := range said {
			talks(t, addr)
		}
		end()
	}
	early, err := dialWire(addrs[0]) // nobody runs: it waits in the queue
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = early.Close() }()
	_, end := inherit(t, "$$", "web:web:local", "fd:web", files...)
	if r, err := early.exchange("GET", "/route", ""); err != nil || r.status != 200 {
		t.Errorf("who came before the server: %v, %v", r, err)
	}
	end()
	for _, v := range []struct{ pid, addr, want string }{
		{"1", "fd:web", `loop: reactor: address "fd:web": the sockets were passed to process 1 and this is `},
		{"$$", "fd:api", `loop: reactor: address "fd:api": among the 3 sockets that were passed none has this name, LISTEN_FDNAMES is "web:web:local"`},
	} {
		said, end := inherit(t, v.pid, "web:web:local", v.addr, files...)
		if !strings.HasPrefix(said[0], v.want) {
			t.Errorf("%s: %q, want %q", v.addr, said, v.want)
		}
		end()
	}
}
