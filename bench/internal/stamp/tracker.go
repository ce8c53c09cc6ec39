// What one receiver knows of one sender's numbers: missing, doubled, late.

package stamp

// Verdict is what a Tracker says of a message.
type Verdict uint8

// The verdicts.
const (
	// InOrder is a message later than all before it.
	InOrder Verdict = iota
	// Reordered is a message that a later one overtook (RFC 4737 section 3).
	Reordered
	// Duplicate is a message that was there before.
	Duplicate
	// Stale is a message so far behind that it is unknown which of the two it is.
	Stale
)

// window is how far behind the newest message a Tracker remembers.
const window = 64

// Tracker follows the numbers of one sender at one receiver, in 16 bytes. The
// zero value expects number 0 first.
type Tracker struct {
	// seen has a bit for each of the last 64 numbers below next, the newest
	// lowest.
	seen uint64
	next uint32
	// unique counts the messages taken, each once.
	unique uint32
}

// Take notes the arrival of a number. One goroutine at a time.
func (t *Tracker) Take(seq uint32) Verdict {
	if seq >= t.next {
		shift := uint64(seq-t.next) + 1
		if shift >= window {
			t.seen = 0
		} else {
			t.seen <<= shift
		}
		t.seen |= 1
		t.next = seq + 1
		t.unique++
		return InOrder
	}
	back := t.next - 1 - seq
	if back >= window {
		return Stale
	}
	if t.seen&(1<<back) != 0 {
		return Duplicate
	}
	t.seen |= 1 << back
	t.unique++
	return Reordered
}

// Unique is how many different messages have arrived. One goroutine at a time.
func (t *Tracker) Unique() uint32 { return t.unique }

// Restart forgets what is missing: the next number expected is next, and
// everything before counts as settled. One goroutine at a time.
func (t *Tracker) Restart(next uint32) {
	*t = Tracker{next: next, seen: ^uint64(0), unique: next}
}
