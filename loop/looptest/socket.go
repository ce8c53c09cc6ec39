// Socket: a client in a namespace.

package looptest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
)

// Socket is a client in a namespace. Its methods belong to the goroutine of the
// test.
type Socket struct {
	c         *connection
	namespace string

	// Guarded by c.mu.
	id       string
	pid      string // with it the client can come back
	offset   string // of the last event that can be caught up on
	state    state
	refusal  error
	reason   string // why it has disconnected
	events   []*Event
	handlers map[string]func(*Event)
	acks     map[uint64]*Answer // that the server owes

	asked uint64 // acknowledgements
}

type state uint8

const (
	joining state = iota
	connected
	disconnected
)

// connect joins the namespace.
func (s *Socket) connect(auth any) error {
	t := s.c.server.t
	t.Helper()
	s.c.mu.Lock()
	if old := s.c.mu.sockets[s.namespace]; old != nil && old.state != disconnected {
		s.c.mu.Unlock()
		t.Fatalf("looptest: the connection is in %s already: a second socket needs a connection of its own", s.namespace)
	}
	s.state, s.refusal, s.reason, s.id = joining, nil, "", ""
	s.c.mu.sockets[s.namespace] = s
	s.c.mu.Unlock()
	if err := s.c.write(&loop.Packet{Type: socketio.Connect, Namespace: s.namespace, Data: auth}); err != nil {
		t.Fatalf("looptest: CONNECT to %s: %v", s.namespace, err)
	}
	if !s.c.wait(func() bool { return s.state != joining }) {
		t.Fatalf("looptest: no answer to CONNECT to %s within %s", s.namespace, s.c.server.Patience)
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.refusal == nil && s.id == "" {
		return fmt.Errorf("looptest: the connection has ended before an answer to CONNECT: %s", s.reason)
	}
	return s.refusal
}

// joined takes the server's CONNECT.
func (s *Socket) joined(data any) error {
	var d struct{ SID, PID string }
	text, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil && d.SID == "" {
		err = fmt.Errorf("CONNECT to %s without an id: %s", s.namespace, text)
	}
	s.id, s.pid, s.state = d.SID, d.PID, connected
	return err
}

// refused takes the server's CONNECT_ERROR.
func (s *Socket) refused(data any) {
	e := new(loop.Error)
	if text, err := json.Marshal(data); err != nil || json.Unmarshal(text, e) != nil {
		e.Message = fmt.Sprint(data)
	}
	s.refusal = e
	s.end("io server disconnect")
}

// end disconnects the socket.
func (s *Socket) end(reason string) {
	if s.state != disconnected {
		s.state, s.reason = disconnected, reason
	}
}

// ID is the id of the socket, as handlers know it.
func (s *Socket) ID() string {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.id
}

// Of joins another namespace over the same connection. auth is the auth
// payload, nil for none. A refusal ends the test.
func (s *Socket) Of(namespace string, auth any) *Socket {
	s.c.server.t.Helper()
	other, err := s.TryOf(namespace, auth)
	if err != nil {
		s.c.server.t.Fatalf("looptest: joining %s: %v", namespace, err)
	}
	return other
}

// TryOf is Of for a namespace that may refuse. The error is a [*loop.Error] with
// what the client is told.
func (s *Socket) TryOf(namespace string, auth any) (*Socket, error) {
	s.c.server.t.Helper()
	return s.c.join(namespace, auth)
}

// send sends an event.
func (s *Socket) send(event string, args []any, id uint64) {
	t := s.c.server.t
	t.Helper()
	s.c.mu.Lock()
	state, reason := s.state, s.reason
	s.c.mu.Unlock()
	if state == disconnected {
		t.Fatalf("looptest: emitting %q: the socket is disconnected: %s", event, reason)
	}
	p := &loop.Packet{Type: socketio.Event, Namespace: s.namespace, ID: id, HasID: id != 0, Data: append([]any{event}, args...)}
	if err := s.c.write(p); err != nil {
		t.Fatalf("looptest: emitting %q: %v", event, err)
	}
}

// Emit sends an event. Arguments are what [loop.Socket.Emit] takes.
func (s *Socket) Emit(event string, args ...any) {
	s.c.server.t.Helper()
	s.send(event, args, 0)
}

// Ask sends an event that wants an acknowledgement and does not wait for it.
func (s *Socket) Ask(event string, args ...any) *Answer {
	s.c.server.t.Helper()
	s.asked++
	a := &Answer{socket: s, event: event}
	s.c.mu.Lock()
	s.acks[s.asked] = a
	s.c.mu.Unlock()
	s.send(event, args, s.asked)
	return a
}

// EmitWithAck sends an event and waits for its acknowledgement.
func (s *Socket) EmitWithAck(event string, args ...any) Args {
	s.c.server.t.Helper()
	return s.Ask(event, args...).Wait()
}

// On calls h for each event of a name from now on, instead of keeping it for
// Expect. It runs on another goroutine, while the server waits; it may
// acknowledge the event, and must not call the socket.
func (s *Socket) On(event string, h func(e *Event)) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.handlers == nil {
		s.handlers = map[string]func(*Event){}
	}
	s.handlers[event] = h
}

