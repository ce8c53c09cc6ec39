// The counter of selections going round.

package rooms

import (
	"math"
	"testing"

	"github.com/sioserver/sioserver/proto/id"
)

// TestEpochGoesRound: marks from before the counter starts again are no marks.
func TestEpochGoesRound(t *testing.T) {
	s := NewShard[int](10)
	var source id.Source
	for i := range 4 {
		slot := s.Add(source.New(0), i)
		s.Show(slot)
		if i > 0 {
			_ = s.Join(slot, i, "a", "b")
		}
	}
	s.mu.epoch = math.MaxUint32 - 3
	union, except := Target{Rooms: []string{"a", "b"}}, Target{Except: []string{"a"}}
	for range 8 {
		if got := s.Select(nil, &union); len(got) != 3 {
			t.Fatalf("epoch %d: union %v", s.mu.epoch, got)
		}
		if got := s.Select(nil, &except); len(got) != 1 || got[0] != 0 {
			t.Fatalf("epoch %d: except %v", s.mu.epoch, got)
		}
	}
	if s.mu.epoch > 100 {
		t.Errorf("epoch %d has not gone round", s.mu.epoch)
	}
}
