//go:build !race

// Allocation gates: selecting members allocates nothing.

package rooms_test

import (
	"testing"

	"github.com/sioserver/sioserver/rooms"
)

func TestSelectAllocates(t *testing.T) {
	shard := filledShard(500)
	list := make([]int, 0, 500)
	for _, target := range []rooms.Target{
		{}, {Rooms: []string{"all"}}, {Rooms: []string{"half0", "half1", "all"}}, {Rooms: []string{"all"}, Except: []string{"half1"}},
	} {
		if n := testing.AllocsPerRun(100, func() { list = shard.Select(list[:0], &target) }); n != 0 || len(list) < 250 {
			t.Errorf("%+v: %v allocations for %d members", target, n, len(list))
		}
	}
}
