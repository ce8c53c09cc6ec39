// A second twin, bit by bit: slow, and tells how far back a stream refers.

package deflate_test

import "testing"

// slow reads a stream one bit at a time, by the words of RFC 1951.
type slow struct {
	t   *testing.T
	in  []byte
	at  int // in bits
	out []byte
	far int // the longest distance
}

// slowly inflates a message.
func slowly(t *testing.T, message []byte) (out []byte, far int) {
	t.Helper()
	s := slow{t: t, in: append(message[:len(message):len(message)], 0x00, 0x00, 0xff, 0xff)}
	for s.at < len(s.in)*8 {
		final := s.bits(1)
		switch s.bits(2) {
		case 0:
			s.at = (s.at + 7) &^ 7
			n := s.bits(16)
			if s.bits(16) != n^0xffff {
				t.Fatal("lengths disagree")
			}
			for range n {
				s.out = append(s.out, byte(s.bits(8)))
			}
		case 1:
			var l [288]int
			for i := range l {
				l[i] = 8 + min(i/144, 1) - 2*min(i/256, 1) + min(i/280, 1)
			}
			s.block(l[:], []int{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5})
		case 2:
			s.dynamic()
		default:
			t.Fatal("block type 3")
		}
		if final == 1 {
			s.at = (s.at + 7) &^ 7
		}
	}
	return s.out, s.far
}

func (s *slow) bits(n int) (v int) {
	for i := range n {
		if s.at >= len(s.in)*8 {
			s.t.Fatal("the stream is over")
		}
		v |= int(s.in[s.at/8]>>(s.at%8)&1) << i
		s.at++
	}
	return v
}

// symbol reads a code of an alphabet with these lengths: of each length the first code follows from those before.
func (s *slow) symbol(lengths []int) int {
	code, first := 0, 0
	for n := 1; n <= 15; n++ {
		code |= s.bits(1)
		count := 0
		for sym, l := range lengths {
			if l == n {
				if code == first+count {
					return sym
				}
				count++
			}
		}
		first = (first + count) << 1
		code <<= 1
	}
	s.t.Fatal("no such code")
	return 0
}

func (s *slow) dynamic() {
	l, d, n := s.bits(5)+257, s.bits(5)+1, s.bits(4)+4
	short := make([]int, 19)
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:n] {
		short[i] = s.bits(3)
	}
	var all []int
	for len(all) < l+d {
		v, times := s.symbol(short), 1
		switch v {
		case 16:
			v, times = all[len(all)-1], 3+s.bits(2)
		case 17:
			v, times = 0, 3+s.bits(3)
		case 18:
			v, times = 0, 11+s.bits(7)
		}
		for range times {
			all = append(all, v)
		}
	}
	s.block(all[:l], all[l:])
}

func (s *slow) block(literals, dists []int) {
	lengths := []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	for {
		sym := s.symbol(literals)
		if sym == 256 {
			return
		}
		if sym < 256 {
			s.out = append(s.out, byte(sym))
			continue
		}
		n := lengths[sym-257]
		if sym < 285 && sym > 264 {
			n += s.bits((sym - 261) / 4)
		}
		d := s.symbol(dists)
		back := d + 1
		if d > 3 {
			back = 1 + (2+d%2)<<(d/2-1) + s.bits(d/2-1)
		}
		s.far = max(s.far, back)
		for range n {
			s.out = append(s.out, s.out[len(s.out)-back])
		}
	}
}
