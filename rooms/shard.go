// Shard: the sockets of one namespace on one loop, and the rooms they are in.

package rooms

import (
	"errors"
	"slices"
	"sync"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/transport/slab"
)

// Slot names a member within its shard.
type Slot uint32

// The reasons why a join fails.
var (
	ErrGone         = errors.New("rooms: the socket is disconnected")
	ErrTooManyRooms = errors.New("rooms: the socket is in too many rooms")
)

// Shard holds the members of one namespace on one loop. M is what the owner
// knows a member by. Its methods may be called from any goroutine; none calls
// out while it holds the lock, but for the journal, which has a lock of its own.
type Shard[M comparable] struct {
	// Immutable after NewShard.
	maxRooms int

	mu struct {
		sync.Mutex
		members slab.Slab[member[M]]
		ids     id.Table
		visible []Slot // the members that are connected, in no order
		rooms   map[string]*room
		most    int    // rooms there were since the map was made
		epoch   uint32 // of the marks last made
		hidden  int    // members that are not connected yet
		places  int    // of members in rooms, their own not counted
		aliases *aliases
		journal *Journal // nil unless somebody watches
	}
}

// member is one socket.
type member[M comparable] struct {
	m     M
	rooms *[]place // nil in no room but its own
	at    int32    // position in visible, -1 while hidden
	mark  uint32   // selected or excluded in the epoch
	id    id.ID
}

// place is a room of a member and the member's position in it.
type place struct {
	room *room
	at   int32
}

// room is a named set of members.
type room struct {
	name  string
	slots []Slot
}

// NewShard returns an empty shard whose members may be in maxRooms rooms each,
// their own not counted. Any goroutine.
func NewShard[M comparable](maxRooms int) *Shard[M] {
	s := &Shard[M]{maxRooms: maxRooms}
	s.mu.rooms = make(map[string]*room)
	s.mu.members.Moving = true
	s.mu.ids = id.NewTable(func(i uint32) *id.ID { return &s.mu.members.At(i).id })
	return s
}

// aliases are the ids of members that are known by another than the one they
// were added with.
type aliases struct {
	names map[Slot]string
	slots map[string]Slot
}

// own is the name of the room that is a member's own.
func (s *Shard[M]) own(slot Slot) string {
	if a := s.mu.aliases; a != nil {
		if name, ok := a.names[slot]; ok {
			return name
		}
	}
	return s.mu.members.At(uint32(slot)).id.String()
}

// isOwn reports whether a room is a member's own, by either of its names.
func (s *Shard[M]) isOwn(slot Slot, p *member[M], name string) bool {
	if a := s.mu.aliases; a != nil {
		if alias, ok := a.names[slot]; ok && alias == name {
			return true
		}
	}
	own, ok := id.Parse(name)
	return ok && own == p.id
}

// unlock ends a change.
func (s *Shard[M]) unlock() {
	j := s.mu.journal
	s.mu.Unlock()
	if j != nil {
		j.tell()
	}
}

// Add takes a socket in. It may join rooms, but is in nobody's selection until
// Show. Any goroutine.
func (s *Shard[M]) Add(sid id.ID, m M) Slot { return s.AddAs(sid, "", m) }

// AddAs is Add for a socket that others know by an alias, unless that is "". The
// id goes on to mean it too. Any goroutine.
func (s *Shard[M]) AddAs(sid id.ID, alias string, m M) Slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, at := s.mu.members.Take()
	slot := Slot(at)
	*p = member[M]{m: m, at: -1, id: sid}
	s.mu.ids.Insert(uint32(slot))
	s.mu.hidden++
	if alias != "" {
		if s.mu.aliases == nil {
			s.mu.aliases = &aliases{map[Slot]string{}, map[string]Slot{}}
		}
		s.mu.aliases.names[slot], s.mu.aliases.slots[alias] = alias, slot
	}
	return slot
}

// Show makes a member visible to selections. Any goroutine.
func (s *Shard[M]) Show(slot Slot) {
	s.mu.Lock()
	defer s.unlock()
	s.mu.hidden--
	s.member(slot).at = int32(len(s.mu.visible))
	s.mu.visible = append(s.mu.visible, slot)
	if j := s.mu.journal; j != nil {
		own := s.own(slot)
		j.joined(own, own)
	}
}

// Remove takes a socket out of all rooms and out of the shard, and returns the
// rooms it was in, without its own. Any goroutine.
func (s *Shard[M]) Remove(slot Slot) (left []string) {
	s.mu.Lock()
	defer s.unlock()
	m := s.member(slot)
	if j := s.mu.journal; j != nil && m.at >= 0 {
		own := s.own(slot)
		j.left(own, own)
	}
	if m.rooms != nil {
		for _, p := range *m.rooms {
			left = append(left, p.room.name)
			s.leavePlace(slot, p)
		}
	}
	if m.at < 0 {
		s.mu.hidden--
	} else {
		last := len(s.mu.visible) - 1
		moved := s.mu.visible[last]
		s.mu.visible[m.at] = moved
		s.member(moved).at = m.at
		s.mu.visible = shrunk(s.mu.visible[:last])
	}
	s.mu.ids.Remove(uint32(slot))
	if a := s.mu.aliases; a != nil {
		if name, ok := a.names[slot]; ok {
			delete(a.names, slot)
			delete(a.slots, name)
		}
		if len(a.names) == 0 {
			s.mu.aliases = nil
		}
	}
	*m = member[M]{}
	s.mu.members.Give(uint32(slot))
	return left
}

