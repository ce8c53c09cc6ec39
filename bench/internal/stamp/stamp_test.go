// Stamps there and back; trackers against one that remembers everything.

package stamp_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sioserver/sioserver/bench/internal/stamp"
)

var stamps = []struct {
	name string
	in   stamp.Stamp
}{
	{"zero", stamp.Stamp{}},
	{"ordinary", stamp.Stamp{Sender: 17999, Stream: 2, Seq: 123456, DueNs: 8_123_456_789_012, SentNs: 8_123_456_789_012 + 64*1000}},
	{"largest", stamp.Stamp{Sender: stamp.MaxSender, Stream: 255, Seq: math.MaxUint32, DueNs: math.MaxInt64 - 1<<40, SentNs: math.MaxInt64 - 1<<40}},
	{"late", stamp.Stamp{DueNs: 1 << 50, SentNs: 1<<50 + 64*math.MaxUint32}},
}

func TestStamp(t *testing.T) {
	for _, c := range stamps {
		t.Run(c.name, func(t *testing.T) {
			b := c.in.Append([]byte(`2["echo","`))
			if len(b) != 10+stamp.Size {
				t.Fatalf("%d bytes", len(b)-10)
			}
			got, ok := stamp.Find(append(b, `00"]`...))
			if !ok || got != c.in {
				t.Errorf("got %+v, %t", got, ok)
			}
		})
	}
}

func TestStampLimits(t *testing.T) {
	early := stamp.Stamp{DueNs: 1000, SentNs: 500}
	if got, ok := stamp.Find(early.Append(nil)); !ok || got.SentNs != 1000 {
		t.Errorf("sent before it was due: %+v, %t", got, ok)
	}
	late := stamp.Stamp{DueNs: 0, SentNs: math.MaxInt64}
	if got, ok := stamp.Find(late.Append(nil)); !ok || got.SentNs != 64*math.MaxUint32 {
		t.Errorf("sent centuries late: %+v, %t", got, ok)
	}
	for _, bad := range []string{"", "no stamp", "~short", "~AAAAAAAAAAAAAAAAAAAAAAAAAA!"} {
		if _, ok := stamp.Find([]byte(bad)); ok {
			t.Errorf("%q has a stamp", bad)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, c := range stamps {
		f.Add(c.in.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := stamp.Find(b)
		if !ok || s.DueNs < 0 || s.DueNs > 1<<62 {
			return
		}
		if again, ok := stamp.Find(s.Append(nil)); !ok || again != s {
			t.Fatalf("%+v became %+v", s, again)
		}
	})
}

// naive remembers every number.
type naive struct {
	seen    map[uint32]bool
	highest int64
}

func (n *naive) take(seq uint32) stamp.Verdict {
	switch {
	case n.seen[seq]:
		return stamp.Duplicate
	case int64(seq) > n.highest:
		n.highest = int64(seq)
		n.seen[seq] = true
		return stamp.InOrder
	}
	n.seen[seq] = true
	return stamp.Reordered
}

func TestTrackerAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		var tr stamp.Tracker
		n := naive{seen: map[uint32]bool{}, highest: -1}
		// Numbers leave in order; some are lost, some doubled, some swapped with a
		// neighbour up to 20 away.
		var stream []uint32
		for seq := range uint32(2000) {
			switch rng.IntN(10) {
			case 0:
			case 1:
				stream = append(stream, seq, seq)
			default:
				stream = append(stream, seq)
			}
		}
		for range 200 {
			i := rng.IntN(len(stream) - 20)
			j := i + rng.IntN(20)
			stream[i], stream[j] = stream[j], stream[i]
		}
		for at, seq := range stream {
			got, want := tr.Take(seq), n.take(seq)
			if got == stamp.Stale && n.highest-int64(seq) >= 64 {
				continue
			}
			if got != want {
				t.Fatalf("message %d, number %d: %d, want %d", at, seq, got, want)
			}
		}
		if int(tr.Unique()) > len(n.seen) || int(tr.Unique()) < len(n.seen)-50 {
			t.Fatalf("%d different messages, want %d", tr.Unique(), len(n.seen))
		}
	}
}

func TestTracker(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     []uint32
		want   []stamp.Verdict
		unique uint32
	}{
		{"in order", []uint32{0, 1, 2}, []stamp.Verdict{stamp.InOrder, stamp.InOrder, stamp.InOrder}, 3},
		{"lost", []uint32{0, 2, 5}, []stamp.Verdict{stamp.InOrder, stamp.InOrder, stamp.InOrder}, 3},
		{"first is lost", []uint32{1}, []stamp.Verdict{stamp.InOrder}, 1},
		{"doubled", []uint32{0, 0, 1, 0}, []stamp.Verdict{stamp.InOrder, stamp.Duplicate, stamp.InOrder, stamp.Duplicate}, 2},
		{"swapped", []uint32{1, 0, 2}, []stamp.Verdict{stamp.InOrder, stamp.Reordered, stamp.InOrder}, 3},
		{"swapped and doubled", []uint32{1, 0, 0}, []stamp.Verdict{stamp.InOrder, stamp.Reordered, stamp.Duplicate}, 2},
		{"far ahead", []uint32{0, 100, 36, 37}, []stamp.Verdict{stamp.InOrder, stamp.InOrder, stamp.Stale, stamp.Reordered}, 3},
		{"exactly 64 ahead", []uint32{0, 64, 0, 1}, []stamp.Verdict{stamp.InOrder, stamp.InOrder, stamp.Stale, stamp.Reordered}, 3},
		{"63 ahead", []uint32{0, 63, 0}, []stamp.Verdict{stamp.InOrder, stamp.InOrder, stamp.Duplicate}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tr stamp.Tracker
			for i, seq := range c.in {
				if got := tr.Take(seq); got != c.want[i] {
					t.Errorf("number %d: %d, want %d", seq, got, c.want[i])
				}
			}
			if tr.Unique() != c.unique {
				t.Errorf("%d different, want %d", tr.Unique(), c.unique)
			}
		})
	}
	var tr stamp.Tracker
	tr.Take(0)
	tr.Take(9)
	tr.Restart(20)
	if tr.Unique() != 20 || tr.Take(19) != stamp.Duplicate || tr.Take(20) != stamp.InOrder {
		t.Error("after a restart, what was before is not settled")
	}
}

func BenchmarkStamp(b *testing.B) {
	buf := make([]byte, 0, 64)
	for i := range b.N {
		buf = stamp.Stamp{Seq: uint32(i), DueNs: int64(i)}.Append(buf[:0])
		_, _ = stamp.Find(buf)
	}
}
