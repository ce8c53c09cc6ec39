// Mode development: each socket, room and event, as far as the limits go.

package instrument

import (
	"context"
	"encoding/json"
	"maps"
	"sync/atomic"
	"time"

	"github.com/sioserver/sioserver/cmd/sioserver/internal/session"
	"github.com/sioserver/sioserver/loop"
	"github.com/sioserver/sioserver/rooms"
)

// The limits of mode development: what goes beyond is left out.
const (
	maxListed    = 1000 // sockets in the list that a page gets
	maxEachReply = 500  // reports in each interval
)

// listed is a socket as the page wants it.
type listed struct {
	ID        string         `json:"id"`
	ClientID  string         `json:"clientId"`
	Transport string         `json:"transport"`
	Namespace string         `json:"nsp"`
	Data      map[string]any `json:"data"`
	Handshake any            `json:"handshake"`
	Rooms     []string       `json:"rooms"`
}

// clientID is how the page tells clients apart: the begin of the engine's id,
// which as a whole would let its reader take part in the session.
func clientID(id string) string { return id[:min(12, len(id))] }

// describe makes a listed of a socket of this server.
func describe(s *loop.Socket) listed {
	l := listed{
		ID: s.ID(), ClientID: clientID(s.Conn().ID()), Transport: s.Transport(), Namespace: s.Namespace().Name(),
		Data: data(s), Handshake: s.Handshake(), Rooms: []string{},
	}
	for _, r := range s.Rooms() {
		if !session.Hidden(r) {
			l.Rooms = append(l.Rooms, r)
		}
	}
	return l
}

// data is what is public of a socket, as an object.
func data(s *loop.Socket) map[string]any {
	d := map[string]any{}
	if st := session.Of(s); st != nil {
		_ = json.Unmarshal(st.Data(), &d) // what is no object stays out
		if d == nil {
			d = map[string]any{}
		}
		if st.User != "" {
			d["user"] = st.User
		}
	}
	return d
}

// all lists sockets of all namespaces and servers, maxListed of them at most.
func (p *Part) all(ctx context.Context) ([]listed, error) {
	list := []listed{}
	for _, ns := range p.others {
		found, err := ns.FetchSockets(ctx)
		if err != nil && len(found) == 0 {
			return nil, err
		}
		for _, r := range found {
			if len(list) == maxListed {
				return list, nil
			}
			if s := r.Local(); s != nil {
				list = append(list, describe(s))
				continue
			}
			list = append(list, remote(ns.Name(), r))
		}
	}
	return list, nil
}

// remote makes a listed of a socket of another server, which keeps for the page
// what it wants to know in a member "_admin" of the data.
func remote(namespace string, r loop.RemoteSocket) listed {
	l := listed{ID: r.ID(), ClientID: clientID(r.ID()), Namespace: namespace, Data: map[string]any{}, Rooms: r.Rooms()}
	var known struct {
		Admin struct {
			ClientID  string
			Transport string
		} `json:"_admin"`
	}
	if r.Data(&known) == nil && known.Admin.ClientID != "" {
		l.ClientID, l.Transport = known.Admin.ClientID, known.Admin.Transport
	}
	if r.Data(&l.Data) != nil {
		l.Data = map[string]any{}
	}
	l.Data = maps.Clone(l.Data)
	delete(l.Data, "_admin")
	var h json.RawMessage
	if r.Handshake(&h) == nil {
		l.Handshake = h
	}
	return l
}

// watch reports what happens in a namespace.
func (p *Part) watch(ns *loop.Namespace) {
	var b budget
	say := func(event string, args ...any) {
		if b.take(time.Now()) {
			_ = p.admin.Emit(event, args...) // the reports of a server that ends are of no use
		}
	}
	ns.OnConnection(func(s *loop.Socket) {
		say("socket_connected", describe(s), time.Now())
		s.Conn().OnUpgrade(func() {
			say("socket_updated", map[string]any{"id": s.ID(), "nsp": ns.Name(), "transport": s.Transport()})
		})
		s.OnAny(func(s *loop.Socket, e *loop.Event) {
			say("event_received", ns.Name(), s.ID(), named(e.Name(), e.Args()), time.Now())
		})
		s.OnAnyOutgoing(func(s *loop.Socket, event string, a loop.Args) {
			say("event_sent", ns.Name(), s.ID(), named(event, a), time.Now())
		})
	})
	ns.OnDisconnect(func(s *loop.Socket, reason loop.DisconnectReason, _ error) {
		say("socket_disconnected", ns.Name(), s.ID(), reason, time.Now())
	})
	ns.OnRoomEvent(func(e loop.RoomEvent) {
		switch {
		case session.Hidden(e.Room):
		case e.Type == rooms.RoomJoined:
			say("room_joined", ns.Name(), e.Room, e.ID, time.Now())
		case e.Type == rooms.RoomLeft:
			say("room_left", ns.Name(), e.Room, e.ID, time.Now())
		}
	})
}

// named is an event as a list: its name and its arguments.
func named(event string, a loop.Args) []any {
	list := []any{event}
	a = a.Clone()
	for i := range a.Len() {
		list = append(list, a.Raw(i))
	}
	return list
}

// budget lets maxEachReply through in each interval. Any goroutine.
type budget struct{ window, used atomic.Int64 }

func (b *budget) take(now time.Time) bool {
	w := now.UnixNano() / int64(interval)
	if old := b.window.Load(); old != w && b.window.CompareAndSwap(old, w) {
		b.used.Store(0)
	}
	return b.used.Add(1) <= maxEachReply
}
