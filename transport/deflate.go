// permessage-deflate on the websockets of an engine: what was agreed, what a peer's window holds, who compresses.

package transport

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/transport/deflate"
	"github.com/sioserver/sioserver/transport/ws"
)

// Deflate are the settings of permessage-deflate (RFC 7692).
type Deflate struct {
	deflate.Options
	Level       int // of compression, 1 to 9
	Threshold   int // bytes from which on a message is compressed
	Compressors int // for those who compress off the loops
}

// deflation is what was agreed on a connection: a bit that anything was, a bit
// for each context takeover, and the bits of the window of what is sent. The
// zero value is none.
type deflation uint8

const (
	deflateOn deflation = 1 << (7 - iota)
	deflateServerTakeover
	deflateClientTakeover
	deflateWindow = 15
)

func newDeflation(a deflate.Agreement) deflation {
	d := deflateOn | deflation(a.ServerBits)
	if a.ServerTakeover {
		d |= deflateServerTakeover
	}
	if a.ClientTakeover {
		d |= deflateClientTakeover
	}
	return d
}

// takeover is what a connection with a context must remember. Only those have
// one that agreed to keep theirs.
type takeover struct {
	// last is the message that was sent compressed last, nil if it was too large
	// to be kept. It may be shared, and is not changed.
	last []byte
	// window is the end of what was inflated, up to windowSize bytes.
	window     []byte
	windowSize int
}

// dictionaryMax is the size up to which a message is kept as a dictionary for
// the next, and compressed with one: the larger a message, the less it gains,
// and the more it costs to prepare the dictionary.
const dictionaryMax = 16 << 10

// deflaters are what the engines of a group have for compressing.
type deflaters struct {
	threshold int
	level     int
	conns     atomic.Int64  // that have agreed to it
	runs      atomic.Uint64 // of compressors, for messages of many
	idle      sync.Pool     // of compressors; the collector takes those that stay idle
	turns     chan struct{} // of those who compress off the loops
}

func newDeflaters(o *Deflate) *deflaters {
	if o == nil {
		return nil
	}
	return &deflaters{threshold: o.Threshold, level: o.Level, turns: make(chan struct{}, o.Compressors)}
}

// borrow lends a compressor, to be put back into idle.
func (d *deflaters) borrow() *deflate.Compressor {
	if c, ok := d.idle.Get().(*deflate.Compressor); ok {
		return c
	}
	return deflate.NewCompressor(d.level)
}

// agree negotiates for a connection whose handshake is all right. The answer is
// appended to dst.
func (e *Engine) agree(c *Conn, dst, offers []byte) []byte {
	o := e.opts.Deflate
	if o == nil || len(offers) == 0 {
		return dst
	}
	dst, a, ok := deflate.Negotiate(dst, offers, &o.Options)
	if !ok {
		return dst
	}
	c.deflate = newDeflation(a)
	c.frames.AllowRSV1()
	if a.ServerTakeover || a.ClientTakeover {
		for int(c.index) >= len(e.takeovers) {
			e.takeovers = append(e.takeovers, nil)
		}
		e.takeovers[c.index] = &takeover{windowSize: 1 << a.ClientBits}
	}
	e.deflaters.conns.Add(1)
	return dst
}

// endDeflate forgets what was agreed.
func (e *Engine) endDeflate(c *Conn) {
	if c.deflate == 0 {
		return
	}
	if c.deflate&(deflateServerTakeover|deflateClientTakeover) != 0 {
		e.takeovers[c.index] = nil
	}
	c.deflate = 0
	e.deflaters.conns.Add(-1)
}

// inflatedKeep is the size up to which an engine keeps its memory for inflated
// messages.
const inflatedKeep = 256 << 10

// inflate returns what a compressed message stands for, valid until the next
// one. It is limited like a message that came plain, while it is inflated.
func (e *Engine) inflate(c *Conn, payload []byte, text bool) ([]byte, error) {
	var window []byte
	if c.deflate&deflateClientTakeover != 0 {
		window = e.takeovers[c.index].window
	}
	e.inflated = append(e.inflated[:0], window...)
	out, err := e.inflater.Inflate(e.inflated, payload, int(e.opts.MaxPayload))
	if e.inflated = out; cap(out) > inflatedKeep {
		e.inflated = nil
	}
	if err != nil {
		if err == deflate.ErrSize {
			e.stats.Limits[LimitInflated]++
		}
		return nil, err
	}
	if c.deflate&deflateClientTakeover != 0 {
		e.takeovers[c.index].remember(out)
	}
	message := out[len(window):]
	if text && !ws.ValidUTF8(message) {
		return nil, ws.ErrText
	}
	e.stats.Inflated++
	e.stats.InflatedIn += uint64(len(payload))
	e.stats.InflatedOut += uint64(len(message))
	return message, nil
}

// remember keeps the end of what was inflated.
func (t *takeover) remember(all []byte) {
	if over := len(all) - t.windowSize; over > 0 {
		all = all[over:]
	}
	if len(all) > cap(t.window) {
		// In powers of two, so that a talkative client does not allocate each time.
		size := 1024
		for size < len(all) {
			size *= 2
		}
		t.window = make([]byte, 0, min(size, t.windowSize))
	}
	t.window = append(t.window[:0], all...)
}

// packs reports whether a message whose frames have n bytes goes out compressed
// to a connection, if that makes it smaller.
func (e *Engine) packs(c *Conn, n int) bool {
	return c.deflate != 0 && n >= e.opts.Deflate.Threshold
}

// packFrame compresses the last frame of out, which begins at at and is of a
// message for this connection alone, if that makes it smaller.
func (e *Engine) packFrame(c *Conn, out []byte, at int) []byte {
	op, message, _ := ws.NextFrame(out[at:])
	if len(message) < e.opts.Deflate.Threshold {
		return out
	}
	var last []byte
	if c.deflate&deflateServerTakeover != 0 && len(message) <= dictionaryMax {
		last = e.takeovers[c.index].last
	}
	e.stats.Deflations++
	compressor := e.deflaters.borrow()
	defer e.deflaters.idle.Put(compressor)
	packed, ok := compressor.Compress(message, last, uint8(c.deflate&deflateWindow))
	if !ok {
		return out
	}
	e.stats.deflated(1, len(message), len(packed))
	if c.deflate&deflateServerTakeover != 0 {
		t := e.takeovers[c.index]
		t.last = nil
		if len(message) <= dictionaryMax {
			t.last = bytes.Clone(message)
		}
	}
	out = ws.AppendHeader(out[:at], op, true, true, len(packed))
	return append(out, packed...)
}

// Ahead reports whether messages of n bytes are to be made ready by [Engine.Prepare]
// where they are encoded. Any goroutine.
func (e *Engine) Ahead(n int) bool {
	o := e.opts.Deflate
	return o != nil && n >= o.Threshold && e.deflaters.conns.Load() > 0 && (!o.ServerContextTakeover || n > dictionaryMax)
}

// Prepare compresses a message before it is sent, so that no loop has to. There
// are few compressors; it waits for one. Any goroutine but a loop's.
func (e *Engine) Prepare(m *Shared) {
	if m.plain != 0 || !e.Ahead(len(m.frames)) {
		return
	}
	d := e.deflaters
	d.turns <- struct{}{}
	defer func() { <-d.turns }()
	m.rest().packed.make(m, nil, deflate.MaxWindowBits, d)
}

// Deflates reports whether long messages to the session go out compressed at
// present. Loop only.
func (s *Session) Deflates() bool { return s.conn != nil && s.conn.deflate != 0 }
