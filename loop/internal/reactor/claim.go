// Claims: the addresses of a server, checked and held until its loops listen.

package reactor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// claim is an address and the socket that holds its port. The socket is bound
// and never listens, so the kernel sends no connection to it. Without it a port
// chosen in New could be somebody else's before Run: the loops listen with
// SO_REUSEPORT, and two servers of one user would share it without a word.
//
// Or it is a socket of another kind, which listens already and of which there
// is one for all loops.
type claim struct {
	Listener
	addr  string   // for users, and for gnet where that listens: host:port
	local string   // the same as gnet writes it
	held  *os.File // nil if gnet does not listen
	ln    acceptor // nil if gnet does
	file  *socketFile
	// passed: the process has inherited it, and another may after this one.
	passed bool
}

// claimAll claims the addresses, those with port 0 at a port the kernel
// chooses.
func claimAll(listeners []Listener) (claims []claim, err error) {
	for _, l := range listeners {
		made, err := claimOne(l)
		if err != nil {
			giveUp(claims)
			return nil, err
		}
		for _, c := range made {
			c.Listener = l
			claims = append(claims, c)
		}
	}
	return claims, nil
}

// claimOne claims what a Listener stands for, which may be several sockets that
// were inherited.
func claimOne(l Listener) ([]claim, error) {
	kind, rest, _ := strings.Cut(l.Addr, ":")
	one := func(c claim, err error) ([]claim, error) { return []claim{c}, err }
	switch {
	case l.Given != nil:
		return one(claimGiven(l.Given))
	case kind == "unix":
		return one(claimUnix(rest, l.Mode, l.Shared))
	case kind == "fd":
		return claimInherited(rest)
	}
	return one(claimAddr(l.Addr, l.Shared))
}

// giveUp releases claims that have come to nothing: listeners that were given
// stay whose they were.
func giveUp(claims []claim) {
	release(slices.DeleteFunc(claims, func(c claim) bool { return c.Given != nil }))
}

// release gives claims up.
func release(claims []claim) {
	for _, c := range claims {
		if c.held != nil {
			_ = c.held.Close()
		}
		if c.ln != nil {
			c.file.remove()
			_ = c.ln.Close()
		}
	}
}

func claimAddr(addr string, shared bool) (claim, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return claim{}, fmt.Errorf("reactor: address %q is not host:port: %w", addr, err)
	}
	resolved, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return claim{}, fmt.Errorf("reactor: address %q: %w", addr, err)
	}
	held, port, err := hold(resolved, shared)
	if err != nil {
		return claim{}, fmt.Errorf("reactor: listening on %s: %w%s", addr, err, remedy(err))
	}
	switch {
	case resolved.IP == nil || resolved.IP.IsUnspecified() && resolved.IP.To4() == nil:
		// Every address of either family, as in package net; gnet would take
		// "::" for IPv6 alone.
		host = ""
		if family(held) == unix.AF_INET {
			host = "0.0.0.0"
		}
	case net.ParseIP(host) == nil && resolved.Zone == "":
		// A name must not become another address when gnet asks again.
		host = resolved.IP.String()
	}
	c := claim{addr: net.JoinHostPort(host, strconv.Itoa(port)), held: os.NewFile(uintptr(held), addr)}
	c.local = c.addr
	if a, err := net.ResolveTCPAddr("tcp", c.addr); err == nil {
		c.local = a.String()
	}
	return c, nil
}

// remedy says what helps against a failure to bind.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return ": end who listens there, choose another port, or set ReusePort on both"
	case errors.Is(err, unix.EACCES):
		return ": choose a port from 1024 on, or allow this one (CAP_NET_BIND_SERVICE, a systemd socket)"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return ": no interface of this machine has the address; leave the host out to listen on all"
	}
	return ""
}

// hold binds a socket to an address.
func hold(a *net.TCPAddr, shared bool) (fd, port int, err error) {
	fd, err = bindNew(a, shared, false)
	if errors.Is(err, unix.EADDRINUSE) {
		// Connections of a server that has just ended are no reason to refuse.
		// Only then is reuse allowed: a socket bound with it looks free to
		// everybody else who allows it, as long as nobody listens.
		fd, err = bindNew(a, shared, true)
	}
	if err != nil {
		return 0, 0, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	}
	var bound unix.Sockaddr
	if err == nil {
		bound, err = unix.Getsockname(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return 0, 0, err
	}
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		port = b.Port
	case *unix.SockaddrInet6:
		port = b.Port
	}
	return fd, port, nil
}

// bindNew makes a socket of the family of the address and binds it. One for
// every address is of IPv6 where there is IPv6, and takes both.
func bindNew(a *net.TCPAddr, shared, reuse bool) (fd int, err error) {
	every := a.IP == nil || a.IP.IsUnspecified()
	if a.IP.To4() == nil {
		sa := &unix.SockaddrInet6{Port: a.Port, ZoneId: zone(a.Zone)}
		copy(sa.Addr[:], a.IP.To16())
		fd, err = bindSocket(unix.AF_INET6, sa, !every, shared, reuse)
		if !every || !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fd, err
		}
	}
	sa := &unix.SockaddrInet4{Port: a.Port}
	copy(sa.Addr[:], a.IP.To4())
	return bindSocket(unix.AF_INET, sa, false, shared, reuse)
}

func bindSocket(family int, sa unix.Sockaddr, only6, shared, reuse bool) (fd int, err error) {
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	set := func(on bool, level, option, value int) {
		if on && err == nil {
			err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
		}
	}
	set(family == unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, boolInt(only6))
	set(shared, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	set(reuse, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, sa))
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// family is the address family of a bound socket.
func family(fd int) int {
	domain, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	return domain
}

// zone is the number of a network interface, 0 for none.
func zone(name string) uint32 {
	if name == "" {
		return 0
	}
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}