// shrunk returns the slots in less memory if there is much more than they need.
func shrunk(slots []Slot) []Slot {
	if n := len(slots); cap(slots) >= keep && n < cap(slots)/4 {
		return append(make([]Slot, 0, 2*n), slots...)
	}
	return slots
}

// keep is how many slots or rooms a list or map has room for before it shrinks.
const keep = 1024

// get returns the member in a slot if it is m still.
func (s *Shard[M]) get(slot Slot, m M) *member[M] {
	if p := s.mu.members.Find(uint32(slot)); p != nil && p.m == m {
		return p
	}
	return nil
}

// member returns the member in a slot that is in use.
func (s *Shard[M]) member(slot Slot) *member[M] { return s.mu.members.At(uint32(slot)) }

// Join puts a member into rooms. Rooms it is in already, its own among them,
// stay as they are. Any goroutine.
func (s *Shard[M]) Join(slot Slot, m M, names ...string) error {
	s.mu.Lock()
	defer s.unlock()
	p := s.get(slot, m)
	if p == nil {
		return ErrGone
	}
	for _, name := range names {
		if err := s.join(slot, p, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shard[M]) join(slot Slot, p *member[M], name string) error {
	if s.isOwn(slot, p, name) {
		return nil
	}
	if p.rooms == nil {
		p.rooms = new([]place)
	}
	for _, q := range *p.rooms {
		if q.room.name == name {
			return nil
		}
	}
	if len(*p.rooms) >= s.maxRooms {
		return ErrTooManyRooms
	}
	r := s.mu.rooms[name]
	if r == nil {
		r = &room{name: name}
		s.mu.rooms[name] = r
		s.mu.most = max(s.mu.most, len(s.mu.rooms))
	}
	*p.rooms = append(*p.rooms, place{r, int32(len(r.slots))})
	r.slots = append(r.slots, slot)
	s.mu.places++
	if j := s.mu.journal; j != nil {
		j.joined(name, s.own(slot))
	}
	return nil
}

// Leave takes a member out of a room. Its own room cannot be left. Any
// goroutine.
func (s *Shard[M]) Leave(slot Slot, m M, name string) {
	s.mu.Lock()
	defer s.unlock()
	if p := s.get(slot, m); p != nil {
		s.leave(slot, p, name)
	}
}

func (s *Shard[M]) leave(slot Slot, p *member[M], name string) {
	if p.rooms == nil {
		return
	}
	for i, q := range *p.rooms {
		if q.room.name == name {
			s.leavePlace(slot, q)
			*p.rooms = slices.Delete(*p.rooms, i, i+1)
			break
		}
	}
	if len(*p.rooms) == 0 {
		p.rooms = nil
	}
}

// leavePlace takes the member at a place out of the room, whose last member
// moves there. An empty room is gone.
func (s *Shard[M]) leavePlace(slot Slot, p place) {
	r := p.room
	if j := s.mu.journal; j != nil {
		j.left(r.name, s.own(slot))
	}
	last := len(r.slots) - 1
	moved := r.slots[last]
	r.slots[p.at] = moved
	r.slots = shrunk(r.slots[:last])
	s.mu.places--
	if last == 0 {
		delete(s.mu.rooms, r.name)
		if s.mu.most >= keep && len(s.mu.rooms) == 0 {
			s.mu.rooms, s.mu.most = make(map[string]*room), 0 // a map never shrinks
		}
		return
	}
	if int(p.at) == last {
		return
	}
	for i := range *s.member(moved).rooms {
		if q := &(*s.member(moved).rooms)[i]; q.room == r {
			q.at = p.at
			return
		}
	}
}

// Rooms are the rooms of a member, its own first; nil if it is gone. Any
// goroutine.
func (s *Shard[M]) Rooms(slot Slot, m M) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.get(slot, m)
	if p == nil {
		return nil
	}
	names := []string{s.own(slot)}
	if p.rooms != nil {
		for _, q := range *p.rooms {
			names = append(names, q.room.name)
		}
	}
	return names
}

// Has reports whether a member is in a room. Any goroutine.
func (s *Shard[M]) Has(slot Slot, m M, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.get(slot, m)
	if p == nil {
		return false
	}
	if p.rooms != nil {
		for _, q := range *p.rooms {
			if q.room.name == name {
				return true
			}
		}
	}
	return s.isOwn(slot, p, name)
}

// Len is the number of visible members. Any goroutine.
func (s *Shard[M]) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.visible)
}

// Names are the rooms with members, own rooms of sockets not among them. Any
// goroutine.
func (s *Shard[M]) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.mu.rooms))
	for name := range s.mu.rooms {
		names = append(names, name)
	}
	return names
}
