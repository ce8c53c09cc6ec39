// Loop: what one event loop owns of Socket.IO, and the calls it gets from its engine.

package loop

import (
	"bytes"
	"sync/atomic"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
	"github.com/sioserver/sioserver/transport/slab"
	"github.com/sioserver/sioserver/transport/wheel"
)

// Loop is one event loop of a server, for code of the application's that is to
// run on it: see [Loop.Execute]. A client stays on its loop for life
// ([Socket.Loop]), and what runs on a loop runs one thing after the other, so that
// state which belongs to a loop needs no lock ([PerLoop]).
type Loop struct {
	// Immutable after New.
	server *Server
	engine *transport.Engine
	index  int

	// Owned by the loop.
	sockets slab.Slab[entry]
	clients slab.Slab[client]
	waiting slab.Slab[pendingAck]
	timers  slab.Slab[*Timer]
	joins   uint32 // sockets so far: their generation, never 0
	ids     id.Source
	packet  socketio.Packet
	event   Event  // lent to inline handlers
	out     []byte // scratch for packets
	arg     []byte // scratch for messages that become arguments
	inside  bool   // code of the user's is running
	stats   loopStats
	release func() // of the session that is about to be opened

	// Any goroutine.
	unhandled atomic.Uint64 // events without a handler
	open      atomic.Int64  // sessions
	spent     spent         // strands
	tasks     atomic.Int64  // functions of the application's that wait
	full      atomic.Uint64 // of these, those that were refused
}

// upcalls implements [transport.Handler] for the engine on a loop.
type upcalls struct{ *Loop }

// socketRef names a socket within its loop. It stays harmless when the socket
// is gone.
type socketRef uint64

func makeRef(slot, gen uint32) socketRef { return socketRef(uint64(gen)<<32 | uint64(slot)) }

func (r socketRef) slot() uint32 { return uint32(r) }

// socketState is the life of a socket on its loop.
type socketState uint8

const (
	socketFree      socketState = iota
	socketJoining               // in middleware
	socketConnected             // joined
)

// entry is a socket as its loop knows it: what a connected client costs in this
// package. The handle that users hold is made when somebody needs it.
type entry struct {
	ns      *Namespace
	session *transport.Session
	handle  *Socket
	gen     uint32
	next    uint32 // the client's next socket, as slot + 1
	member  rooms.Slot
	state   socketState
	id      id.ID
}

// client is an Engine.IO session as this package knows it.
type client struct {
	first   uint32 // its sockets, as slot + 1
	refused uint16 // joins
	sockets uint16
	request *request // of the handshake, nil if nobody will ask
	kept    *kept
}

// kept is what some clients have.
type kept struct {
	assembler socketio.Assembler
	assembly  wheel.ID           // time for the attachments
	session   *transport.Session // that sends them
	since     int64              // begin of the minute in which unknown acks are counted
	unknown   int
	searches  []string  // names of namespaces that are looked for
	watchers  *watchers // of its Conn
	custom    *customClient
	conn      *engineConn // nil unless somebody asked for the client
	release   func()      // of its admission
}

// find returns the entry that ref names, nil if the socket is gone.
func (l *Loop) find(ref socketRef) *entry {
	if e := l.sockets.Find(ref.slot()); e != nil && e.gen == uint32(ref>>32) {
		return e
	}
	return nil
}

// connected is find for sockets that have joined.
func (l *Loop) connected(ref socketRef) *entry {
	if e := l.find(ref); e != nil && e.state == socketConnected {
		return e
	}
	return nil
}

// in returns the client's socket in a namespace, nil if it has none.
func (l *Loop) in(c *client, name []byte) (*entry, uint32) {
	for at := c.first; at != 0; {
		e := l.sockets.At(at - 1)
		if string(name) == e.ns.name {
			return e, at - 1
		}
		at = e.next
	}
	return nil, 0
}

// direct reports whether what the caller sends may go out at once: it is on the
// loop, and nothing that was sent before waits in the loop's inbox, as messages
// do that are logged for recovery.
func (l *Loop) direct() bool {
	return l.server.cfg.ConnectionStateRecovery == nil && l.engine.OnLoop()
}

// client returns the state of a session: of one that is over, nothing.
func (l *Loop) client(s *transport.Session) *client {
	if c := l.clients.Find(s.Owner() - 1); c != nil {
		return c
	}
	return new(client)
}

// keep returns the rarer state of a client.
func (c *client) keep() *kept {
	if c.kept == nil {
		c.kept = new(kept)
	}
	return c.kept
}

// OnOpen implements [transport.Handler].
func (l upcalls) OnOpen(s *transport.Session, h *transport.Hello) {
	c, i := l.clients.Take()
	s.SetOwner(i + 1)
	if l.release != nil {
		c.keep().release, l.release = l.release, nil
	}
	l.stats.live[s.Kind()]++
	l.stats.opened[s.Kind()]++
	if l.server.wantsHandshake() {
		c.request = l.server.newRequest(h)
	}
	forgetOrigin(h)
	l.open.Add(1)
	if l.server.cfg.EngineOnly {
		l.beginEngineOnly(s, c)
		return
	}
	l.announce(s)
	if s.Revision() < 4 && l.client(s) == c { // whoever was told may have closed it
		l.beginRevision3(s, c)
	}
}

