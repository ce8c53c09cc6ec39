// bucket: a rate with bursts.

package rules

// burst is how many seconds' worth may come at once.
const burst = 2

// bucket is a token bucket. The zero value is full.
type bucket struct {
	spent float64 // what is missing to full
	last  int64   // nanoseconds
}

// take takes n tokens if there are so many. rate is tokens each second, of which
// burst seconds' worth fit; now is nanoseconds of any clock that does not go
// back.
func (b *bucket) take(now int64, rate, n float64) bool {
	if b.spent > 0 {
		b.spent = max(b.spent-float64(now-b.last)*rate/1e9, 0)
	}
	b.last = now
	// What alone is more than a burst would never pass; it takes all there is.
	if most := max(rate*burst, 1); b.spent+min(n, most) > most {
		return false
	}
	b.spent += n
	return true
}
