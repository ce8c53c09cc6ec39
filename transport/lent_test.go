// Messages in memory that is used again: not before the last byte of them is written.

package transport

import (
	"strings"
	"testing"
)

// lend sends a message in lent memory to sessions, in the batch at hand, and lets go of it.
func lend(text string, to ...*Session) *Shared {
	m := LendShared([]byte(text), nil)
	for _, s := range to {
		s.SendShared(m)
	}
	to[0].engine.Lent(m)
	return m
}

// given reports whether nobody holds a message any more.
func given(m *Shared) bool { return m.holders.Load() == 0 && len(m.frames) == 0 && m.text == nil }

func TestLent(t *testing.T) {
	for name, g := range map[string]Gather{"adaptive": GatherAdaptive, "never": GatherNever, "always": GatherAlways} {
		t.Run(name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { o.Gather = g })
			a, b, c := k.socket(0), k.socket(0), k.poller(0)
			c.poll()
			s := []*Session{k.session(1), k.session(2), k.session(3)}
			var one, two *Shared
			k.do(s[0], func() {
				one = lend("one", s...)
				if two = lend("two", s[1:]...); two == one {
					t.Error("a message that waits to be written is overwritten")
				}
			})
			if !given(one) || !given(two) {
				t.Error("a message that is written is held")
			}
			a.want("4one")
			b.want("4one", "4two")
			c.get.want("200 4one\x1e4two")
			k.finish()
		})
	}
}

// TestLentHolders: the last one lets go, be it a loop or the maker.
func TestLentHolders(t *testing.T) {
	k := newKernel(t, 2, nil)
	a, b := k.socket(0), k.socket(1)
	first, second := k.session(1), k.session(2)
	m := LendShared([]byte("x"), nil)
	m.Hold()
	k.do(first, func() { first.SendShared(m); first.engine.Lent(m) })
	a.want("4x")
	if given(m) {
		t.Fatal("one of two holders has let go, and the message is gone")
	}
	k.do(second, func() { second.SendShared(m) })
	b.want("4x")
	m.Release()
	if !given(m) {
		t.Error("a message that nobody holds is kept")
	}
	k.finish()
}

// TestLentAndKept: what somebody else may read is not used again.
func TestLentAndKept(t *testing.T) {
	text := strings.Repeat("x", 100)
	for name, test := range map[string]func(k *kernel, s *Session) *Shared{
		"kept": func(_ *kernel, s *Session) *Shared {
			m := LendShared([]byte(text), nil)
			m.Keep()
			s.engine.Lent(m)
			return m
		},
		"other forms": func(_ *kernel, s *Session) *Shared {
			m := LendShared([]byte(text), nil)
			m.rest()
			s.engine.Lent(m)
			return m
		},
		"large": func(_ *kernel, s *Session) *Shared { return lend(text+strings.Repeat("y", sharedKeep), s) },
		"write failed": func(k *kernel, s *Session) *Shared {
			k.loops[0].sends = 1 // the next fault is found by Send
			k.peers[0].fault = faultReturned
			return lend(text, s, k.session(2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKernel(t, 1, func(o *Options) { o.Gather = GatherAlways })
			k.socket(0)
			k.socket(0)
			s := k.session(1)
			var m *Shared
			k.do(s, func() { m = test(k, s) })
			if given(m) || string(m.text[:len(text)]) != text {
				t.Error("its memory is given back")
			}
			k.finish()
		})
	}
}

// TestLentBinary: the views of one message do not survive in the next.
func TestLentBinary(t *testing.T) {
	for range 10 {
		m := LendShared([]byte("ab"), [][]byte{{1}, {2, 3}})
		text, bins := m.Message()
		if string(text) != "ab" || len(bins) != 2 || string(bins[0]) != "\x01" || string(bins[1]) != "\x02\x03" {
			t.Fatalf("%q %q", text, bins)
		}
		m.Release()
		m = LendShared(nil, [][]byte{{4}})
		text, bins = m.Message()
		if text != nil || len(bins) != 1 || string(bins[0]) != "\x04" || m.plain != 0 {
			t.Fatalf("%q %q", text, bins)
		}
		m.Plain().Release()
	}
}
