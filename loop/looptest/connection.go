// The client's end of a connection: packets to and from its sockets.

package looptest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
)

// connection is a client, with one socket for each namespace. It is the
// [loop.EngineConn] of its session.
type connection struct {
	server  *Server
	parser  loop.Parser
	decoder loop.Decoder // of the goroutine that calls Send
	session *loop.EngineSession

	mu struct {
		sync.Mutex
		sockets map[string]*Socket // by namespace, those that want to join too
		news    chan struct{}      // closed at the next change
		closed  bool
		err     error // of what the server has sent
	}
}

func newConnection(s *Server) *connection {
	c := &connection{server: s, parser: s.Parser, decoder: s.Parser.NewDecoder()}
	c.mu.sockets, c.mu.news = map[string]*Socket{}, make(chan struct{})
	return c
}

// Send implements [loop.EngineConn]: a message from the server.
func (c *connection) Send(message []byte, binary bool) error {
	p, err := c.decoder.Add(bytes.Clone(message), binary)
	if err == nil && p == nil {
		return nil
	}
	var call func()
	c.mu.Lock()
	if err == nil {
		call, err = c.take(p)
	}
	if err != nil {
		err = fmt.Errorf("looptest: what the server has sent: %w", err)
		c.mu.err = errors.Join(c.mu.err, err)
	}
	c.tell()
	c.mu.Unlock()
	if call != nil {
		call()
	}
	return err
}

// Close implements [loop.EngineConn].
func (c *connection) Close(loop.DisconnectReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.closed = true
	for _, s := range c.mu.sockets {
		s.end("transport close")
	}
	c.tell()
}

// tell wakes whoever waits. The lock is held.
func (c *connection) tell() {
	close(c.mu.news)
	c.mu.news = make(chan struct{})
}

// take brings a packet to its socket. What it returns is called without the
// lock, which is held.
func (c *connection) take(p *loop.Packet) (func(), error) {
	s := c.mu.sockets[p.Namespace]
	if s == nil {
		return nil, fmt.Errorf("a packet for the namespace %s, of which there is no socket", p.Namespace)
	}
	switch p.Type {
	case socketio.Connect:
		return nil, s.joined(p.Data)
	case socketio.ConnectError:
		s.refused(p.Data)
		return nil, nil
	case socketio.Disconnect:
		s.end("io server disconnect")
		return nil, nil
	}
	list, ok := p.Data.([]any)
	if !ok {
		return nil, fmt.Errorf("a packet of type %v with %T", p.Type, p.Data)
	}
	if p.Type == socketio.Ack {
		return nil, s.acked(p.ID, list)
	}
	return s.event(p, list)
}

// write sends a packet to the server.
func (c *connection) write(p *loop.Packet) error {
	m, err := c.parser.Encode(p)
	if err != nil {
		return err
	}
	if m.Text != nil {
		err = c.session.Receive(m.Text, false)
	}
	for _, b := range m.Binary {
		if err == nil {
			err = c.session.Receive(b, true)
		}
	}
	return err
}

// generic returns values as they come back from the wire.
func (c *connection) generic(values []any) ([]any, error) {
	m, err := c.parser.Encode(&loop.Packet{Type: socketio.Event, Namespace: "/", Data: append([]any{"x"}, values...)})
	if err != nil {
		return nil, err
	}
	d := c.parser.NewDecoder()
	var p *loop.Packet
	if m.Text != nil {
		p, err = d.Add(m.Text, false)
	}
	for _, b := range m.Binary {
		if err == nil {
			p, err = d.Add(b, true)
		}
	}
	if err != nil {
		return nil, err
	}
	return p.Data.([]any)[1:], nil
}

// wait waits until done, which is called with the lock held, reports true. It
// reports whether that is so in time.
func (c *connection) wait(done func() bool) bool {
	timer := time.NewTimer(c.server.Patience)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, news, err := done(), c.mu.news, c.mu.err
		c.mu.Unlock()
		if err != nil {
			c.server.t.Helper()
			c.server.t.Fatalf("%v", err)
		}
		if ok {
			return true
		}
		select {
		case <-news:
		case <-timer.C:
			return false
		}
	}
}

// join asks for a namespace and waits for the answer.
func (c *connection) join(namespace string, auth any) (*Socket, error) {
	t := c.server.t
	t.Helper()
	s := &Socket{c: c, namespace: namespace, acks: map[uint64]*Answer{}}
	return s, s.connect(auth)
}
