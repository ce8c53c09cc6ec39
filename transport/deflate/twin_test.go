// The library as a twin: what it inflates a message to, and streams made by hand.

package deflate_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/klauspost/compress/flate"
)

// twin inflates a message with the library. A message may have final blocks anywhere, behind which the library starts over.
func twin(window, message []byte) ([]byte, error) {
	in := bytes.NewReader(append(bytes.Clone(message), 0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff))
	var out []byte
	for {
		part, err := io.ReadAll(flate.NewReaderDict(in, append(bytes.Clone(window), out...)))
		out = append(out, part...)
		switch {
		case err != nil:
			return nil, err
		case in.Len() == 0, in.Len() == 9, in.Len() == 5:
			return out, nil
		case in.Len() < 9:
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// packed compresses a message with the library, with a dictionary if that is not empty.
func packed(level int, dict, message []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, level, dict)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(message)
	_ = w.Flush()
	return out.Bytes()[:out.Len()-4]
}

// event is a JSON message of about size bytes, as applications send them; n makes it another one.
func event(size, n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(size), uint64(n)))
	var b strings.Builder
	fmt.Fprintf(&b, `42["tick",{"seq":%d,"at":"2026-11-22T10:%02d:%02d.%03dZ","items":[`, n, rnd.IntN(60), rnd.IntN(60), rnd.IntN(1000))
	for i := 0; b.Len() < size-3; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"symbol":"%c%c%c","bid":%d.%02d,"ask":%d.%02d,"volume":%d}`, 1000+i,
			'A'+rnd.IntN(26), 'A'+rnd.IntN(26), 'A'+rnd.IntN(26), rnd.IntN(900), rnd.IntN(100), rnd.IntN(900), rnd.IntN(100), rnd.IntN(1e6))
	}
	b.WriteString("]}]")
	return []byte(b.String())
}

// stream writes a DEFLATE stream bit by bit.
type stream struct {
	b    []byte
	bits uint64
	n    int
}

func (s *stream) put(v uint64, n int) {
	s.bits |= v << s.n
	for s.n += n; s.n >= 8; s.n -= 8 {
		s.b = append(s.b, byte(s.bits))
		s.bits >>= 8
	}
}

// align fills the last byte up.
func (s *stream) align() {
	if s.n > 0 {
		s.put(0, 8-s.n)
	}
}

// end is the message that ends here: the header of a stored block without its length.
func (s *stream) end() []byte {
	s.put(0, 3)
	s.align()
	return s.b
}

// table begins a dynamic block whose codes are 0 for its end, 10 for the byte 'a' and 11 for the longest match; the only
// distance is 1.
func (s *stream) table() {
	s.put(0, 1)
	s.put(2, 2)
	s.put(286-257, 5)
	s.put(0, 5)
	s.put(18-4, 4)
	// Code lengths: 0 for a length of 1, 10 for one of 2, 11 for a run of zeros.
	for _, sym := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1} {
		n := map[int]uint64{1: 1, 2: 2, 18: 2}[sym]
		s.put(n, 3)
	}
	zeros := func(n int) { s.put(3, 2); s.put(uint64(n-11), 7) }
	zeros(97)
	s.put(1, 2) // 'a': 2
	zeros(138)
	zeros(20)
	s.put(0, 1) // the end: 1
	zeros(28)
	s.put(1, 2) // the longest match: 2
	s.put(0, 1) // a distance of 1
}
