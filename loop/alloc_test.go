//go:build !race

// Allocation gates of the hot paths.

package loop

import (
	"fmt"
	"strings"
	"testing"
)

func TestEchoAllocates(t *testing.T) {
	f := newFakeServer(t)
	f.On("echo", func(s *Socket, e *Event) { _ = s.EmitArgs("echo", e.Args()) }, Inline())
	f.On("acked", func(_ *Socket, e *Event) { _ = e.AckArgs(e.Args()) }, Inline())
	f.On("named", func(s *Socket, e *Event) {
		if string(e.RawName()) == "named" && e.Size() == len(`named"text",1`) {
			_ = s.EmitArgs("known", e.Args())
		}
	}, Inline())
	f.On("typed", func(s *Socket, e *Event) { _ = e.Args().Len() }, Inline())
	c := f.connect(t)
	for _, test := range []struct{ in, out string }{
		{`42["echo",1,{"a":[true,"text"]}]`, `42["echo",1,{"a":[true,"text"]}]`},
		{`42["echo","` + strings.Repeat("x", 1000) + `"]`, `x"]`},
		{`42["named","text",1]`, `42["known","text",1]`},
		{`427["acked",1]`, "437[1]"},
		{`42["typed",1]`, ""},
		{`42["nobody",1]`, ""},
	} {
		in := maskedText(test.in)
		f.feed(c, in) // buffers grow to their size
		if allocs := testing.AllocsPerRun(1000, func() { f.feed(c, in) }); allocs != 0 {
			t.Errorf("%.20s: %v allocations", test.in, allocs)
		}
		if test.out != "" && !strings.HasSuffix(string(f.net.last), test.out) {
			t.Errorf("%.20s: answered %.100q", test.in, f.net.last)
		}
	}
}

// TestOnAnyInlineAllocates: one handler for all events is as cheap as one of
// each.
func TestOnAnyInlineAllocates(t *testing.T) {
	f := newFakeServer(t)
	f.OnAny(func(s *Socket, e *Event) { _ = s.EmitArgs("any", e.Args()) }, Inline())
	c := f.connect(t)
	in := maskedText(`42["whatever",1]`)
	f.feed(c, in)
	if allocs := testing.AllocsPerRun(1000, func() { f.feed(c, in) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if !strings.HasSuffix(string(f.net.last), `42["any",1]`) {
		t.Errorf("answered %q", f.net.last)
	}
}

// TestBroadcastEncodesOnce: what a broadcast allocates does not depend on the
// number of receivers.
func TestBroadcastEncodesOnce(t *testing.T) {
	f := newFakeServer(t)
	n := f.Root()
	encoded := 0
	value := countedJSON(func() { encoded++ })
	allocs := map[int]float64{}
	for _, receivers := range []int{10, 1000} {
		for n.ConnectedSockets() < receivers {
			f.connect(t)
		}
		broadcast := func() {
			if err := n.Emit("m", value); err != nil {
				t.Fatal(err)
			}
			f.engine.RunTasks()
		}
		broadcast()
		encoded = 0
		f.net.writes = 0
		allocs[receivers] = testing.AllocsPerRun(100, broadcast)
		if encoded != 101 { // one run is for warming up
			t.Errorf("%d receivers: encoded %d times in 101 broadcasts", receivers, encoded)
		}
		if f.net.writes != 101*receivers {
			t.Errorf("%d receivers: %d writes in 101 broadcasts", receivers, f.net.writes)
		}
	}
	if allocs[10] != allocs[1000] {
		t.Errorf("%v allocations for 10 receivers, %v for 1000", allocs[10], allocs[1000])
	}
}

// TestBroadcastAllocates: a broadcast allocates nothing, whatever its size,
// whether its values are encoded or travel as they came, and wherever it is
// called.
func TestBroadcastAllocates(t *testing.T) {
	f := newFakeServer(t)
	f.On("relay", func(_ *Socket, e *Event) { _ = f.To().EmitArgs("relay", e.Args()) }, Inline())
	everybody := f.To()
	text := strings.Repeat("x", 100)
	in := maskedText(`42["relay",1,{"a":[true,"text"]}]`)
	c := f.connect(t)
	for _, receivers := range []int{1, 1000} {
		for f.root.ConnectedSockets() < receivers {
			f.connect(t)
		}
		for name, broadcast := range map[string]func(){
			"values": func() { _ = everybody.Emit("m", "text") },
			"raw":    func() { f.feed(c, in) },
			"off the loop": func() {
				f.engine.Leave() // calls take the way through the inbox
				_ = everybody.Emit("m", "text")
				f.engine.Enter()
				f.feed(c, nil)
			},
			"long": func() { _ = everybody.Emit(text, "text") },
		} {
			round := func() {
				broadcast()
				f.engine.RunTasks()
			}
			for range 10 {
				round() // the pools fill
			}
			f.net.writes = 0
			if allocs := testing.AllocsPerRun(100, round); allocs != 0 {
				t.Errorf("%s, %d receivers: %v allocations", name, receivers, allocs)
			}
			if f.net.writes != 101*receivers {
				t.Errorf("%s, %d receivers: %d writes in 101 broadcasts", name, receivers, f.net.writes)
			}
		}
	}
}

// countedJSON is a value that counts how often it is encoded.
type countedJSON func()

func (c countedJSON) MarshalJSON() ([]byte, error) {
	c()
	return []byte(`"v"`), nil
}

// TestRoomBroadcastAllocates: the same through rooms, with exclusion.
func TestRoomBroadcastAllocates(t *testing.T) {
	f := newFakeServer(t)
	f.OnConnection(func(s *Socket) { _ = s.Join("a", fmt.Sprint("half", s.ref.slot()%2)) }, Inline())
	allocs := map[int]float64{}
	o := f.To("a", "half1").Except("half0")
	for _, receivers := range []int{10, 1000} {
		for f.root.ConnectedSockets() < 2*receivers {
			f.connect(t)
		}
		broadcast := func() {
			_ = o.Emit("m", "x")
			f.engine.RunTasks()
		}
		broadcast()
		f.net.writes = 0
		allocs[receivers] = testing.AllocsPerRun(100, broadcast)
		if f.net.writes != 101*receivers {
			t.Errorf("%d receivers: %d writes in 101 broadcasts", receivers, f.net.writes)
		}
	}
	if allocs[10] != allocs[1000] || allocs[10] > 8 {
		t.Errorf("%v allocations for 10 receivers, %v for 1000", allocs[10], allocs[1000])
	}
}
