// PerLoop: state of the application's, a part for each event loop.

package loop

import "fmt"

// PerLoop is state with a part for each event loop of a server, which belongs to
// what runs there: inline handlers, functions of [Loop.Execute] and [Loop.After],
// and each [RawHandler]. It needs no lock.
type PerLoop[T any] struct {
	loops  []*Loop
	values []*T
}

// NewPerLoop makes state for a server. init, unless it is nil, makes the part of a
// loop; it is called here, for each of them. Any goroutine.
func NewPerLoop[T any](s *Server, init func(l *Loop) T) *PerLoop[T] {
	p := &PerLoop[T]{loops: s.Loops()}
	for _, l := range p.loops {
		v := new(T)
		if init != nil {
			*v = init(l)
		}
		p.values = append(p.values, v)
	}
	return p
}

// Of is the part of a loop. It panics if it is called from elsewhere than the
// loop, or with one of another server. Loop only.
func (p *PerLoop[T]) Of(l *Loop) *T {
	switch {
	case l.index >= len(p.loops) || p.loops[l.index] != l:
		panic("loop: PerLoop.Of with a loop of another server")
	case l.engine.OffLoop():
		panic(fmt.Sprintf("loop: PerLoop.Of away from loop %d: use Loop.Execute to get there", l.index))
	}
	return p.values[l.index]
}

// Each runs f on every loop with its part, in no order, and does not wait for it.
// The error is the first of [Loop.Execute]. Any goroutine.
func (p *PerLoop[T]) Each(f func(l *Loop, v *T)) (err error) {
	for i, l := range p.loops {
		if e := l.Execute(func() { f(l, p.values[i]) }); err == nil {
			err = e
		}
	}
	return err
}
