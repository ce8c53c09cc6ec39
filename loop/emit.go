// Emitting to one socket: encode once where the caller is, send on the loop.

package loop

import (
	"fmt"
	"sync"
	"time"

	"github.com/sioserver/sioserver/rooms"
	"github.com/sioserver/sioserver/transport"
)

// Emit sends an event to the socket. The arguments are encoded by the rules of
// encoding/json; a []byte, at any depth, is sent as a binary value. An [Args]
// among them stands for all the arguments it holds, which are sent as they
// came. The call copies what it sends and does not wait.
//
// The error is [ErrReserved], [ErrDisconnected], or tells what cannot be
// encoded. That there is none does not mean that the client has got the event:
// for that, ask for an acknowledgement.
func (s *Socket) Emit(event string, args ...any) error {
	return s.emit(event, args, usual, nil)
}

// Send is Emit of the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// EmitArgs sends an event with arguments as they came. It allocates nothing if
// it is called by an inline handler.
func (s *Socket) EmitArgs(event string, a Args) error {
	if err := s.sendable(event); err != nil {
		return err
	}
	if s.watched() {
		s.sending(event, a)
	}
	if s.logs(false) {
		return s.emitLogged(event, []any{a}, usual)
	}
	if s.ns.server.custom != nil {
		return s.emitEncoded(event, []any{a}, usual, nil)
	}
	l := s.loop
	f := l.server.form
	if !a.is(f) {
		var err error
		if a, err = a.in(f); err != nil {
			return err
		}
	}
	if l.direct() {
		if e := l.find(s.ref); e != nil {
			l.out = f.appendEvent(l.out[:0], s.ns.name, 0, false, len(a.bins), event, a.raw)
			l.send(e.session, l.out, a.bins, false, true)
		}
		return nil
	}
	m := newEmission(s)
	m.text = f.appendEvent(m.text, s.ns.name, 0, false, len(a.bins), event, a.raw)
	m.bins = append(m.bins, a.bins...)
	m.post()
	return nil
}

// sendable checks what can be known before anything is encoded.
func (s *Socket) sendable(event string) error {
	switch {
	case reserved(event):
		return fmt.Errorf("%w: %q", ErrReserved, event)
	case s.state.Load() >= stateGone:
		return ErrDisconnected
	}
	return nil
}

// emit sends an event; ack, if there is one, is told the answer.
func (s *Socket) emit(event string, args []any, f rooms.Flags, ack *ackRequest) error {
	if err := s.sendable(event); err != nil {
		return err
	}
	if ack == nil && s.logs(f.Volatile) {
		return s.emitLogged(event, args, f)
	}
	return s.emitEncoded(event, args, f, ack)
}

// emitEncoded encodes an event, tells those who watch, and sends it.
func (s *Socket) emitEncoded(event string, args []any, f rooms.Flags, ack *ackRequest) error {
	m := newEmission(s)
	m.flags, m.ack = f, ack
	if f.Conflate != "" {
		m.event = event
	}
	id := uint64(0)
	if ack != nil {
		ack.id = s.ns.acks.Add(1) - 1
		id = ack.id
	}
	if err := m.encode(event, args); err != nil {
		m.release()
		return err
	}
	if s.watched() {
		s.sending(event, counted(m.args, m.bins, m.parser()))
	}
	if err := m.recode(id, ack != nil, event); err != nil {
		m.release()
		return err
	}
	m.post()
	return nil
}

// logs reports whether an event for the socket is kept until it has certainly
// missed it for good.
func (s *Socket) logs(volatile bool) bool {
	return s.ns.recoverable(volatile) && s.returning != nil && s.state.Load() == stateConnected
}

// emitLogged sends an event as a broadcast to one, which is logged.
func (s *Socket) emitLogged(event string, args []any, f rooms.Flags) error {
	return s.ns.keep(event, args, rooms.Target{Rooms: []string{s.plainID()}, Flags: f})
}

// ack answers an event of the client's.
func (s *Socket) ack(id uint64, args []any) error {
	m := newEmission(s)
	if err := m.encodeArgs(args); err != nil {
		m.release()
		return err
	}
	m.text = m.parser().appendAck(m.text, s.ns.name, id, len(m.bins), m.args)
	if err := m.recode(id, true, ""); err != nil {
		m.release()
		return err
	}
	m.post()
	return nil
}

