// Selection: from a target to members, each once.

package rooms

import (
	"strings"

	"github.com/sioserver/sioserver/proto/id"
)

// Select appends the visible members of a target to dst. Any goroutine.
func (s *Shard[M]) Select(dst []M, t *Target) []M {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(t, func(_ Slot, p *member[M]) { dst = append(dst, p.m) })
	return dst
}

// Count is the number of visible members of a target. Any goroutine.
func (s *Shard[M]) Count(t *Target) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.each(t, func(Slot, *member[M]) { n++ })
	return n
}

// Size is a room and the number of its members.
type Size struct {
	Name    string
	Members int
}

// Sizes are the rooms whose names begin with prefix and come behind after, in no
// order; own rooms of sockets are not among them. Members that are not visible
// yet are counted. Any goroutine.
func (s *Shard[M]) Sizes(prefix, after string) (list []Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, r := range s.mu.rooms {
		if name > after && strings.HasPrefix(name, prefix) {
			list = append(list, Size{name, len(r.slots)})
		}
	}
	return list
}

// Places is in how many rooms the members are together, their own not counted.
// Any goroutine.
func (s *Shard[M]) Places() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.places
}

// JoinAll puts the members of a target into rooms, as far as the limit of each
// allows. Any goroutine.
func (s *Shard[M]) JoinAll(t *Target, names []string) {
	s.mu.Lock()
	defer s.unlock()
	for _, slot := range s.slots(t) {
		for _, name := range names {
			// A member at its limit keeps the rooms it has.
			_ = s.join(slot, s.member(slot), name)
		}
	}
}

// LeaveAll takes the members of a target out of rooms. Any goroutine.
func (s *Shard[M]) LeaveAll(t *Target, names []string) {
	s.mu.Lock()
	defer s.unlock()
	for _, slot := range s.slots(t) {
		for _, name := range names {
			s.leave(slot, s.member(slot), name)
		}
	}
}

// slots lists the members of a target, for work that changes the rooms.
func (s *Shard[M]) slots(t *Target) (slots []Slot) {
	s.each(t, func(slot Slot, _ *member[M]) { slots = append(slots, slot) })
	return slots
}

// each calls f for the visible members of a target, each once. f leaves the
// rooms as they are.
func (s *Shard[M]) each(t *Target, f func(Slot, *member[M])) {
	if len(s.mu.visible) == 0 {
		return
	}
	marks := len(t.Except) > 0 || len(t.Rooms) > 1
	if marks {
		s.exclude(t.Except)
	}
	take := func(slots []Slot) {
		for _, slot := range slots {
			p := s.member(slot)
			if p.at < 0 || marks && p.mark == s.mu.epoch {
				continue
			}
			p.mark = s.mu.epoch
			f(slot, p)
		}
	}
	if len(t.Rooms) == 0 {
		take(s.mu.visible)
		return
	}
	for _, name := range t.Rooms {
		s.inRoom(name, take)
	}
}

// exclude begins a new epoch and marks the members of rooms, so that they are
// not selected.
func (s *Shard[M]) exclude(names []string) {
	s.mu.epoch++
	if s.mu.epoch == 0 {
		// The counter went round: old marks must not look new.
		s.mu.members.Each(func(p *member[M]) { p.mark = 0 })
		s.mu.epoch = 1
	}
	for _, name := range names {
		s.inRoom(name, func(slots []Slot) {
			for _, slot := range slots {
				s.member(slot).mark = s.mu.epoch
			}
		})
	}
}

// inRoom calls f with the members of a room, and with the socket whose id
// the name is.
func (s *Shard[M]) inRoom(name string, f func([]Slot)) {
	if r := s.mu.rooms[name]; r != nil {
		f(r.slots)
	}
	if a := s.mu.aliases; a != nil {
		if slot, ok := a.slots[name]; ok {
			own := [1]Slot{slot}
			f(own[:])
		}
	}
	if sid, ok := id.Parse(name); ok {
		if i, ok := s.mu.ids.Find(&sid); ok {
			own := [1]Slot{Slot(i)}
			f(own[:])
		}
	}
}

// HasRoom reports whether a room has members, or the name is the id of one. Any
// goroutine.
func (s *Shard[M]) HasRoom(name string) (found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inRoom(name, func(slots []Slot) { found = found || len(slots) > 0 })
	return found
}
