// Ids of emits that were seen lately: what came before is not emitted again.

package control

import (
	"sync"
	"time"
)

// recentTime is how long an id is remembered, and recentMost how many are.
const (
	recentTime = 5 * time.Minute
	recentMost = 100_000
)

// recent is a set of names that forgets them after a time, and the oldest when it
// is full. Its methods may be called from any goroutine.
type recent struct {
	most int
	keep time.Duration
	now  func() time.Time

	mu    sync.Mutex
	names map[string]time.Time
	queue []seen // in the order in which they came; some may be forgotten already
	full  uint64 // names that were forgotten too early
}

type seen struct {
	name string
	at   time.Time
}

func newRecent(most int, keep time.Duration) *recent {
	return &recent{most: most, keep: keep, now: time.Now, names: map[string]time.Time{}}
}

// begin adds a name, and reports whether it is new.
func (s *recent) begin(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for len(s.queue) > 0 && (!s.keeps(s.queue[0]) || now.Sub(s.queue[0].at) >= s.keep) {
		s.drop()
	}
	if _, known := s.names[name]; known {
		return false
	}
	for len(s.names) >= s.most {
		if s.keeps(s.queue[0]) {
			s.full++
		}
		s.drop()
	}
	s.names[name] = now
	s.queue = append(s.queue, seen{name, now})
	return true
}

// keeps reports whether a place in the queue is a name's that is remembered.
func (s *recent) keeps(x seen) bool {
	at, known := s.names[x.name]
	return known && at.Equal(x.at)
}

// drop takes the first place out of the queue.
func (s *recent) drop() {
	if x := s.queue[0]; s.keeps(x) {
		delete(s.names, x.name)
	}
	s.queue[0] = seen{}
	s.queue = s.queue[1:]
}

// forget takes a name out.
func (s *recent) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}

// early is how many names were forgotten because there were too many.
func (s *recent) early() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}
