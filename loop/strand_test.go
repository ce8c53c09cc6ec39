// Strands that have run dry are used again, within limits.

package loop

import "testing"

func TestSpentStrands(t *testing.T) {
	var s spent
	a := new(actor)
	first := s.take()
	first.actor = a
	first.mu.jobs = append(first.mu.jobs, job{})[:0]
	first.mu.over = true
	s.give(first)
	again := s.take()
	if again != first || again.actor != nil || again.mu.over || cap(again.mu.jobs) == 0 {
		t.Errorf("strand %+v, want the one that was given, empty", again)
	}
	if s.take() == first {
		t.Error("one strand for two actors")
	}
	for range spentKeep {
		s.give(new(strand))
	}
	beyond := new(strand)
	s.give(beyond)
	for range spentKeep {
		if s.take() == beyond {
			t.Fatal("more are kept than spentKeep")
		}
	}
	for _, jobs := range []int{strandKeep, strandKeep + 1} {
		st := new(strand)
		st.mu.jobs = make([]job, 0, jobs)
		s.give(st)
		if kept := s.take() == st; kept != (jobs <= strandKeep) {
			t.Errorf("a strand with place for %d jobs: kept %v", jobs, kept)
		}
	}
}
