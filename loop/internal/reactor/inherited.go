// Sockets that were passed to the process: by systemd's socket activation, or as a descriptor with a number.

package reactor

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstPassed is the descriptor that systemd's are counted from
// (sd_listen_fds(3)).
const firstPassed = 3

// claimInherited claims the sockets of a name of LISTEN_FDNAMES, or the one that
// has a number. They are duplicated: the descriptors that were passed stay open,
// so that another server of the process may have them after this one.
func claimInherited(name string) (claims []claim, err error) {
	fds := []int{}
	if n, err := strconv.Atoi(name); err == nil {
		if n < firstPassed {
			return nil, fmt.Errorf("reactor: address %q: a descriptor that was passed has a number from %d on", "fd:"+name, firstPassed)
		}
		fds = append(fds, n)
	} else if fds, err = passed(name); err != nil {
		return nil, err
	}
	for _, fd := range fds {
		c, err := claimDescriptor(fd, name)
		if err != nil {
			release(claims)
			return nil, err
		}
		claims = append(claims, c)
	}
	return claims, nil
}

// passed are the descriptors that systemd has passed under a name.
func passed(name string) (fds []int, err error) {
	addr := "fd:" + name
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 1 {
		return nil, fmt.Errorf("reactor: address %q: no sockets were passed to this process (LISTEN_FDS is %q): "+
			"start it by a systemd unit with a socket unit, or listen on host:port", addr, os.Getenv("LISTEN_FDS"))
	}
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		return nil, fmt.Errorf("reactor: address %q: the sockets were passed to process %s and this is %d: "+
			"start the server without a shell or wrapper between (exec)", addr, pid, os.Getpid())
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i, n := range names {
		if i < count && n == name && name != "" {
			fds = append(fds, firstPassed+i)
		}
	}
	if len(fds) == 0 {
		return nil, fmt.Errorf("reactor: address %q: among the %d sockets that were passed none has this name, LISTEN_FDNAMES is %q: "+
			"set FileDescriptorName in the socket unit, or use a number, such as fd:%d", addr, count, os.Getenv("LISTEN_FDNAMES"), firstPassed)
	}
	return fds, nil
}

// claimDescriptor claims the socket of a descriptor.
func claimDescriptor(fd int, name string) (claim, error) {
	fail := func(text string) (claim, error) {
		return claim{}, fmt.Errorf("reactor: address %q: descriptor %d %s", "fd:"+name, fd, text)
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return fail("is no socket (" + err.Error() + "): was it passed, and is the number right?")
	} else if kind != unix.SOCK_STREAM {
		return fail("is no stream socket: use ListenStream in the socket unit")
	}
	if listens, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); listens != 1 {
		return fail("does not listen: set Accept=no in the socket unit, or let who passes it call listen")
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstPassed)
	if err != nil {
		return fail("cannot be duplicated: " + err.Error())
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(own), "fd:"+name)
	defer func() { _ = f.Close() }()
	l, err := net.FileListener(f)
	if err != nil {
		return fail("cannot be listened on: " + err.Error())
	}
	c, err := claimGiven(l)
	if err != nil {
		_ = l.Close()
		return fail("is neither TCP nor a unix socket: use another ListenStream in the socket unit")
	}
	if u, ok := c.ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the path is of whoever has made it
	}
	c.passed = true
	return c, nil
}
