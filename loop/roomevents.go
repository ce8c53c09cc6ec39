// Events of rooms: told to those who listen, in order, off the event loops.

package loop

import (
	"slices"

	"github.com/sioserver/sioserver/rooms"
)

// RoomEvent tells of a change of a room on this server. Type is one of
// [rooms.RoomCreated], [rooms.RoomJoined], [rooms.RoomLeft] and
// [rooms.RoomDeleted], whose texts are the reference's names of these events, or
// [rooms.ChangesMissed].
type RoomEvent struct {
	rooms.Change
	// Namespace is where the room is: for a listener of a parent namespace one of
	// its children.
	Namespace *Namespace
}

// roomHook is a listener for room events.
type roomHook struct{ run func(RoomEvent) }

// OnRoomEvent adds a function that is told which rooms of the namespace come and
// go on this server, and who joins and leaves them. The room that each socket
// has by its id is among them while the socket is connected. It runs off the
// event loops, one call after the other, in the order of the changes, and may
// block. If more than Limits.RoomEvents wait, later ones are replaced by one
// event of the type [rooms.ChangesMissed] and counted (LimitHits "room_events").
//
// As long as somebody listens, each join and leave costs some hundred
// nanoseconds more, and each room the memory of an entry in a table. The result
// takes the function away again. Children of a parent namespace take over what it
// has when they are made.
func (n *Namespace) OnRoomEvent(f func(RoomEvent)) (remove func()) {
	h := &roomHook{f}
	n.changeHooks(func(k *hooks) { k.rooms = append(slices.Clip(k.rooms), h) })
	n.watchRooms()
	return func() {
		n.changeHooks(func(k *hooks) {
			k.rooms = slices.DeleteFunc(slices.Clone(k.rooms), func(x *roomHook) bool { return x == h })
		})
		n.watchRooms()
	}
}

// watchRooms begins to watch the rooms if somebody listens, or ends it.
func (n *Namespace) watchRooms() {
	n.mu.Lock()
	defer n.mu.Unlock()
	wanted, j := len(n.hooks.Load().rooms) > 0, n.journal.Load()
	if n.dynamic != nil || wanted == (j != nil) {
		return
	}
	if j = nil; wanted {
		s := n.server
		j = rooms.NewJournal(s.cfg.Limits.RoomEvents, &s.roomEvents, func() {
			s.workers.do(s, func() { n.tellRooms(j) })
		})
	}
	n.journal.Store(j)
	rooms.Watch(n.shards, j)
}

// tellRooms tells what waits in a journal, a part of it before others get their
// turn.
func (n *Namespace) tellRooms(j *rooms.Journal) {
	part := j.Take(turn)
	if part == nil {
		return
	}
	s := n.server
	defer s.workers.do(s, func() { n.tellRooms(j) })
	for _, c := range part {
		if n.journal.Load() != j {
			return // those who listen now have not asked for these
		}
		for _, h := range n.hooks.Load().rooms {
			s.guard("a room event's handler", func() { h.run(RoomEvent{c, n}) })
		}
	}
}
