// lane: the hooks of one socket, one after the other.

package rules

import (
	"context"
	"sync"
	"sync/atomic"
)

// laneMax is how many events of one socket may wait for the backend.
const laneMax = 1000

// lanes bound what waits for backends on behalf of all sockets.
type lanes struct {
	most    atomic.Int64
	waiting atomic.Int64
	wg      sync.WaitGroup
}

// take takes a place, and reports whether there was one.
func (l *lanes) take() bool {
	if l.waiting.Add(1) > l.most.Load() {
		l.waiting.Add(-1)
		return false
	}
	return true
}

// run runs a job at once, beside all others.
func (l *lanes) run(job func()) bool {
	if !l.take() {
		return false
	}
	l.wg.Go(func() {
		defer l.waiting.Add(-1)
		job()
	})
	return true
}

// wait waits for all jobs.
func (l *lanes) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		l.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lane is the queue of one socket. A goroutine works at it while there is
// something in it.
type lane struct {
	mu      sync.Mutex
	jobs    []func()
	running bool
}

type laneResult int8

const (
	laneTaken laneResult = iota
	laneFull             // of this socket
	lanesFull            // of all
)

// add appends a job.
func (l *lane) add(all *lanes, job func()) laneResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.jobs) >= laneMax {
		return laneFull
	}
	if !all.take() {
		return lanesFull
	}
	l.jobs = append(l.jobs, job)
	if !l.running {
		l.running = true
		all.wg.Go(func() { l.work(all) })
	}
	return laneTaken
}

func (l *lane) work(all *lanes) {
	for {
		l.mu.Lock()
		if len(l.jobs) == 0 {
			l.running, l.jobs = false, nil
			l.mu.Unlock()
			return
		}
		job := l.jobs[0]
		l.jobs[0] = nil
		l.jobs = l.jobs[1:]
		l.mu.Unlock()
		job()
		all.waiting.Add(-1)
	}
}
