// Conn: one TLS connection as bytes in and bytes out.

package tlsconn

import (
	"crypto/tls"
	"net"
	"slices"
	"time"
)

// ErrWouldBlock says that all bytes given have been read. It is temporary in
// the sense of [net.Error], which is what makes crypto/tls go on after it.
var ErrWouldBlock error = wouldBlock{}

type wouldBlock struct{}

// Error implements [net.Error], as do the methods below. Any goroutine.
func (wouldBlock) Error() string { return "tlsconn: no bytes left" }

// Timeout reports false. Any goroutine.
func (wouldBlock) Timeout() bool { return false }

// Temporary reports true. Any goroutine.
func (wouldBlock) Temporary() bool { return true }

// Conn is the server's side of a TLS connection. It belongs to whoever runs its
// event loop; methods for others say so. It is also the [net.Conn] below
// crypto/tls, whose methods are nobody else's to call.
type Conn struct {
	tls           *tls.Conn
	below         net.Conn   // a connection that blocks; nil for one that is fed
	hs            *handshake // while there is one
	remote, local net.Addr
	in            []byte // not read by crypto/tls yet; a view, unless Keep was called
	out           []byte // written by crypto/tls and not taken yet
	trimmed       bool   // what the handshake needed is given up
	notified      bool   // the peer has been told that nothing more comes, or cannot be told
}

// Server returns the server's side of a new connection, whose handshake is to
// come. Any goroutine.
func Server(cfg *tls.Config, remote, local net.Addr) *Conn {
	c := &Conn{remote: remote, local: local, hs: newHandshake()}
	c.tls = tls.Server(c, cfg)
	return c
}

// Over returns a connection that reads and writes nc until it is released. It
// lets a [tls.Conn] that is made on it, by a server of package net/http say, go
// over to an event loop: its NetConn is what Over returned. Any goroutine.
func Over(nc net.Conn) *Conn {
	return &Conn{below: nc, remote: nc.RemoteAddr(), local: nc.LocalAddr()}
}

// Lend makes the connection one that reads what it has been fed with and then
// nc, and writes to nc, and returns it as it can be used then, by one goroutine
// for reading and one for writing, until Release.
func (c *Conn) Lend(nc net.Conn) *tls.Conn {
	c.below = nc
	if len(c.out) > 0 {
		_, _ = nc.Write(c.out) // an error comes again
		c.out = nil
	}
	return c.tls
}

// Release ends the use of the connection below, which is returned for its
// descriptor: from now on c is fed. t is the TLS connection made on c, its
// handshake complete and no call to it running. Any goroutine that has both.
func (c *Conn) Release(t *tls.Conn) (below net.Conn) {
	below, c.below, c.tls = c.below, nil, t
	return below
}

// Feed gives the connection bytes that have come. They are a view, not changed,
// and to be read by Decrypt until that says [ErrWouldBlock].
func (c *Conn) Feed(p []byte) { c.in = p }

// Keep makes a copy of the bytes that Decrypt has not read yet, so that the
// connection can leave the buffer they are in.
func (c *Conn) Keep() { c.in = slices.Clone(c.in) }

// Decrypt reads content of the connection into p, at most a record at a time.
// Every error but [ErrWouldBlock] is final; [io.EOF] is the end announced by the
// peer. The handshake must be complete.
func (c *Conn) Decrypt(p []byte) (int, error) {
	n, err := c.tls.Read(p)
	if err == ErrWouldBlock {
		c.trim()
	}
	return n, err
}

// trim gives up buffers that are large, and for the first time all of them, which
// are as large as the handshake needed them.
func (c *Conn) trim() {
	most := trimFrom
	if !c.trimmed {
		c.trimmed, most = true, 0
	}
	trim(c.tls, most)
}

// Pending reports whether crypto/tls has written something by itself: its part
// of the handshake, answers to key updates, alerts.
func (c *Conn) Pending() bool { return len(c.out) > 0 }

// Encrypt appends what is pending and then p as records. An error, which is
// final, says that p cannot be sent any more.
func (c *Conn) Encrypt(dst, p []byte) ([]byte, error) {
	var err error
	c.out = append(dst, c.out...)
	if len(p) > 0 {
		_, err = c.tls.Write(p)
	}
	dst, c.out = c.out, nil
	return dst, err
}

// Notify appends the announcement that nothing more comes (close_notify, RFC
// 8446 6.1), once. During the handshake there is none.
func (c *Conn) Notify(dst []byte) []byte {
	if c.notified {
		return dst
	}
	c.notified = true
	if c.hs == nil {
		c.out = append(dst, c.out...)
		_ = c.tls.CloseWrite() // the error of a connection that is broken already
		dst, c.out = c.out, nil
	}
	return dst
}

// Notified reports whether Notify has been called.
func (c *Conn) Notified() bool { return c.notified }

// State is the state of the connection after its handshake. Any goroutine.
func (c *Conn) State() tls.ConnectionState { return c.tls.ConnectionState() }

// Read implements [net.Conn], as do the methods below.
func (c *Conn) Read(p []byte) (int, error) {
	switch {
	case c.hs != nil:
		return c.hs.read(p)
	case len(c.in) > 0:
	case c.below != nil:
		return c.below.Read(p)
	default:
		return 0, ErrWouldBlock
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// Write takes everything.
func (c *Conn) Write(p []byte) (int, error) {
	switch {
	case c.below != nil:
		return c.below.Write(p)
	case c.hs != nil:
		return c.hs.write(p)
	}
	c.out = append(c.out, p...)
	return len(p), nil
}

// Close closes the connection below, if there is one.
func (c *Conn) Close() error {
	if c.below != nil {
		return c.below.Close()
	}
	return nil
}

// RemoteAddr is the peer's address. Any goroutine.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr is the address of this side. Any goroutine.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// SetDeadline is for the connection below; one that is fed has no deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.below != nil {
		return c.below.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline is the same for reading.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.below != nil {
		return c.below.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline is the same for writing.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.below != nil {
		return c.below.SetWriteDeadline(t)
	}
	return nil
}
