// Every key of the schema: described, read from every source, refused if wrong, printed and read back.

package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// sample is a value of a key that is not its default, and one that is wrong.
func sample(t *testing.T, f *Field) (good, bad string) {
	typ := f.typ
	if typ.Kind() == reflect.Slice && typ != secretsType {
		typ = typ.Elem()
	}
	if len(f.Enum) > 0 {
		good = f.Enum[0]
		if good == f.Default {
			good = f.Enum[len(f.Enum)-1]
		}
		return good, "nothing-of-the-kind"
	}
	switch typ {
	case durationType:
		if f.Default == "60s" {
			return "59s", "soon"
		}
		return "1m", "soon"
	case sizeType:
		return "3MiB", "large"
	case rateType:
		return "77/s", "often"
	case percentType:
		return "42%", "much"
	case secretType, secretsType:
		return "s3cr3t", ""
	}
	switch typ.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(f.Default != "true"), "maybe"
	case reflect.Int:
		return "7", "seven"
	case reflect.Float64:
		return "0.5", "half"
	case reflect.String:
		return "x" + f.Path[len(f.Path)-1], ""
	case reflect.Interface:
		return "[x]", ""
	}
	t.Fatalf("%s: no sample of a %s", f.Key(), f.typ)
	return "", ""
}

// decodeTree decodes without the checks between values.
func decodeTree(tree *node) (*Config, Problems, map[string]Source) {
	var c Config
	d := decoder{sources: map[string]Source{}}
	d.section("", tree, reflect.ValueOf(&c).Elem(), false)
	return &c, d.problems, d.sources
}

// valueAt is the value of a key in the form in which a configuration is printed.
func valueAt(t *testing.T, c *Config, f *Field) string {
	t.Helper()
	v := reflect.ValueOf(c).Elem()
	for _, part := range f.Path {
		name, element := strings.CutSuffix(part, "[]")
		found := false
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("yaml") == name {
				v, found = v.Field(i), true
				break
			}
		}
		if !found {
			t.Fatalf("%s: no %s", f.Key(), name)
		}
		if element {
			v = v.Index(0)
		}
	}
	return inline(v, true)
}

// textOf is a file with a key in it.
func textOf(f *Field, value string) string {
	var b strings.Builder
	indent := ""
	for i, part := range f.Path {
		name, element := strings.CutSuffix(part, "[]")
		b.WriteString(indent + name + ":")
		switch {
		case i == len(f.Path)-1:
			b.WriteString(" " + value + "\n")
		case element:
			b.WriteString("\n" + indent + "  - " + textOf(&Field{Path: f.Path[i+1:]}, value))
			return fixIndent(b.String())
		default:
			b.WriteString("\n")
			indent += "  "
		}
	}
	return b.String()
}

// fixIndent puts the lines below a dash under what stands behind it.
func fixIndent(text string) string {
	lines := strings.Split(text, "\n")
	dash := -1
	for i, l := range lines {
		if dash >= 0 && l != "" {
			lines[i] = strings.Repeat(" ", dash) + l
		}
		if k := strings.Index(l, "- "); k >= 0 && dash < 0 {
			dash = k + 2
		}
	}
	return strings.Join(lines, "\n")
}

func TestEveryKey(t *testing.T) {
	env := map[string]string{}
	for _, f := range Fields() {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: the description %q", f.Key(), f.Doc)
		}
		if f.Env != "" {
			if other := env[f.Env]; other != "" {
				t.Errorf("%s and %s have the variable %s", f.Key(), other, f.Env)
			}
			if other := env[strings.TrimSuffix(f.Env, "_FILE")]; other != "" && strings.HasSuffix(f.Env, "_FILE") {
				t.Errorf("%s cannot be told from the file of %s", f.Env, other)
			}
			env[f.Env] = f.Key()
			if leaf := !f.Section(); leaf && f.Reload != Live && f.Reload != Restart || !leaf && f.Reload != "" {
				t.Errorf("%s: reload is %q", f.Key(), f.Reload)
			}
		}
		if f.Section() || f.List() {
			continue
		}
		good, bad := sample(t, f)
		r := &reader{name: "f", kind: FromFile}
		tree := r.parse([]byte(textOf(f, good)))
		if len(r.faults) > 0 {
			t.Fatalf("%s: %v in\n%s", f.Key(), r.faults, textOf(f, good))
		}
		c, _, sources := decodeTree(tree)
		got := valueAt(t, c, f)
		if !strings.Contains(got, strings.Trim(good, "[]")) {
			t.Errorf("%s: %s became %s", f.Key(), good, got)
		}
		path := strings.ReplaceAll(f.Key(), "[]", "[0]")
		if s := sources[path]; s.Kind != FromFile || s.Line == 0 {
			t.Errorf("%s: source %+v of %v", path, s, sources)
		}
		if f.Env != "" {
			tree, problems, warnings := fromEnvironment(map[string]string{f.Env: good})
			c, more, _ := decodeTree(tree)
			if len(problems)+len(warnings)+len(more) > 0 || valueAt(t, c, f) != got {
				t.Errorf("%s: %v %v %v, %s instead of %s", f.Env, problems, warnings, more, valueAt(t, c, f), got)
			}
		}
		if bad == "" {
			continue
		}
		r = &reader{name: "f", kind: FromFile}
		if _, problems, _ := decodeTree(r.parse([]byte(textOf(f, bad)))); !strings.Contains(problems.Error(), path) {
			t.Errorf("%s: %s was taken: %v", f.Key(), bad, problems)
		}
	}
	if len(env) < 100 {
		t.Errorf("there are %d keys only", len(env))
	}
}

