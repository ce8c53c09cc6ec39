// Ceasing to accept, without a loss to those who are connecting while somebody else listens at the same address.

package reactor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// What belongs to ceasing on a port that others listen on too. The kernel gives
// each connection to one of the sockets of the port by a hash, and resets what
// still waits in a socket when that is closed. So a socket is emptied before: it
// first takes no more beginnings of connections, which their clients repeat
// after a second, and those under way have a moment to be completed; then it
// takes nothing more, what waits is accepted, and it is closed. Who repeats
// finds the sockets of the others. All that must be over within the second. If
// nobody else listens, there is nothing to find, and no reason to wait.
const (
	ceaseGrace  = 700 * time.Millisecond // for handshakes of TCP that are under way
	ceaseSettle = 10 * time.Millisecond  // for packets that the kernel has in hand, and between looks
)

// The filters by which that is done (socket(7), SO_ATTACH_FILTER): programs that
// see the TCP header and say how much of a packet counts.
var (
	dropBeginnings = []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},                // the flags
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 2, Jt: 0, Jf: 1}, // SYN?
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<31 - 1},
	}
	dropAll = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
)

// filter makes a socket drop packets from now on.
func filter(fd int, program []unix.SockFilter) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}

// unfilter takes the filter off a connection, which it has from the socket it
// came by.
func unfilter(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) }

// Cease makes the reactor take no connections any more, by whatever it listens
// on, and give its addresses up. Those who are connecting get in. Sockets that
// the process has inherited are left as they are, with those who wait there. It
// may be called once the reactor has booted, and again; then it waits for the
// same.
func (r *Reactor) Cease(ctx context.Context) error {
	r.once.cease.Do(func() {
		r.ceasing.Store(true)
		go func() {
			defer close(r.ceased)
			r.cease()
		}()
	})
	select {
	case <-r.ceased:
		return r.ceaseErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Alone reports whether nobody else can serve at the reactor's addresses, so that
// who is connecting when it ends has nowhere to go.
func (r *Reactor) Alone() bool {
	for i := range r.claims {
		if c := &r.claims[i]; c.ln != nil || c.Shared {
			return false
		}
	}
	return true
}

// cease is Cease. It ends by itself, or soon after the reactor has.
func (r *Reactor) cease() {
	for i := range r.claims {
		if c := &r.claims[i]; c.ln != nil {
			c.file.remove()
			_ = c.ln.SetDeadline(time.Now()) // accept goes on from there
		}
	}
	listening, err := r.listening()
	r.ceaseErr = err
	if len(listening) > 0 {
		r.empty(listening)
	}
	for i := range r.claims {
		if c := &r.claims[i]; c.held != nil {
			_ = c.held.Close()
		}
	}
	r.accepts.Wait()
}

// socketOf is a socket on which gnet accepts for a loop.
type socketOf struct {
	loop   *loop
	fd     int
	port   string
	shared bool
}

// listening are the sockets on which gnet accepts.
func (r *Reactor) listening() (all []socketOf, err error) {
	for _, l := range r.loops {
		l.mu.Lock()
		events := l.mu.events
		l.mu.Unlock()
		if events == nil {
			continue
		}
		found, bad := socketsOf(events)
		err = errors.Join(err, bad)
		for fd, addr := range found {
			s := socketOf{loop: l, fd: fd}
			_, s.port, _ = net.SplitHostPort(addr)
			for _, c := range r.claims {
				s.shared = s.shared || c.ln == nil && c.addr == addr && c.Shared
			}
			all = append(all, s)
		}
	}
	return all, err
}

// socketsOf are the descriptors on which gnet accepts for one of its loops, with
// their addresses. gnet tells them to nobody, so they are read from its fields;
// another version of gnet may have others, which the tests notice.
func socketsOf(el gnet.EventLoop) (found map[int]string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reactor: this version of gnet does not show what it listens on (%v): its sockets stay open", p)
		}
	}()
	found = map[int]string{}
	for it := reflect.ValueOf(el).Elem().FieldByName("listeners").MapRange(); it.Next(); {
		found[int(it.Key().Int())] = it.Value().Elem().FieldByName("address").String()
	}
	return found, nil
}

