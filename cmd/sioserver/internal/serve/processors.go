// How many event loops there are, and a processor of the Go scheduler besides.

package serve

import (
	"os"
	"runtime"
	"sync"
)

// maxLoops is the most that package loop allows.
const maxLoops = 256

// loops is the number of event loops.
var loops = sync.OnceValue(func() int { return spareProcessor(os.Getenv("GOMAXPROCS") != "") })

// spareProcessor gives the Go scheduler one processor more than there are event
// loops, whose number it returns. A loop sleeps in a system call. If no other
// processor is idle then, the runtime wakes a thread to watch it, which looks
// every 20 us and takes its processor away at the second look; that, and getting
// it back, costs more than what the loop was woken for. Who has set the number
// knows better.
func spareProcessor(set bool) int {
	n := runtime.GOMAXPROCS(0)
	if !set {
		runtime.GOMAXPROCS(n + 1)
	}
	return min(n, maxLoops)
}
