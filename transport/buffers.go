// Buffers of one loop: a short stack in front of the shared pool.

package transport

import "github.com/valyala/bytebufferpool"

// buffer is a pooled buffer, for output of a batch, partial input, polling
// queues and bodies.
type buffer = bytebufferpool.ByteBuffer

// The stack keeps this many buffers of at most this capacity in bytes; others
// go to the shared pool, which learns the common size and drops outliers.
const (
	bufferStack = 64
	bufferKeep  = 16 << 10
)

// bufferPool lends buffers to the code of one loop. The zero value is empty.
type bufferPool struct {
	stack []*buffer
	lent  int // got and not put; negative where those of other loops are put
}

// get returns an empty buffer.
func (p *bufferPool) get() *buffer {
	p.lent++
	if n := len(p.stack); n > 0 {
		b := p.stack[n-1]
		p.stack = p.stack[:n-1]
		return b
	}
	return bytebufferpool.Get()
}

// put takes a buffer back and returns nil, for the caller to store in its
// place. Nil is ignored.
func (p *bufferPool) put(b *buffer) *buffer {
	if b == nil {
		return nil
	}
	p.lent--
	if len(p.stack) < bufferStack && cap(b.B) <= bufferKeep {
		b.Reset()
		p.stack = append(p.stack, b)
		return nil
	}
	bytebufferpool.Put(b)
	return nil
}

// drop is put for a buffer that somebody may still read.
func (p *bufferPool) drop(b *buffer) {
	if b != nil {
		p.lent--
	}
}