func (s *Socket) ackArgs(id uint64, a Args) error {
	if s.ns.server.custom != nil {
		return s.ack(id, []any{a})
	}
	l := s.loop
	f := l.server.form
	if !a.is(f) {
		var err error
		if a, err = a.in(f); err != nil {
			return err
		}
	}
	if l.direct() {
		if e := l.find(s.ref); e != nil {
			l.out = f.appendAck(l.out[:0], s.ns.name, id, len(a.bins), a.raw)
			l.send(e.session, l.out, a.bins, false, true)
		}
		return nil
	}
	m := newEmission(s)
	m.text = f.appendAck(m.text, s.ns.name, id, len(a.bins), a.raw)
	m.bins = append(m.bins, a.bins...)
	m.post()
	return nil
}

// send writes a packet and its attachments to a session, and reports whether it
// was taken. A nil text is none. It takes those of the flags that it needs: all of
// them are copied through memory for each packet.
func (l *Loop) send(s *transport.Session, text []byte, bins [][]byte, volatile, compress bool) bool {
	if volatile && !s.Writable() {
		l.stats.volatileDropped++
		return false
	}
	binary := l.server.form == formMsgPack
	if !compress {
		ok := text == nil || s.SendPlain(text, binary)
		for _, b := range bins {
			ok = ok && s.SendPlain(b, true)
		}
		return ok
	}
	if binary {
		return s.SendBinary(text)
	}
	if text != nil && !s.Send(text) {
		return false
	}
	for _, b := range bins {
		if !s.SendBinary(b) {
			return false
		}
	}
	return true
}

// usual are the flags of a packet for which none was set.
var usual = rooms.Flags{Compress: true}

// emission is a packet on its way to the loop of its socket.
type emission struct {
	socket *Socket
	flags  rooms.Flags
	bare   bool // there is no text
	ack    *ackRequest
	event  string // of one with a key
	args   []byte
	text   []byte
	bins   [][]byte
	blob   []byte // memory of bins, once they are copied

	shared *transport.Shared // in place of text and bins, compressed already
}

var emissions = sync.Pool{New: func() any { return new(emission) }}

func newEmission(s *Socket) *emission {
	m := emissions.Get().(*emission)
	m.socket, m.flags = s, usual
	return m
}

// emissionKeep is the size up to which an emission keeps its memory for the
// next.
const emissionKeep = 16 << 10

func (m *emission) release() {
	clear(m.bins)
	next := emission{args: m.args[:0], text: m.text[:0], bins: m.bins[:0], blob: m.blob[:0]}
	if cap(m.args)+cap(m.text)+cap(m.blob) > emissionKeep {
		next = emission{}
	}
	*m = next
	emissions.Put(m)
}

// encode makes the packet of an event.
func (m *emission) encode(event string, args []any) error {
	if err := m.encodeArgs(args); err != nil {
		return err
	}
	id := uint64(0)
	if m.ack != nil {
		id = m.ack.id
	}
	m.text = m.parser().appendEvent(m.text, m.socket.ns.name, id, m.ack != nil, len(m.bins), event, m.args)
	return nil
}

// encodeArgs makes the arguments of a packet.
func (m *emission) encodeArgs(args []any) (err error) {
	m.args, m.bins, err = m.parser().appendArgs(m.args, m.bins, args)
	return err
}

// packet is the text of the packet, nil if it has none.
func (m *emission) packet() []byte {
	if m.bare {
		return nil
	}
	return m.text
}

func (m *emission) parser() form { return m.socket.ns.server.form }

// post sends the emission: at once if the caller is on the loop, else from
// there, for which the binary values are copied, because the caller may use
// them again.
func (m *emission) post() {
	e := m.socket.loop.engine
	if m.socket.loop.direct() {
		m.Run(e)
		return
	}
	if m.prepare(); m.shared != nil {
		m.socket.ns.inOrder(m.socket.loop, m)
		return
	}
	size := 0
	for _, b := range m.bins {
		size += len(b)
	}
	if cap(m.blob) < size {
		m.blob = make([]byte, 0, size)
	}
	for i, b := range m.bins {
		at := len(m.blob)
		m.blob = append(m.blob, b...)
		m.bins[i] = m.blob[at:len(m.blob):len(m.blob)]
	}
	m.socket.ns.inOrder(m.socket.loop, m)
}

