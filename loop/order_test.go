// The order of what handlers send, step by step on a loop that the test runs.

package loop

import (
	"strings"
	"testing"
)

// TestInlineBehindOffLoop: what an inline handler sends does not overtake what a
// handler off the loop has sent before it, which is still on its way.
func TestInlineBehindOffLoop(t *testing.T) {
	f := newFakeServer(t)
	f.On("off", func(s *Socket, e *Event) { _ = s.EmitArgs("m", e.Args()) })
	f.On("inline", func(s *Socket, e *Event) { _ = s.EmitArgs("m", e.Args()) }, Inline())
	f.OnConnection(func(s *Socket) {}, Inline())
	c := f.connect(t)
	f.net.all = []byte{}
	for _, event := range []string{`42["off",1]`, `42["inline",2]`, `42["inline",3]`, `42["off",4]`, `42["inline",5]`} {
		f.engine.Feed(c, maskedText(event))
		f.awaitWorkers()
	}
	for range 5 {
		f.engine.RunTasks()
		f.awaitWorkers()
	}
	f.feed(c, maskedText(`42["inline",6]`)) // at once again
	got := string(f.net.all)
	want := []string{`["m",1]`, `["m",2]`, `["m",3]`, `["m",4]`, `["m",5]`, `["m",6]`}
	at := 0
	for _, w := range want {
		i := strings.Index(got[at:], w)
		if i < 0 {
			t.Fatalf("sent %q, want %q in this order", got, want)
		}
		at += i
	}
}

// awaitWorkers waits until no worker runs.
func (f *fakeServer) awaitWorkers() {
	w := f.workers
	for running := 1; running > 0; {
		w.mu.Lock()
		running = w.mu.running
		w.mu.Unlock()
	}
}
