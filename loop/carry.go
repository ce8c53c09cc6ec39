// Websockets whose connection no loop can poll: goroutines carry their bytes.

package loop

import (
	"net"
	"time"

	"github.com/sioserver/sioserver/loop/internal/reactor"
)

// carry serves a connection of any kind on loop i, by two goroutines and a
// buffer: one within TLS that crypto/tls reads, or one that somebody has
// wrapped.
func (s *Server) carry(nc net.Conn, i int, head []byte, remote net.Addr, value any) error {
	if remote == nil {
		remote = nc.RemoteAddr()
	}
	b, err := s.reactor.Bridge(i, remote, nc.LocalAddr(), value)
	if err != nil {
		return err
	}
	c := &carrier{conn: nc, bridge: b, stall: s.cfg.Limits.OutboundStall}
	s.carried.Add(1)
	go func() {
		defer s.carried.Add(-1)
		c.read(head)
	}()
	go c.write()
	return nil
}

// carrier carries bytes between a connection and a loop.
type carrier struct {
	conn   net.Conn
	bridge *reactor.Bridge
	stall  time.Duration // how long a piece of what is written may take
}

// carrierBuffer is what is read at a time, in bytes.
const carrierBuffer = 4 << 10

// read carries what comes to the loop.
func (c *carrier) read(head []byte) {
	err := c.bridge.Feed(head)
	buf := make([]byte, carrierBuffer)
	for err == nil {
		var n int
		n, err = c.conn.Read(buf)
		if n > 0 {
			if fed := c.bridge.Feed(buf[:n]); fed != nil {
				err = fed
			}
		}
	}
	c.bridge.Close()
}

// write carries what the engine writes to the peer, and closes the connection.
func (c *carrier) write() {
	defer func() { _ = c.conn.Close() }() // which ends read
	for range c.bridge.News() {
		p, end := c.bridge.Take()
		for len(p) > 0 {
			_ = c.conn.SetWriteDeadline(time.Now().Add(c.stall))
			n, err := c.conn.Write(p[:min(len(p), bodyPiece)])
			c.bridge.Sent(n)
			if err != nil {
				return
			}
			p = p[n:]
		}
		if c.bridge.Over() {
			return
		}
		if half, ok := c.conn.(interface{ CloseWrite() error }); ok && end {
			_ = half.CloseWrite()
		}
	}
}
