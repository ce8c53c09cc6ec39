// The pace of a drain, with a clock of the test.

package loop

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const clients = 10_000
	at := time.Unix(1, 0)
	for _, c := range []struct {
		name  string
		plan  DrainPlan
		stall time.Duration // in the middle, in which nothing runs
		took  time.Duration
		most  int // clients in any second
	}{
		{"at once", DrainPlan{}, 0, 0, clients},
		{"over a time", DrainPlan{Over: 10 * time.Second}, 0, 10 * time.Second, 1000},
		{"over a time, late", DrainPlan{Over: 10 * time.Second}, 3 * time.Second, 10 * time.Second, 4000},
		{"at a rate", DrainPlan{MaxRate: 500}, 0, 20 * time.Second, 500},
		{"at a rate, late", DrainPlan{MaxRate: 500}, 3 * time.Second, 23 * time.Second, 500},
		{"the rate is less than the time asks for", DrainPlan{Over: time.Second, MaxRate: 1000}, 2 * time.Second, 12 * time.Second, 1000},
		{"late, and there is time", DrainPlan{Over: 10 * time.Second, MaxRate: 2000}, 2 * time.Second, 10 * time.Second, 2000},
		{"slower than a tick", DrainPlan{MaxRate: 10}, 0, 1000 * time.Second, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPace(c.plan, clients, at)
			type closed struct {
				at time.Time
				n  int
			}
			var list []closed
			now, left, inSecond, first := at, clients, 0, 0
			for stalled := false; ; now = now.Add(drainTick) {
				n := p.step(now, left)
				left -= n
				list = append(list, closed{now, n})
				inSecond += n
				for ; now.Sub(list[first].at) >= time.Second; first++ {
					inSecond -= list[first].n
				}
				if most := float64(c.most)*(1+paceBurst.Seconds()) + 1; float64(inSecond) > most {
					t.Fatalf("%d clients in the second before %v, want %d at most", inSecond, now.Sub(at), c.most)
				}
				if left == 0 {
					break
				}
				if !stalled && left <= clients/2 {
					stalled, now = true, now.Add(c.stall)
				}
			}
			if took := now.Sub(at); took < c.took-c.took/50 || took > c.took+c.took/50+2*drainTick {
				t.Errorf("took %v, want %v", took, c.took)
			}
		})
	}
}
