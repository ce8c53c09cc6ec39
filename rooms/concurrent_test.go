// A shard under many goroutines, and its cost.

package rooms_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
	"github.com/sioserver/sioserver/rooms"
)

// TestShardConcurrently: members come, join, leave and go while others select.
// Each sees its own changes at once; in the end nothing is left.
func TestShardConcurrently(t *testing.T) {
	const workers, rounds = 8, 300
	shard := rooms.NewShard[int](50)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			var source id.Source
			for i := range rounds {
				me, sid := w*rounds+i, source.New(uint8(w))
				own := fmt.Sprint("own-", me)
				slot := shard.Add(sid, me)
				if err := shard.Join(slot, me, "all", own, fmt.Sprint("r", rng.IntN(5))); err != nil {
					t.Error(err)
				}
				if got := shard.Select(nil, &rooms.Target{Rooms: []string{own}}); len(got) != 0 {
					t.Errorf("a hidden member is selected: %v", got)
				}
				shard.Show(slot)
				for _, target := range []rooms.Target{
					{Rooms: []string{own}}, {Rooms: []string{sid.String()}}, {Rooms: []string{own, sid.String(), own}, Except: []string{"none"}},
				} {
					if got := shard.Select(nil, &target); len(got) != 1 || got[0] != me {
						t.Errorf("%v selects %v, want %d", target, got, me)
					}
				}
				for _, k := range shard.Select(nil, &rooms.Target{Rooms: []string{"all"}, Except: []string{own}}) {
					if k == me {
						t.Error("an excluded member is selected")
					}
				}
				shard.JoinAll(&rooms.Target{Rooms: []string{own}}, []string{"more"})
				shard.LeaveAll(&rooms.Target{Rooms: []string{own}}, []string{own})
				if shard.Has(slot, me, own) || !shard.Has(slot, me, "more") {
					t.Errorf("member %d is in %v", me, shard.Rooms(slot, me))
				}
				shard.Remove(slot)
				if shard.Join(slot, me, "late") != rooms.ErrGone || shard.Rooms(slot, me) != nil {
					t.Error("a member that is gone can join")
				}
			}
		})
	}
	wg.Wait()
	if n, names := shard.Len(), shard.Names(); n != 0 || len(names) != 0 {
		t.Errorf("%d members and rooms %q are left", n, names)
	}
}

func filledShard(n int) *rooms.Shard[int] {
	shard := rooms.NewShard[int](10)
	var source id.Source
	for i := range n {
		slot := shard.Add(source.New(0), i)
		shard.Show(slot)
		_ = shard.Join(slot, i, "all", fmt.Sprint("half", i%2))
	}
	return shard
}

func BenchmarkSelect(b *testing.B) {
	const n = 1000
	shard := filledShard(n)
	for name, target := range map[string]rooms.Target{
		"everybody": {}, "room": {Rooms: []string{"all"}}, "union": {Rooms: []string{"all", "half0"}}, "except": {Except: []string{"half1"}},
	} {
		b.Run(name, func(b *testing.B) {
			var list []int
			b.ReportAllocs()
			for b.Loop() {
				list = shard.Select(list[:0], &target)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/member")
		})
	}
}

func BenchmarkJoinLeave(b *testing.B) {
	shard := filledShard(1000)
	var source id.Source
	slot := shard.Add(source.New(0), -1)
	b.ReportAllocs()
	for b.Loop() {
		_ = shard.Join(slot, -1, "another")
		shard.Leave(slot, -1, "another")
	}
}
