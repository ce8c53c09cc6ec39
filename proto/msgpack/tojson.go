// MessagePack to JSON text, as JavaScript would write the values.

package msgpack

import (
	"encoding/base64"
	"math"
	"strconv"
)

// ToJSON appends to dst the JSON of args, "a,b,c", the form of a text packet's
// arguments, and to bins the binary data in them, uncopied and in document
// order, with a placeholder in its place. dst and bins are what the packet has
// so far; a comma before the first value is the caller's.
//
// What JSON has no form for becomes what JSON.stringify makes of it: a date its
// ISO text, NaN and infinity null, undefined null in an array and nothing in a
// map, an integer key its digits. An extension that is none of these becomes
// [type, bytes], which is what the reference reads it as. Errors, with dst and
// bins as they were, are ErrMalformed and socketio.ErrTooDeep. Any goroutine.
func ToJSON(dst []byte, bins [][]byte, args []byte) ([]byte, [][]byte, error) {
	if err := checkValues(args); err != nil {
		return dst, bins, err
	}
	w := jsonWriter{b: args, dst: dst, bins: bins}
	for i := 0; i < len(args); {
		if i > 0 {
			w.dst = append(w.dst, ',')
		}
		i = w.value(i)
	}
	return w.dst, w.bins, nil
}

// jsonWriter turns MessagePack that has been checked into JSON. With inline,
// binary data becomes base64 text rather than a placeholder, as encoding/json
// has it.
type jsonWriter struct {
	b      []byte
	dst    []byte
	bins   [][]byte
	inline bool
}

// value appends the value at i and returns the position behind it.
func (w *jsonWriter) value(i int) int {
	h, next := readHead(w.b, i)
	var contents []byte
	if h.hasBytes() {
		contents = w.b[next : next+int(h.n)]
		next += int(h.n)
	}
	switch h.kind {
	case nilKind, undefinedKind:
		w.dst = append(w.dst, "null"...)
	case boolKind:
		w.dst = strconv.AppendBool(w.dst, h.n != 0)
	case intKind:
		w.dst = strconv.AppendInt(w.dst, int64(h.n), 10)
	case uintKind:
		w.dst = strconv.AppendUint(w.dst, h.n, 10)
	case floatKind:
		w.dst = appendJSFloat(w.dst, math.Float64frombits(h.n))
	case strKind:
		w.dst = appendJSONString(w.dst, contents)
	case binKind:
		w.binary(contents)
	case dateKind, timeKind:
		w.date(h.kind, contents)
	case extKind:
		w.dst = strconv.AppendInt(append(w.dst, '['), int64(h.ext), 10)
		w.dst = append(w.dst, ',')
		w.binary(contents)
		w.dst = append(w.dst, ']')
	case arrayKind:
		return w.array(next, h.n)
	case mapKind:
		return w.object(next, h.n)
	}
	return next
}

func (w *jsonWriter) array(i int, n uint64) int {
	w.dst = append(w.dst, '[')
	for k := range n {
		if k > 0 {
			w.dst = append(w.dst, ',')
		}
		i = w.value(i)
	}
	w.dst = append(w.dst, ']')
	return i
}

func (w *jsonWriter) object(i int, n uint64) int {
	w.dst = append(w.dst, '{')
	first := true
	for range n {
		from, to := keyAt(w.b, i)
		if h, next := readHead(w.b, to); h.kind == undefinedKind {
			i = next + int(h.n)
			continue
		}
		if !first {
			w.dst = append(w.dst, ',')
		}
		first = false
		switch h, _ := readHead(w.b, i); h.kind {
		case intKind:
			w.dst = append(strconv.AppendInt(append(w.dst, '"'), int64(h.n), 10), '"')
		case uintKind:
			w.dst = append(strconv.AppendUint(append(w.dst, '"'), h.n, 10), '"')
		default:
			w.dst = appendJSONString(w.dst, w.b[from:to])
		}
		w.dst = append(w.dst, ':')
		i = w.value(to)
	}
	w.dst = append(w.dst, '}')
	return i
}

// binary appends what stands for bin.
func (w *jsonWriter) binary(bin []byte) {
	if w.inline {
		w.dst = append(w.dst, '"')
		w.dst = base64.StdEncoding.AppendEncode(w.dst, bin)
		w.dst = append(w.dst, '"')
		return
	}
	w.dst = append(w.dst, `{"_placeholder":true,"num":`...)
	w.dst = strconv.AppendInt(w.dst, int64(len(w.bins)), 10)
	w.dst = append(w.dst, '}')
	w.bins = append(w.bins, bin[:len(bin):len(bin)])
}

func (w *jsonWriter) date(k kind, contents []byte) {
	dst, ok := appendISO(append(w.dst, '"'), readTime(k, contents))
	if !ok {
		w.dst = append(w.dst, "null"...)
		return
	}
	w.dst = append(dst, '"')
}

// appendJSFloat appends f as JavaScript prints it: the shortest digits that read
// back the same, with an exponent only below 1e-6 and from 1e21 on.
func appendJSFloat(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case f == 0:
		return append(dst, '0')
	case !(abs <= math.MaxFloat64):
		return append(dst, "null"...)
	case abs >= 1e-6 && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes at least two digits of exponent, JavaScript no leading zero.
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
