// The fields of a struct under the names by which they travel: the rules of
// encoding/json, with the tag msgpack looked at first.

package msgpack

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is one field of a struct, perhaps of one embedded in it.
type field struct {
	name      string
	index     []int // the way to it through embedded structs
	plan      *plan
	omitEmpty bool
	omitZero  func(reflect.Value) bool // nil if zero values stay
	quoted    bool                     // written as its JSON in a string

	tagged bool
}

// structFields returns the fields of t in the order of their declaration. Of
// several with one name the least deeply embedded wins, then one whose tag names
// it; if that leaves more than one, none does.
func structFields(t reflect.Type, made map[reflect.Type]*plan) []field {
	var all []field
	visited := map[reflect.Type]bool{}
	level := []embedded{{typ: t, count: 1}}
	for len(level) > 0 {
		var next []embedded
		for _, e := range level {
			if visited[e.typ] {
				continue
			}
			visited[e.typ] = true
			found, below := e.fields(made)
			all = append(all, found...)
			// Two of the same embedded type cancel each other's fields out.
			if e.count > 1 {
				all = append(all, found...)
			}
			for _, b := range below {
				if i := slices.IndexFunc(next, func(n embedded) bool { return n.typ == b.typ }); i >= 0 {
					next[i].count++
				} else {
					next = append(next, b)
				}
			}
		}
		level = next
	}
	return dominant(all)
}

// embedded is a struct to look into, and how often its level has it.
type embedded struct {
	typ   reflect.Type
	index []int
	count int
}

// fields returns the fields that e itself has, and the structs embedded in it.
func (e *embedded) fields(made map[reflect.Type]*plan) (found []field, below []embedded) {
	for i := range e.typ.NumField() {
		sf := e.typ.Field(i)
		inner := sf.Type
		if inner.Name() == "" && inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if !sf.IsExported() && (!sf.Anonymous || inner.Kind() != reflect.Struct) {
			continue
		}
		tag, ok := sf.Tag.Lookup("msgpack")
		if !ok {
			tag = sf.Tag.Get("json")
		}
		if tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if !validName(name) {
			name = ""
		}
		index := append(slices.Clone(e.index), i)
		if name == "" && sf.Anonymous && inner.Kind() == reflect.Struct {
			below = append(below, embedded{typ: inner, index: index, count: 1})
			continue
		}
		f := field{name: cmp.Or(name, sf.Name), index: index, tagged: name != "", plan: newPlan(sf.Type, made)}
		f.options(options, newPlan(inner, made))
		found = append(found, f)
	}
	return found, below
}

// options reads what follows the name in a tag. inner is the plan of the field,
// or of what it points to.
func (f *field) options(options string, inner *plan) {
	for o := range strings.SplitSeq(options, ",") {
		switch o {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = zeroTest(f.plan.typ)
		case "string":
			switch inner.write {
			case asBool, asInt, asUint, asFloat, asString, asNumber:
				f.quoted = inner.read == inner.write
			}
		}
	}
}

// zeroTest returns what tells the zero value of t: its IsZero method if it has
// one.
func zeroTest(t reflect.Type) func(reflect.Value) bool {
	type zeroer interface{ IsZero() bool }
	zeroerType := reflect.TypeFor[zeroer]()
	switch {
	case t.Kind() == reflect.Interface && t.Implements(zeroerType):
		return func(v reflect.Value) bool {
			return v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() || v.Interface().(zeroer).IsZero()
		}
	case t.Kind() == reflect.Pointer && t.Implements(zeroerType):
		return func(v reflect.Value) bool { return v.IsNil() || v.Interface().(zeroer).IsZero() }
	case t.Implements(zeroerType):
		return func(v reflect.Value) bool { return v.Interface().(zeroer).IsZero() }
	case reflect.PointerTo(t).Implements(zeroerType):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				addressable := reflect.New(v.Type()).Elem()
				addressable.Set(v)
				v = addressable
			}
			return v.Addr().Interface().(zeroer).IsZero()
		}
	}
	return reflect.Value.IsZero
}

// validName tells whether encoding/json would take a name from a tag.
func validName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// dominant leaves one field of each name, or none.
func dominant(all []field) []field {
	slices.SortStableFunc(all, func(a, b field) int {
		order := cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)))
		if order == 0 && a.tagged != b.tagged {
			order = 1
			if a.tagged {
				order = -1
			}
		}
		return order
	})
	var kept []field
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].name == all[0].name {
			n++
		}
		if n == 1 || len(all[0].index) != len(all[1].index) || all[0].tagged != all[1].tagged {
			kept = append(kept, all[0])
		}
		all = all[n:]
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept
}
