// Socket: the handle users hold.

package loop

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// Socket is a client in a namespace. A client that joins two namespaces is two
// sockets; one that reconnects is a new one. There is one *Socket for each, so
// it may be compared and used as a key of a map. It stays safe to use after the
// client has gone: what it is asked to do then has no effect and is answered
// with [ErrDisconnected].
//
// Its methods may be called from any goroutine.
type Socket struct {
	actor // its handlers, and the loop, which never changes

	// Immutable after the handle was made.
	ns        *Namespace
	ref       socketRef
	member    rooms.Slot
	id        id.ID
	text      [id.Len]byte
	session   id.ID         // of Engine.IO
	revision3 bool          // a client of version 2
	extra     *sessionExtra // nil for most
	returning *returning    // with Config.ConnectionStateRecovery, else nil

	// Any goroutine.
	state     atomic.Uint32
	via       atomic.Uint32 // the transport
	deflates  atomic.Bool   // messages to it are compressed, if they are long
	handshake atomic.Pointer[Handshake]
	data      atomic.Pointer[any]
	handlers  atomic.Pointer[socketHandlers]
	left      atomic.Pointer[[]string] // the rooms it was in, while it is disconnecting
	life      atomic.Pointer[life]

	// Owned by the loop.
	acks map[uint64]uint32 // owed by the client: index in the loop's waiting
}

// The states of a handle. From stateGone on it is disconnected.
const (
	stateJoining uint32 = iota
	stateConnected
	stateGone     // what the client sent before it left is handled still
	stateExpelled // by this side: nothing is handled any more
)

// life is the context of a socket, made when somebody asks for it.
type life struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// handle returns the handle of a socket, made at the first call.
func (l *Loop) handle(e *entry, slot uint32) *Socket {
	if e.handle == nil {
		s := &Socket{actor: actor{loop: l}, ns: e.ns, ref: makeRef(slot, e.gen), member: e.member, id: e.id, session: e.session.ID(), revision3: e.session.Revision() < 4}
		s.id.Append(s.text[:0])
		s.extra = extraOf(e.session)
		if e.state == socketConnected {
			s.state.Store(stateConnected)
		}
		s.via.Store(viaOf(e.session))
		s.deflates.Store(e.session.Deflates())
		e.handle = s
	}
	return e.handle
}

// gone marks the handle of a socket that has disconnected.
func (s *Socket) gone(expelled bool) {
	switch {
	case expelled:
		s.state.Store(stateExpelled)
	case !s.state.CompareAndSwap(stateConnected, stateGone):
		s.state.CompareAndSwap(stateJoining, stateGone)
	}
	if l := s.life.Load(); l != nil {
		l.cancel()
	}
}

// ID is the socket's id, 20 characters, the same as the client's socket.id. It
// is also the name of a room with only this socket in it. Of a client of version
// 2 it is the session's id, with the namespace and # in front outside of "/"; with
// Config.EngineOnly it is the session's too.
func (s *Socket) ID() string {
	if (s.revision3 || s.ns.server.cfg.EngineOnly) && (s.extra != nil || s.ns.name != "/") {
		return revision3ID(s.ns, s.sessionID())
	}
	return s.plainID()
}

// sessionID is the id of the Engine.IO session.
func (s *Socket) sessionID() string {
	if s.extra != nil && s.extra.sid != "" {
		return s.extra.sid
	}
	return s.session.String()
}

// plainID is the id by which rooms know the socket, whatever else its id is.
func (s *Socket) plainID() string {
	// The text is never changed and lives as long as somebody holds the string.
	return unsafe.String(&s.text[0], len(s.text))
}

// Namespace is the namespace the socket is in.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Server is the server the socket is connected to.
func (s *Socket) Server() *Server { return s.ns.server }

// Connected reports whether the socket is connected: true from the end of the
// middleware to the disconnect.
func (s *Socket) Connected() bool { return s.state.Load() == stateConnected }

// Transport is the transport the client uses at present: [Polling], [WebSocket],
// or one of the application's ([Server.Bind]).
func (s *Socket) Transport() string { return transportName(s.via.Load(), s.extra) }