// empty closes sockets when they are empty.
func (r *Reactor) empty(sockets []socketOf) {
	grace := time.Duration(0)
	wait := !migrates() && accompanied(sockets)
	for _, s := range sockets {
		if s.shared && wait {
			r.note(filter(s.fd, dropBeginnings))
			grace = ceaseGrace
		}
	}
	r.pause(grace)
	for _, s := range sockets {
		r.note(filter(s.fd, dropAll))
	}
	for len(sockets) > 0 && r.pause(ceaseSettle) {
		left := sockets[:0]
		for _, s := range sockets {
			if !s.close() {
				left = append(left, s)
			}
		}
		sockets = left
	}
}

// pause waits, and reports whether the reactor still runs.
func (r *Reactor) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.ended:
		return false
	}
}

// note keeps a failure for who waits.
func (r *Reactor) note(err error) { r.ceaseErr = errors.Join(r.ceaseErr, err) }

// migrates reports whether the kernel hands what waits in a socket that is closed
// to another of the same port (tcp_migrate_req in ip-sysctl).
func migrates() bool {
	text, err := os.ReadFile("/proc/sys/net/ipv4/tcp_migrate_req")
	return err == nil && strings.TrimSpace(string(text)) == "1"
}

// accompanied reports whether others listen on a port of the sockets too.
func accompanied(sockets []socketOf) bool {
	own := map[string]int{}
	for _, s := range sockets {
		own[s.port]++
	}
	for port, n := range own {
		if all, ok := listeners(port); !ok || all > n {
			return true
		}
	}
	return false
}

// listeners is how many sockets listen on a port, at whatever address, as far as
// the system tells.
func listeners(port string) (n int, ok bool) {
	want, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, false
	}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if errors.Is(err, os.ErrNotExist) && ok {
			continue // no IPv6
		}
		if err != nil {
			return 0, false
		}
		n += listed(f, want)
		_ = f.Close()
		ok = true
	}
	return n, ok
}

// listed counts those of a table of the kernel. It lists them before all other
// sockets.
func listed(table io.Reader, port uint64) (n int) {
	lines := bufio.NewScanner(table)
	lines.Scan() // what the columns are
	for lines.Scan() {
		const local, state, listening = 1, 3, "0A"
		f := strings.Fields(lines.Text())
		if len(f) <= state || f[state] != listening {
			return n
		}
		_, hex, _ := strings.Cut(f[local], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); err == nil && p == port {
			n++
		}
	}
	return n
}

// close closes the socket if nobody waits in it, and reports whether it has, or
// whether its loop has ended, which closes it too.
func (s socketOf) close() bool {
	t := &closeListener{fd: s.fd, done: make(chan bool, 1)}
	s.loop.mu.Lock()
	running := s.loop.mu.events != nil
	if running {
		s.loop.execute(t)
	}
	s.loop.mu.Unlock()
	if !running {
		return true
	}
	select {
	case done := <-t.done:
		return done
	case <-s.loop.reactor.ended:
		return true
	}
}

// closeListener is what closes a socket on its loop, where gnet is not about to
// accept from it.
type closeListener struct {
	fd   int
	done chan bool
}

// Run closes the socket. gnet believes that it has it, and closes the number once
// more in the end; so that keeps a file, but another one.
func (t *closeListener) Run(context.Context) error {
	info, err := unix.GetsockoptTCPInfo(t.fd, unix.SOL_TCP, unix.TCP_INFO)
	if err == nil && info.Unacked > 0 { // of a listening socket: how many wait
		t.done <- false
		return nil
	}
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		err = unix.Dup3(null, t.fd, unix.O_CLOEXEC)
		_ = unix.Close(null)
	}
	t.done <- err == nil
	return nil
}

// acceptWaiting accepts what waits in a socket whose listener does not any more.
func (r *Reactor) acceptWaiting(c *claim) {
	raw, err := c.ln.(syscall.Conn).SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			nfd, _, err := unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
				continue
			}
			if err != nil {
				return
			}
			if nc, err := fileConn(nfd); err == nil {
				r.arrived(nc, &c.Listener)
			}
		}
	})
}
