// The processors of the Go scheduler.

package serve

import (
	"runtime"
	"testing"
)

func TestSpareProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	defer runtime.GOMAXPROCS(before)
	for _, v := range []struct {
		set         bool
		loops, left int
	}{{true, 3, 3}, {false, 3, 4}} {
		if got := spareProcessor(v.set); got != v.loops || runtime.GOMAXPROCS(0) != v.left {
			t.Errorf("set %v: %d loops on %d processors, want %d on %d", v.set, got, runtime.GOMAXPROCS(0), v.loops, v.left)
		}
	}
	runtime.GOMAXPROCS(300)
	if got := spareProcessor(true); got != 256 {
		t.Errorf("%d loops, 256 are allowed", got)
	}
	if first, again := loops(), loops(); first < 1 || again != first {
		t.Errorf("%d loops, then %d", first, again)
	}
}