// Handshake tells how the client connected. With Config.DropHandshake it is
// empty once the connection handlers have returned.
func (s *Socket) Handshake() *Handshake {
	if h := s.handshake.Load(); h != nil {
		return h
	}
	return &Handshake{}
}

// SetData attaches a value of the application's to the socket.
func (s *Socket) SetData(v any) { s.data.Store(&v) }

// Data is the value of the last SetData, nil before.
func (s *Socket) Data() any {
	if p := s.data.Load(); p != nil {
		return *p
	}
	return nil
}

// DataAs is the value of the last SetData if it has type T. Any goroutine.
func DataAs[T any](s *Socket) (v T, ok bool) {
	v, ok = s.Data().(T)
	return v, ok
}

// contexts guards the making of contexts, which is rare.
var contexts sync.Mutex

// Context is cancelled when the socket disconnects. It is made at the first
// call; a socket that is never asked has none.
func (s *Socket) Context() context.Context {
	if l := s.life.Load(); l != nil {
		return l.ctx
	}
	contexts.Lock()
	defer contexts.Unlock()
	if l := s.life.Load(); l != nil {
		return l.ctx
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.life.Store(&life{ctx, cancel})
	if s.state.Load() >= stateGone {
		cancel()
	}
	return ctx
}

// Join puts the socket into rooms. What is sent to them from now on reaches it,
// by whichever goroutine. The error is [ErrDisconnected] or [ErrTooManyRooms].
func (s *Socket) Join(names ...string) error {
	err := s.shard().Join(s.member, s.ref, names...)
	if err == rooms.ErrGone {
		return ErrDisconnected
	}
	return err
}

// Leave takes the socket out of a room.
func (s *Socket) Leave(room string) { s.shard().Leave(s.member, s.ref, room) }

// Rooms are the rooms the socket is in, the one with its id first. While
// disconnecting handlers run they are those it was in; afterwards there are
// none.
func (s *Socket) Rooms() []string {
	if names := s.shard().Rooms(s.member, s.ref); names != nil {
		return names
	}
	if left := s.left.Load(); left != nil {
		return append([]string{s.ID()}, *left...)
	}
	return nil
}

// InRoom reports whether a room is one of [Socket.Rooms].
func (s *Socket) InRoom(room string) bool {
	if s.shard().Has(s.member, s.ref, room) {
		return true
	}
	left := s.left.Load()
	return left != nil && (room == s.ID() || slices.Contains(*left, room))
}

func (s *Socket) shard() *rooms.Shard[socketRef] { return s.ns.shards[s.loop.index] }

// Disconnect takes the socket out of its namespace; the client's other
// namespaces stay. With closeConn the client's whole connection is closed. What
// was sent before still goes out; events of the client that wait for their
// handlers are dropped.
func (s *Socket) Disconnect(closeConn bool) {
	s.state.Store(stateExpelled)
	s.do(&disconnectTask{s, closeConn})
}

// disconnectTask carries a disconnect to the loop.
type disconnectTask struct {
	socket    *Socket
	closeConn bool
}

// Run implements [transport.Task].
func (t *disconnectTask) Run(*transport.Engine) {
	l := t.socket.loop
	e := l.find(t.socket.ref)
	if e == nil {
		return
	}
	s := e.session
	if l.server.cfg.EngineOnly {
		s.Close()
		return
	}
	if !t.closeConn {
		l.expel(e, t.socket.ref.slot())
		return
	}
	c := l.client(s)
	for c.first != 0 {
		l.expel(l.sockets.At(c.first-1), c.first-1)
	}
	s.Close()
}

// expel tells the client that it is out of a namespace, and ends the socket.
func (l *Loop) expel(e *entry, slot uint32) {
	ref := makeRef(slot, e.gen)
	l.sendDisconnect(e.session, e.ns.name)
	if e = l.find(ref); e != nil {
		l.disconnect(e, slot, ServerNamespaceDisconnect, nil)
	}
}

// do runs a task on the socket's loop: at once if that is where the caller is.
func (s *Socket) do(t transport.Task) {
	if s.loop.direct() {
		t.Run(s.loop.engine)
		return
	}
	s.ns.inOrder(s.loop, t)
}
