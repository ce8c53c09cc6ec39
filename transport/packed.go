// The compressed forms of a message for many sessions: made once, shared like the message itself.

package transport

import (
	"sync"
	"sync/atomic"

	"github.com/sioserver/sioserver/transport/deflate"
	"github.com/sioserver/sioserver/transport/ws"
)

// packedForms are the compressed forms of a message: one without a dictionary,
// and one for each of the messages that its receivers got last, up to
// dictionariesMax. Forms are never changed once they are in the list.
type packedForms struct {
	list atomic.Pointer[packedForm]

	mu           sync.Mutex // held while a form is made: others who want it wait
	dictionaries int
}

// dictionariesMax is how many forms by dictionary a message may have. Receivers
// beyond them get the form without one; all have the same dictionary afterwards.
const dictionariesMax = 4

// packedForm is one of the forms.
type packedForm struct {
	Shared        // of which only the frames are set
	next          *packedForm
	dictionary    *byte  // its name
	bits          uint8  // of the window
	last          []byte // the last message in it that is compressed, nil if that is large or there is none
	messages      int    // that are compressed
	before, after int    // their bytes
}

// name is what tells a message from any other: where it is. It is nil for none.
func name(message []byte) *byte {
	if len(message) == 0 {
		return nil
	}
	return &message[0]
}

// find returns a form that has been made.
func (p *packedForms) find(dictionary []byte, bits uint8) *packedForm {
	for f := p.list.Load(); f != nil; f = f.next {
		if f.dictionary == name(dictionary) && f.bits == bits {
			return f
		}
	}
	return nil
}

// make makes a form unless somebody else has meanwhile. If the message has too
// many by dictionary already, the result is nil.
func (p *packedForms) make(m *Shared, dictionary []byte, bits uint8, d *deflaters) *packedForm {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.find(dictionary, bits); f != nil {
		return f
	}
	if dictionary != nil {
		if p.dictionaries == dictionariesMax {
			return nil
		}
		p.dictionaries++
	}
	f := &packedForm{dictionary: name(dictionary), bits: bits, next: p.list.Load()}
	c := d.borrow()
	f.pack(c, m.frames, dictionary, d)
	d.idle.Put(c)
	p.list.Store(f)
	return f
}

// pack compresses frames. Only the first one uses the dictionary.
func (f *packedForm) pack(c *deflate.Compressor, frames, dictionary []byte, d *deflaters) {
	out := make([]byte, 0, len(frames)*3/4)
	for rest := frames; len(rest) > 0; {
		op, message, next := ws.NextFrame(rest)
		if len(message) >= d.threshold {
			d.runs.Add(1)
			if packed, ok := c.Compress(message, dictionary, f.bits); ok {
				out = ws.AppendHeader(out, op, true, true, len(packed))
				out = append(out, packed...)
				dictionary, f.last = nil, message
				f.messages++
				f.before += len(message)
				f.after += len(packed)
				rest = next
				continue
			}
		}
		out = append(out, rest[:len(rest)-len(next)]...)
		rest = next
	}
	if len(f.last) > dictionaryMax {
		f.last = nil
	}
	if f.messages == 0 {
		out = frames
	}
	f.frames = out
}

// packedFor returns the form of a message for a connection.
func (e *Engine) packedFor(c *Conn, m *Shared) *packedForm {
	var dictionary []byte
	if c.deflate&deflateServerTakeover != 0 && len(m.frames) <= dictionaryMax && !m.kept() {
		dictionary = e.takeovers[c.index].last
	}
	bits := uint8(c.deflate & deflateWindow)
	if len(dictionary)+len(m.frames) <= 1<<bits {
		bits = deflate.MaxWindowBits // makes no difference, so that more receivers share
	}
	p := &m.rest().packed
	if f := p.find(dictionary, bits); f != nil {
		return f
	}
	if f := p.make(m, dictionary, bits, e.deflaters); f != nil {
		return f
	}
	if f := p.find(nil, bits); f != nil {
		return f
	}
	return p.make(m, nil, bits, e.deflaters)
}

// sentPacked notes that a form is on its way to a connection.
func (e *Engine) sentPacked(c *Conn, f *packedForm) {
	if f.messages == 0 {
		return
	}
	e.stats.deflated(f.messages, f.before, f.after)
	if c.deflate&deflateServerTakeover != 0 {
		e.takeovers[c.index].last = f.last
	}
}
