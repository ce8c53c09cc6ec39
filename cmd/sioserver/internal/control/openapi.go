// The OpenAPI document and the page of the API, made of the table of endpoints.

package control

import (
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (x *call) openAPI() (any, error) {
	x.w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(x.w)
	e.SetIndent("", "  ")
	_ = e.Encode(x.document()) // a caller that has gone
	return written, nil
}

type object = map[string]any

// document is the API in OpenAPI 3.1.
func (c *Control) document() object {
	paths := object{}
	for _, e := range c.endpoints() {
		path, _ := paths[e.path].(object)
		if path == nil {
			path = object{}
			paths[e.path] = path
		}
		path[strings.ToLower(e.method)] = operation(e)
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "sioserver", "version": c.opts.Version, "description": "The HTTP API of sioserver, version 1."},
		"servers": []object{{"url": "/api/v1"}},
		"paths":   paths,
		"components": object{
			"securitySchemes": object{
				"bearer": object{"type": "http", "scheme": "bearer"},
				"header": object{"type": "apiKey", "in": "header", "name": "X-API-Key"},
			},
			"schemas": object{"Error": schemaOf(reflect.TypeFor[apiError]())},
		},
	}
}

// operation describes an endpoint.
func operation(e endpoint) object {
	failed := object{"description": "An error.", "content": jsonContent(object{
		"type":       "object",
		"properties": object{"ok": object{"const": false}, "error": object{"$ref": "#/components/schemas/Error"}},
	})}
	o := object{"summary": e.summary, "responses": object{
		"200":     object{"description": "Done.", "content": jsonContent(object{"type": "object", "properties": object{"ok": object{"const": true}, "result": schemaOfValue(e.result)}})},
		"default": failed,
	}}
	if e.scope != scopeNone {
		o["security"] = []object{{"bearer": []string{}}, {"header": []string{}}}
		o["x-scope"] = e.scope
	}
	var params []object
	for _, m := range pathParam.FindAllStringSubmatch(e.path, -1) {
		params = append(params, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	for _, p := range e.query {
		params = append(params, object{"name": p.name, "in": "query", "description": p.summary, "schema": object{"type": "string"}})
	}
	if len(params) > 0 {
		o["parameters"] = params
	}
	if e.request != nil {
		o["requestBody"] = object{"content": jsonContent(schemaOfValue(e.request))}
	}
	return o
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func schemaOfValue(v any) object {
	if v == nil {
		return object{}
	}
	return schemaOf(reflect.TypeOf(v))
}

// schemaOf is the JSON schema of what encoding/json makes of a type.
func schemaOf(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Struct:
		properties := object{}
		addFields(properties, t)
		return object{"type": "object", "properties": properties}
	}
	return object{}
}

// addFields adds the fields of a struct, those of embedded ones among them.
func addFields(properties object, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			addFields(properties, inner)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		properties[name] = schemaOf(f.Type)
	}
}

// docsPage lists the endpoints.
var docsPage = template.Must(template.New("docs").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>sioserver API</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{background:#8882;padding:.1em .3em;border-radius:.2em}dt{margin-top:1.2em}th{text-align:left;padding-right:1em;vertical-align:top}</style>
<h1>sioserver API</h1>
<p>Send a key of <code>control.keys</code> as <code>Authorization: Bearer KEY</code>. Bodies and answers are JSON:
<code>{"ok":true,"result":…}</code>, or <code>{"ok":false,"error":{"code","message","field"}}</code> with a status that tells the truth.
<a href="openapi.json">openapi.json</a> has the fields.</p>
<dl>{{range .}}<dt><code>{{.Method}} /api/v1{{.Path}}</code>{{with .Scope}} needs <b>{{.}}</b>{{end}}<dd>{{.Summary}}
{{with .Query}}<table>{{range .}}<tr><th><code>{{.Name}}</code><td>{{.Summary}}{{end}}</table>{{end}}
{{with .Body}}<p>Body: {{range .}}<code>{{.}}</code> {{end}}{{end}}{{end}}</dl></html>
`))

func (x *call) docs() (any, error) {
	type parameter struct{ Name, Summary string }
	type entry struct {
		Method, Path, Scope, Summary string
		Query                        []parameter
		Body                         []string
	}
	var list []entry
	for _, e := range x.endpoints() {
		d := entry{Method: e.method, Path: e.path, Scope: e.scope, Summary: e.summary}
		for _, p := range e.query {
			d.Query = append(d.Query, parameter{p.name, p.summary})
		}
		if e.request != nil {
			fields := object{}
			addFields(fields, reflect.TypeOf(e.request))
			d.Body = slices.Sorted(maps.Keys(fields))
		}
		list = append(list, d)
	}
	h := x.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	if x.r.Method != http.MethodHead {
		_ = docsPage.Execute(x.w, list) // a caller that has gone
	}
	return written, nil
}
