// What the servers of one test share.

package redistest

import (
	"sync"
	"testing"
)

// PerTest makes a value for each test that asks, once. Any goroutine may call
// what it returns.
func PerTest[V any](make func(testing.TB) V) func(testing.TB) V {
	var mu sync.Mutex
	values := map[testing.TB]V{}
	return func(t testing.TB) V {
		mu.Lock()
		defer mu.Unlock()
		v, ok := values[t]
		if !ok {
			v = make(t)
			values[t] = v
		}
		return v
	}
}
