package curg_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/sioserver/sioserver/transport/internal/curg"
)

func TestGoroutinesDiffer(t *testing.T) {
	if !curg.Supported {
		if curg.ID() != 0 {
			t.Fatal("an unsupported architecture must report 0")
		}
		return
	}
	const n = 1000
	ids := make([]uintptr, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	release := make(chan struct{})
	for i := range n {
		done.Add(1)
		go func() {
			defer done.Done()
			ids[i] = curg.ID()
			ready.Done()
			<-release
			grow(200)
			runtime.Gosched()
			if curg.ID() != ids[i] {
				t.Error("the identity changed while the goroutine lived")
			}
		}()
	}
	ready.Wait()
	seen := map[uintptr]bool{0: true, curg.ID(): true}
	for _, id := range ids {
		if seen[id] {
			t.Fatal("two live goroutines share an identity")
		}
		seen[id] = true
	}
	close(release)
	done.Wait()
}

// grow makes the stack move.
func grow(n int) byte {
	var pad [1024]byte
	if n == 0 {
		return pad[0]
	}
	pad[n] = grow(n - 1)
	return pad[n]
}

func BenchmarkID(b *testing.B) {
	for b.Loop() {
		if curg.ID() == 1 {
			b.Fatal("impossible")
		}
	}
}
