// Counters that a worker records into, and their way into HDR histograms.

// Package hist records latencies in a worker at a few nanoseconds each, sends
// the counters to the coordinator in a compact form once a second, and merges
// them there into HDR histograms, so that percentiles are never averaged.
package hist

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The range and resolution: 512 ns to 137 s, three significant digits.
const (
	unitBits = 9  // values are counted in units of 512 ns
	subBits  = 11 // 2048 steps to each power of two, of which the upper half counts
	half     = 1 << (subBits - 1)
	buckets  = 18
	slots    = half * (buckets + 1)
	// MaxNs is the highest value told apart; what is above counts as this.
	MaxNs = int64(1)<<(unitBits+subBits+buckets-1) - 1
)

// ErrEncoding is a text that Append did not make.
var ErrEncoding = errors.New("hist: malformed counters")

// Recorder counts values. It is recorded into by one goroutine.
type Recorder struct {
	counts []uint32
	n      uint64
	// low and high bound the slots in use, so that taking stock is cheap.
	low, high int
}

// New makes a Recorder. Any goroutine.
func New() *Recorder { return &Recorder{counts: make([]uint32, slots), low: slots, high: -1} }

// Record counts a value in ns. Values below 0 count as 0, values above MaxNs as
// MaxNs. One goroutine at a time.
func (r *Recorder) Record(ns int64) {
	i := slot(ns)
	r.counts[i]++
	r.n++
	if i < r.low {
		r.low = i
	}
	if i > r.high {
		r.high = i
	}
}

// Count is how many values were recorded since the last Drain. One goroutine at
// a time.
func (r *Recorder) Count() uint64 { return r.n }

// slot is where a value is counted.
func slot(ns int64) int {
	v := uint64(min(max(ns, 0), MaxNs)) >> unitBits
	exp := max(bits.Len64(v)-subBits, 0)
	return exp<<(subBits-1) + int(v>>exp)
}

// value is the middle of a slot, in ns.
func value(i int) int64 {
	exp := 0
	sub := i
	if i >= 2*half {
		exp = i>>(subBits-1) - 1
		sub = i - exp<<(subBits-1)
	}
	lowest := int64(sub) << (exp + unitBits)
	return lowest + int64(1)<<(exp+unitBits)/2
}

// Drain appends the counters in text form and sets them to zero. Nothing is
// appended if nothing was recorded. One goroutine at a time.
func (r *Recorder) Drain(dst []byte) []byte {
	if r.n == 0 {
		return dst
	}
	raw := make([]byte, 0, 1024)
	last := -1
	for i := r.low; i <= r.high; i++ {
		if c := r.counts[i]; c != 0 {
			raw = binary.AppendUvarint(raw, uint64(i-last))
			raw = binary.AppendUvarint(raw, uint64(c))
			r.counts[i] = 0
			last = i
		}
	}
	r.n, r.low, r.high = 0, slots, -1
	return base64.RawStdEncoding.AppendEncode(dst, raw)
}

// NewHDR makes an HDR histogram of the range of a Recorder. Any goroutine.
func NewHDR() *hdrhistogram.Histogram { return hdrhistogram.New(1<<unitBits, MaxNs, 3) }

// Merge adds counters in text form to h. Any goroutine, one at a time for h.
func Merge(h *hdrhistogram.Histogram, text string) error {
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return ErrEncoding
	}
	i := -1
	for len(raw) > 0 {
		step, n := binary.Uvarint(raw)
		if n <= 0 {
			return ErrEncoding
		}
		count, m := binary.Uvarint(raw[n:])
		if m <= 0 || step == 0 || step > slots || count > 1<<32 {
			return ErrEncoding
		}
		raw = raw[n+m:]
		if i += int(step); i >= slots {
			return ErrEncoding
		}
		if err := h.RecordValues(value(i), int64(count)); err != nil {
			return ErrEncoding
		}
	}
	return nil
}