// Expect waits for the next event of a name and returns it. With arguments the
// event must have these. Events of other names stay for their own Expect.
func (s *Socket) Expect(event string, want ...any) *Event {
	t := s.c.server.t
	t.Helper()
	e := s.next(func(e *Event) bool { return e.Name == event })
	if e == nil {
		t.Fatalf("looptest: no event %q %s; %s", event, s.ending(), s.others())
		return nil
	}
	if len(want) > 0 && !s.equal(e, want) {
		expected, _ := json.Marshal(want)
		t.Fatalf("looptest: the event %q has the arguments %s, not %s", event, e.Args, expected)
	}
	return e
}

// Next waits for the next event, whatever its name.
func (s *Socket) Next() *Event {
	t := s.c.server.t
	t.Helper()
	e := s.next(func(*Event) bool { return true })
	if e == nil {
		t.Fatalf("looptest: no event %s", s.ending())
	}
	return e
}

// next takes the first event that f wants, nil if none comes.
func (s *Socket) next(f func(*Event) bool) (e *Event) {
	s.c.server.t.Helper()
	s.c.wait(func() bool {
		i := slices.IndexFunc(s.events, f)
		if i < 0 {
			return s.state == disconnected
		}
		e = s.events[i]
		s.events = slices.Delete(s.events, i, i+1)
		return true
	})
	return e
}

// ending says why nothing has come.
func (s *Socket) ending() string {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.state == disconnected {
		return "before the socket was disconnected: " + s.reason
	}
	return "within " + s.c.server.Patience.String()
}

// others lists the events that wait.
func (s *Socket) others() string {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if len(s.events) == 0 {
		return "there is no other one"
	}
	var b strings.Builder
	b.WriteString("there are")
	for _, e := range s.events[:min(len(s.events), 10)] {
		fmt.Fprintf(&b, " %s%s", e.Name, e.Args)
	}
	return b.String()
}

// equal compares the arguments of an event. With recovery an event has one more,
// its offset.
func (s *Socket) equal(e *Event, want []any) bool {
	t := s.c.server.t
	t.Helper()
	want, err := s.c.generic(want)
	if err != nil {
		t.Fatalf("looptest: the arguments that are wanted: %v", err)
	}
	got := e.Args.values
	if s.pid != "" && len(got) == len(want)+1 {
		got = got[:len(want)]
	}
	return reflect.DeepEqual(got, want)
}

// ExpectNothing fails if an event has come that was not expected, once nothing
// is under way any more: see [Server.Settle].
func (s *Socket) ExpectNothing() {
	t := s.c.server.t
	t.Helper()
	s.c.server.Settle()
	s.c.mu.Lock()
	n := len(s.events)
	s.c.mu.Unlock()
	if n > 0 {
		t.Fatalf("looptest: events that nobody expected: %s", s.others())
	}
}

// ExpectDisconnect waits until the socket is disconnected and returns the reason
// in the words of the client: "io server disconnect" if the server has
// disconnected it, "transport close" if the connection has ended.
func (s *Socket) ExpectDisconnect() (reason string) {
	t := s.c.server.t
	t.Helper()
	if !s.c.wait(func() bool { reason = s.reason; return s.state == disconnected }) {
		t.Fatalf("looptest: the socket is not disconnected within %s", s.c.server.Patience)
	}
	return reason
}

// Disconnect leaves the namespace; other sockets of the connection stay. The
// server's reason is [loop.ClientNamespaceDisconnect].
func (s *Socket) Disconnect() {
	t := s.c.server.t
	t.Helper()
	s.c.mu.Lock()
	s.end("io client disconnect")
	s.c.mu.Unlock()
	if err := s.c.write(&loop.Packet{Type: socketio.Disconnect, Namespace: s.namespace}); err != nil {
		t.Fatalf("looptest: disconnecting: %v", err)
	}
}

// Drop loses the connection, with all its sockets. The server's reason is
// [loop.TransportClose].
func (s *Socket) Drop() {
	s.c.server.t.Helper()
	s.c.session.Close(nil)
	s.ExpectDisconnect()
}

// Reconnect joins the namespace again over a new connection, after a Drop, with
// what the client knows of its last event: with
// [loop.Config.ConnectionStateRecovery] the server sends what it has missed. It
// returns the new socket, whose ID is the same then. auth is the auth payload.
func (s *Socket) Reconnect(auth map[string]any) *Socket {
	t := s.c.server.t
	t.Helper()
	s.c.mu.Lock()
	pid, offset := s.pid, s.offset
	s.c.mu.Unlock()
	if pid != "" {
		again := map[string]any{"pid": pid, "offset": offset}
		for k, v := range auth {
			again[k] = v
		}
		auth = again
	}
	if auth == nil {
		return s.c.server.Connect(s.namespace, nil)
	}
	return s.c.server.Connect(s.namespace, auth)
}
