// Go values to MessagePack. The everyday types are written here; encode.go has
// those that need a look at their type.

package msgpack

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/sioserver/sioserver/proto/socketio"
)

// AppendArgs appends args to dst, one value after the other, the form that
// AppendEvent and AppendAck take. A []byte is written as binary data, a
// time.Time as a Date, an integer in the smallest form, and so is a float
// without a fraction up to 2^53. NaN and infinity have a form here. All else
// follows the rules of encoding/json, for names, omissions, map keys and methods
// alike: a type with MarshalJSON or MarshalText is written as the value that its
// JSON stands for, and a json.RawMessage likewise. Where a struct field has a
// tag "msgpack" that one is read in place of "json". A nil slice or map is nil.
//
// A value that cannot be encoded yields dst as it was, and ErrDate,
// socketio.ErrCyclic, socketio.ErrRawJSON, or an error of encoding/json or of a
// method, wrapped. Any goroutine.
func AppendArgs(dst []byte, args []any) ([]byte, error) {
	e := encoder{dst: dst}
	for _, arg := range args {
		if err := e.value(arg, 0); err != nil {
			return dst, err
		}
	}
	return e.dst, nil
}

// encoder holds what AppendArgs has made so far.
type encoder struct {
	dst []byte
}

// value appends v. It is one switch because a type switch is the fastest way to
// tell the types apart.
func (e *encoder) value(v any, depth int) (err error) {
	switch v := v.(type) {
	case nil:
		e.null()
	case bool:
		e.bool(v)
	case string:
		e.dst = AppendString(e.dst, v)
	case int:
		e.dst = appendInt(e.dst, int64(v))
	case int8:
		e.dst = appendInt(e.dst, int64(v))
	case int16:
		e.dst = appendInt(e.dst, int64(v))
	case int32:
		e.dst = appendInt(e.dst, int64(v))
	case int64:
		e.dst = appendInt(e.dst, v)
	case uint:
		e.dst = appendUint(e.dst, uint64(v))
	case uint8:
		e.dst = appendUint(e.dst, uint64(v))
	case uint16:
		e.dst = appendUint(e.dst, uint64(v))
	case uint32:
		e.dst = appendUint(e.dst, uint64(v))
	case uint64:
		e.dst = appendUint(e.dst, v)
	case float32:
		e.dst = appendFloat32(e.dst, v)
	case float64:
		e.dst = appendFloat(e.dst, v)
	case []byte:
		e.bytes(v)
	case time.Time:
		e.dst, err = appendDate(e.dst, v)
	case json.RawMessage:
		return e.raw(v)
	case []any:
		return e.array(v, depth)
	case map[string]any:
		return e.object(v, depth)
	default:
		rv := reflect.ValueOf(v)
		return e.reflected(rv, planOf(rv.Type()), depth)
	}
	return err
}

func (e *encoder) null() { e.dst = append(e.dst, 0xc0) }

func (e *encoder) bool(v bool) {
	if v {
		e.dst = append(e.dst, 0xc3)
	} else {
		e.dst = append(e.dst, 0xc2)
	}
}

func (e *encoder) bytes(v []byte) {
	if v == nil {
		e.null()
		return
	}
	e.dst = append(appendBinHead(e.dst, len(v)), v...)
}

// raw appends the value that JSON stands for.
func (e *encoder) raw(v json.RawMessage) error {
	if v == nil {
		e.null()
		return nil
	}
	r := jsonReader{b: v, dst: e.dst}
	if !r.single() {
		return socketio.ErrRawJSON
	}
	e.dst = r.dst
	return nil
}

func (e *encoder) array(v []any, depth int) error {
	if v == nil {
		e.null()
		return nil
	}
	if depth >= maxDepth {
		return socketio.ErrCyclic
	}
	e.dst = appendArrayHead(e.dst, len(v))
	for _, item := range v {
		if err := e.value(item, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// object appends v with its keys sorted, so that equal values make equal bytes.
func (e *encoder) object(v map[string]any, depth int) error {
	if v == nil {
		e.null()
		return nil
	}
	if depth >= maxDepth {
		return socketio.ErrCyclic
	}
	var buf [16]string
	keys := buf[:0]
	for key := range v {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	e.dst = appendMapHead(e.dst, len(keys))
	for _, key := range keys {
		e.dst = AppendString(e.dst, key)
		if err := e.value(v[key], depth+1); err != nil {
			return err
		}
	}
	return nil
}
