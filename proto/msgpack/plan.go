// How values of a Go type are written and read: worked out once for each type.

package msgpack

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// action is what to do with a value.
type action uint8

const (
	unsupported action = iota
	asBool
	asInt
	asUint
	asFloat
	asString
	asBytes  // []byte, as bin
	asBase64 // a named type of byte slices, as encoding/json writes it
	asSlice
	asArray
	asMap
	asStruct
	asPointer
	asInterface
	asTime
	asRawJSON
	asNumber // json.Number
	viaJSON  // json.Marshaler or json.Unmarshaler
	viaText  // encoding.TextMarshaler or TextUnmarshaler
)

// plan is how values of one type are written and read. Plans of recursive types
// lead to themselves; once published they are never written to.
type plan struct {
	typ       reflect.Type
	write     action
	writeAddr action // instead of write where the value has an address
	read      action

	elem   *plan // of slices, arrays, maps and pointers
	key    *plan // of maps
	fields []field
	byName map[string]*field
}

var (
	bytesType           = reflect.TypeFor[[]byte]()
	timeType            = reflect.TypeFor[time.Time]()
	rawJSONType         = reflect.TypeFor[json.RawMessage]()
	numberType          = reflect.TypeFor[json.Number]()
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

var (
	// plans is replaced, never written to. A program has few types and asks
	// often, so a reader must not wait.
	plans atomic.Pointer[map[reflect.Type]*plan]
	// planning is held while plans are made: half a plan must not be seen.
	planning sync.Mutex
)

// planOf returns the plan of t.
func planOf(t reflect.Type) *plan {
	if known := plans.Load(); known != nil {
		if p := (*known)[t]; p != nil {
			return p
		}
	}
	planning.Lock()
	defer planning.Unlock()
	next := map[reflect.Type]*plan{}
	if known := plans.Load(); known != nil {
		for t, p := range *known {
			next[t] = p
		}
	}
	p := newPlan(t, next)
	plans.Store(&next)
	return p
}

// newPlan returns the plan of t out of made, after adding it if it was not in.
func newPlan(t reflect.Type, made map[reflect.Type]*plan) *plan {
	if p := made[t]; p != nil {
		return p
	}
	p := &plan{typ: t}
	made[t] = p
	form := formOf(t)
	p.write, p.writeAddr, p.read = form, form, form
	switch form {
	case asTime, asRawJSON, asNumber:
	case asInterface, asPointer: // what they hold has the methods
	default:
		p.customize(t)
	}
	switch form {
	case asSlice, asArray, asPointer, asBytes, asBase64:
		p.elem = newPlan(t.Elem(), made)
	case asMap:
		p.key, p.elem = newPlan(t.Key(), made), newPlan(t.Elem(), made)
		// A plan for keys decides by itself; this one only has to know.
		if !isKeyType(t.Key()) {
			p.write, p.writeAddr, p.read = unsupported, unsupported, unsupported
			p.customize(t)
		}
	case asStruct:
		p.fields = structFields(t, made)
		p.byName = make(map[string]*field, len(p.fields))
		for i := range p.fields {
			p.byName[p.fields[i].name] = &p.fields[i]
		}
	}
	return p
}

// customize lets the methods of t, and those of its pointers, decide.
func (p *plan) customize(t reflect.Type) {
	if t.Implements(marshalerType) {
		p.write, p.writeAddr = viaJSON, viaJSON
	} else if t.Implements(textMarshalerType) {
		p.write, p.writeAddr = viaText, viaText
	}
	ptr := reflect.PointerTo(t)
	if ptr.Implements(marshalerType) {
		p.writeAddr = viaJSON
	} else if ptr.Implements(textMarshalerType) {
		p.writeAddr = viaText
	}
	if ptr.Implements(unmarshalerType) {
		p.read = viaJSON
	} else if ptr.Implements(textUnmarshalerType) {
		p.read = viaText
	}
}

// formOf returns what the kind of t calls for, methods aside.
func formOf(t reflect.Type) action {
	switch t {
	case timeType:
		return asTime
	case rawJSONType:
		return asRawJSON
	case numberType:
		return asNumber
	case bytesType:
		return asBytes
	}
	switch t.Kind() {
	case reflect.Bool:
		return asBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return asInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return asUint
	case reflect.Float32, reflect.Float64:
		return asFloat
	case reflect.String:
		return asString
	case reflect.Slice:
		return sliceForm(t)
	case reflect.Array:
		return asArray
	case reflect.Map:
		return asMap
	case reflect.Struct:
		return asStruct
	case reflect.Pointer:
		return asPointer
	case reflect.Interface:
		return asInterface
	}
	return unsupported
}

// sliceForm tells byte slices from others. Bytes with a way of their own to be
// written are not bytes.
func sliceForm(t reflect.Type) action {
	if t.Elem().Kind() != reflect.Uint8 {
		return asSlice
	}
	if ptr := reflect.PointerTo(t.Elem()); ptr.Implements(marshalerType) || ptr.Implements(textMarshalerType) {
		return asSlice
	}
	return asBase64
}

// isKeyType tells whether t can be the key of a map.
func isKeyType(t reflect.Type) bool {
	switch formOf(t) {
	case asString, asNumber, asInt, asUint:
		return true
	}
	return t.Implements(textMarshalerType) || reflect.PointerTo(t).Implements(textUnmarshalerType)
}
