// Gzip and deflate bodies, made by borrowed compressors.

package coding

import (
	"encoding/binary"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Both codings are the same compressed data between a head and a checksum
// (RFC 1950, RFC 1952), so that one kind of compressor, which has nearly a
// megabyte of state, serves both.

// The levels of compression: from the fastest, which is DefaultLevel, to the
// smallest result.
const (
	MinLevel     = 1
	MaxLevel     = 9
	DefaultLevel = 1
)

// Compressor makes one body after the other. It belongs to one goroutine at a
// time.
type Compressor struct {
	flate *flate.Writer
	out   sink
	level int

	coding Coding
	length uint32 // of the plain body so far, as gzip counts
	crc    uint32
	adler  hash.Hash32
}

// sink is the end of the body so far.
type sink struct{ B []byte }

// Write implements [io.Writer].
func (s *sink) Write(p []byte) (int, error) {
	s.B = append(s.B, p...)
	return len(p), nil
}

// idle are compressors by level that nobody uses; the collector takes what
// stays idle.
var idle [MaxLevel + 1]sync.Pool

// Borrow lends a compressor of a level from MinLevel to MaxLevel. Any goroutine.
func Borrow(level int) *Compressor {
	if c, ok := idle[level].Get().(*Compressor); ok {
		return c
	}
	c := &Compressor{level: level, adler: adler32.New()}
	c.flate, _ = flate.NewWriter(&c.out, level) // the level exists
	return c
}

// Return gives the compressor back, whether or not its body is complete.
func (c *Compressor) Return() {
	c.out.B = nil
	idle[c.level].Put(c)
}

// Begin begins a body, which is appended to dst, in the coding Gzip or Deflate.
func (c *Compressor) Begin(dst []byte, coding Coding) {
	c.coding, c.length, c.crc = coding, 0, 0
	c.adler.Reset()
	if coding == Gzip {
		// No name, no time, no hint at the level, unknown system.
		dst = append(dst, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff)
	} else {
		dst = append(dst, 0x78, 0x01)
	}
	c.out.B = dst
	c.flate.Reset(&c.out)
}

// Write adds a part of the plain body.
func (c *Compressor) Write(p []byte) {
	if c.coding == Gzip {
		c.crc = crc32.Update(c.crc, crc32.IEEETable, p)
		c.length += uint32(len(p))
	} else {
		_, _ = c.adler.Write(p) // a hash never fails
	}
	_, _ = c.flate.Write(p) // to memory
}

// End ends the body and returns what was made.
func (c *Compressor) End() []byte {
	_ = c.flate.Close()
	b := c.out.B
	if c.coding == Gzip {
		b = binary.LittleEndian.AppendUint32(b, c.crc)
		return binary.LittleEndian.AppendUint32(b, c.length)
	}
	return binary.BigEndian.AppendUint32(b, c.adler.Sum32())
}

// Append appends a whole body in a coding.
func Append(dst, body []byte, coding Coding, level int) []byte {
	c := Borrow(level)
	c.Begin(dst, coding)
	c.Write(body)
	dst = c.End()
	c.Return()
	return dst
}
