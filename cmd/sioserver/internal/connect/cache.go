// cache: answers of the connect hook that hold for a while.

package connect

import (
	"crypto/sha256"
	"sync"
	"time"
)

// cacheSize is how many answers are kept at most.
const cacheSize = 10_000

// cache keeps answers by what was asked. Only those that let somebody in are
// kept.
type cache struct {
	now func() time.Time
	mu  struct {
		sync.Mutex
		answers map[[sha256.Size]byte]cached
	}
}

type cached struct {
	answer  *answer
	expires time.Time
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.answers = nil
}

func (c *cache) get(key [sha256.Size]byte) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.mu.answers[key]
	if !ok || !c.now().Before(a.expires) {
		return nil
	}
	return a.answer
}

func (c *cache) put(key [sha256.Size]byte, a *answer, ttl time.Duration) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.answers == nil {
		c.mu.answers = map[[sha256.Size]byte]cached{}
	}
	if len(c.mu.answers) >= cacheSize {
		for k, x := range c.mu.answers {
			if !now.Before(x.expires) {
				delete(c.mu.answers, k)
			}
		}
	}
	if len(c.mu.answers) < cacheSize {
		c.mu.answers[key] = cached{a, now.Add(ttl)}
	}
}
