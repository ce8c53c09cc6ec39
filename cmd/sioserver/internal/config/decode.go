// Trees to the struct: types, ranges, defaults, unknown keys.

package config

import (
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// decoder fills the struct in.
type decoder struct {
	lenient  bool
	sources  map[string]Source // of the values that were given
	problems []Problem
	warnings []Problem

	unknownTexts []string // of unknown keys, which may be secrets under a misspelt name
}

// given notes where a value comes from.
func (d *decoder) given(path string, s Source) {
	if s.Kind != FromDefault && s.Kind != "" {
		d.sources[path] = s
	}
}

func (d *decoder) fault(n *node, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Source: n.source, Path: path, Message: fmt.Sprintf(format, args...)})
}

// section fills a struct in from a mapping; without one it gets its defaults.
func (d *decoder) section(path string, n *node, v reflect.Value, element bool) {
	if n != nil && n.kind != mapping && n.kind != missing {
		d.fault(n, path, "it must be a mapping with the keys %s, not %s", listed(keys(v.Type())), n.what())
		n = nil
	}
	for i := range v.NumField() {
		f := fieldOf(v.Type().Field(i), nil, element)
		if f == nil {
			continue
		}
		key := f.Path[0]
		var value *node
		if n != nil {
			value = n.get(key)
		}
		if value != nil && value.kind == missing {
			value = nil
		}
		if value == nil && f.Needed && n != nil {
			d.problems = append(d.problems, Problem{Source: n.source, Path: join(path, key), Message: "it must be given: " + f.Doc})
		}
		d.field(join(path, key), f, value, v.Field(i), element)
	}
	if n != nil {
		d.unknown(path, n, keys(v.Type()))
	}
}

// unknown tells of keys that a section does not have.
func (d *decoder) unknown(path string, n *node, names []string) {
	for _, e := range n.entries {
		if !contains(names, e.key) {
			d.unknownTexts = texts(e.value, d.unknownTexts)
			p := Problem{Source: e.source, Path: join(path, e.key), Message: "unknown key" + cmp.Or(didYouMean(e.key, names), ", it can be "+listed(names)), key: true}
			if d.lenient {
				d.warnings = append(d.warnings, p)
			} else {
				d.problems = append(d.problems, p)
			}
		}
	}
}

// texts are the texts of a tree.
func texts(n *node, list []string) []string {
	if n.kind == scalar && n.literal != number && n.literal != boolean && len(n.text) > 2 {
		list = append(list, n.text)
	}
	for _, item := range n.items {
		list = texts(item, list)
	}
	for _, e := range n.entries {
		list = texts(e.value, list)
	}
	return list
}

// field fills one key in.
func (d *decoder) field(path string, f *Field, n *node, v reflect.Value, element bool) {
	if n != nil {
		d.given(path, n.source)
	}
	if f.Section() {
		d.section(path, n, v, element)
		return
	}
	if n == nil {
		if f.Default == "" {
			return
		}
		n = &node{kind: scalar, text: f.Default, source: Source{Kind: FromDefault}}
		if v.Kind() == reflect.Slice {
			n = fromCommas(f.Default, n.source)
		}
	}
	if v.Kind() == reflect.Slice {
		d.slice(path, f, n, v)
		return
	}
	d.scalar(path, f, n, v)
}

// slice fills a list in. A single value is a list of one.
func (d *decoder) slice(path string, f *Field, n *node, v reflect.Value) {
	items := n.items
	if n.kind == scalar && v.Type().Elem().Kind() == reflect.String {
		items = []*node{n}
	} else if n.kind != list {
		d.fault(n, path, "it must be a %s, not %s", f.TypeName(), n.what())
		return
	}
	if len(items) == 0 {
		v.SetZero()
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		at := path + "[" + strconv.Itoa(i) + "]"
		switch e := out.Index(i); {
		case e.Kind() == reflect.Struct:
			d.given(at, item.source)
			if item.kind == missing {
				d.fault(item, at, "it is empty")
				continue
			}
			d.section(at, item, e, true)
		case e.Type() == anyType:
			if value := d.anything(item); value != nil {
				e.Set(reflect.ValueOf(value))
			}
		default:
			d.scalar(at, f, item, e)
		}
	}
	v.Set(out)
}

