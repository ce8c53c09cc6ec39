// Server: a namespace of a server as adapters see it, without the server.

package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sioserver/sioserver/proto/msgpack"
	"github.com/sioserver/sioserver/proto/socketio"
	"github.com/sioserver/sioserver/rooms"
)

// server implements [rooms.Local] with sockets that only note what they get.
type server struct {
	name    string
	adapter rooms.Adapter

	mu struct {
		sync.Mutex
		sockets map[string]*socket
		changed chan struct{} // closed and replaced when something happens
		events  []string      // of other servers
		mute    bool          // sockets and servers do not answer
		watch   func(rooms.Change)
	}
}

// socket is a socket of a server.
type socket struct {
	id    string
	rooms map[string]bool
	got   []string
	gone  string // how it was disconnected
}

func newServer(name string) *server {
	s := &server{name: name}
	s.mu.sockets, s.mu.changed = map[string]*socket{}, make(chan struct{})
	return s
}

// connect adds sockets.
func (s *server) connect(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.compare(s.all())
	for _, id := range ids {
		s.mu.sockets[id] = &socket{id: id, rooms: map[string]bool{id: true}}
	}
}

// note tells those who wait that something has happened. The lock is held.
func (s *server) note() {
	close(s.mu.changed)
	s.mu.changed = make(chan struct{})
}

// Name implements [rooms.Local].
func (s *server) Name() string { return s.name }

// Rooms implements [rooms.Local].
func (s *server) Rooms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.all(), func(name string) bool { return s.mu.sockets[name] != nil })
}

