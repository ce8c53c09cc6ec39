//go:build !race

// What must not allocate.

package stamp_test

import (
	"testing"

	"github.com/sioserver/sioserver/bench/internal/stamp"
)

func TestAllocations(t *testing.T) {
	buf := make([]byte, 0, 64)
	var tr stamp.Tracker
	seq := uint32(0)
	if n := testing.AllocsPerRun(200, func() {
		buf = stamp.Stamp{Seq: seq, DueNs: 1 << 40}.Append(buf[:0])
		s, _ := stamp.Find(buf)
		tr.Take(s.Seq)
		seq++
	}); n != 0 {
		t.Errorf("%g allocations for a message", n)
	}
}
