// MessagePack into Go values of any type, by their plans.

package msgpack

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// decoder reads values out of bytes that have been checked.
type decoder struct {
	b []byte
	// hops counts the pointers around the value being read. Go types and values
	// can be pointers without end.
	hops int
}

// methods returns the interface T of what v holds, if its pointer has it and v
// is not out of bounds for it.
func methods[T any](v reflect.Value) (m T, ok bool) {
	if v = v.Addr(); !v.CanInterface() {
		return m, false
	}
	m, ok = v.Interface().(T)
	return m, ok
}

// item is one value on its way into a Go value.
type item struct {
	head
	at       int    // of the value
	next     int    // behind the head: where members start
	contents []byte // of strings, binary data, dates and extensions
}

func (d *decoder) item(i int) item {
	h, next := readHead(d.b, i)
	it := item{head: h, at: i, next: next}
	if h.hasBytes() {
		end := next + int(h.n)
		it.contents = d.b[next:end:end]
	}
	return it
}

// end returns the position behind a value that holds no others.
func (it *item) end() int { return it.next + len(it.contents) }

func mismatch(it *item, t reflect.Type) error {
	return &json.UnmarshalTypeError{Value: kindNames[it.kind], Type: t, Offset: int64(it.at)}
}

// into decodes the value at i into v, of the type of p, and returns the position
// behind it.
func (d *decoder) into(i int, v reflect.Value, p *plan) (next int, err error) {
	it := d.item(i)
	if it.absent() {
		return it.end(), setAbsent(v, p)
	}
	switch p.read {
	case asPointer, asInterface:
		if d.hops == 2*maxDepth {
			return 0, mismatch(&it, p.typ)
		}
		d.hops++
		next, err = d.intoPointer(&it, v, p)
		d.hops--
		return next, err
	case viaJSON:
		u, ok := methods[json.Unmarshaler](v)
		if !ok {
			return 0, mismatch(&it, p.typ)
		}
		text, next := d.json(i)
		return next, u.UnmarshalJSON(text)
	case asRawJSON:
		text, next := d.json(i)
		v.SetBytes(text)
		return next, nil
	}
	switch it.kind {
	case arrayKind:
		return d.intoList(&it, v, p)
	case mapKind:
		switch p.read {
		case asMap:
			return d.intoMap(&it, v, p)
		case asStruct:
			return d.intoStruct(&it, v, p)
		}
		return 0, mismatch(&it, p.typ)
	}
	return it.end(), setScalar(&it, v, p)
}

// json returns the value at i as JSON of its own, and the position behind it.
func (d *decoder) json(i int) (text []byte, next int) {
	w := jsonWriter{b: d.b, inline: true}
	next = w.value(i)
	return w.dst, next
}

// intoPointer decodes into what a pointer, or an interface that holds one, leads
// to; an interface that does not gets a value made for it.
func (d *decoder) intoPointer(it *item, v reflect.Value, p *plan) (next int, err error) {
	if p.read == asPointer {
		if v.IsNil() {
			v.Set(reflect.New(p.elem.typ))
		}
		return d.into(it.at, v.Elem(), p.elem)
	}
	if held := v.Elem(); held.Kind() == reflect.Pointer && !held.IsNil() {
		return d.into(it.at, held.Elem(), planOf(held.Type().Elem()))
	}
	if v.NumMethod() > 0 {
		return 0, mismatch(it, p.typ)
	}
	made, next := build(d.b, it.at)
	v.Set(reflect.ValueOf(made))
	return next, nil
}

// firstBytes bounds what is allocated for an array before its items are seen to
// fit. Memory grows with them from there on.
const firstBytes = 64 << 10

