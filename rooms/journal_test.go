// The journal: what it tells is replayed, and must come to what the shards hold.

package rooms_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
)

// replay is what somebody knows who only hears of changes.
type replay map[string]map[string]bool

// hear takes in a change, and tells what is wrong with it.
func (r replay) hear(c rooms.Change) string {
	members := r[c.Room]
	switch c.Type {
	case rooms.RoomCreated:
		if members != nil {
			return "created twice"
		}
		r[c.Room] = map[string]bool{}
	case rooms.RoomDeleted:
		if members == nil || len(members) > 0 {
			return fmt.Sprintf("deleted with members %v", members)
		}
		delete(r, c.Room)
	case rooms.RoomJoined:
		if members == nil || members[c.ID] {
			return fmt.Sprintf("joined while %v", members)
		}
		members[c.ID] = true
	case rooms.RoomLeft:
		if !members[c.ID] {
			return fmt.Sprintf("left while %v", members)
		}
		delete(members, c.ID)
	default:
		return "unknown"
	}
	return ""
}

// socket is a member of the crowd.
type socket struct {
	shard *rooms.Shard[int]
	slot  rooms.Slot
	m     int
	name  string
	shown bool
}

// crowd does things to sockets on some shards.
type crowd struct {
	rng     *rand.Rand
	source  id.Source
	shards  []*rooms.Shard[int]
	sockets []*socket
	next    int
}

func (c *crowd) act() {
	if len(c.sockets) == 0 || c.rng.IntN(8) == 0 {
		c.next++
		s := &socket{shard: c.shards[c.rng.IntN(len(c.shards))], m: c.next}
		sid, alias := c.source.New(0), ""
		if s.name = sid.String(); c.rng.IntN(3) == 0 {
			alias = "/chat#" + s.name
			s.name = alias
		}
		s.slot = s.shard.AddAs(sid, alias, s.m)
		c.sockets = append(c.sockets, s)
		return
	}
	i := c.rng.IntN(len(c.sockets))
	s, room := c.sockets[i], fmt.Sprint("room-", c.rng.IntN(6))
	if c.rng.IntN(4) == 0 {
		room = c.sockets[c.rng.IntN(len(c.sockets))].name // somebody's own
	}
	switch c.rng.IntN(7) {
	case 0:
		if !s.shown {
			s.shard.Show(s.slot)
			s.shown = true
		}
	case 1:
		s.shard.Leave(s.slot, s.m, room)
	case 2:
		s.shard.JoinAll(&rooms.Target{Rooms: []string{room}}, []string{"all", room})
	case 3:
		s.shard.LeaveAll(&rooms.Target{Except: []string{room}}, []string{"all", "room-1"})
	case 4:
		if c.rng.IntN(3) == 0 {
			s.shard.Remove(s.slot)
			c.sockets = slices.Delete(c.sockets, i, i+1)
		}
	default:
		_ = s.shard.Join(s.slot, s.m, room)
	}
}

// rooms is who is where, as the shards tell.
func (c *crowd) rooms() replay {
	r := replay{}
	for _, s := range c.sockets {
		for _, room := range s.shard.Rooms(s.slot, s.m) {
			if room == s.name && !s.shown {
				continue
			}
			if r[room] == nil {
				r[room] = map[string]bool{}
			}
			r[room][s.name] = true
		}
	}
	return r
}

func TestJournalReplayed(t *testing.T) {
	for seed := range uint64(8) {
		c := &crowd{rng: rand.New(rand.NewPCG(seed, 5))}
		for range 3 {
			c.shards = append(c.shards, rooms.NewShard[int](8))
		}
		for range 200 * seed {
			c.act() // before anybody watches
		}
		var missed atomic.Uint64
		woken := 0
		j := rooms.NewJournal(1<<20, &missed, func() { woken++ })
		heard := c.rooms()
		rooms.Watch(c.shards, j)
		take := func() {
			for part := j.Take(7); part != nil; part = j.Take(7) {
				for _, change := range part {
					if fault := heard.hear(change); fault != "" {
						t.Fatalf("seed %d: %+v: %s", seed, change, fault)
					}
				}
			}
		}
		for range 3000 {
			c.act()
			if c.rng.IntN(50) == 0 {
				take()
			}
		}
		take()
		if is := c.rooms(); !maps.EqualFunc(heard, is, maps.Equal) {
			t.Fatalf("seed %d: heard %v, is %v", seed, heard, is)
		}
		if woken == 0 || woken > 100 || missed.Load() != 0 {
			t.Errorf("seed %d: woken %d times, %d missed", seed, woken, missed.Load())
		}
		rooms.Watch(c.shards, nil)
		c.act()
		for range 100 {
			c.act()
		}
		if part := j.Take(1); part != nil {
			t.Errorf("told after the end: %+v", part)
		}
	}
}

func TestJournalLimit(t *testing.T) {
	shard := rooms.NewShard[int](100)
	var source id.Source
	slot := shard.Add(source.New(0), 1)
	var missed atomic.Uint64
	j := rooms.NewJournal(4, &missed, func() {})
	rooms.Watch([]*rooms.Shard[int]{shard}, j)
	_ = shard.Join(slot, 1, "a", "b")
	if part := j.Take(10); len(part) != 4 || part[3].Type != rooms.RoomJoined || part[3].Room != "b" || missed.Load() != 0 {
		t.Fatalf("at the limit: %+v, %d missed", part, missed.Load())
	}
	_ = shard.Join(slot, 1, "c", "d", "e")
	part := j.Take(10)
	if len(part) != 5 || part[3].Room != "d" || part[4] != (rooms.Change{Type: rooms.ChangesMissed, Missed: 2}) {
		t.Fatalf("beyond it: %+v", part)
	}
	shard.Leave(slot, 1, "a")
	if part := j.Take(10); len(part) != 2 || part[1].Type != rooms.RoomDeleted {
		t.Fatalf("afterwards: %+v", part)
	}
	if missed.Load() != 2 {
		t.Errorf("%d missed", missed.Load())
	}
}

// TestAlias: a member with an alias is found by it, and by its id.
func TestAlias(t *testing.T) {
	shard := rooms.NewShard[int](2)
	var source id.Source
	sid := source.New(0)
	slot := shard.AddAs(sid, "/chat#x", 1)
	other := shard.Add(source.New(0), 2)
	shard.Show(slot)
	shard.Show(other)
	for _, name := range []string{"/chat#x", sid.String()} {
		if got := shard.Select(nil, &rooms.Target{Rooms: []string{name}}); !slices.Equal(got, []int{1}) {
			t.Errorf("%s selects %v", name, got)
		}
		if got := shard.Select(nil, &rooms.Target{Except: []string{name}}); !slices.Equal(got, []int{2}) {
			t.Errorf("all but %s are %v", name, got)
		}
		if !shard.Has(slot, 1, name) || shard.Has(other, 2, name) {
			t.Errorf("who has %s", name)
		}
		if err := shard.Join(slot, 1, name); err != nil {
			t.Error(err)
		}
	}
	if got := shard.Rooms(slot, 1); !slices.Equal(got, []string{"/chat#x"}) {
		t.Errorf("rooms %v", got)
	}
	shard.Remove(slot)
	if got := shard.Select(nil, &rooms.Target{Rooms: []string{"/chat#x"}}); got != nil {
		t.Errorf("gone, and found: %v", got)
	}
}
