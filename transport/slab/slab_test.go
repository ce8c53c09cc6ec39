// The slab against a map, and what it holds after a crowd.

package slab_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/sioserver/sioserver/transport/slab"
)

type record struct {
	index uint32
	_     [7]uint64
}

// TestAgainstMap: indices are unique while in use, addresses stay, records that
// are not in use are not found.
func TestAgainstMap(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := slab.Slab[record]{Moving: seed%2 == 1}
		model := map[uint32]*record{}
		var order []uint32
		for range 20_000 {
			if rng.IntN(2*slab.Block) > len(order) || len(order) == 0 {
				r, i := s.Take()
				if model[i] != nil {
					t.Fatalf("seed %d: index %d is in use already", seed, i)
				}
				r.index = i
				model[i], order = r, append(order, i)
			} else {
				k := rng.IntN(len(order))
				i := order[k]
				order[k] = order[len(order)-1]
				order = order[:len(order)-1]
				delete(model, i)
				s.Give(i)
			}
			i := rng.Uint32N(4 * slab.Block)
			if got := s.Find(i); (got != nil) != (model[i] != nil) || got != nil && (got.index != i || !s.Moving && got != model[i]) {
				t.Fatalf("seed %d: Find(%d) = %p, want %p", seed, i, got, model[i])
			}
		}
		if s.Len() != len(model) {
			t.Fatalf("seed %d: Len() = %d, want %d", seed, s.Len(), len(model))
		}
		n := 0
		s.Each(func(r *record) {
			if n++; model[r.index] == nil || s.At(r.index) != r {
				t.Fatalf("seed %d: record %d is elsewhere", seed, r.index)
			}
		})
		if n != len(model) {
			t.Fatalf("seed %d: Each called %d times for %d records", seed, n, len(model))
		}
	}
}

// TestLowFirst: the free record with the lowest index is taken, however many
// are free.
func TestLowFirst(t *testing.T) {
	var s slab.Slab[record]
	for i := range uint32(3*slab.Block + 5) {
		if _, got := s.Take(); got != i {
			t.Fatalf("index %d, want %d", got, i)
		}
	}
	for _, i := range []uint32{2 * slab.Block, 7, slab.Block + 3} {
		s.Give(i)
	}
	for _, want := range []uint32{7, slab.Block + 3, 2 * slab.Block, 3*slab.Block + 5} {
		if _, got := s.Take(); got != want {
			t.Errorf("index %d, want %d", got, want)
		}
	}
}

// TestGivenWhileWalked: Each leaves out what f has given back.
func TestGivenWhileWalked(t *testing.T) {
	var s slab.Slab[record]
	for range 2 * slab.Block {
		r, i := s.Take()
		r.index = i
	}
	n := 0
	s.Each(func(r *record) {
		n++
		s.Give(r.index)
		if r.index%2 == 0 {
			s.Give(r.index + 1)
		}
	})
	if n != slab.Block || s.Len() != 0 {
		t.Errorf("%d calls, %d records left", n, s.Len())
	}
}

// TestBlocksGoBack: blocks without records are not kept, but for one, which a
// single record coming and going does not allocate anew.
func TestBlocksGoBack(t *testing.T) {
	var s slab.Slab[record]
	fill := func() {
		for range 8 * slab.Block {
			s.Take()
		}
		for i := range uint32(8 * slab.Block) {
			s.Give(i)
		}
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n != 7 {
		t.Errorf("%v blocks are allocated for eight, want 7: one is kept", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, i := s.Take(); s.Give(i) }); n != 0 {
		t.Errorf("a record that comes and goes allocates %v times", n)
	}
}

// TestMoving: where records may move, few of them take little.
func TestMoving(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 1000
	slabs := make([]slab.Slab[record], n)
	for i := range slabs {
		slabs[i].Moving = true
		slabs[i].Take()
		slabs[i].Take()
	}
	runtime.ReadMemStats(&after)
	if size := (after.TotalAlloc - before.TotalAlloc) / n; size > 1024 {
		t.Errorf("two records of 64 bytes take %d", size)
	}
}

func BenchmarkTakeGive(b *testing.B) {
	var s slab.Slab[record]
	for range 18_000 {
		s.Take()
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		s.Give(rng.Uint32N(18_000))
		s.Take()
	}
}
