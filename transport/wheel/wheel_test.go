// The wheel against a sorted list, and its cost.

package wheel_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sioserver/sioserver/transport/wheel"
)

func TestFiresAtTheTickAtOrAfterTheDeadline(t *testing.T) {
	for _, at := range []int64{1, 9, 10, 11, 2550, 2560, 2561, 25000, 655_350, 655_360, 700_001, 45 * 3600_000, 167_772_160, 200_000_003} {
		var w wheel.Wheel
		w.Arm(at, 7, 3)
		fired := int64(-1)
		for {
			next, ok := w.Next()
			if !ok {
				break
			}
			w.Advance(next, func(got wheel.Timer) {
				if got != (wheel.Timer{Owner: 7, Kind: 3}) {
					t.Fatalf("fired %+v", got)
				}
				fired = next
			})
		}
		want := (at + wheel.Tick - 1) / wheel.Tick * wheel.Tick
		if fired != want {
			t.Errorf("deadline %d fired at %d, want %d", at, fired, want)
		}
	}
}

func TestPastDeadlineFiresAtTheNextTick(t *testing.T) {
	var w wheel.Wheel
	w.Advance(5000, nil)
	w.Arm(10, 1, 0)
	n := 0
	w.Advance(5009, func(wheel.Timer) { n++ })
	if n != 0 {
		t.Fatal("fired inside the present tick")
	}
	w.Advance(5010, func(wheel.Timer) { n++ })
	if n != 1 {
		t.Fatalf("fired %d times, want 1", n)
	}
}

func TestFireMayArmAndCancel(t *testing.T) {
	var w wheel.Wheel
	var second, third wheel.ID
	third = w.Arm(50, 3, 0)
	second = w.Arm(50, 2, 0)
	w.Arm(50, 1, 0)
	var fired []uint32
	fire := func(got wheel.Timer) {
		fired = append(fired, got.Owner)
		if got.Owner == 1 {
			second = w.Cancel(second)
			w.Arm(0, 4, 0)
		}
	}
	w.Advance(1000, fire)
	if len(fired) != 3 || fired[0] != 1 || fired[1] != 3 || fired[2] != 4 {
		t.Fatalf("fired %v, want [1 3 4]", fired)
	}
	if w.Len() != 0 || w.Cancel(second) != 0 || third == 0 {
		t.Fatalf("%d timers left", w.Len())
	}
}

// TestPanicInFire makes fire panic: the timers behind are due at once, and none is lost.
func TestPanicInFire(t *testing.T) {
	var w wheel.Wheel
	for owner := range uint32(3) {
		w.Arm(50, owner, 0)
	}
	w.Arm(100, 3, 0)
	fired := 0
	for range 4 {
		func() {
			defer func() { _ = recover() }()
			w.Advance(50, func(wheel.Timer) { fired++; panic("fire") })
		}()
		if next, ok := w.Next(); fired < 3 && (!ok || next > 50) {
			t.Fatalf("%d fired, the next at %d", fired, next)
		}
	}
	if next, ok := w.Next(); fired != 3 || w.Len() != 1 || next != 100 || !ok {
		t.Fatalf("%d fired, %d left, the next at %d", fired, w.Len(), next)
	}
}

// TestLongLife runs a wheel beyond the moments at which 31 and 32 bits of ticks are full, with and without timers on the way.
func TestLongLife(t *testing.T) {
	for _, start := range []int64{1<<31 - 300, 1<<32 - 300, 1<<33 - 300} {
		for _, busy := range []bool{true, false} {
			var w wheel.Wheel
			if busy {
				for at := int64(0); at < start*wheel.Tick; at += 1 << 34 {
					w.Arm(at, 0, 0)
					w.Advance(at+wheel.Tick, func(wheel.Timer) {})
				}
			}
			now := start * wheel.Tick
			for range 1000 {
				w.Arm(now+25, 1, 0)
				w.Arm(now+7_000, 2, 0)
				for _, d := range []int64{30, 7_000} {
					at, ok := w.Next()
					for ok && at < now+d {
						w.Advance(at, func(wheel.Timer) { t.Fatalf("fired at %d, due at %d", at, now+d) })
						at, ok = w.Next()
					}
					n := 0
					w.Advance(at, func(wheel.Timer) { n++ })
					if n != 1 || at != now+d {
						t.Fatalf("start %d: %d fired at %d, want %d", start, n, at, now+d)
					}
				}
				now += 7_000
			}
		}
	}
}

// model is the slow twin: a list of deadlines.
type model map[wheel.ID]struct {
	due   int64
	owner uint32
}

func TestAgainstModel(t *testing.T) {
	spans := []int64{50, 3000, 30_000, 700_000, 200_000_000}
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var w wheel.Wheel
		live := model{}
		now, owner := int64(0), uint32(0)
		for range 3000 {
			switch rng.IntN(5) {
			case 0, 1:
				owner++
				at := now + rng.Int64N(spans[rng.IntN(len(spans))])
				due := max((at+wheel.Tick-1)/wheel.Tick, now/wheel.Tick+1)
				id := w.Arm(at, owner, 0)
				if _, twice := live[id]; twice {
					t.Fatalf("seed %d: id %d given twice", seed, id)
				}
				live[id] = struct {
					due   int64
					owner uint32
				}{due, owner}
			case 2:
				for id := range live {
					w.Cancel(id)
					delete(live, id)
					break
				}
			default:
				now += rng.Int64N(spans[rng.IntN(len(spans))])
				live.expire(t, &w, now, seed)
			}
			if w.Len() != len(live) {
				t.Fatalf("seed %d: %d armed, want %d", seed, w.Len(), len(live))
			}
		}
	}
}

func (m model) expire(t *testing.T, w *wheel.Wheel, now int64, seed uint64) {
	fired := map[uint32]bool{}
	w.Advance(now, func(got wheel.Timer) { fired[got.Owner] = true })
	for id, tm := range m {
		due := tm.due <= now/wheel.Tick
		if due != fired[tm.owner] {
			t.Fatalf("seed %d: at %d timer due at tick %d fired: %v", seed, now, tm.due, fired[tm.owner])
		}
		if due {
			delete(m, id)
			delete(fired, tm.owner)
		}
	}
	if len(fired) != 0 {
		t.Fatalf("seed %d: fired twice or after cancelling: %v", seed, fired)
	}
	if next, ok := w.Next(); ok {
		for _, tm := range m {
			if tm.due*wheel.Tick < next {
				t.Fatalf("seed %d: next %d lies behind a deadline at %d", seed, next, tm.due*wheel.Tick)
			}
		}
	}
}

func BenchmarkRearm(b *testing.B) {
	var w wheel.Wheel
	ids := make([]wheel.ID, 18_000)
	for i := range ids {
		ids[i] = w.Arm(int64(i), uint32(i), 0)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i % len(ids)
		w.Cancel(ids[k])
		ids[k] = w.Arm(25_000+int64(i%1000), uint32(k), 0)
	}
}