// TestRanges: the limits in the tags are those of their types, and hold on both
// sides.
func TestRanges(t *testing.T) {
	n := 0
	for _, f := range Fields() {
		for _, limit := range []string{f.Min, f.Max} {
			if limit == "" {
				continue
			}
			n++
			if _, problems, _ := decodeTree((&reader{kind: FromFile}).parse([]byte(textOf(f, limit)))); strings.Contains(problems.Error(), "must be at") {
				t.Errorf("%s: its own limit %s was refused: %v", f.Key(), limit, problems)
			}
		}
		if f.Max == "" {
			continue
		}
		beyond := map[reflect.Type]string{durationType: "200h", sizeType: "1TiB", percentType: "100%"}[f.typ]
		if beyond == "" {
			beyond = "99999999"
		}
		if _, problems, _ := decodeTree((&reader{kind: FromFile}).parse([]byte(textOf(f, beyond)))); !strings.Contains(problems.Error(), "it must be at most "+f.Max) {
			t.Errorf("%s: %s: %v", f.Key(), beyond, problems)
		}
	}
	if n < 20 {
		t.Errorf("%d limits", n)
	}
}

// full is a configuration with an element in every list.
const full = `
server: {listen: [":1", "127.0.0.1:2"], trusted_proxies: [10.0.0.0/8]}
control:
  keys: [{name: shop, key: "0123456789abcdef, and \"more\"", scopes: [emit, manage], namespaces: [/], cidrs: [127.0.0.1], rate: 30/m}]
auth:
  jwt: {enabled: true, hmac_secret: ["0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"]}
  allowed_origins: ["https://*.example.com"]
hooks: {event: {url: "http://127.0.0.1/"}, connect: {url: "http://127.0.0.1/"}}
webhooks: [{name: main, url: "https://app.example/", secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3}]
namespaces:
  - rooms: [{match: "public:*", join: anyone, presence: {enabled: true}}]
    events:
      - {match: [typing, typed], action: relay, to: "{data.room}", rate: 5/s}
      - {match: "log.*", action: webhook, webhook: main}
      - {match: ping, action: ack, ack: [{pong: true}, 1, "x, y"]}
      - {match: "*", action: hook}
`

func TestPrintedIsReadBack(t *testing.T) {
	l, err := load(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range Formats {
		var b strings.Builder
		if err := Print(&b, l.Config, format, true); err != nil {
			t.Fatal(err)
		}
		var again *Loaded
		if format == "env" {
			var env []string
			for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
				name, value, _ := strings.Cut(line, "=")
				if strings.HasPrefix(value, "'") {
					value = strings.ReplaceAll(strings.Trim(value, "'"), `'\''`, "'")
				}
				env = append(env, name+"="+value)
			}
			again, err = Load(Request{Env: env})
		} else {
			again, err = load(b.String())
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", format, err, b.String())
		}
		if d := Diff(l.Config, again.Config); len(d) > 0 || !reflect.DeepEqual(l.Config, again.Config) {
			t.Errorf("%s: %v", format, d)
		}
		b.Reset()
		if err := Print(&b, l.Config, format, false); err != nil || strings.Contains(b.String(), "0123456789abcdef") || !strings.Contains(b.String(), Redacted) {
			t.Errorf("%s, secrets left out: %v\n%s", format, err, b.String())
		}
		if format == "json" && !json.Valid([]byte(b.String())) {
			t.Error("no JSON")
		}
	}
	if err := Print(&strings.Builder{}, l.Config, "toml", false); err == nil {
		t.Error("toml")
	}
	var b strings.Builder
	if err := PrintDiff(&b, l, false); err != nil || !strings.Contains(b.String(), `server.trusted_proxies: ["10.0.0.0/8"]  # stdin:2:58`) || strings.Contains(b.String(), "log.level") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestDiff(t *testing.T) {
	from, err := load(full)
	if err != nil {
		t.Fatal(err)
	}
	to, err := load(strings.NewReplacer(`":1", `, `":7", `, "fedcba", "abcdef", "5/s", "6/s").Replace(full))
	if err != nil {
		t.Fatal(err)
	}
	d := Diff(from.Config, to.Config)
	var got []string
	for _, c := range d {
		got = append(got, c.Class+" "+c.Path)
	}
	if want := "[restart server.listen live auth.jwt.hmac_secret live namespaces]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	if s := d[1].String(); s != "auth.jwt.hmac_secret: another secret" {
		t.Error(s)
	}
	usable := KeepRestart(from.Config, to.Config)
	if usable.Server.Listen[0] != ":1" || string(usable.Auth.JWT.HMACSecret[1][:6]) != "abcdef" || to.Server.Listen[0] != ":7" {
		t.Errorf("%v %v", usable.Server.Listen, to.Server.Listen)
	}
	if d := Diff(from.Config, from.Config); d != nil {
		t.Error(d)
	}
}
