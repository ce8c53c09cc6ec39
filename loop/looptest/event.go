// Events and answers as a client gets them.

package looptest

import (
	"encoding/json"
	"fmt"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/proto/socketio"
)

// Event is an event from the server.
type Event struct {
	Name string
	Args Args

	socket *Socket
	id     uint64
	wants  bool // an acknowledgement
}

// WantsAck reports whether the server asked for an acknowledgement.
func (e *Event) WantsAck() bool { return e.wants }

// Ack acknowledges the event. It ends the test if the server asked for no
// acknowledgement, or has got it.
func (e *Event) Ack(args ...any) {
	t := e.socket.c.server.t
	t.Helper()
	if !e.wants {
		t.Fatalf("looptest: the event %q wants no acknowledgement, or has it already", e.Name)
	}
	e.wants = false
	err := e.socket.c.write(&loop.Packet{
		Type: socketio.Ack, Namespace: e.socket.namespace, ID: e.id, HasID: true, Data: append([]any{}, args...),
	})
	if err != nil {
		t.Fatalf("looptest: acknowledging %q: %v", e.Name, err)
	}
}

// Args are the arguments of an event or an acknowledgement: values as
// encoding/json decodes them, and []byte.
type Args struct {
	t      TB
	values []any
}

// Len is the number of arguments.
func (a Args) Len() int { return len(a.values) }

// At is argument i, nil if there is none.
func (a Args) At(i int) any {
	if i < 0 || i >= len(a.values) {
		return nil
	}
	return a.values[i]
}

// Bind decodes the arguments into the values that vs point to, one each, by the
// rules of encoding/json. Arguments beyond them are left alone; if one is missing
// or does not fit the test ends.
func (a Args) Bind(vs ...any) {
	a.t.Helper()
	for i, v := range vs {
		if i >= len(a.values) {
			a.t.Fatalf("looptest: argument %d is missing: there are %s", i+1, a)
		}
		text, err := json.Marshal(a.values[i])
		if err == nil {
			err = json.Unmarshal(text, v)
		}
		if err != nil {
			a.t.Fatalf("looptest: argument %d of %s: %v", i+1, a, err)
		}
	}
}

// String is the arguments as JSON, a []byte in base64.
func (a Args) String() string {
	text, err := json.Marshal(a.values)
	if err != nil {
		return fmt.Sprint(a.values)
	}
	return string(text)
}

// Answer is an acknowledgement that the server owes.
type Answer struct {
	socket *Socket
	event  string
	came   bool
	args   []any
}

// Wait waits for the acknowledgement.
func (a *Answer) Wait() Args {
	t := a.socket.c.server.t
	t.Helper()
	var came bool
	a.socket.c.wait(func() bool { came = a.came; return came || a.socket.state == disconnected })
	if !came {
		t.Fatalf("looptest: no acknowledgement of %q %s", a.event, a.socket.ending())
	}
	return Args{t, a.args}
}

// Came reports whether the acknowledgement has come, once nothing is under way
// any more: see [Server.Settle].
func (a *Answer) Came() bool {
	a.socket.c.server.t.Helper()
	a.socket.c.server.Settle()
	a.socket.c.mu.Lock()
	defer a.socket.c.mu.Unlock()
	return a.came
}

// acked takes the server's ACK.
func (s *Socket) acked(id uint64, list []any) error {
	a := s.acks[id]
	if a == nil {
		return fmt.Errorf("an acknowledgement with the number %d, for which nobody asked", id)
	}
	delete(s.acks, id)
	a.came, a.args = true, list
	return nil
}

// event takes an event. What it returns is called without the lock.
func (s *Socket) event(p *loop.Packet, list []any) (func(), error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("an event without a name")
	}
	if s.state == disconnected {
		return nil, nil // it has left, and the server did not know yet
	}
	e := &Event{Name: fmt.Sprint(list[0]), Args: Args{s.c.server.t, list[1:]}, socket: s, id: p.ID, wants: p.HasID}
	if s.pid != "" {
		if last, ok := list[len(list)-1].(string); ok && len(list) > 1 {
			s.offset = last
		}
	}
	if h := s.handlers[e.Name]; h != nil {
		return func() { h(e) }, nil
	}
	s.events = append(s.events, e)
	return nil, nil
}
