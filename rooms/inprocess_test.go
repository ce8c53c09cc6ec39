// The adapter of a server that is alone.

package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/rooms"
)

// noted is a Local that writes down its calls.
type noted struct {
	calls []string
	err   error
}

func (n *noted) note(format string, args ...any) {
	n.calls = append(n.calls, fmt.Sprintf(format, args...))
}

func (n *noted) Name() string                         { return "/n" }
func (n *noted) Rooms() []string                      { return nil }
func (n *noted) WatchRooms(func(rooms.Change)) func() { return nil }
func (n *noted) HasRoom(string) bool                  { return false }
func (n *noted) Encode(*rooms.Packet, rooms.Form) (rooms.RawArgs, error) {
	n.note("encode")
	return rooms.RawArgs{}, n.err
}

func (*noted) Gap() {}

func (n *noted) Broadcast(p *rooms.Packet, t rooms.Target) error {
	n.note("broadcast %s %v", p.Event, t.Rooms)
	return n.err
}

func (n *noted) BroadcastWithAck(_ context.Context, p *rooms.Packet, t rooms.Target, answer func(rooms.Answer)) (int, error) {
	n.note("ask %s %v", p.Event, t.Rooms)
	answer(rooms.Answer{JSON: []byte("1")})
	return 3, n.err
}
func (n *noted) SocketsJoin(t rooms.Target, names []string)  { n.note("join %v %v", t.Rooms, names) }
func (n *noted) SocketsLeave(t rooms.Target, names []string) { n.note("leave %v %v", t.Rooms, names) }
func (n *noted) FetchSockets(context.Context, rooms.Target) ([]rooms.SocketInfo, error) {
	n.note("fetch")
	return nil, n.err
}
func (n *noted) ServerSideEvent(*rooms.Packet, func(rooms.Answer)) { n.note("server event") }
func (n *noted) DisconnectSockets(t rooms.Target, closeConn bool) {
	n.note("disconnect %v %v", t.Rooms, closeConn)
}

func TestInProcess(t *testing.T) {
	local := &noted{}
	a, err := rooms.InProcess(local)
	if err != nil || !rooms.Alone(a) || rooms.Alone(nil) {
		t.Fatalf("%v, %v", a, err)
	}
	ctx, target, packet := t.Context(), rooms.Target{Rooms: []string{"r"}}, &rooms.Packet{Event: "e"}
	var asked []int
	answers := 0
	ask := func() error {
		return a.BroadcastWithAck(ctx, packet, target, func(n int) { asked = append(asked, n) }, func(rooms.Answer) { answers++ })
	}
	for _, err := range []error{
		a.Broadcast(packet, target), ask(), a.SocketsJoin(target, []string{"a", "b"}), a.SocketsLeave(target, []string{"a"}),
		a.DisconnectSockets(target, true), a.Close(),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{"broadcast e [r]", "ask e [r]", "join [r] [a b]", "leave [r] [a]", "disconnect [r] true"}
	if !slices.Equal(local.calls, want) || !slices.Equal(asked, []int{3}) || answers != 1 {
		t.Errorf("calls %q, asked %v, %d answers", local.calls, asked, answers)
	}
	if n, err := a.ServerCount(ctx); n != 1 || err != nil {
		t.Errorf("%d servers, %v", n, err)
	}
	local.err = errors.New("no")
	if a.Broadcast(packet, target) == nil || ask() == nil || len(asked) != 1 {
		t.Error("an error is lost")
	}
}
