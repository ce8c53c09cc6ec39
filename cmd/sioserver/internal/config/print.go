// Configurations as text: YAML, JSON, variables.

package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Formats are the forms in which a configuration is printed.
var Formats = []string{"yaml", "json", "env"}

// Print writes a whole configuration. With secrets it holds all that a file
// would; without, it is for people to look at.
func Print(w io.Writer, c *Config, format string, secrets bool) error {
	v := reflect.ValueOf(c).Elem()
	switch format {
	case "yaml":
		b, err := yaml.MarshalWithOptions(plainValue(v, secrets), yaml.IndentSequence(true))
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(ordered{plainValue(v, secrets)})
	case "env":
		var err error
		compare(v, v, nil, func(f *Field, a, _ reflect.Value) {
			if err == nil {
				_, err = fmt.Fprintf(w, "%s=%s\n", f.Env, shellQuote(variable(f, a, secrets)))
			}
		})
		return err
	}
	return fmt.Errorf("%q is no format: it is %s", format, listed(Formats))
}

// PrintDiff writes what differs from the defaults, each with where it was given.
func PrintDiff(w io.Writer, l *Loaded, secrets bool) error {
	var err error
	compare(reflect.ValueOf(Default()).Elem(), reflect.ValueOf(l.Config).Elem(), nil, func(f *Field, a, b reflect.Value) {
		if err == nil && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			source := l.Source(f.Key())
			_, err = fmt.Fprintf(w, "%s: %s  # %s\n", f.Key(), inline(b, secrets), source)
		}
	})
	return err
}

// plainValue is a value in the types that YAML and JSON know, with its keys in
// the order of the schema.
func plainValue(v reflect.Value, secrets bool) any {
	switch {
	case v.Type() == secretType && secrets:
		return v.String()
	case v.Kind() == reflect.Struct:
		m := yaml.MapSlice{}
		for i := range v.NumField() {
			if f := fieldOf(v.Type().Field(i), nil, true); f != nil {
				m = append(m, yaml.MapItem{Key: f.Path[0], Value: plainValue(v.Field(i), secrets)})
			}
		}
		return m
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plainValue(v.Index(i), secrets)
		}
		return list
	}
	if t, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, _ := t.MarshalText()
		return string(text)
	}
	return v.Interface()
}

// ordered is a MapSlice that is encoded as JSON in its order.
type ordered struct{ v any }

// MarshalJSON keeps the order of keys.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := appendJSON(&b, o.v)
	return b.Bytes(), err
}

func appendJSON(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case yaml.MapSlice:
		b.WriteByte('{')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Quote(item.Key.(string)) + ":")
			if err := appendJSON(b, item.Value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	b.Truncate(len(bytes.TrimRight(b.Bytes(), "\n")))
	return err
}

// Entry is a key with its value as people may see it, and where it was given.
type Entry struct {
	Key    string          `json:"key"`
	Value  json.RawMessage `json:"value"`
	Source string          `json:"source"`
}

// Settings are all keys of a configuration that was read, secrets hidden.
func Settings(l *Loaded) (list []Entry) {
	v := reflect.ValueOf(l.Config).Elem()
	compare(v, v, nil, func(f *Field, a, _ reflect.Value) {
		list = append(list, Entry{f.Key(), json.RawMessage(inline(a, false)), l.Source(f.Key()).String()})
	})
	return list
}

// inline is a value in one line, which is YAML as well.
func inline(v reflect.Value, secrets bool) string {
	var b bytes.Buffer
	if err := appendJSON(&b, plainValue(v, secrets)); err != nil {
		return err.Error()
	}
	return b.String()
}

// inlineJSON is JSON with its lines indented.
func inlineJSON(v any) string {
	b, err := json.MarshalIndent(ordered{v}, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b) + "\n"
}

// variable is a value as its environment variable holds it.
func variable(f *Field, v reflect.Value, secrets bool) string {
	text := inline(v, secrets)
	switch {
	case v.Kind() == reflect.Slice && !f.List() && v.Type().Elem() != anyType && !strings.Contains(text, `\`):
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i], _ = plainValue(v.Index(i), secrets).(string)
			if strings.Contains(parts[i], ",") {
				return text
			}
		}
		return strings.Join(parts, ",")
	case strings.HasPrefix(text, `"`):
		s, _ := plainValue(v, secrets).(string)
		return s
	}
	return text
}

// shellQuote puts a text in quotes for a shell if it needs them.
func shellQuote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./%@") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
