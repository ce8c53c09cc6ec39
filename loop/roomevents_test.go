// Events of rooms.

package loop_test

import (
	"fmt"
	"testing"

	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// told is a listener for room events, as lines.
func told(n *loop.Namespace) (lines chan string, remove func()) {
	lines = make(chan string, 100)
	return lines, n.OnRoomEvent(func(e loop.RoomEvent) {
		lines <- fmt.Sprintf("%s %s %s %s", e.Namespace.Name(), e.Type, e.Room, e.ID)
	})
}

func expectLines(t *testing.T, lines chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := within(t, w, lines); got != w {
			t.Fatalf("told %q, want %q", got, w)
		}
	}
}

func TestRoomEvents(t *testing.T) {
	s := serve(t, loop.Config{AllowEIO3: true}, func(s *loop.Server) {
		s.Of("/chat").On("join", func(sock *loop.Socket, e *loop.Event) {
			_ = sock.Join("a", "b", "a")
			_ = e.Ack()
		})
		s.Of("/chat").On("leave", func(sock *loop.Socket, e *loop.Event) {
			sock.Leave("b")
			_ = e.Ack()
		})
	})
	chat := s.Of("/chat")
	first := s.dial(t, "websocket")
	a, err := first.join("/chat", "")
	if err != nil {
		t.Fatal(err)
	}
	first.mustWrite(t, `2/chat,1["join"]`)
	first.expect(t, `3/chat,1[]`)
	// From here on somebody listens: the rooms that are there are known.
	lines, remove := told(chat)
	second := s.dial(t, "polling")
	b, err := second.join("/chat", "")
	if err != nil {
		t.Fatal(err)
	}
	second.mustWrite(t, `2/chat,1["join"]`)
	second.expect(t, `3/chat,1[]`)
	expectLines(t, lines, "/chat create-room "+b+" ", "/chat join-room "+b+" "+b, "/chat join-room a "+b, "/chat join-room b "+b)
	first.mustWrite(t, `2/chat,2["leave"]`)
	first.expect(t, `3/chat,2[]`)
	expectLines(t, lines, "/chat leave-room b "+a)
	second.mustWrite(t, "1/chat,")
	expectLines(t, lines,
		"/chat leave-room "+b+" "+b, "/chat delete-room "+b+" ", "/chat leave-room a "+b, "/chat leave-room b "+b, "/chat delete-room b ")
	// A client of version 2 is told by its own kind of id.
	s.dialOld(t, "/chat")
	id := within(t, "the room of a client of version 2", lines)
	var name string
	if _, err := fmt.Sscanf(id, "/chat create-room %s", &name); err != nil || len(name) != len("/chat#")+20 || name[:6] != "/chat#" {
		t.Fatalf("told %q, %v", id, err)
	}
	expectLines(t, lines, "/chat join-room "+name+" "+name)
	if found, _ := chat.In(name).Sockets(t.Context()); len(found) != 1 || found[0].ID() != name || found[0].Rooms()[0] != name {
		t.Errorf("by that name there are %d sockets", len(found))
	}
	remove()
	_ = chat.In(a).SocketsJoin("later")
	lines, _ = told(chat)
	_ = chat.SocketsLeave("later")
	expectLines(t, lines, "/chat leave-room later "+a)
}

// TestRoomEventsOfRefused: a socket that is refused has been in the rooms that
// its middleware put it into, and in no other.
func TestRoomEventsOfRefused(t *testing.T) {
	s := serve(t, loop.Config{}, func(s *loop.Server) {
		s.Use(func(sock *loop.Socket) error {
			_ = sock.Join("hall")
			return &loop.Error{Message: sock.ID()}
		})
	})
	lines, _ := told(s.Root())
	c := s.dial(t, "websocket")
	c.mustWrite(t, "0")
	var id string
	if _, err := fmt.Sscanf(c.mustNext(t), `4{"message":%q}`, &id); err != nil {
		t.Fatal(err)
	}
	expectLines(t, lines, "/ create-room hall ", "/ join-room hall "+id, "/ leave-room hall "+id, "/ delete-room hall ")
}

// TestRoomEventsOfChildren: children take over what their parent has.
func TestRoomEventsOfChildren(t *testing.T) {
	s := newServer(t, loop.Config{})
	lines, _ := told(s.OfMatch(roomNames))
	s.start(t)
	c := s.dial(t, "websocket")
	id, err := c.join("/room-7", "")
	if err != nil {
		t.Fatal(err)
	}
	expectLines(t, lines, "/room-7 create-room "+id+" ", "/room-7 join-room "+id+" "+id)
}

// TestRoomEventsMissed: a listener that is too slow is told that it is.
func TestRoomEventsMissed(t *testing.T) {
	s, sockets := connected(t, loop.Config{Limits: loop.Limits{RoomEvents: 4}}, nil)
	_, id := s.connect(t, "websocket")
	sock := within(t, "the connection", sockets)
	hold, seen := make(chan struct{}), make(chan loop.RoomEvent, 100)
	s.Root().OnRoomEvent(func(e loop.RoomEvent) {
		seen <- e
		<-hold
	})
	_ = sock.Join("a")
	if e := within(t, "the first", seen); e.Type != rooms.RoomCreated || e.Room != "a" {
		t.Fatalf("told %+v", e)
	}
	// What was taken with the first does not wait in the journal.
	_ = sock.Join("b", "c", "d")
	close(hold)
	missed := 0
	for told := 1; told+missed < 8; told++ {
		e := within(t, "an event", seen)
		if e.Type == rooms.ChangesMissed {
			missed += e.Missed
			told--
		}
	}
	_ = sock.Join("e")
	if e := within(t, "the next", seen); e.Type != rooms.RoomCreated || e.Room != "e" {
		t.Errorf("then %+v", e)
	}
	if e := within(t, "the last", seen); e.Type != rooms.RoomJoined || e.ID != id {
		t.Errorf("and %+v", e)
	}
	if n := s.stats(t).LimitHits["room_events"]; missed == 0 || n != uint64(missed) {
		t.Errorf("%d counted, %d told", n, missed)
	}
}

// TestRoomEventsPanic: a listener that panics is called again.
func TestRoomEventsPanic(t *testing.T) {
	s := serve(t, loop.Config{}, nil)
	lines, _ := told(s.Root())
	s.Root().OnRoomEvent(func(loop.RoomEvent) { panic("mine") })
	_, id := s.connect(t, "websocket")
	expectLines(t, lines, "/ create-room "+id+" ", "/ join-room "+id+" "+id)
	eventually(t, "both counted", func() bool { return s.stats(t).Panics == 2 })
}

// dialOld is a client of version 2 that is in "/" and another namespace.
func (s *server) dialOld(t *testing.T, name string) *sio {
	t.Helper()
	w, err := dialWire(s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reset)
	if err := w.upgrade("/socket.io/?EIO=3&transport=websocket"); err != nil {
		t.Fatal(err)
	}
	if p, err := w.readPacket(); err != nil || p.text[0] != '0' {
		t.Fatalf("open packet %v, %v", p, err)
	}
	c := &sio{&overWebSocket{wire: w}}
	c.mustWrite(t, "0"+name)
	c.expect(t, "0", "0"+name+",")
	return c
}
