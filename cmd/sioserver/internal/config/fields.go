// The schema as a list of keys, by which everything else goes: environment, flags, documentation.

package config

import (
	"reflect"
	"strings"
)

// EnvPrefix begins the names of all environment variables.
const EnvPrefix = "SIOSERVER_"

// Field is a key of the schema.
type Field struct {
	Path    []string
	Env     string // its environment variable, "" for keys of elements of lists
	Doc     string
	Default string // as in a file
	Enum    []string
	Reload  string // live or restart; of a section: ""
	Min     string
	Max     string
	Auto    bool // "auto" stands for the zero value
	Needed  bool // an element of a list must have it

	goName string
	typ    reflect.Type
}

// Key is the path with points.
func (f *Field) Key() string { return strings.Join(f.Path, ".") }

// Section reports whether the field holds further keys, and is no list.
func (f *Field) Section() bool { return f.typ.Kind() == reflect.Struct }

// List reports whether the field is a list of elements that hold keys.
func (f *Field) List() bool {
	return f.typ.Kind() == reflect.Slice && f.typ.Elem().Kind() == reflect.Struct
}

// Secret reports whether its value is never shown.
func (f *Field) Secret() bool { return f.typ == secretType || f.typ == secretsType }

var (
	secretType   = reflect.TypeFor[Secret]()
	secretsType  = reflect.TypeFor[Secrets]()
	durationType = reflect.TypeFor[Duration]()
	sizeType     = reflect.TypeFor[Size]()
	rateType     = reflect.TypeFor[Rate]()
	percentType  = reflect.TypeFor[Percent]()
	anyType      = reflect.TypeFor[any]()
)

// fieldOf describes a field of a struct, nil for one that is no key.
func fieldOf(f reflect.StructField, above []string, inList bool) *Field {
	key := f.Tag.Get("yaml")
	if key == "" || key == "-" {
		return nil
	}
	v := &Field{
		Path: append(append([]string(nil), above...), key), Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"), Reload: f.Tag.Get("reload"),
		Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), Auto: f.Tag.Get("auto") == "true", Needed: f.Tag.Get("required") == "true", goName: f.Name, typ: f.Type,
	}
	if e := f.Tag.Get("enum"); e != "" {
		v.Enum = strings.Split(e, ",")
	}
	if !inList {
		v.Env = EnvPrefix + strings.ToUpper(strings.Join(v.Path, "_"))
	}
	return v
}

// keys are the keys of a struct, in its order.
func keys(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if f := fieldOf(t.Field(i), nil, true); f != nil {
			names = append(names, f.Path[0])
		}
	}
	return names
}

// walk calls each with every key below a struct, sections before what is in
// them. Elements of lists are not entered unless lists is set; their paths go on
// with [] then.
func walk(t reflect.Type, above []string, lists, inList bool, each func(*Field)) {
	for i := range t.NumField() {
		f := fieldOf(t.Field(i), above, inList)
		if f == nil {
			continue
		}
		each(f)
		switch {
		case f.Section():
			walk(f.typ, f.Path, lists, inList, each)
		case f.List() && lists:
			path := append([]string(nil), f.Path...)
			path[len(path)-1] += "[]"
			walk(f.typ.Elem(), path, lists, true, each)
		}
	}
}

// Fields are all keys of the schema, those of elements of lists included.
func Fields() (list []*Field) {
	walk(reflect.TypeFor[Config](), nil, true, false, func(f *Field) { list = append(list, f) })
	return list
}

// find is the key with a path, nil if there is none outside lists.
func find(path []string) (found *Field) {
	walk(reflect.TypeFor[Config](), nil, false, false, func(f *Field) {
		if f.Key() == strings.Join(path, ".") {
			found = f
		}
	})
	return found
}

// TypeName is what a value of the key is, in words.
func (f *Field) TypeName() string { return typeName(f.typ) }

func typeName(t reflect.Type) string {
	switch t {
	case durationType:
		return "time"
	case sizeType:
		return "size"
	case rateType:
		return "rate"
	case percentType:
		return "share"
	case secretType:
		return "secret"
	case secretsType:
		return "list of secrets"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Float64:
		return "number"
	case reflect.Struct:
		return "mapping"
	case reflect.Slice:
		switch t.Elem().Kind() {
		case reflect.Struct:
			return "list of mappings"
		case reflect.Interface:
			return "list of any values"
		}
		return "list of " + typeName(t.Elem()) + "s"
	}
	return "text"
}
