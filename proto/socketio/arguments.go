// Go values to the JSON of arguments, byte slices pulled out. The everyday
// types are written here; encode.go hands the others to the JSON libraries.

package socketio

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// maxEncodeDepth bounds how deep a value may nest. Go values can hold
// themselves, and no peer accepts anything near this depth.
const maxEncodeDepth = 1000

// AppendArgs appends the JSON of args, "a,b,c", to dst, the form that
// AppendEvent and AppendAck take. The rules are those of encoding/json, with
// these differences: HTML is not escaped; -0 is written 0 as in JavaScript; and
// each []byte, at any depth, becomes a placeholder and is appended to bins,
// uncopied and in document order. A nil []byte is null. Named byte slice types,
// json.RawMessage among them, keep their own encoding. The caller leaves the
// byte slices alone until the packet is written.
//
// A value that cannot be encoded yields dst and bins as they were, and
// ErrNotFinite, ErrCyclic, ErrRawJSON, or the library's error wrapped.
// Any goroutine.
func AppendArgs(dst []byte, bins [][]byte, args []any) ([]byte, [][]byte, error) {
	e := encoder{dst: dst, bins: bins}
	for i, arg := range args {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.value(arg, 1); err != nil {
			return dst, bins, err
		}
	}
	return e.dst, e.bins, nil
}

// encoder holds what AppendArgs has made so far.
type encoder struct {
	dst  []byte
	bins [][]byte
}

// value appends v. It is one switch because a type switch is the fastest way to
// tell the types apart.
func (e *encoder) value(v any, depth int) error {
	switch v := v.(type) {
	case nil:
		e.dst = append(e.dst, "null"...)
	case bool:
		e.dst = strconv.AppendBool(e.dst, v)
	case string:
		e.dst = AppendString(e.dst, v)
	case int:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case int8:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case int16:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case int32:
		e.dst = strconv.AppendInt(e.dst, int64(v), 10)
	case int64:
		e.dst = strconv.AppendInt(e.dst, v, 10)
	case uint:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case uint8:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case uint16:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case uint32:
		e.dst = strconv.AppendUint(e.dst, uint64(v), 10)
	case uint64:
		e.dst = strconv.AppendUint(e.dst, v, 10)
	case float32:
		return e.float(float64(v), 32)
	case float64:
		return e.float(v, 64)
	case []byte:
		e.attachment(v)
	case json.RawMessage:
		return e.raw(v)
	case []any:
		return e.array(v, depth)
	case map[string]any:
		return e.object(v, depth)
	default:
		return e.other(v)
	}
	return nil
}

// attachment appends the placeholder of one byte slice and keeps the slice.
func (e *encoder) attachment(bin []byte) {
	if bin == nil {
		e.dst = append(e.dst, "null"...)
		return
	}
	e.dst = appendPlaceholder(e.dst, len(e.bins))
	e.bins = append(e.bins, bin)
}

// appendPlaceholder appends the placeholder of attachment n, its keys in the
// order in which the reference writes them.
func appendPlaceholder(dst []byte, n int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	dst = strconv.AppendUint(dst, uint64(n), 10)
	return append(dst, '}')
}

// raw appends JSON that the caller has made.
func (e *encoder) raw(v json.RawMessage) error {
	if v == nil {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	if !validValue(v) {
		return ErrRawJSON
	}
	e.dst = append(e.dst, v...)
	return nil
}

// validValue tells whether b is one JSON value, perhaps with space around it.
func validValue(b []byte) bool {
	s := scanner{b: b, maxDepth: maxEncodeDepth}
	end := s.value(skipSpace(b, 0), 0)
	return end >= 0 && skipSpace(b, end) == len(b)
}

func (e *encoder) array(v []any, depth int) error {
	if v == nil {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	if depth > maxEncodeDepth {
		return ErrCyclic
	}
	e.dst = append(e.dst, '[')
	for i, item := range v {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		if err := e.value(item, depth+1); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, ']')
	return nil
}

// object appends v with its keys sorted, so that equal values make equal text.
func (e *encoder) object(v map[string]any, depth int) error {
	if v == nil {
		e.dst = append(e.dst, "null"...)
		return nil
	}
	if depth > maxEncodeDepth {
		return ErrCyclic
	}
	var buf [16]string
	keys := buf[:0]
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	e.dst = append(e.dst, '{')
	for i, key := range keys {
		if i > 0 {
			e.dst = append(e.dst, ',')
		}
		e.dst = AppendString(e.dst, key)
		e.dst = append(e.dst, ':')
		if err := e.value(v[key], depth+1); err != nil {
			return err
		}
	}
	e.dst = append(e.dst, '}')
	return nil
}

// float appends f as JavaScript prints it: the shortest digits that read back
// the same, with an exponent only below 1e-6 and from 1e21 on.
func (e *encoder) float(f float64, bitSize int) error {
	if f == 0 {
		e.dst = append(e.dst, '0')
		return nil
	}
	abs := math.Abs(f)
	if !(abs <= math.MaxFloat64) {
		return ErrNotFinite
	}
	small, large := abs < 1e-6, abs >= 1e21
	if bitSize == 32 {
		small, large = float32(abs) < 1e-6, float32(abs) >= 1e21
	}
	if !small && !large {
		e.dst = strconv.AppendFloat(e.dst, f, 'f', -1, bitSize)
		return nil
	}
	e.dst = strconv.AppendFloat(e.dst, f, 'e', -1, bitSize)
	// Go writes at least two digits of exponent, JavaScript no leading zero.
	if n := len(e.dst); e.dst[n-4] == 'e' && e.dst[n-2] == '0' {
		e.dst[n-2] = e.dst[n-1]
		e.dst = e.dst[:n-1]
	}
	return nil
}
