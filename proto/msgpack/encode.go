// Go values of any type to MessagePack, by their plans.

package msgpack

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sioserver/sioserver/proto/socketio"
)

func wrapEncode(err error) error { return fmt.Errorf("msgpack: encode: %w", err) }

// reflected appends v, a value of the type of p. Pointers count towards the
// depth: they can lead in circles too.
func (e *encoder) reflected(v reflect.Value, p *plan, depth int) (err error) {
	how := p.write
	if p.writeAddr != how && v.CanAddr() {
		how, v = p.writeAddr, v.Addr()
	}
	switch how {
	case asBool:
		e.bool(v.Bool())
	case asInt:
		e.dst = appendInt(e.dst, v.Int())
	case asUint:
		e.dst = appendUint(e.dst, v.Uint())
	case asFloat:
		if v.Kind() == reflect.Float32 {
			e.dst = appendFloat32(e.dst, float32(v.Float()))
		} else {
			e.dst = appendFloat(e.dst, v.Float())
		}
	case asString:
		e.dst = AppendString(e.dst, v.String())
	case asBytes:
		e.bytes(v.Bytes())
	case asBase64:
		if v.IsNil() {
			e.null()
		} else {
			e.dst = AppendString(e.dst, base64.StdEncoding.EncodeToString(v.Bytes()))
		}
	case asTime:
		t, _ := reflect.TypeAssert[time.Time](v)
		e.dst, err = appendDate(e.dst, t)
	case asRawJSON:
		return e.raw(v.Bytes())
	case asNumber:
		return e.number(v.String())
	case viaJSON, viaText:
		return e.custom(v, how)
	case asPointer, asInterface, asSlice, asArray, asMap, asStruct:
		return e.composite(v, p, how, depth)
	default:
		return wrapEncode(&json.UnsupportedTypeError{Type: p.typ})
	}
	return err
}

// composite appends a value that holds others.
func (e *encoder) composite(v reflect.Value, p *plan, how action, depth int) error {
	switch how {
	case asPointer, asInterface, asSlice, asMap:
		if v.IsNil() {
			e.null()
			return nil
		}
	}
	if depth >= maxDepth {
		return socketio.ErrCyclic
	}
	switch how {
	case asPointer:
		return e.reflected(v.Elem(), p.elem, depth+1)
	case asInterface:
		inner := v.Elem()
		return e.reflected(inner, planOf(inner.Type()), depth+1)
	case asMap:
		return e.mapping(v, p, depth+1)
	case asStruct:
		return e.structure(v, p, depth+1)
	}
	n := v.Len()
	e.dst = appendArrayHead(e.dst, n)
	for i := range n {
		if err := e.reflected(v.Index(i), p.elem, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// number appends a json.Number.
func (e *encoder) number(lit string) error {
	if lit == "" {
		lit = "0"
	}
	r := jsonReader{b: []byte(lit), dst: e.dst}
	if r.number(0) != len(lit) {
		return wrapEncode(fmt.Errorf("invalid number literal %q", lit))
	}
	e.dst = r.dst
	return nil
}

// custom appends a value by its own method.
func (e *encoder) custom(v reflect.Value, how action) error {
	if k := v.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.IsNil() {
		e.null()
		return nil
	}
	if !v.CanInterface() {
		return wrapEncode(&json.UnsupportedTypeError{Type: v.Type()})
	}
	if how == viaText {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return wrapEncode(err)
		}
		e.dst = AppendString(e.dst, string(text))
		return nil
	}
	text, err := v.Interface().(json.Marshaler).MarshalJSON()
	if err != nil {
		return wrapEncode(err)
	}
	if text == nil {
		return wrapEncode(socketio.ErrRawJSON)
	}
	return e.raw(text)
}

// mapping appends a map with its keys sorted as text.
func (e *encoder) mapping(v reflect.Value, p *plan, depth int) error {
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for items := v.MapRange(); items.Next(); {
		key, err := keyText(items.Key())
		if err != nil {
			return wrapEncode(err)
		}
		entries = append(entries, entry{key, items.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	e.dst = appendMapHead(e.dst, len(entries))
	for _, m := range entries {
		e.dst = AppendString(e.dst, m.key)
		if err := e.reflected(m.value, p.elem, depth); err != nil {
			return err
		}
	}
	return nil
}

// keyText returns the text of a map's key. A string is its own text, whatever
// methods it has.
func keyText(key reflect.Value) (string, error) {
	if key.Kind() == reflect.String {
		return key.String(), nil
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		if key.Kind() == reflect.Pointer && key.IsNil() {
			return "", nil
		}
		text, err := m.MarshalText()
		return string(text), err
	}
	switch {
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10), nil
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10), nil
	}
	return "", &json.UnsupportedTypeError{Type: key.Type()}
}

// structure appends a struct as a map.
func (e *encoder) structure(v reflect.Value, p *plan, depth int) error {
	at, n := len(e.dst), 0
	e.dst = append(e.dst, 0)
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.of(v)
		if !ok || f.omitEmpty && isEmpty(fv) || f.omitZero != nil && f.omitZero(fv) {
			continue
		}
		n++
		e.dst = AppendString(e.dst, f.name)
		var err error
		if f.quoted {
			err = e.quoted(fv)
		} else {
			err = e.reflected(fv, f.plan, depth)
		}
		if err != nil {
			return err
		}
	}
	e.dst = closeContainer(e.dst, at, n, 0x80, 0xde)
	return nil
}

// of returns the field in the struct v; ok is false if a nil pointer is in the
// way.
func (f *field) of(v reflect.Value) (fv reflect.Value, ok bool) {
	for i, n := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, true
}

// isEmpty is what omitempty leaves out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Interface, reflect.Pointer:
		return v.IsZero()
	}
	return false
}

// quoted appends a scalar as its JSON in a string, which is what the option
// string of a tag asks for.
func (e *encoder) quoted(v reflect.Value) error {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		e.null()
		return nil
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return wrapEncode(err)
	}
	e.dst = AppendString(e.dst, string(text))
	return nil
}
