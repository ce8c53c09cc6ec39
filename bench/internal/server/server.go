// The loop: listening, accepting, reading, writing.

package server

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sioserver/sioserver/bench/internal/wire"
)

// Config is what the server does. The zero value listens on a free port of
// 127.0.0.1 and makes no faults.
type Config struct {
	Listen    string
	Path      string
	ReusePort bool
	// PingInterval and PingTimeout are announced and kept; 0 is 25 s and 20 s.
	PingInterval, PingTimeout time.Duration
	// FanOut sends raw messages to all raw connections instead of back. For
	// websockets with the path /bcast that is so in any case.
	FanOut bool
	// Deflate agrees to permessage-deflate and compresses from 1 KiB on.
	Deflate bool
	Faults  Faults
}

// Faults are what goes wrong on purpose. A count n means every n-th.
type Faults struct {
	// StallFor the server does nothing, once in StallEvery.
	StallFor, StallEvery time.Duration
	// Drop, Double and Swap act on replies: left out, sent twice, sent behind the
	// next reply to the same session, or behind the next Behind replies.
	Drop, Double, Swap, Behind int
	// Refuse answers every n-th handshake with 403.
	Refuse int
	// CutEvery ends the connection of every n-th message.
	CutEvery int
}

// Stats are the server's own counts.
type Stats struct {
	Accepted uint64 `json:"accepted"`
	Open     uint64 `json:"open"`
	Sessions uint64 `json:"sessions"`
	// Received is messages from clients, Sent those to clients, each delivery
	// counted.
	Received uint64 `json:"received"`
	Sent     uint64 `json:"sent"`
	Dropped  uint64 `json:"dropped"`
	Doubled  uint64 `json:"doubled"`
	Swapped  uint64 `json:"swapped"`
	Held     uint64 `json:"held"`
	Refused  uint64 `json:"refused"`
	Upgraded uint64 `json:"upgraded"`
	BytesIn  uint64 `json:"bytes_in"`
	BytesOut uint64 `json:"bytes_out"`
}

const (
	readBytes    = 256 << 10
	messageLimit = 64 << 20
	outLimit     = 64 << 20 // what may wait for one client
	backlog      = 4096
)

// Server is one server. All of it belongs to the goroutine in Run but for what
// Stop and Addr touch.
type Server struct {
	cfg      Config
	addr     netip.AddrPort
	ep, wake int
	listener int
	paused   bool
	conns    []*conn
	sessions map[string]*session
	rooms    map[string]map[*session]struct{}
	dirty    []*conn
	rbuf     []byte
	replies  int
	shakes   int
	messages int
	nextID   uint64
	stats    Stats
	deflater *wire.Deflater
	inflater wire.Inflater
	stallAt  time.Time
	pingAt   time.Time
	stopping atomic.Bool
	done     chan struct{}
	final    Stats
}

// New makes a server that listens. Any goroutine.
func New(cfg Config) (*Server, error) {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Path == "" {
		cfg.Path = "/socket.io/"
	}
	if cfg.PingInterval == 0 {
		cfg.PingInterval = 25 * time.Second
	}
	if cfg.PingTimeout == 0 {
		cfg.PingTimeout = 20 * time.Second
	}
	s := &Server{cfg: cfg, sessions: map[string]*session{}, rooms: map[string]map[*session]struct{}{}, rbuf: make([]byte, readBytes), done: make(chan struct{})}
	ap, err := netip.ParseAddrPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("server: listen on %q: %w", cfg.Listen, err)
	}
	if s.deflater, err = wire.NewDeflater(1); err != nil {
		return nil, err
	}
	if err := s.open(ap); err != nil {
		return nil, fmt.Errorf("server: listen on %s: %w", ap, err)
	}
	return s, nil
}

// open makes the descriptors.
func (s *Server) open(ap netip.AddrPort) (err error) {
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
	family := unix.AF_INET6
	if ap.Addr().Is4() {
		sa, family = &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, unix.AF_INET
	}
	if s.listener, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	// Accepted sockets inherit it.
	_ = unix.SetsockoptInt(s.listener, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if s.cfg.ReusePort {
		if err = unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	if err = unix.Bind(s.listener, sa); err != nil {
		return err
	}
	if err = unix.Listen(s.listener, backlog); err != nil {
		return err
	}
	name, err := unix.Getsockname(s.listener)
	if err != nil {
		return err
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		s.addr = netip.AddrPortFrom(netip.AddrFrom4(n.Addr), uint16(n.Port))
	case *unix.SockaddrInet6:
		s.addr = netip.AddrPortFrom(netip.AddrFrom16(n.Addr), uint16(n.Port))
	}
	if s.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if s.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	return errors.Join(s.watch(s.listener), s.watch(s.wake))
}

func (s *Server) watch(fd int) error {
	return unix.EpollCtl(s.ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// Addr is where it listens. Any goroutine.
func (s *Server) Addr() string { return s.addr.String() }

// Stop ends Run, waits for that, and returns the last counts. Any goroutine.
func (s *Server) Stop() Stats {
	s.stopping.Store(true)
	_, _ = unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-s.done
	return s.final
}

// Run serves until Stop. It keeps its thread to itself.
func (s *Server) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	events := make([]unix.EpollEvent, 512)
	now := time.Now()
	s.pingAt = now.Add(s.pingTick())
	s.stallAt = now.Add(s.cfg.Faults.StallEvery)
	for !s.stopping.Load() {
		n, err := unix.EpollWait(s.ep, events, 100)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("server: epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			switch int(e.Fd) {
			case s.listener:
				s.accept()
			case s.wake:
			default:
				s.handle(int(e.Fd), e.Events)
			}
		}
		s.settle()
		s.tick()
	}
	s.shut()
	return nil
}

// tick makes pings and stalls. The clock is read once for each batch.
func (s *Server) tick() {
	now := time.Now()
	if f := s.cfg.Faults; f.StallEvery > 0 && now.After(s.stallAt) {
		time.Sleep(f.StallFor)
		s.stallAt = s.stallAt.Add(f.StallEvery)
	}
	if now.After(s.pingAt) {
		s.pingAt = now.Add(s.pingTick())
		s.heartbeat(now)
		s.settle()
	}
}

// pingTick is how often the heartbeats are looked at.
func (s *Server) pingTick() time.Duration { return min(time.Second, s.cfg.PingInterval/4) }

// shut closes everything.
func (s *Server) shut() {
	for _, v := range s.sessions {
		if v.held != nil {
			s.stats.Held++
		}
	}
	s.final = s.Stats()
	for _, c := range s.conns {
		if c != nil {
			_ = unix.Close(c.fd)
		}
	}
	for _, fd := range []int{s.listener, s.wake, s.ep} {
		_ = unix.Close(fd)
	}
}

// Stats are the counts now. Only the goroutine in Run may ask.
func (s *Server) Stats() Stats {
	st := s.stats
	st.Sessions = uint64(len(s.sessions))
	return st
}

// accept takes what waits.
func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EMFILE, unix.ENFILE:
			// Until somebody leaves, the listener must not keep the loop awake.
			s.paused = true
			_ = unix.EpollCtl(s.ep, unix.EPOLL_CTL_DEL, s.listener, nil)
			return
		default:
			return
		}
		for fd >= len(s.conns) {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
		s.stats.Accepted++
		s.stats.Open++
		if s.watch(fd) != nil {
			s.close(s.conns[fd])
		}
	}
}
