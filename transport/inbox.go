// Work from other goroutines, and the end of a batch.

package transport

import "sync"

// Task is work handed to a loop.
type Task interface {
	// Run does the work on the engine's loop.
	Run(e *Engine)
}

// inbox gathers tasks. The first one of a burst wakes the loop; those behind it
// find it woken.
type inbox struct {
	mu struct {
		sync.Mutex
		tasks []Task
		woken bool
	}
	// Owned by the loop: the tasks being run, how many have been started, and
	// the slice drained before, for the next swap.
	batch []Task
	done  int
	spare []Task
	turns uint64 // calls of RunTasks
}

// inboxKeep is the capacity up to which a drained inbox keeps its memory.
const inboxKeep = 4096

// Post hands a task to the loop. Tasks of one goroutine run in the order in
// which it posted them. Any goroutine.
func (e *Engine) Post(t Task) {
	in := &e.inbox
	in.mu.Lock()
	in.mu.tasks = append(in.mu.tasks, t)
	wake := !in.mu.woken
	in.mu.woken = true
	in.mu.Unlock()
	if wake {
		e.net.Wake()
	}
}

// wakeSelf asks for a RunTasks behind the events at hand, without a task.
func (e *Engine) wakeSelf() {
	in := &e.inbox
	in.mu.Lock()
	wake := !in.mu.woken
	in.mu.woken = true
	in.mu.Unlock()
	if wake {
		e.net.Wake()
	}
}

// RunTasks runs what was posted so far and ends the batch: output is written,
// records of closed connections become free. The network calls it after Wake,
// never from inside another call into the engine. Loop only.
func (e *Engine) RunTasks() {
	e.busy = true
	e.inbox.turns++
	if e.closing {
		e.Close()
	}
	// What a panic has left of the last batch comes first.
	e.inbox.run(e)
	e.inbox.swap()
	e.inbox.run(e)
	e.busy = false
	e.endGathering()
	e.handOver() // a panic may have left some
	e.reap()
	e.settle()
}

// Batch tells a task how many times tasks have been run so far, this one
// included, and how many are run this time. Loop only.
func (e *Engine) Batch() (turn uint64, tasks int) { return e.inbox.turns, len(e.inbox.batch) }

// swap makes a batch of what was posted so far.
func (in *inbox) swap() {
	if cap(in.batch) <= inboxKeep {
		in.spare = in.batch[:0]
	}
	in.mu.Lock()
	in.batch, in.done = in.mu.tasks, 0
	in.mu.tasks, in.spare = in.spare, nil
	in.mu.woken = false
	in.mu.Unlock()
}

// run runs the tasks of the batch that have not been started.
func (in *inbox) run(e *Engine) {
	for in.done < len(in.batch) {
		t := in.batch[in.done]
		in.batch[in.done] = nil
		in.done++
		t.Run(e)
	}
}

// reap frees the records of connections and sessions that are over. Until the
// batch ends a caller further up may still hold a pointer to them, and the
// poller may have an event for the connection in hand.
func (e *Engine) reap() {
	for _, i := range e.graves {
		c := e.conns.At(i)
		c.frames.Close() // not earlier: a message may have been in use
		*c = Conn{}
		e.conns.Give(i)
	}
	e.graves = e.graves[:0]
	for _, i := range e.tombs {
		s := e.sessions.At(i)
		*s = Session{engine: e}
		e.sessions.Give(i)
	}
	e.tombs = e.tombs[:0]
	if cap(e.graves) > inboxKeep && cap(e.graves) > 8*e.live.conns {
		// They were made for a crowd that has gone.
		e.graves, e.tombs = nil, nil
		if len(e.polls)+len(e.dirty) == 0 {
			e.polls, e.dirty = nil, nil
		}
	}
}