// OnMessage implements [transport.Handler].
func (l upcalls) OnMessage(s *transport.Session, data []byte, binary bool) {
	c, f := l.client(s), l.server.form
	if l.server.custom != nil {
		l.customMessage(s, c, data, binary)
		return
	}
	if binary && f == formJSON {
		l.attachment(s, c, data)
		return
	}
	if c.kept != nil {
		if err := c.kept.assembler.CheckText(); err != nil {
			s.Fail(err)
			return
		}
	}
	p := &l.packet
	if err := f.decode(data, binary, s.Revision(), &l.server.cfg.Limits.Packet, p); err != nil {
		s.Fail(err)
		return
	}
	if p.Attachments > 0 {
		l.beginAttachments(s, c, p)
		return
	}
	l.receive(s, c, p, nil)
}

// beginAttachments waits for the attachments of a packet, after a look at
// whether anybody will want it: an unknown namespace must not make the server
// gather megabytes.
func (l *Loop) beginAttachments(s *transport.Session, c *client, p *socketio.Packet) {
	if e, _ := l.in(c, p.Namespace); e == nil || e.state != socketConnected {
		s.Fail(errNotJoined)
		return
	}
	k := c.keep()
	if err := k.assembler.Begin(p, &l.server.cfg.Limits.Packet); err != nil {
		s.Fail(err)
		return
	}
	l.armAssembly(s, k)
}

// armAssembly limits the time for the rest of a packet.
func (l *Loop) armAssembly(s *transport.Session, k *kept) {
	at := l.engine.Now() + l.server.cfg.Limits.AttachmentTime.Milliseconds()
	k.session = s
	k.assembly = l.engine.Arm(at, s.Owner()<<timerBits|timerAssembly)
}

// attachment takes a binary message, which belongs to the packet before it.
func (l *Loop) attachment(s *transport.Session, c *client, data []byte) {
	if c.kept == nil {
		s.Fail(socketio.ErrBinaryWhileNoneDue)
		return
	}
	k := c.kept
	complete, err := k.assembler.Add(data)
	if err != nil {
		s.Fail(err)
		return
	}
	if complete {
		k.assembly = l.engine.Disarm(k.assembly)
		// The packet and its attachments become the handlers' for good.
		p, bins := k.assembler.Detach()
		l.receive(s, c, &p, bins)
	}
}

// receive acts on a complete packet.
func (l *Loop) receive(s *transport.Session, c *client, p *socketio.Packet, bins [][]byte) {
	if p.Type == socketio.Connect {
		l.connect(s, c, p)
		return
	}
	e, slot := l.in(c, p.Namespace)
	if e == nil || e.state != socketConnected {
		s.Fail(errNotJoined)
		return
	}
	switch p.Type {
	case socketio.Event, socketio.BinaryEvent:
		l.dispatch(e, slot, p, bins)
	case socketio.Ack, socketio.BinaryAck:
		l.acked(s, c, e, p, bins)
	case socketio.Disconnect:
		l.disconnect(e, slot, ClientNamespaceDisconnect, nil)
	default:
		s.Fail(errServerPacket)
	}
}

// OnClose implements [transport.Handler].
func (l upcalls) OnClose(s *transport.Session, reason transport.CloseReason, err error) {
	if s.Owner() == 0 {
		return // it was over before OnOpen
	}
	c := l.client(s)
	for c.first != 0 {
		slot := c.first - 1
		l.disconnect(l.sockets.At(slot), slot, DisconnectReason(reason.String()), err)
	}
	if w := l.watched(s); w != nil {
		notify(l.Loop, w.close, func(f func(DisconnectReason, error)) { f(DisconnectReason(reason.String()), err) })
	}
	if k := c.kept; k != nil {
		_ = l.engine.Disarm(k.assembly)
		if k.conn != nil {
			k.conn.closed.Store(true)
		}
		if k.release != nil {
			l.released(k.release)
		}
	}
	l.open.Add(-1)
	l.stats.live[s.Kind()]--
	l.stats.closed[s.Kind()][reason]++
	*c = client{}
	l.clients.Give(s.Owner() - 1)
	s.SetOwner(0)
}

// What the owner's number of a timer means, in its lowest bits.
const (
	timerAck      = iota + 1 // an index in waiting
	timerAssembly            // the owner's number of a session
	timerUser                // an index in timers
	timerBits     = 2
)

// OnTimer implements [transport.Handler].
func (l upcalls) OnTimer(owner uint32) {
	index := owner >> timerBits
	switch owner & (1<<timerBits - 1) {
	case timerAck:
		l.ackTimeout(index)
		return
	case timerUser:
		l.fire(index)
		return
	}
	k := l.clients.At(index - 1).kept
	k.assembly = 0
	l.stats.limit(limitAttachmentTime)
	k.session.Fail(errAttachmentTime)
}

// Faults of clients, the descriptions of closed connections.
var (
	errNotJoined      = fault("packet for a namespace that is not joined")
	errJoinedTwice    = fault("namespace joined twice")
	errNamespaceURL   = fault("namespace with a fragment or a backslash")
	errServerPacket   = fault("packet type not allowed from a client")
	errAttachmentTime = fault("attachments did not arrive in time")
	errNamespaces     = fault("too many namespaces")
	errRefused        = fault("too many refused namespaces")
	errMissedTooMuch  = fault("what the client has missed is not kept any more")
	errUnknownAcks    = fault("too many unknown acknowledgements")
)

// fault is an error in what a client sends.
type fault string

// Error returns the text of the fault. Any goroutine.
func (f fault) Error() string { return "socketio: " + string(f) }

// clone copies a view that must outlive its buffer.
func clone(view []byte) []byte { return bytes.Clone(view) }
