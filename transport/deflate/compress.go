// Compressor: messages in, DEFLATE streams out.
//
// A compressor costs the better part of a megabyte, so there are few of them, and none belongs to a connection: context
// takeover works by a dictionary, which is given back to it for each message.

package deflate

import (
	"github.com/klauspost/compress/flate"
)

// Levels of compression, as zlib has them.
const (
	MinLevel = 1
	MaxLevel = 9
)

// Compressor compresses messages one by one. It serves one goroutine at a time.
type Compressor struct {
	level   int
	writers [MaxWindowBits + 1]*flate.Writer // by window bits, made when they are needed
	out     sink
}

// sink gathers what a flate.Writer writes.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// sinkKeep is the size up to which a Compressor keeps its memory for output.
const sinkKeep = 64 << 10

// NewCompressor returns a Compressor of a level from MinLevel to MaxLevel. Any goroutine.
func NewCompressor(level int) *Compressor { return &Compressor{level: level} }

// tailSize is the length of what is cut off (section 7.2.1).
const tailSize = 4

// Compress compresses a message for a window of 1<<bits bytes. dict is what the peer has inflated last, as far as it is
// known, or nil: references go into it. The result is valid until the next call. ok is false if it would not be smaller
// than the message; the message then goes out plain, and the peer's window has not changed.
func (c *Compressor) Compress(message, dict []byte, bits uint8) (packed []byte, ok bool) {
	window := 1 << bits
	if len(dict) > window {
		dict = dict[len(dict)-window:]
	}
	if len(dict)+len(message) <= window {
		bits = MaxWindowBits // no reference can be farther
	}
	w := c.writer(bits)
	if cap(c.out.b) > sinkKeep {
		c.out.b = nil
	}
	c.out.b = c.out.b[:0]
	w.ResetDict(&c.out, dict)
	// The sink takes every write, so neither call can fail.
	_, _ = w.Write(message)
	_ = w.Flush()
	packed = c.out.b[:len(c.out.b)-tailSize]
	return packed, len(packed) < len(message)
}

// writer returns the writer for a window.
func (c *Compressor) writer(bits uint8) *flate.Writer {
	w := c.writers[bits]
	if w == nil {
		// Level and window were checked when they were set.
		if bits == MaxWindowBits {
			w, _ = flate.NewWriter(&c.out, c.level)
		} else {
			w, _ = flate.NewWriterWindow(&c.out, 1<<bits)
		}
		c.writers[bits] = w
	}
	return w
}
