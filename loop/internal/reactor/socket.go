// Descriptors: limits, addresses, and the system calls that gnet has no word for.

package reactor

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// raiseDescriptorLimit raises the soft limit of open files to the hard one and
// returns it.
func raiseDescriptorLimit() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, err
	}
	if lim.Cur < lim.Max {
		raised := unix.Rlimit{Cur: lim.Max, Max: lim.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			lim = raised
		}
	}
	const most = 1 << 30
	return int(min(lim.Cur, most)), nil
}

// reserve is the number of descriptors kept back from a limit for everything
// that is not a client: listeners, loops, logs, other connections of the
// process. Running out of descriptors while accepting would end gnet's loops.
func reserve(limit int) int {
	return min(max(256, limit/100), limit/4)
}

// resolve checks the addresses and gives those with port 0 a free port. It
// fails for a port in use: with SO_REUSEPORT, which the loops need, the kernel
// would let two servers of one user share it without a word.
func resolve(addrs []string, shared bool) ([]string, error) {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			return nil, fmt.Errorf("reactor: address %q is not host:port: %w", a, err)
		}
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			return nil, fmt.Errorf("reactor: address %q: %w", a, err)
		}
		if n != 0 && shared {
			out[i] = a
			continue
		}
		got, err := probePort(a)
		if err != nil {
			return nil, fmt.Errorf("reactor: listening on %s: %w", a, err)
		}
		out[i] = net.JoinHostPort(host, strconv.Itoa(got))
	}
	return out, nil
}

// probePort binds the address and lets go of it.
func probePort(addr string) (port int, err error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var opt error
		err := rc.Control(func(fd uintptr) {
			opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		})
		if err != nil {
			return err
		}
		return opt
	}}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer func() { err = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// shutdownWrite ends the sending half of a connection. It fails only on one
// that is gone.
func shutdownWrite(fd int32) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) }
