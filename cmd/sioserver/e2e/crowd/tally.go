// Tally: what the clients have seen together.

package main

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// slot is the time for which losses and returns are counted together.
const slot = 100 * time.Millisecond

// most kinds of faults that are told apart.
const mostFaults = 20

// tally counts. Its methods may be called from any goroutine.
type tally struct {
	connected atomic.Int64 // now
	pending   atomic.Int64 // events without an answer
	kicked    atomic.Int64

	mu     sync.Mutex
	begun  time.Time
	seen   report
	delays []float64 // milliseconds, of those who always read
}

// report is what is told, since the beginning unless it says otherwise.
type report struct {
	Connected int64  `json:"connected"` // now
	Kicked    int64  `json:"kicked"`    // told not to come back
	Acked     int    `json:"acked"`     // events
	Recovered int    `json:"recovered"` // returns as the socket it was
	Fresh     int    `json:"fresh"`     // returns as another
	CutOff    int    `json:"cut_off"`   // connections lost of those that may stall
	Missed    int    `json:"missed"`    // messages
	Repeated  int    `json:"repeated"`  // messages that came again, or late
	Last      [2]int `json:"last"`      // numbers of the last message: least and greatest of all clients

	Faults map[string]int `json:"faults"` // tries to connect and events that failed, by why

	SlotMS   int64 `json:"slot_ms"`
	Lost     []int `json:"lost"`     // connections, by slot
	Attempts []int `json:"attempts"` // to come back
	Back     []int `json:"back"`     // returns

	Heard int     `json:"heard"` // messages since the last report, by those who always read
	P50   float64 `json:"p50"`   // their delays in milliseconds
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (t *tally) begin() {
	t.begun = time.Now()
	t.seen.Faults = map[string]int{}
	t.seen.SlotMS = slot.Milliseconds()
}

// count adds one to the slot of now. mu is held.
func (t *tally) count(list *[]int) {
	at := int(time.Since(t.begun) / slot)
	for len(*list) <= at {
		*list = append(*list, 0)
	}
	(*list)[at]++
}

// lost: a connection is.
func (t *tally) lost(stallable bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(&t.seen.Lost)
	if stallable {
		t.seen.CutOff++
	}
}

// attempt: somebody tries to come back.
func (t *tally) attempt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(&t.seen.Attempts)
}

// came: somebody has connected, who was the socket before, or nobody.
func (t *tally) came(before, now string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before == "" {
		return
	}
	t.count(&t.seen.Back)
	if before == now {
		t.seen.Recovered++
	} else {
		t.seen.Fresh++
	}
}

// failed: a try to connect has.
func (t *tally) failed(err error) { t.refuse("connect: " + err.Error()) }

// refuse counts why something failed.
func (t *tally) refuse(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.seen.Faults[why]; !known && len(t.seen.Faults) == mostFaults {
		why = "others"
	}
	t.seen.Faults[why]++
}

// faults are how often something failed, by why.
func (t *tally) faults() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.seen.Faults)
}

// heard: message n has come, sent at a time, where next was to come, or any if
// that is 0.
func (t *tally) heard(next, n int, at float64, stallable bool) {
	delay := float64(time.Now().UnixMicro())/1000 - at
	t.mu.Lock()
	defer t.mu.Unlock()
	if !stallable {
		t.delays = append(t.delays, delay)
	}
	switch {
	case next == 0 || n == next:
	case n > next:
		t.seen.Missed += n - next
	default:
		t.seen.Repeated++
	}
}

// report says what was seen.
func (t *tally) report(members []*member) report {
	acked, last := 0, [2]int{}
	for i, m := range members {
		m.mu.Lock()
		acked += m.acked
		n := m.next - 1
		m.mu.Unlock()
		if i == 0 {
			last = [2]int{n, n}
		}
		last = [2]int{min(last[0], n), max(last[1], n)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.seen
	r.Acked, r.Last = acked, last
	r.Connected, r.Kicked = t.connected.Load(), t.kicked.Load()
	r.Faults = maps.Clone(r.Faults)
	r.Lost, r.Attempts, r.Back = slices.Clone(r.Lost), slices.Clone(r.Attempts), slices.Clone(r.Back)
	if r.Heard = len(t.delays); r.Heard > 0 {
		slices.Sort(t.delays)
		r.P50, r.P99, r.Max = t.delays[r.Heard/2], t.delays[r.Heard*99/100], t.delays[r.Heard-1]
	}
	t.delays = nil
	return r
}