// scalar fills a single value in.
func (d *decoder) scalar(path string, f *Field, n *node, v reflect.Value) {
	if n.kind != scalar {
		d.fault(n, path, "it must be a %s, not %s", typeName(v.Type()), n.what())
		return
	}
	if f.Auto && n.text == "auto" {
		return
	}
	if err := set(v, n); err != nil {
		d.fault(n, path, "%s is not right: %v", shown(f, n.text), err)
		return
	}
	if len(f.Enum) > 0 && !contains(f.Enum, n.text) {
		d.fault(n, path, "%q is not one of %s%s", n.text, listed(f.Enum), didYouMean(n.text, f.Enum))
		return
	}
	if err := inRange(f, v); err != nil {
		d.fault(n, path, "%s is not right: %v", shown(f, n.text), err)
	}
}

// shown is a text for a message.
func shown(f *Field, text string) string {
	if f.Secret() {
		return "the secret"
	}
	if len(text) > 80 {
		text = text[:80] + "..."
	}
	return strconv.Quote(text)
}

// set reads a text into a value.
func set(v reflect.Value, n *node) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(n.text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.text)
	case reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(n.text))
		if err != nil || n.literal == quoted || n.literal == number {
			return fmt.Errorf("it is true or false, without quotes")
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64)
		if err != nil || n.literal == quoted {
			return fmt.Errorf("it is a whole number, without quotes")
		}
		v.SetInt(i)
	case reflect.Float64:
		x, err := strconv.ParseFloat(n.text, 64)
		if err != nil || n.literal == quoted {
			return fmt.Errorf("it is a number, without quotes")
		}
		v.SetFloat(x)
	default:
		panic("config: the schema has a " + v.Type().String())
	}
	return nil
}

// inRange compares a value with the limits in its tags. Whole numbers are never
// negative.
func inRange(f *Field, v reflect.Value) error {
	low, high := f.Min, f.Max
	if low == "" && v.Kind() == reflect.Int {
		low = "0"
	}
	limit := func(text string) (float64, bool) {
		if text == "" {
			return 0, false
		}
		l := reflect.New(v.Type()).Elem()
		if err := set(l, &node{text: text}); err != nil {
			panic("config: " + f.Key() + " has the limit " + text + ": " + err.Error())
		}
		return float(l), true
	}
	if l, ok := limit(low); ok && float(v) < l {
		return fmt.Errorf("it must be at least %s", low)
	}
	if h, ok := limit(high); ok && float(v) > h {
		return fmt.Errorf("it must be at most %s", high)
	}
	return nil
}

// float is a number of any kind.
func float(v reflect.Value) float64 {
	switch {
	case v.CanInt():
		return float64(v.Int())
	case v.CanFloat():
		return v.Float()
	}
	return 0
}

// anything makes of a tree what encoding/json would.
func (d *decoder) anything(n *node) any {
	switch n.kind {
	case list:
		out := make([]any, len(n.items))
		for i, item := range n.items {
			out[i] = d.anything(item)
		}
		return out
	case mapping:
		out := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			out[e.key] = d.anything(e.value)
		}
		return out
	case scalar:
		switch n.literal {
		case boolean:
			return strings.EqualFold(n.text, "true")
		case number:
			if i, err := strconv.ParseInt(n.text, 0, 53); err == nil {
				return float64(i)
			}
			if x, err := strconv.ParseFloat(n.text, 64); err == nil {
				return x
			}
		}
		return n.text
	}
	return nil
}

// what says what a node is.
func (n *node) what() string {
	switch n.kind {
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	case missing:
		return "nothing"
	}
	switch n.literal {
	case number:
		return "a number"
	case boolean:
		return "true or false"
	}
	return "a text"
}

// fromCommas is the list that a text with commas stands for.
func fromCommas(text string, s Source) *node {
	n := &node{kind: list, source: s}
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			n.items = append(n.items, &node{kind: scalar, text: part, source: s})
		}
	}
	return n
}

// join is the path of a key.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// listed writes names with commas.
func listed(names []string) string { return strings.Join(names, ", ") }

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
