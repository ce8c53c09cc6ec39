// The reference and the JSON Schema: current, and in agreement with the loader.

package config

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// page is where the reference stands.
const page = "../../../../docs/configuration.md"

func TestReferenceIsCurrent(t *testing.T) {
	var b bytes.Buffer
	if err := Markdown(&b, ""); err != nil {
		t.Fatal(err)
	}
	now, err := os.ReadFile(page)
	if err != nil || !bytes.Equal(now, b.Bytes()) {
		t.Errorf("docs/configuration.md is not what \"sioserver config docs --markdown\" prints: %v", err)
	}
	for _, f := range Fields() {
		if f.Env != "" && !f.Section() && !strings.Contains(b.String(), "`"+f.Env+"`") {
			t.Errorf("%s is not in the reference", f.Env)
		}
	}
}

func TestJSONSchema(t *testing.T) {
	var b bytes.Buffer
	if err := JSONSchema(&b, ""); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		b, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, text := range []string{full, open + "limits: {max_connections: auto, bytes_per_second: 1024}\nserver: {loops: \"${N}\", tls: {min_version: 1.2}}\n"} {
		if err := valid(text); err != nil {
			t.Errorf("%s%v", text, err)
		}
	}
	for _, text := range []string{
		"limits: {max_conections: 5}\n", "limits: {max_connections: many}\n", "engine: {ping_interval: soon}\n",
		"server: {loops: 257}\n", "webhooks: [{name: a}]\n", "log: {level: loud}\n", "auth: {required: \"false\"}\n",
	} {
		if valid(text) == nil {
			t.Errorf("%s is valid", text)
		}
		if _, err := load(text); err == nil {
			t.Errorf("%s was loaded", text)
		}
	}
	if err := JSONSchema(&b, "nothing"); err == nil {
		t.Error("a schema of nothing")
	}
}
