// The schema is that of the types, and results keep to it.

package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sioserver/sioserver/bench/internal/report"
	"github.com/sioserver/sioserver/bench/schema"
)

var update = flag.Bool("update", false, "write the schema anew from the types")

// TestSchemaOfTypes: a field that is added to a Result must be added to the
// schema, and one that is taken away needs another version.
func TestSchemaOfTypes(t *testing.T) {
	g := generator{docs: comments(t), defs: map[string]any{}}
	root := g.object(reflect.TypeFor[report.Result]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Result of siobench, version 1"
	root["$defs"] = g.defs
	props := root["properties"].(map[string]any)
	props["schema"] = map[string]any{"const": report.Schema}
	want, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("result.v1.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, schema.ResultV1) {
		t.Error("result.v1.json is not the schema of report.Result; if the change is compatible, run this test with -update")
	}
}

// generator makes a schema from types.
type generator struct {
	docs map[string]string
	defs map[string]any
}

// object is the schema of a struct.
func (g *generator) object(t reflect.Type) map[string]any {
	props, required := map[string]any{}, []string{}
	g.fields(t, props, &required)
	o := map[string]any{"type": "object", "properties": props, "required": required, "additionalProperties": false}
	if d := g.docs[t.Name()]; d != "" {
		o["description"] = d
	}
	return o
}

func (g *generator) fields(t reflect.Type, props map[string]any, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			g.fields(f.Type, props, required)
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		s := g.of(f.Type)
		if d := g.docs[t.Name()+"."+f.Name]; d != "" {
			s["description"] = d
		}
		props[name] = s
		if rest != "omitempty" {
			*required = append(*required, name)
		}
	}
}

// of is the schema of a type.
func (g *generator) of(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{"type": "object"}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.Pointer:
		return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, g.of(t.Elem())}}
	case reflect.Struct:
		if g.defs[t.Name()] == nil {
			g.defs[t.Name()] = true
			g.defs[t.Name()] = g.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	panic("no schema for " + t.String())
}

// comments are the doc comments of the result's types and fields.
func comments(t *testing.T) map[string]string {
	docs := map[string]string{}
	for _, path := range []string{"../internal/report/result.go", "../internal/proc/host.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				typ, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				docs[typ.Name.Name] = text(gen.Doc)
				st, ok := typ.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					for _, n := range field.Names {
						docs[typ.Name.Name+"."+n.Name] = text(field.Doc)
					}
				}
			}
		}
	}
	return docs
}

func text(c *ast.CommentGroup) string {
	if c == nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(c.Text(), "\n", " "))
}

// compiled is the schema ready to validate.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.ResultV1))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("result.v1.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("result.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, b []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestValidation(t *testing.T) {
	s := compiled(t)
	good, err := os.ReadFile("testdata/result.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, s, good); err != nil {
		t.Errorf("a real result does not keep to the schema: %v", err)
	}
	for name, change := range map[string][2]string{
		"other schema":  {report.Schema, "siobench/result/v9"},
		"no count":      {`"sent"`, `"dispatched"`},
		"count as text": {`"complete": true`, `"complete": "yes"`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(bad, good) {
				t.Fatalf("the result has no %s", change[0])
			}
			if validate(t, s, bad) == nil {
				t.Error("it is accepted")
			}
		})
	}
}
