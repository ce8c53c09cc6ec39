// TCP echo on epoll with raw system calls, one thread, the accept in the loop.

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
)

func main() {
	listen := flag.String("listen", "", "HOST:PORT")
	flag.Parse()
	if err := serve(*listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(listen string) error {
	runtime.LockOSThread()
	l, err := net.Listen("tcp4", listen)
	if err != nil {
		return err
	}
	// The copy leaves Go's own poller, which keeps the original.
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	server, err := newServer(int(f.Fd()))
	if err != nil {
		return err
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"listening": l.Addr().String(), "name": "epoll-tcp", "version": runtime.Version(),
	})
	err = server.run()
	runtime.KeepAlive(f)
	return err
}

// server owns every descriptor; unsent holds what a socket did not take yet.
type server struct {
	epoll, listener int
	events          [512]syscall.EpollEvent
	buf             [64 << 10]byte
	unsent          map[int][]byte
}

func newServer(listener int) (*server, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	s := &server{epoll: epoll, listener: listener, unsent: map[int][]byte{}}
	if err := syscall.SetNonblock(listener, true); err != nil {
		return nil, err
	}
	return s, s.watch(syscall.EPOLL_CTL_ADD, listener, syscall.EPOLLIN)
}

func (s *server) watch(op, fd int, events uint32) error {
	return syscall.EpollCtl(s.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (s *server) run() error {
	busy := false
	for {
		n, err := wait(s.epoll, s.events[:], busy)
		if err != nil {
			return err
		}
		busy = n > 0
		for _, ev := range s.events[:n] {
			fd := int(ev.Fd)
			switch {
			case fd == s.listener:
				if err := s.accept(); err != nil {
					return err
				}
			case ev.Events&syscall.EPOLLOUT != 0:
				s.flush(fd)
			default:
				s.echo(fd)
			}
		}
	}
}

func (s *server) accept() error {
	for {
		fd, _, err := syscall.Accept4(s.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
		case syscall.EAGAIN:
			return nil
		case syscall.EINTR, syscall.ECONNABORTED:
			continue
		default:
			return fmt.Errorf("accept: %w", err)
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if err := s.watch(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN); err != nil {
			return err
		}
	}
}

func (s *server) echo(fd int) {
	n, err := read(fd, s.buf[:])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return
	}
	if err != 0 || n == 0 {
		s.close(fd)
		return
	}
	s.send(fd, s.buf[:n])
}

// send reads no more from a peer that does not read.
func (s *server) send(fd int, b []byte) {
	n, err := write(fd, b)
	if err != 0 && err != syscall.EAGAIN {
		s.close(fd)
		return
	}
	if n < len(b) {
		s.unsent[fd] = append([]byte(nil), b[n:]...)
		_ = s.watch(syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLOUT)
	}
}

func (s *server) flush(fd int) {
	b := s.unsent[fd]
	delete(s.unsent, fd)
	_ = s.watch(syscall.EPOLL_CTL_MOD, fd, syscall.EPOLLIN)
	s.send(fd, b)
}

func (s *server) close(fd int) {
	delete(s.unsent, fd)
	_ = syscall.Close(fd)
}