// intoList decodes an array into a slice or an array. A slice keeps its memory,
// unless it is bytes: these may be the memory of an earlier message. What was in
// it does not show through.
func (d *decoder) intoList(it *item, v reflect.Value, p *plan) (next int, err error) {
	i, n := it.next, int(it.n)
	fixed := p.read == asArray
	switch p.read {
	case asArray:
	case asSlice, asBytes, asBase64:
		if v.IsNil() || p.read != asSlice {
			size := max(1, int(p.elem.typ.Size()))
			v.Set(reflect.MakeSlice(p.typ, 0, min(n, max(1, firstBytes/size))))
		}
		v.SetLen(0)
	default:
		return 0, mismatch(it, p.typ)
	}
	for k := range n {
		if fixed && k == v.Len() {
			for range n - k {
				i = valueEnd(d.b, i)
			}
			return i, nil
		}
		if !fixed {
			v.Grow(1)
			v.SetLen(k + 1)
		}
		slot := v.Index(k)
		slot.SetZero()
		if i, err = d.into(i, slot, p.elem); err != nil {
			return 0, err
		}
	}
	for k := n; k < v.Len(); k++ {
		v.Index(k).SetZero()
	}
	return i, nil
}

// intoMap adds the members to a map.
func (d *decoder) intoMap(it *item, v reflect.Value, p *plan) (next int, err error) {
	i := it.next
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(p.typ, int(min(it.n, maxMapHint))))
	}
	for range it.n {
		var text string
		text, i = mapKey(d.b, i)
		key := reflect.New(p.key.typ).Elem()
		if err := setKey(key, p.key, text); err != nil {
			return 0, err
		}
		value := reflect.New(p.elem.typ).Elem()
		if i, err = d.into(i, value, p.elem); err != nil {
			return 0, err
		}
		v.SetMapIndex(key, value)
	}
	return i, nil
}

// setKey makes a map's key of its text.
func setKey(key reflect.Value, p *plan, text string) error {
	if key.Kind() != reflect.String || p.read == viaText {
		if u, ok := key.Addr().Interface().(encoding.TextUnmarshaler); ok {
			return u.UnmarshalText([]byte(text))
		}
	}
	switch {
	case key.Kind() == reflect.String:
		key.SetString(text)
		return nil
	case key.CanInt():
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && !key.OverflowInt(n) {
			key.SetInt(n)
			return nil
		}
	case key.CanUint():
		if n, err := strconv.ParseUint(text, 10, 64); err == nil && !key.OverflowUint(n) {
			key.SetUint(n)
			return nil
		}
	}
	return &json.UnmarshalTypeError{Value: "key of an object", Type: p.typ}
}

// intoStruct decodes the members that the struct has fields for.
func (d *decoder) intoStruct(it *item, v reflect.Value, p *plan) (next int, err error) {
	i := it.next
	for range it.n {
		from, to := keyAt(d.b, i)
		i = to
		var f *field
		if from < to {
			f = p.find(d.b[from:to])
		}
		if f == nil {
			i = valueEnd(d.b, i)
			continue
		}
		fv, err := f.reach(v)
		if err != nil {
			return 0, err
		}
		if f.quoted {
			i, err = d.intoQuoted(i, fv)
		} else {
			i, err = d.into(i, fv, f.plan)
		}
		if err != nil {
			return 0, err
		}
	}
	return i, nil
}

// find returns the field that a key means: the one of that name, or the first
// whose name differs in case only.
func (p *plan) find(key []byte) *field {
	if f := p.byName[string(key)]; f != nil {
		return f
	}
	for i := range p.fields {
		if name := p.fields[i].name; len(key) <= 3*len(name) && strings.EqualFold(name, string(key)) {
			return &p.fields[i]
		}
	}
	return nil
}

var errUnexportedEmbedded = errors.New("cannot set embedded pointer to unexported struct")

// reach returns the field in the struct v. Embedded pointers that are nil get
// something to point to.
func (f *field) reach(v reflect.Value) (reflect.Value, error) {
	for i, n := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, errUnexportedEmbedded
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(n)
	}
	return v, nil
}

// intoQuoted decodes the JSON of a scalar out of a string, for the option string
// of a tag.
func (d *decoder) intoQuoted(i int, v reflect.Value) (next int, err error) {
	it := d.item(i)
	if it.absent() {
		if v.Kind() == reflect.Pointer {
			v.SetZero()
		}
		return it.end(), nil
	}
	if it.kind != strKind {
		return 0, mismatch(&it, v.Type())
	}
	return it.end(), json.Unmarshal(it.contents, v.Addr().Interface())
}
