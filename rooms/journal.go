// Journal: which rooms of a namespace come and go, and who joins and leaves them.

package rooms

import (
	"sync"
	"sync/atomic"
)

// ChangeType is what has happened to a room. Its text is the reference's name
// of the event.
type ChangeType string

// The types of changes.
const (
	RoomCreated ChangeType = "create-room" // it has its first member
	RoomDeleted ChangeType = "delete-room" // its last member is gone
	RoomJoined  ChangeType = "join-room"
	RoomLeft    ChangeType = "leave-room"
	// ChangesMissed stands for changes that were not told, because too many
	// waited.
	ChangesMissed ChangeType = "missed"
)

// Change is a change of a room.
type Change struct {
	Type   ChangeType
	Room   string
	ID     string // of the socket that joined or left
	Missed int    // how many changes, of ChangesMissed
}

// Journal keeps the changes of the rooms of a namespace, in the order in which
// they happened, until somebody takes them. The room that is named like a socket
// belongs to that socket while it is visible.
type Journal struct {
	// Immutable after NewJournal.
	most   int
	missed *atomic.Uint64
	wake   func()

	mu struct {
		sync.Mutex
		members map[string]int // of each room, on all shards
		queue   []Change
		woken   bool
	}
}

// NewJournal returns a journal in which most changes may wait; missed counts
// those for which there was no place. wake is called when there is something to
// take, by any goroutine, and then not again before [Journal.Take] has returned
// nothing. Any goroutine.
func NewJournal(most int, missed *atomic.Uint64, wake func()) *Journal {
	j := &Journal{most: most, missed: missed, wake: wake}
	j.mu.members = map[string]int{}
	return j
}

// Watch makes the shards of a namespace keep a journal from now on, or none if j
// is nil. Any goroutine.
func Watch[M comparable](shards []*Shard[M], j *Journal) {
	// All at once: a socket that moves between two looks would count wrong.
	for _, s := range shards {
		s.mu.Lock()
	}
	for _, s := range shards {
		if s.mu.journal = j; j != nil {
			s.count(j.mu.members)
		}
	}
	for _, s := range shards {
		s.mu.Unlock()
	}
}

// count adds the members of every room.
func (s *Shard[M]) count(members map[string]int) {
	for name, r := range s.mu.rooms {
		members[name] += len(r.slots)
	}
	for _, slot := range s.mu.visible {
		members[s.own(slot)]++
	}
}

// Take returns the oldest changes, at most so many. Any goroutine.
func (j *Journal) Take(most int) []Change {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(most, len(j.mu.queue))
	if n == 0 {
		j.mu.woken, j.mu.queue = false, nil
		return nil
	}
	part := j.mu.queue[:n:n]
	j.mu.queue = j.mu.queue[n:]
	return part
}

// joined notes a new member of a room.
func (j *Journal) joined(room, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.mu.members[room]++; j.mu.members[room] == 1 {
		j.note(Change{Type: RoomCreated, Room: room})
	}
	j.note(Change{Type: RoomJoined, Room: room, ID: id})
}

// left notes that a room has a member less.
func (j *Journal) left(room, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.note(Change{Type: RoomLeft, Room: room, ID: id})
	if j.mu.members[room]--; j.mu.members[room] == 0 {
		delete(j.mu.members, room)
		j.note(Change{Type: RoomDeleted, Room: room})
	}
}

// note puts a change behind the others if there is a place.
func (j *Journal) note(c Change) {
	n := len(j.mu.queue)
	if n < j.most {
		j.mu.queue = append(j.mu.queue, c)
		return
	}
	j.missed.Add(1)
	if j.mu.queue[n-1].Type != ChangesMissed {
		j.mu.queue = append(j.mu.queue, Change{Type: ChangesMissed})
		n++
	}
	j.mu.queue[n-1].Missed++
}

// tell wakes who takes, if there is something to take.
func (j *Journal) tell() {
	j.mu.Lock()
	wake := len(j.mu.queue) > 0 && !j.mu.woken
	j.mu.woken = j.mu.woken || wake
	j.mu.Unlock()
	if wake {
		j.wake()
	}
}