// all are the rooms that have members, those of single sockets among them. The
// lock is held.
func (s *server) all() (names []string) {
	for _, x := range s.mu.sockets {
		for name := range x.rooms {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// HasRoom implements [rooms.Local].
func (s *server) HasRoom(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.mu.sockets {
		if x.rooms[name] {
			return true
		}
	}
	return false
}

// WatchRooms implements [rooms.Local].
func (s *server) WatchRooms(f func(rooms.Change)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.watch = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mu.watch = nil
	}
}

// compare tells who watches of rooms that have come or gone since before. The
// lock is held.
func (s *server) compare(before []string) {
	if s.mu.watch == nil {
		return
	}
	now := s.all()
	for _, name := range now {
		if !slices.Contains(before, name) {
			s.mu.watch(rooms.Change{Type: rooms.RoomCreated, Room: name})
		}
	}
	for _, name := range before {
		if !slices.Contains(now, name) {
			s.mu.watch(rooms.Change{Type: rooms.RoomDeleted, Room: name})
		}
	}
}

// Encode implements [rooms.Local].
func (s *server) Encode(p *rooms.Packet, f rooms.Form) (rooms.RawArgs, error) {
	if f == rooms.MsgPack {
		raw, err := msgpack.AppendArgs(nil, p.Args)
		return rooms.RawArgs{Form: f, Bytes: raw, Count: len(p.Args)}, err
	}
	raw, bins, err := socketio.AppendArgs(nil, nil, p.Args)
	return rooms.RawArgs{Form: f, Bytes: raw, Count: len(p.Args), Binary: bins}, err
}

// text is a packet as tests compare it: its name, then the arguments as JSON
// with binary values as text behind "bin:".
func text(p *rooms.Packet) string {
	args := p.Args
	if len(args) == 1 {
		if raw, ok := args[0].(rooms.RawArgs); ok {
			args = decoded(raw)
		}
	}
	list := []string{p.Event}
	for _, v := range args {
		raw, err := json.Marshal(readable(v))
		if err != nil {
			raw = []byte(err.Error())
		}
		list = append(list, string(raw))
	}
	return strings.Join(list, " ")
}

// decoded are the values that encoded arguments stand for.
func decoded(raw rooms.RawArgs) (list []any) {
	for rest := raw.Bytes; len(rest) > 0; {
		var arg []byte
		var v any
		var err error
		if raw.Form == rooms.MsgPack {
			arg, rest = msgpack.NextArg(rest)
			err = msgpack.Unmarshal(arg, &v)
		} else {
			arg, rest = socketio.NextArg(rest)
			err = socketio.Unmarshal(arg, raw.Binary, &v)
		}
		if err != nil {
			v = err.Error()
		}
		list = append(list, v)
	}
	if len(list) != raw.Count {
		list = append(list, fmt.Sprintf("%d arguments were announced", raw.Count))
	}
	return list
}

func readable(v any) any {
	switch v := v.(type) {
	case []byte:
		return "bin:" + string(v)
	case []any:
		for i := range v {
			v[i] = readable(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = readable(v[k])
		}
	}
	return v
}

// each calls f with the sockets of a target. The lock is held.
func (s *server) each(t rooms.Target, f func(*socket)) {
	for _, x := range s.mu.sockets {
		in := len(t.Rooms) == 0 || slices.ContainsFunc(t.Rooms, func(n string) bool { return x.rooms[n] })
		if in && !slices.ContainsFunc(t.Except, func(n string) bool { return x.rooms[n] }) {
			f(x)
		}
	}
}

// Broadcast implements [rooms.Local].
func (s *server) Broadcast(p *rooms.Packet, t rooms.Target) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := text(p)
	if t.Flags.Volatile {
		what += " volatile"
	}
	if !t.Flags.Compress {
		what += " plain"
	}
	s.each(t, func(x *socket) { x.got = append(x.got, what) })
	s.note()
	return nil
}

// Gap implements [rooms.Local].
func (s *server) Gap() {}

// BroadcastWithAck implements [rooms.Local]: each socket answers with its id,
// and the arguments it got.
func (s *server) BroadcastWithAck(_ context.Context, p *rooms.Packet, t rooms.Target, answer func(rooms.Answer)) (n int, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := text(p)
	s.each(t, func(x *socket) {
		n++
		x.got = append(x.got, what)
		if s.mu.mute {
			return
		}
		raw, bins, _ := socketio.AppendArgs(nil, nil, []any{map[string]any{"id": x.id, "bin": []byte(x.id)}})
		go answer(rooms.Answer{JSON: raw, Binary: bins})
	})
	s.note()
	return n, nil
}

// SocketsJoin implements [rooms.Local].
func (s *server) SocketsJoin(t rooms.Target, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.compare(s.all())
	s.each(t, func(x *socket) {
		for _, name := range names {
			x.rooms[name] = true
		}
	})
	s.note()
}

// SocketsLeave implements [rooms.Local].
func (s *server) SocketsLeave(t rooms.Target, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.compare(s.all())
	s.each(t, func(x *socket) {
		for _, name := range names {
			delete(x.rooms, name)
		}
	})
	s.note()
}

// DisconnectSockets implements [rooms.Local].
func (s *server) DisconnectSockets(t rooms.Target, closeConn bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(t, func(x *socket) { x.gone = fmt.Sprintf("closeConn=%v", closeConn) })
	s.note()
}

// FetchSockets implements [rooms.Local].
func (s *server) FetchSockets(ctx context.Context, t rooms.Target) (list []rooms.SocketInfo, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.mute {
		return nil, context.DeadlineExceeded
	}
	s.each(t, func(x *socket) {
		list = append(list, rooms.SocketInfo{
			ID: x.id, Rooms: sorted(x.rooms), Handshake: json.RawMessage(`{"url":"/` + x.id + `"}`), Data: json.RawMessage(`{"of":"` + x.id + `"}`),
		})
	})
	return list, nil
}

// ServerSideEvent implements [rooms.Local]: it answers with the event.
func (s *server) ServerSideEvent(p *rooms.Packet, answer func(rooms.Answer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.events = append(s.mu.events, text(p))
	if answer != nil && !s.mu.mute {
		raw, _ := json.Marshal(text(p))
		go answer(rooms.Answer{JSON: raw})
	}
	s.note()
}

func sorted(set map[string]bool) (list []string) {
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
