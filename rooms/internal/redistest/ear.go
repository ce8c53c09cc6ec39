// Ear: a server without sockets, which notes what it is told.

package redistest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// Patience is how long tests wait for what must happen.
const Patience = time.Minute

// Ear is a namespace of a server that listens to broadcasts and commands. It
// stands for every room.
type Ear struct {
	rooms.Local // what is not called
	Adapter     rooms.Adapter
	Heard       chan string // events, and "join", "leave" and "disconnect"
	Offsets     chan string // those of the events, unless it is nil
	Gaps        atomic.Int32
	name        string
}

// Listen gives a namespace an adapter.
func Listen(t testing.TB, join rooms.Factory, nsp string) *Ear {
	t.Helper()
	e := &Ear{name: nsp, Heard: make(chan string, 100_000)}
	var err error
	if e.Adapter, err = join(e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Name implements [rooms.Local].
func (e *Ear) Name() string { return e.name }

// HasRoom implements [rooms.Local].
func (e *Ear) HasRoom(string) bool { return true }

// Rooms implements [rooms.Local].
func (e *Ear) Rooms() []string { return nil }

// Encode implements [rooms.Local].
func (e *Ear) Encode(p *rooms.Packet, f rooms.Form) (rooms.RawArgs, error) {
	raw := rooms.RawArgs{Form: f, Count: len(p.Args)}
	var err error
	if f == rooms.MsgPack {
		raw.Bytes, err = msgpack.AppendArgs(nil, p.Args)
	} else {
		raw.Bytes, raw.Binary, err = socketio.AppendArgs(nil, nil, p.Args)
	}
	return raw, err
}

// Gap implements [rooms.Local].
func (e *Ear) Gap() { e.Gaps.Add(1) }

// Broadcast implements [rooms.Local].
func (e *Ear) Broadcast(p *rooms.Packet, _ rooms.Target) error {
	e.Heard <- p.Event
	if e.Offsets != nil {
		e.Offsets <- p.Offset
	}
	return nil
}

// SocketsJoin implements [rooms.Local].
func (e *Ear) SocketsJoin(rooms.Target, []string) { e.Heard <- "join" }

// SocketsLeave implements [rooms.Local].
func (e *Ear) SocketsLeave(rooms.Target, []string) { e.Heard <- "leave" }

// DisconnectSockets implements [rooms.Local].
func (e *Ear) DisconnectSockets(rooms.Target, bool) { e.Heard <- "disconnect" }

// Next is what is heard next.
func (e *Ear) Next(t testing.TB) string {
	t.Helper()
	select {
	case event := <-e.Heard:
		return event
	case <-time.After(Patience):
		t.Fatal("nothing is heard")
		return ""
	}
}

// Say sends an event to all servers.
func (e *Ear) Say(t testing.TB, event string) {
	t.Helper()
	if err := e.Adapter.Broadcast(&rooms.Packet{Event: event}, rooms.Target{}); err != nil {
		t.Fatal(err)
	}
}

// Joined is a server of a cluster.
type Joined interface {
	Ready(ctx context.Context) error
}

// Ready waits until clusters hear what is published.
func Ready(t testing.TB, clusters ...Joined) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for _, c := range clusters {
		if err := c.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Until waits for something that must happen.
func Until(t testing.TB, true func() bool) {
	t.Helper()
	for deadline := time.After(Patience); !true(); {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("what must happen does not")
		}
	}
}
