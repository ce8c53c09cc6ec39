// One argument to a Go value: the everyday targets, and interface values.

package msgpack

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// Unmarshal decodes one argument, as NextArg returns it, into the value that
// into points to. The rules are those of encoding/json, for names (a tag
// "msgpack" is read in place of "json"), conversions and methods, with what
// MessagePack has and JSON has not:
//
//   - binary data into a []byte, named types of it too. It is not copied: the
//     value shares the memory of arg and its lifetime. Strings, maps and all
//     else are copies. A string into a []byte is base64, as in JSON
//   - dates and timestamps into a time.Time; into a string, or a type with
//     UnmarshalJSON or UnmarshalText, as the text that JSON would have
//   - undefined is nil
//   - floats without a fraction, up to 2^53, into integers
//   - inside interface values: int64, uint64 where that is too small, float64,
//     string, []byte, time.Time, []any, map[string]any with the digits of
//     integer keys, and []any{type, []byte} for an extension of another type
//   - any value into a json.RawMessage as its JSON, binary data as base64
//   - items of arrays start from zero, not from what was in the slice before
//
// Errors are ErrMalformed, ErrTrailing and socketio.ErrTooDeep for an arg that
// is not one value, or of the types of encoding/json or of a method, wrapped.
// The value may then be half filled. Any goroutine.
func Unmarshal(arg []byte, into any) error {
	if err := checkValue(arg); err != nil {
		return err
	}
	if fromEveryday(arg, into) {
		return nil
	}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return wrapDecode(&json.InvalidUnmarshalError{Type: reflect.TypeOf(into)})
	}
	d := decoder{b: arg}
	if _, err := d.into(0, v.Elem(), planOf(v.Type().Elem())); err != nil {
		return wrapDecode(err)
	}
	return nil
}

func wrapDecode(err error) error { return fmt.Errorf("msgpack: decode: %w", err) }

// fromEveryday decodes into the types that need no look at their plan, where
// what arrived fits them. It tells whether it has.
func fromEveryday(arg []byte, into any) bool {
	h, next := readHead(arg, 0)
	switch t := into.(type) {
	case *string:
		if t != nil && h.kind == strKind {
			*t = string(arg[next:])
			return true
		}
	case *[]byte:
		if t != nil && h.kind == binKind {
			*t = arg[next:len(arg):len(arg)]
			return true
		}
	case *bool:
		if t != nil && h.kind == boolKind {
			*t = h.n != 0
			return true
		}
	case *int:
		if t != nil && h.kind == intKind && int64(int(h.n)) == int64(h.n) {
			*t = int(h.n)
			return true
		}
	case *int64:
		if t != nil && h.kind == intKind {
			*t = int64(h.n)
			return true
		}
	case *float64:
		if t != nil && (h.kind == floatKind || h.kind == intKind) {
			if *t = math.Float64frombits(h.n); h.kind == intKind {
				*t = float64(int64(h.n))
			}
			return true
		}
	case *any:
		if t != nil && !holdsPointer(*t) {
			*t, _ = build(arg, 0)
			return true
		}
	case *map[string]any:
		if t != nil && *t == nil && h.kind == mapKind {
			*t, _ = buildMap(arg, next, h.n)
			return true
		}
	case *[]any:
		if t != nil && *t == nil && h.kind == arrayKind {
			*t, _ = buildArray(arg, next, h.n)
			return true
		}
	}
	return false
}

func holdsPointer(v any) bool { return v != nil && reflect.TypeOf(v).Kind() == reflect.Pointer }

// build returns the value at i of checked bytes as an interface value, and the
// position behind it.
func build(b []byte, i int) (v any, next int) {
	h, next := readHead(b, i)
	var contents []byte
	if h.hasBytes() {
		end := next + int(h.n)
		contents = b[next:end:end]
		next = end
	}
	switch h.kind {
	case boolKind:
		return h.n != 0, next
	case intKind:
		return int64(h.n), next
	case uintKind:
		return h.n, next
	case floatKind:
		return math.Float64frombits(h.n), next
	case strKind:
		return string(contents), next
	case binKind:
		return contents, next
	case dateKind, timeKind:
		return readTime(h.kind, contents), next
	case extKind:
		return []any{int64(h.ext), contents}, next
	case arrayKind:
		return buildArray(b, next, h.n)
	case mapKind:
		return buildMap(b, next, h.n)
	}
	return nil, next
}

// buildArray allocates at once: checkValue has seen that the items are there.
func buildArray(b []byte, i int, n uint64) (items []any, next int) {
	items = make([]any, n)
	for k := range items {
		items[k], i = build(b, i)
	}
	return items, i
}

// maxMapHint bounds the room made for a map at once: all its keys may be one.
const maxMapHint = 1024

func buildMap(b []byte, i int, n uint64) (m map[string]any, next int) {
	m = make(map[string]any, min(n, maxMapHint))
	for range n {
		var key string
		key, i = mapKey(b, i)
		m[key], i = build(b, i)
	}
	return m, i
}

// mapKey returns the key at i as text, and the position behind it.
func mapKey(b []byte, i int) (key string, next int) {
	start, end := keyAt(b, i)
	switch h, _ := readHead(b, i); h.kind {
	case intKind:
		return strconv.FormatInt(int64(h.n), 10), end
	case uintKind:
		return strconv.FormatUint(h.n, 10), end
	}
	return string(b[start:end]), end
}
