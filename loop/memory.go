// Memory: giving it back to the system in seconds.

package loop

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"
)

// Every memoryLook the server looks whether much has happened since it gave
// memory back, and whether nothing happens any more: then it does so again.
const (
	memoryLook  = 2 * time.Second
	memoryConns = 1000        // connections more or fewer, that are much
	memoryBytes = 16 << 20    // bytes allocated, that are much
	memoryTime  = time.Second // processor time, that is much: pools may have filled
	memoryQuiet = 1 << 20     // bytes allocated in memoryLook, that are none
)

// memoryState is what a look sees.
type memoryState struct {
	conns int
	bytes uint64        // allocated since the process began
	time  time.Duration // of the processor, likewise
}

// memoryWatch decides when to give memory back.
type memoryWatch struct{ acted, last memoryState }

// due reports whether memory is to be given back now: a storm of connections or
// messages has come or gone, and is over.
func (w *memoryWatch) due(now memoryState) bool {
	quiet := differ(now.conns, w.last.conns) <= memoryConns/100 && now.bytes-w.last.bytes <= memoryQuiet &&
		now.time-w.last.time <= memoryLook/10
	much := differ(now.conns, w.acted.conns) >= memoryConns || now.bytes-w.acted.bytes >= memoryBytes ||
		now.time-w.acted.time >= memoryTime
	w.last = now
	if !quiet || !much {
		return false
	}
	w.acted = now
	return true
}

func differ(a, b int) int { return max(a-b, b-a) }

// releaseMemory runs until the server has ended.
func (s *Server) releaseMemory() {
	tick := time.NewTicker(memoryLook)
	defer tick.Stop()
	w := memoryWatch{last: s.memoryState()}
	w.acted = w.last
	for {
		select {
		case <-tick.C:
			if w.due(s.memoryState()) {
				runtime.GC() // pools give up what they hold at the second collection
				debug.FreeOSMemory()
			}
		case <-s.done:
			return
		}
	}
}

func (s *Server) memoryState() memoryState {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // fails for other arguments only
	spent := time.Duration(use.Utime.Nano() + use.Stime.Nano())
	return memoryState{s.reactor.Conns(), sample[0].Value.Uint64(), spent}
}
