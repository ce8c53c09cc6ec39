// Queue: its limits, while messages are on their way out and after.

package link

import (
	"fmt"
	"testing"
)

type sized string

func (s sized) Size() int { return len(s) }

// TestQueueBesideTaken: what is on its way out keeps its place, and a queue that
// was full then does not grow by one each time it comes back.
func TestQueueBesideTaken(t *testing.T) {
	for _, limits := range [][2]int{{3, 100}, {100, 6}} {
		var lost []sized
		q := NewQueue(limits[0], limits[1], func(m sized) { lost = append(lost, m) })
		put := func(i int) { q.Put(sized(fmt.Sprintf("%02d", i))) }
		for i := range 3 {
			put(i)
		}
		for i := 3; i < 10; i += 2 {
			if taken := q.Take(nil); len(taken) != 3 {
				t.Fatalf("%q are taken", taken)
			}
			put(i)
			put(i + 1) // takes the place of the last
			if messages, bytes := q.Waiting(); messages != 4 || bytes != 8 {
				t.Errorf("%d messages of %d bytes wait beside", messages, bytes)
			}
			q.Back()
			if messages, bytes := q.Waiting(); messages != 3 || bytes != 6 {
				t.Errorf("%d messages of %d bytes wait", messages, bytes)
			}
		}
		if got := fmt.Sprint(q.Take(nil), lost); got != "[06 08 10] [03 00 05 01 07 02 09 04]" {
			t.Error(got)
		}
		// One that is too large is taken alone.
		q.Done()
		q.Put(sized("much too large a message"))
		q.Take(nil)
		q.Back()
		if messages, _ := q.Waiting(); messages != 1 {
			t.Errorf("%d messages", messages)
		}
	}
}
