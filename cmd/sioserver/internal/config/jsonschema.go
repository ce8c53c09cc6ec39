// The schema as JSON Schema, for editors and for checks elsewhere.

package config

import (
	"fmt"
	"io"
	"reflect"

	"github.com/goccy/go-yaml"
)

// The forms of texts as regular expressions.
var patterns = map[reflect.Type]string{
	durationType: `^(0|[0-9]+d|([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+)$`,
	sizeType:     `^[0-9]+(\.[0-9]+)? ?([KMGTkmgt]?[iI]?[bB])?$`,
	rateType:     `^(0|[0-9]+(\.[0-9]+)?/[smh])$`,
	percentType:  `^(0|[0-9]+(\.[0-9]+)? ?%)$`,
}

// variableText is what stands for a value that the environment has.
const variableText = `\$\{[^}]+\}`

// JSONSchema writes the schema: of a section, or of all of them if it is "".
func JSONSchema(w io.Writer, section string) error {
	t, title := reflect.TypeFor[Config](), "sioserver.yaml"
	var schema yaml.MapSlice
	if section == "" {
		schema = objectSchema(t)
	} else {
		f := find([]string{section})
		if f == nil {
			return fmt.Errorf("there is no section %q%s", section, didYouMean(section, keys(t)))
		}
		schema, title = fieldSchema(f), title+": "+section
	}
	head := yaml.MapSlice{{Key: "$schema", Value: "https://json-schema.org/draft/2020-12/schema"}, {Key: "title", Value: title}}
	text := inlineJSON(append(head, schema...))
	_, err := io.WriteString(w, text)
	return err
}

// objectSchema describes a mapping.
func objectSchema(t reflect.Type) yaml.MapSlice {
	var properties yaml.MapSlice
	var required []any
	for i := range t.NumField() {
		f := fieldOf(t.Field(i), nil, true)
		if f == nil {
			continue
		}
		properties = append(properties, yaml.MapItem{Key: f.Path[0], Value: fieldSchema(f)})
		if f.Needed {
			required = append(required, f.Path[0])
		}
	}
	s := yaml.MapSlice{{Key: "type", Value: []any{"object", "null"}}, {Key: "additionalProperties", Value: false}, {Key: "properties", Value: properties}}
	if required != nil {
		s = append(s, yaml.MapItem{Key: "required", Value: required})
	}
	return s
}

// fieldSchema describes a key.
func fieldSchema(f *Field) yaml.MapSlice {
	s := yaml.MapSlice{{Key: "description", Value: f.Doc}}
	add := func(key string, v any) { s = append(s, yaml.MapItem{Key: key, Value: v}) }
	switch {
	case f.Section():
		return append(s, objectSchema(f.typ)...)
	case f.List():
		add("type", []any{"array", "null"})
		add("items", objectSchema(f.typ.Elem()))
	case f.typ.Kind() == reflect.Slice && f.typ.Elem() == anyType:
		add("type", []any{"array", "null"})
	case f.typ.Kind() == reflect.Slice:
		one := scalarSchema(f, f.typ.Elem())
		add("anyOf", []any{one, yaml.MapSlice{{Key: "type", Value: "array"}, {Key: "items", Value: one}}, yaml.MapSlice{{Key: "type", Value: "null"}}})
	default:
		add("anyOf", []any{scalarSchema(f, f.typ), yaml.MapSlice{{Key: "type", Value: "null"}}})
	}
	if f.Default != "" {
		add("default", f.Default)
	}
	return s
}

// scalarSchema describes a single value. Any may be a variable.
func scalarSchema(f *Field, t reflect.Type) yaml.MapSlice {
	variable := yaml.MapSlice{{Key: "type", Value: "string"}, {Key: "pattern", Value: variableText}}
	var s yaml.MapSlice
	switch {
	case len(f.Enum) > 0:
		list := make([]any, len(f.Enum))
		for i, e := range f.Enum {
			list[i] = e
		}
		if f.Path[len(f.Path)-1] == "min_version" { // as numbers too
			list = append(list, 1.2, 1.3)
		}
		s = yaml.MapSlice{{Key: "enum", Value: list}}
	case patterns[t] != "":
		s = yaml.MapSlice{{Key: "type", Value: []any{"string", "number"}}, {Key: "pattern", Value: patterns[t]}}
	case t.Kind() == reflect.Bool:
		s = yaml.MapSlice{{Key: "type", Value: "boolean"}}
	case t.Kind() == reflect.Int, t.Kind() == reflect.Float64:
		s = yaml.MapSlice{{Key: "type", Value: map[bool]string{true: "integer", false: "number"}[t.Kind() == reflect.Int]}}
		for key, text := range map[string]string{"minimum": f.Min, "maximum": f.Max} {
			if v := reflect.New(t).Elem(); text != "" && set(v, &node{text: text}) == nil {
				s = append(s, yaml.MapItem{Key: key, Value: float(v)})
			}
		}
		if f.Auto {
			s = yaml.MapSlice{{Key: "anyOf", Value: []any{s, yaml.MapSlice{{Key: "const", Value: "auto"}}}}}
		}
	default:
		return yaml.MapSlice{{Key: "type", Value: []any{"string", "number", "boolean"}}}
	}
	return yaml.MapSlice{{Key: "anyOf", Value: []any{s, variable}}}
}
