// The stamp that every message carries: who sent it, its number, when it was due and when it left.

// Package stamp marks messages, so that whoever receives one can tell how long
// it took and whether one is missing, doubled or late.
package stamp

import "bytes"

// Size is the length of a stamp in bytes, all of them plain ASCII that JSON
// strings leave alone.
const Size = 28

// mark begins every stamp, and nothing else that the generator sends has it.
const mark = '~'

// lagUnit is what one step of the lag field is worth in ns: 32 bits of it reach
// over four minutes.
const lagUnit = 64

// Stamp is what a message says of itself.
type Stamp struct {
	// Sender is the index of the sending session, Stream that of its stream.
	Sender uint32
	Stream uint8
	// Seq counts the messages of one sender in one stream from 0.
	Seq uint32
	// DueNs is when the schedule wanted the message sent and SentNs when it was,
	// both on CLOCK_MONOTONIC; SentNs is rounded down to 64 ns.
	DueNs, SentNs int64
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

var digits = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range []byte(alphabet) {
		t[c] = int8(i)
	}
	return t
}()

// MaxSender is the highest index of a sender.
const MaxSender = 1<<24 - 1

// Append appends the stamp. Any goroutine.
func (s Stamp) Append(dst []byte) []byte {
	lag := max(s.SentNs-s.DueNs, 0) / lagUnit
	if lag > 1<<32-1 {
		lag = 1<<32 - 1
	}
	hi := uint64(s.Stream)<<56 | uint64(s.Sender&MaxSender)<<32 | uint64(s.Seq)
	mid, lo := uint64(s.DueNs), uint64(lag)
	dst = append(dst, mark)
	dst = appendDigits(dst, hi>>4, 10)
	// The 4 bits left over of the first word go on in front of the second.
	dst = appendDigits(dst, hi&15, 1)
	dst = appendDigits(dst, mid>>4, 10)
	return appendDigits(dst, (mid&15)<<32|lo, 6)
}

// appendDigits appends the lowest n*6 bits of v, highest digit first.
func appendDigits(dst []byte, v uint64, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, alphabet[v>>(6*i)&63])
	}
	return dst
}

// Find takes the first stamp out of a message. Any goroutine.
func Find(b []byte) (s Stamp, ok bool) {
	i := bytes.IndexByte(b, mark)
	if i < 0 || len(b)-i < Size {
		return s, false
	}
	b = b[i+1 : i+Size]
	first, ok1 := readDigits(b[:10])
	rest, ok2 := readDigits(b[10:11])
	second, ok3 := readDigits(b[11:21])
	last, ok4 := readDigits(b[21:])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return s, false
	}
	hi := first<<4 | rest&15
	s.Stream, s.Sender, s.Seq = uint8(hi>>56), uint32(hi>>32)&MaxSender, uint32(hi)
	s.DueNs = int64(second<<4 | last>>32&15)
	s.SentNs = s.DueNs + int64(last&(1<<32-1))*lagUnit
	return s, true
}

func readDigits(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		d := digits[c]
		if d < 0 {
			return 0, false
		}
		v = v<<6 | uint64(d)
	}
	return v, true
}
