// Which Go types can hold a byte slice that must travel as an attachment.

package socketio

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"sync/atomic"
)

// byteClass tells what a type's values can hold.
type byteClass uint8

const (
	noBytes   byteClass = iota // no []byte
	withBytes                  // a []byte, and all is known from the type
	dynamic                    // only the value tells: interfaces, endless pointers
)

var (
	bytesType         = reflect.TypeFor[[]byte]()
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()

	// classes is replaced, never written to. A program has few types and asks
	// often, so a reader must not wait.
	classes atomic.Pointer[map[reflect.Type]byteClass]
)

// classOf returns the class of t and remembers it.
func classOf(t reflect.Type) byteClass {
	for {
		known := classes.Load()
		if known != nil {
			if class, ok := (*known)[t]; ok {
				return class
			}
		}
		next := map[reflect.Type]byteClass{}
		if known != nil {
			next = maps.Clone(*known)
		}
		next[t] = classify(t, map[reflect.Type]bool{})
		if classes.CompareAndSwap(known, &next) {
			return next[t]
		}
	}
}

// classify works out the class of t. open holds the types around it: a type
// inside itself adds nothing to what is found beside it.
func classify(t reflect.Type, open map[reflect.Type]bool) byteClass {
	if t == bytesType {
		return withBytes
	}
	if open[t] {
		if t.Kind() == reflect.Pointer {
			return endlessPointer(t)
		}
		return noBytes
	}
	if t.Kind() != reflect.Interface && (t.Implements(marshalerType) || t.Implements(textMarshalerType)) {
		return noBytes
	}
	open[t] = true
	defer delete(open, t)
	switch t.Kind() {
	case reflect.Interface:
		return dynamic
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return noBytes
		}
		return classify(t.Elem(), open)
	case reflect.Pointer, reflect.Array, reflect.Map:
		return classify(t.Elem(), open)
	case reflect.Struct:
		class := noBytes
		for i := range t.NumField() {
			if f := t.Field(i); encoded(f) {
				class = max(class, classify(f.Type, open))
			}
		}
		return class
	}
	return noBytes
}

// endlessPointer returns dynamic for a type that is pointers all the way down,
// such as type P *P: its values can loop without any JSON being written.
func endlessPointer(t reflect.Type) byteClass {
	for e := t.Elem(); e.Kind() == reflect.Pointer; e = e.Elem() {
		if e == t {
			return dynamic
		}
	}
	return noBytes
}

// encoded tells whether a field can end up in the JSON.
func encoded(f reflect.StructField) bool {
	return (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-"
}

// holdsBytes looks for a []byte inside v. It walks all of v, like the encoder
// behind it, and returns ErrCyclic where that one would never end.
func holdsBytes(v reflect.Value, depth int) (found bool, err error) {
	if depth > maxEncodeDepth {
		return false, ErrCyclic
	}
	if !v.IsValid() {
		return false, nil
	}
	if class := classOf(v.Type()); class != dynamic {
		return class == withBytes, nil
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return holdsBytes(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err = mergeBytes(&found, v.Index(i), depth); err != nil {
				return false, err
			}
		}
	case reflect.Map:
		for items := v.MapRange(); items.Next(); {
			if err = mergeBytes(&found, items.Value(), depth); err != nil {
				return false, err
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !encoded(v.Type().Field(i)) {
				continue
			}
			if err = mergeBytes(&found, v.Field(i), depth); err != nil {
				return false, err
			}
		}
	}
	return found, nil
}

// mergeBytes sets found if v holds a []byte.
func mergeBytes(found *bool, v reflect.Value, depth int) error {
	f, err := holdsBytes(v, depth+1)
	*found = *found || f
	return err
}
