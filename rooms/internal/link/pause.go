// Pauses between attempts to reach Redis.

package link

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses between attempts; each is a random part longer, so that servers do
// not come back all at once.
const (
	RetryFirst = 50 * time.Millisecond
	RetryMost  = 500 * time.Millisecond
)

// Pause waits, and returns how long to wait the next time.
func Pause(ctx context.Context, d time.Duration) time.Duration {
	select {
	case <-time.After(d + rand.N(d/2)):
	case <-ctx.Done():
	}
	return min(2*d, RetryMost)
}
