package rules

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestBucket: the sustained rate is the one that is configured, the burst is
// twice that and no more.
func TestBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rate := range []float64{0.5, 3, 100, 7777} {
		for name, gap := range map[string]func() time.Duration{
			"flood":     func() time.Duration { return 20 * time.Microsecond },
			"irregular": func() time.Duration { return time.Duration(random.ExpFloat64() * float64(time.Second) / rate / 5) },
		} {
			if name == "irregular" && rate < 1 {
				continue // a place for one is often full when nobody comes
			}
			var b bucket
			now := time.Duration(random.Int64N(int64(time.Hour)))
			first := 0
			for b.take(int64(now), rate, 1) {
				first++
			}
			if want := max(int(rate*burst), 1); first != want {
				t.Errorf("%s at %v/s: %d at once, not %d", name, rate, first, want)
			}
			end, taken := now+100*time.Second, 0
			for ; now < end; now += gap() {
				if b.take(int64(now), rate, 1) {
					taken++
				}
			}
			if got := float64(taken) / 100; got < rate*0.95 || got > rate*1.05 {
				t.Errorf("%s at %v/s: %v/s over 100 s", name, rate, got)
			}
		}
	}
	// What is larger than a burst passes when the bucket is full, and is paid off.
	var b bucket
	if !b.take(0, 10, 100) || b.take(int64(7900*time.Millisecond), 10, 1) || b.take(int64(8*time.Second)-1, 10, 1) || !b.take(int64(8200*time.Millisecond), 10, 1) {
		t.Error("a large one")
	}
}
