// How output leaves: what is gathered and when, and what happens while much of it leaves in one go.

package transport

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// crowd is a kernel with one loop and n clients over websocket whose messages come back.
func crowd(t *testing.T, n int, g Gather) (k *kernel, all []*socket) {
	t.Helper()
	k = newKernel(t, 1, func(o *Options) { o.Gather = g })
	k.onMessage = echo
	for range n {
		all = append(all, k.socket(0))
	}
	k.log, k.quiet = nil, true
	return k, all
}

// round lets each client send a message in one batch, and returns how many had their answers before it ended.
func round(k *kernel, all []*socket) (early int) {
	k.t.Helper()
	for i, w := range all {
		w.push([]byte(frame(opText, fmt.Sprint("4", i))))
	}
	for _, w := range all {
		if len(w.got) > 0 {
			early++
		}
	}
	k.run()
	for i, w := range all {
		w.want(fmt.Sprint("4", i))
	}
	return early
}

// TestGathers: answers leave together as long as many are asked for at a time, and at once otherwise.
func TestGathers(t *testing.T) {
	k, all := crowd(t, 40, GatherAdaptive)
	l := k.loops[0]
	if n := round(k, all); n >= len(all) || n == 0 {
		t.Errorf("%d answers of the first batch left at once, want some and not all", n)
	}
	l.sends, l.calls = 0, 0
	for range 10 {
		if n := round(k, all); n > 0 {
			t.Fatalf("%d answers of a large batch left at once", n)
		}
	}
	if l.calls != 10 || l.sends != 400 {
		t.Errorf("%d outputs in %d calls, want 400 in 10", l.sends, l.calls)
	}
	early := 0
	for range 1000 {
		early += round(k, all[:1])
	}
	if early < 1000*(gatherProbe-1)/gatherProbe-gatherPatience-1 {
		t.Errorf("%d of 1000 lonely answers left at once", early)
	}
	// More than one call of Send takes.
	k, all = crowd(t, 3*OutputBatch/2, GatherAlways)
	l = k.loops[0]
	l.sends, l.calls = 0, 0
	if n := round(k, all); n != OutputBatch {
		t.Errorf("%d of %d answers left before the batch ended, want %d", n, len(all), OutputBatch)
	}
	if l.calls != 2 || l.sends != len(all) {
		t.Errorf("%d outputs in %d calls", l.sends, l.calls)
	}
	k, all = crowd(t, 40, GatherNever)
	for range 10 {
		if n := round(k, all); n != len(all) {
			t.Fatalf("%d answers left at once", n)
		}
	}
}

// TestLastWrite: a client that has said its last word gets its answer, gathered or not.
func TestLastWrite(t *testing.T) {
	for _, g := range []Gather{GatherNever, GatherAlways} {
		for _, f := range []fault{faultNone, faultReturned} {
			k, all := crowd(t, 2, g)
			k.quiet = false
			w := all[0]
			if w.fault = f; f != faultNone && g == GatherNever {
				continue // it is gone before it can close
			}
			w.push([]byte(frame(opText, "4last")))
			w.close()
			k.run()
			if f == faultNone {
				w.want("4last")
			}
			k.told("1 message last", "1 close transport close")
			k.finish()
		}
	}
}

// TestWhileSending: the end of one client makes the program send to others whose output is on its way, and close some. All
// get what they are due in order, or nothing more.
func TestWhileSending(t *testing.T) {
	for _, test := range []struct {
		name   string
		panics bool
	}{{"closes", false}, {"panics", true}} {
		for first := range 6 { // the fake kernel treats outputs differently by their number
			t.Run(fmt.Sprint(test.name, first), func(t *testing.T) {
				k, all := crowd(t, 8, GatherAlways)
				k.catch = test.panics
				k.loops[0].sends += first
				gone, slow, closed, broken := all[0], all[3], all[4], all[6]
				gone.fault, broken.fault = faultReturned, faultReturned
				slow.window = 3
				big := strings.Repeat("x", k.opts.OutboundIntact)
				toSlow, toClosed, toLast := k.session(4), k.session(5), k.session(8)
				k.onClose = func(s *Session, _ CloseReason, _ error) {
					if len(k.numbers) != 7 { // not the first end
						return
					}
					toSlow.Send([]byte("a" + big))
					toSlow.Send([]byte("b"))
					toLast.Send([]byte("a" + big))
					toLast.Send([]byte("b"))
					toClosed.Discard(ForcedClose, nil)
					if test.panics {
						panic(handlerPanic("close"))
					}
				}
				for i, w := range all {
					w.push([]byte(frame(opText, fmt.Sprint("4", i))))
				}
				k.run()
				slow.drain(endless)
				k.run()
				for i, w := range all {
					switch w {
					case gone, broken:
						if !w.over || len(w.got) > 0 {
							t.Errorf("client %d is open, with %d bytes", i, len(w.got))
						}
					case closed:
						if got := w.frames(); len(got) == 0 || got[0] != "44" {
							t.Errorf("client %d got %.20q", i, got)
						}
					case slow, all[7]:
						if got := w.frames(); !slices.Equal(got, []string{fmt.Sprint("4", i), "4a" + big, "4b"}) {
							t.Errorf("client %d got %.20q", i, got)
						}
					default:
						w.want(fmt.Sprint("4", i))
					}
				}
				k.onClose = nil
				k.finish()
			})
		}
	}
}
