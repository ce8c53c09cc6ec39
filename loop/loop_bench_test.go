// What an event costs, without the kernel.

package loop

import (
	"bytes"
	"fmt"
	"testing"
)

// BenchmarkEchoInline: an event in, an event out, on the loop.
func BenchmarkEchoInline(b *testing.B) {
	f := newFakeServer(b)
	f.On("echo", func(s *Socket, e *Event) { _ = s.EmitArgs("echo", e.Args()) }, Inline())
	c := f.connect(b)
	in := maskedText(`42["echo",1,{"a":[true,"text"]}]`)
	b.ReportAllocs()
	for b.Loop() {
		f.feed(c, in)
	}
}

// BenchmarkEchoInline16: sixteen of them at a time, as a client sends that does
// not wait; the time is that of one.
func BenchmarkEchoInline16(b *testing.B) {
	f := newFakeServer(b)
	f.On("echo", func(s *Socket, e *Event) {
		_ = s.EmitArgs("echo", e.Args())
		if e.WantsAck() {
			_ = e.AckArgs(e.Args())
		}
	}, Inline())
	c := f.connect(b)
	in := bytes.Repeat(maskedText(`42["echo","~AAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]`), 16)
	b.ReportAllocs()
	for i := 0; i < b.N; i += 16 {
		f.feed(c, in)
	}
}

// BenchmarkEchoTyped: a single one, decoded into Go values and encoded again.
func BenchmarkEchoTyped(b *testing.B) {
	f := newFakeServer(b)
	type message struct {
		A []any `json:"a"`
	}
	On2(f, "echo", func(s *Socket, n int, m message) error { return s.Emit("echo", n, m) }, Inline())
	c := f.connect(b)
	in := maskedText(`42["echo",1,{"a":[true,"text"]}]`)
	b.ReportAllocs()
	for b.Loop() {
		f.feed(c, in)
	}
}

// BenchmarkEventOffLoop: an event on its way to a worker, and back to wait for
// it.
func BenchmarkEventOffLoop(b *testing.B) {
	f := newFakeServer(b)
	done := make(chan struct{})
	f.On("e", func(*Socket, *Event) { done <- struct{}{} })
	c := f.connect(b)
	in := maskedText(`42["e",1]`)
	b.ReportAllocs()
	for b.Loop() {
		f.feed(c, in)
		<-done
	}
}

// BenchmarkEchoOffLoop16: sixteen events at a time to a worker and their answers
// back; the time is that of one.
func BenchmarkEchoOffLoop16(b *testing.B) {
	f := newFakeServer(b)
	done := make(chan struct{}, 16)
	f.On("echo", func(s *Socket, e *Event) {
		_ = s.EmitArgs("echo", e.Args())
		done <- struct{}{}
	})
	c := f.connect(b)
	in := bytes.Repeat(maskedText(`42["echo","~AAAAAAAAAAAAAAAAAAAAAAAAAAAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]`), 16)
	b.ReportAllocs()
	for i := 0; i < b.N; i += 16 {
		f.feed(c, in)
		for range 16 {
			<-done
		}
		f.engine.RunTasks()
	}
}

// BenchmarkBroadcast: one broadcast, for each number of receivers.
func BenchmarkBroadcast(b *testing.B) {
	for _, receivers := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(receivers), func(b *testing.B) {
			f := newFakeServer(b)
			for range receivers {
				f.connect(b)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = f.Emit("m", "text")
				f.engine.RunTasks()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*receivers), "ns/receiver")
		})
	}
}

// BenchmarkConnect: a whole client: handshake, CONNECT, and gone.
func BenchmarkConnect(b *testing.B) {
	f := newFakeServer(b)
	b.ReportAllocs()
	for b.Loop() {
		c := f.connect(b)
		f.engine.Closed(c)
		f.engine.RunTasks()
	}
}
