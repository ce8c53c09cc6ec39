// permessage-deflate (RFC 7692) for one thread of many connections.

package wire

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
)

// windowBytes is the largest window of deflate.
const windowBytes = 32 << 10

// ErrInflate is a compressed message that cannot be inflated, or grows past the
// limit.
var ErrInflate = errors.New("wire: a compressed message is malformed or too large")

// tail is what a sender cuts off the end of a message (RFC 7692 section 7.2.1),
// and an empty final block, so that the inflater sees an end.
var tail = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// Deflater compresses messages one by one; none depends on an earlier one.
type Deflater struct {
	w   *flate.Writer
	out bytes.Buffer
}

// NewDeflater makes a Deflater of a level from 1 to 9. Any goroutine.
func NewDeflater(level int) (*Deflater, error) {
	d := new(Deflater)
	w, err := flate.NewWriter(&d.out, level)
	if err != nil {
		return nil, err
	}
	d.w = w
	return d, nil
}

// Append appends the compressed form of a message to dst. One goroutine at a
// time.
func (d *Deflater) Append(dst, message []byte) []byte {
	d.out.Reset()
	d.w.Reset(&d.out)
	// The buffer takes every write, so neither call can fail.
	_, _ = d.w.Write(message)
	_ = d.w.Flush()
	b := d.out.Bytes()
	return append(dst, b[:len(b)-4]...)
}

// Inflater inflates messages, with the window of the connection they came on if
// the sender keeps its context.
type Inflater struct {
	r     io.ReadCloser
	in    bytes.Reader
	ended bytes.Reader
	out   bytes.Buffer
}

// Inflate returns the message in b, valid until the next call. window is the end
// of what the connection's earlier messages inflated to, nil if the sender keeps
// no context. At most limit bytes come out. One goroutine at a time.
func (f *Inflater) Inflate(b, window []byte, limit int64) ([]byte, error) {
	f.in.Reset(b)
	f.ended.Reset(tail)
	source := io.MultiReader(&f.in, &f.ended)
	if f.r == nil {
		f.r = flate.NewReaderDict(source, window)
	} else if err := f.r.(flate.Resetter).Reset(source, window); err != nil {
		return nil, ErrInflate
	}
	f.out.Reset()
	n, err := f.out.ReadFrom(io.LimitReader(f.r, limit+1))
	if err != nil || n > limit {
		return nil, ErrInflate
	}
	return f.out.Bytes(), nil
}

// AppendWindow appends a message to a window and cuts off what deflate can no
// longer reach. Any goroutine.
func AppendWindow(window, message []byte) []byte {
	window = append(window, message...)
	if over := len(window) - windowBytes; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	return window
}
