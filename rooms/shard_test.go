// The shard against a model of sets.

package rooms_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
)

// model is the slow twin of a shard: what each member is in.
type model struct {
	ids     map[int]id.ID
	slots   map[int]rooms.Slot
	visible map[int]bool
	in      map[int]map[string]bool
}

func (m *model) in1(member int, name string) bool {
	return m.in[member][name] || m.ids[member].String() == name
}

func (m *model) selectAll(t *rooms.Target) (out []int) {
	for member := range m.ids {
		any := len(t.Rooms) == 0
		for _, r := range t.Rooms {
			any = any || m.in1(member, r)
		}
		for _, r := range t.Except {
			any = any && !m.in1(member, r)
		}
		if any && m.visible[member] {
			out = append(out, member)
		}
	}
	slices.Sort(out)
	return out
}

func TestShardAgainstModel(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var source id.Source
		shard := rooms.NewShard[int](8)
		m := &model{map[int]id.ID{}, map[int]rooms.Slot{}, map[int]bool{}, map[int]map[string]bool{}}
		next := 0
		pick := func() int {
			for member := range m.ids {
				return member
			}
			return -1
		}
		name := func() string {
			if member := pick(); member >= 0 && rng.IntN(4) == 0 {
				return m.ids[member].String()
			}
			return fmt.Sprint("room-", rng.IntN(12))
		}
		for step := range 3000 {
			switch k := pick(); rng.IntN(8) {
			case 0:
				next++
				m.ids[next] = source.New(0)
				m.in[next] = map[string]bool{}
				m.slots[next] = shard.Add(m.ids[next], next)
			case 1:
				if k >= 0 && !m.visible[k] {
					shard.Show(m.slots[k])
					m.visible[k] = true
				}
			case 2, 3, 4:
				if k < 0 {
					continue
				}
				r := name()
				err := shard.Join(m.slots[k], k, r)
				full := len(m.in[k]) >= 8 && !m.in1(k, r)
				if errors.Is(err, rooms.ErrTooManyRooms) != full {
					t.Fatalf("seed %d step %d: join with %d rooms: %v", seed, step, len(m.in[k]), err)
				}
				if err == nil && r != m.ids[k].String() {
					m.in[k][r] = true
				}
			case 5:
				if k >= 0 {
					r := name()
					shard.Leave(m.slots[k], k, r)
					delete(m.in[k], r)
				}
			case 6:
				if k >= 0 && rng.IntN(3) == 0 {
					left := shard.Remove(m.slots[k])
					if len(left) != len(m.in[k]) {
						t.Fatalf("seed %d step %d: left %v, was in %v", seed, step, left, m.in[k])
					}
					if err := shard.Join(m.slots[k], k, "ghost"); !errors.Is(err, rooms.ErrGone) {
						t.Fatalf("seed %d: join after removal: %v", seed, err)
					}
					delete(m.ids, k)
					delete(m.in, k)
					delete(m.visible, k)
				}
			default:
				target := rooms.Target{}
				for range rng.IntN(3) {
					target.Rooms = append(target.Rooms, name())
				}
				for range rng.IntN(3) {
					target.Except = append(target.Except, name())
				}
				got := shard.Select(nil, &target)
				slices.Sort(got)
				if want := m.selectAll(&target); !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: %+v selected %v, want %v", seed, step, target, got, want)
				}
			}
		}
		m.check(t, shard, seed)
	}
}

// check compares the whole state and empties the shard.
func (m *model) check(t *testing.T, shard *rooms.Shard[int], seed uint64) {
	names := map[string]bool{}
	for k, in := range m.in {
		got := shard.Rooms(m.slots[k], k)
		if len(got) != len(in)+1 || got[0] != m.ids[k].String() {
			t.Fatalf("seed %d: member %d in %v, want %v", seed, k, got, in)
		}
		for r := range in {
			names[r] = true
			if !slices.Contains(got, r) || !shard.Has(m.slots[k], k, r) {
				t.Fatalf("seed %d: member %d not in %s", seed, k, r)
			}
		}
	}
	if got := shard.Names(); len(got) != len(names) {
		t.Fatalf("seed %d: rooms %v, want %v", seed, got, names)
	}
	for k := range m.ids {
		shard.Remove(m.slots[k])
	}
	if shard.Len() != 0 || len(shard.Names()) != 0 || shard.Rooms(0, 1) != nil {
		t.Fatalf("seed %d: something is left", seed)
	}
}

func TestJoinAllAndLeaveAll(t *testing.T) {
	var source id.Source
	shard := rooms.NewShard[int](4)
	slots := make([]rooms.Slot, 10)
	for i := range slots {
		slots[i] = shard.Add(source.New(0), i)
		shard.Show(slots[i])
		if i%2 == 0 {
			if err := shard.Join(slots[i], i, "even"); err != nil {
				t.Fatal(err)
			}
		}
	}
	shard.JoinAll(&rooms.Target{Rooms: []string{"even"}, Except: []string{shard.Rooms(slots[0], 0)[0]}}, []string{"a", "b", "even"})
	if got := shard.Select(nil, &rooms.Target{Rooms: []string{"a", "b"}}); len(got) != 4 {
		t.Fatalf("selected %v, want 4 members", got)
	}
	shard.LeaveAll(&rooms.Target{Rooms: []string{"a"}}, []string{"even", "b"})
	if got := shard.Select(nil, &rooms.Target{Rooms: []string{"even", "b"}}); len(got) != 1 || got[0] != 0 {
		t.Fatalf("selected %v, want the first", got)
	}
}

// TestStaleMember: what is done with a slot that has a new owner must not reach
// the new owner.
func TestStaleMember(t *testing.T) {
	var source id.Source
	shard := rooms.NewShard[string](4)
	old := shard.Add(source.New(0), "old")
	shard.Show(old)
	shard.Remove(old)
	if slot := shard.Add(source.New(0), "new"); slot != old {
		t.Fatalf("slot %d, want the free one", slot)
	}
	if err := shard.Join(old, "old", "r"); !errors.Is(err, rooms.ErrGone) {
		t.Fatalf("join: %v", err)
	}
	shard.Leave(old, "old", "r")
	if shard.Rooms(old, "old") != nil || shard.Has(old, "old", "r") || len(shard.Names()) != 0 {
		t.Fatal("the old owner still has rooms")
	}
	if shard.Rooms(99, "old") != nil {
		t.Fatal("a slot that never was has rooms")
	}
}

func BenchmarkSelect10000(b *testing.B) {
	var source id.Source
	shard := rooms.NewShard[uint64](4)
	for i := range uint64(10_000) {
		slot := shard.Add(source.New(0), i)
		shard.Show(slot)
		_ = shard.Join(slot, i, "r")
	}
	target := rooms.Target{Rooms: []string{"r"}}
	dst := make([]uint64, 0, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		dst = shard.Select(dst[:0], &target)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/member")
}