// Run implements [transport.Task].
func (m *emission) Run(*transport.Engine) {
	l := m.socket.loop
	e := l.find(m.socket.ref)
	switch {
	case e == nil:
		if m.ack != nil {
			m.ack.deliver(Args{}, ErrDisconnected)
		}
	case m.ack == nil:
		m.send(l, e.session)
	case l.await(m.socket, m.ack):
		if !m.send(l, e.session) {
			// The socket is gone, which has told, or nothing will ever come.
			if deliver, _ := l.take(m.socket, m.ack.id); deliver != nil {
				deliver(Args{}, ErrDropped)
			}
		}
	}
	m.release()
}

// send writes the packet to its session, and reports whether it was taken.
func (m *emission) send(l *Loop, s *transport.Session) bool {
	if m.flags.Conflate != "" {
		m.conflate()
	}
	if m.shared == nil || m.flags.Volatile && !s.Writable() {
		return l.send(s, m.packet(), m.bins, m.flags.Volatile, m.flags.Compress)
	}
	return s.SendShared(m.shared)
}

// conflate gives the packet its key, for which it must have a form that has one.
func (m *emission) conflate() {
	if m.shared == nil {
		text, bins := m.packet(), m.bins
		if m.parser() == formMsgPack {
			text, bins = nil, [][]byte{m.text}
		}
		m.shared = transport.NewShared(text, bins)
		if !m.flags.Compress {
			m.shared.Plain()
		}
	}
	conflate(m.shared, m.event, m.flags.Conflate)
}

// conflate gives a message the key of an event: [BroadcastOperator.Conflate].
func conflate(m *transport.Shared, event, key string) {
	if key != "" {
		m.Conflate(event + "\x00" + key)
	}
}

// SocketOperator emits to one socket with flags. It is a value: each method
// that sets a flag returns a new one.
type SocketOperator struct {
	socket *Socket
	flags  rooms.Flags
}

// Volatile lets the next packet be dropped if it cannot be sent at once: if the
// client's connection is busy or, over polling, no request is open. Who waits
// for the acknowledgement of one that was dropped is told [ErrDropped].
func (s *Socket) Volatile() SocketOperator { return s.operator().Volatile() }

// Compress says whether the packet may be compressed, which is the default.
func (s *Socket) Compress(on bool) SocketOperator { return s.operator().Compress(on) }

// Conflate gives the event a key. See [BroadcastOperator.Conflate].
func (s *Socket) Conflate(key string) SocketOperator { return s.operator().Conflate(key) }

// Timeout limits the wait for an acknowledgement, which then fails with
// [ErrTimeout].
func (s *Socket) Timeout(d time.Duration) SocketOperator { return s.operator().Timeout(d) }

func (s *Socket) operator() SocketOperator {
	return SocketOperator{s, usual}
}

// Volatile is [Socket.Volatile] on top of the flags set so far.
func (o SocketOperator) Volatile() SocketOperator { o.flags.Volatile = true; return o }

// Compress is [Socket.Compress] on top of the flags set so far.
func (o SocketOperator) Compress(on bool) SocketOperator { o.flags.Compress = on; return o }

// Conflate is [Socket.Conflate] on top of the flags set so far.
func (o SocketOperator) Conflate(key string) SocketOperator { o.flags.Conflate = key; return o }

// Timeout is [Socket.Timeout] on top of the flags set so far.
func (o SocketOperator) Timeout(d time.Duration) SocketOperator { o.flags.Timeout = d; return o }

// Emit is [Socket.Emit] with the flags.
func (o SocketOperator) Emit(event string, args ...any) error {
	return o.socket.emit(event, args, o.flags, nil)
}

// Broadcast is [Socket.Broadcast] with the flags.
func (o SocketOperator) Broadcast() BroadcastOperator {
	b := o.socket.Broadcast()
	b.target.Flags = o.flags
	return b
}

// To is [Socket.To] with the flags.
func (o SocketOperator) To(names ...string) BroadcastOperator { return o.Broadcast().To(names...) }
