// counter: a number that each event loop counts for itself.

package rules

import "sync/atomic"

// counter is a counter with a place for each loop, so that loops do not wait for
// each other's memory.
type counter struct{ shards []shard }

type shard struct {
	n atomic.Uint64
	_ [56]byte // to the end of a cache line
}

func newCounter(loops int) *counter { return &counter{make([]shard, loops)} }

func (c *counter) add(loop int) { c.shards[loop].n.Add(1) }

func (c *counter) total() (n uint64) {
	for i := range c.shards {
		n += c.shards[i].n.Load()
	}
	return n
}
