// The reference of all keys, made from the schema.

package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Markdown writes the reference: of a section, or of all of them if it is "".
func Markdown(w io.Writer, section string) error {
	var b strings.Builder
	if section == "" {
		b.WriteString(introduction)
	}
	found := false
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		f := fieldOf(t.Field(i), nil, false)
		if f == nil || section != "" && f.Path[0] != section {
			continue
		}
		found = true
		writeSection(&b, f, f.Key())
	}
	if !found {
		return fmt.Errorf("there is no section %q%s", section, didYouMean(section, keys(t)))
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

const introduction = `# Configuration

This page is made by ` + "`sioserver config docs --markdown`" + `. Do not edit it.

A value is taken from the first of these that has it:

1. flags: ` + "`--set limits.max_connections=5000`" + `, and those that ` + "`sioserver --help`" + ` lists,
2. the environment: ` + "`SIOSERVER_LIMITS_MAX_CONNECTIONS=5000`" + `. With ` + "`_FILE`" + ` behind the name it is the content of a file, as
   orchestrators mount secrets. Lists are written with commas, mappings as JSON,
3. files, the last one first: ` + "`-c base.yaml -c here.yaml`" + `. Mappings are put together key by key, lists replaced. Without
   ` + "`-c`" + ` it is ` + "`$SIOSERVER_CONFIG`" + `, ` + "`sioserver.yaml`" + ` or ` + "`/etc/sioserver/sioserver.yaml`" + `,
4. the defaults below.

Files are YAML, or JSON, which is YAML too. In their texts ` + "`${NAME}`" + ` is a variable of the environment, ` + "`${NAME:-default}`" + `
gives one that is not set a value, and ` + "`$${`" + ` stands for the characters themselves.

Times are written ` + "`150ms`, `25s`, `2m`, `12h`, `7d`" + `; sizes ` + "`512B`, `64KiB`" + ` (1,024 bytes each) or ` + "`1MB`" + ` (1,000,000); rates
` + "`500/s`, `30/m`, `10/h`" + `; shares ` + "`85%`" + `. A list of one may be written without brackets.

An unknown key, a wrong type, a value out of range, keys that contradict each other and rules that are never reached are
errors, told with file, line and column: ` + "`sioserver config check`" + `. ` + "`sioserver config print --diff`" + ` says what was given, and
where.

**Reload** (SIGHUP, ` + "`systemctl reload`" + `) reads everything again. If something is wrong, nothing changes. Otherwise keys marked
*live* count at once, those marked *restart* from the next start on; the log lists both.

`

// writeSection writes a section, and then those below it.
func writeSection(b *strings.Builder, f *Field, path string) {
	level := min(2+strings.Count(path, "."), 4)
	fmt.Fprintf(b, "%s %s\n\n%s\n\n", strings.Repeat("#", level), path, f.Doc)
	t := f.typ
	switch {
	case f.List():
		t = t.Elem()
		b.WriteString("A list. Keys of each element:\n\n")
	case f.typ.Kind() != reflect.Struct:
		return
	}
	var below []*Field
	inList := f.Env == "" || f.List()
	var rows strings.Builder
	for i := range t.NumField() {
		g := fieldOf(t.Field(i), f.Path, inList)
		if g == nil {
			continue
		}
		if g.Section() || g.List() {
			below = append(below, g)
			continue
		}
		rows.WriteString(row(g, inList))
	}
	if rows.Len() > 0 {
		if inList {
			b.WriteString("| key | value | default | |\n|---|---|---|---|\n")
		} else {
			b.WriteString("| key | value | default | reload | |\n|---|---|---|---|---|\n")
		}
		b.WriteString(rows.String() + "\n")
	}
	if f.List() && f.Env != "" {
		fmt.Fprintf(b, "`%s` holds the list as JSON.%s\n\n", f.Env, map[string]string{Live: " Reload: live.", Restart: " Reload: restart."}[f.Reload])
	}
	if f.List() {
		path += "[]"
	}
	for _, g := range below {
		writeSection(b, g, path+"."+g.Path[len(g.Path)-1])
	}
}

// row is a key in a table.
func row(f *Field, inList bool) string {
	what := f.TypeName()
	if len(f.Enum) > 0 {
		words := "`" + strings.Join(f.Enum, "`, `") + "`"
		if f.typ.Kind() == reflect.Slice {
			what = "list of " + words
		} else {
			what = words
		}
	}
	switch {
	case f.Min != "" && f.Max != "":
		what += ", " + f.Min + " to " + f.Max
	case f.Min != "":
		what += ", at least " + f.Min
	case f.Max != "":
		what += ", at most " + f.Max
	}
	if f.Auto {
		what += ", or `auto`"
	}
	def := f.Default
	switch {
	case f.Needed:
		def = "must be given"
	case def == "" && f.typ.Kind() == reflect.Slice:
		def = "none"
	case def == "":
		def = "empty"
	default:
		def = "`" + strings.ReplaceAll(def, ",", "`, `") + "`"
	}
	cells := []string{"`" + f.Path[len(f.Path)-1] + "`", what, def}
	doc := f.Doc
	if !inList {
		cells = append(cells, f.Reload)
		doc += " `" + f.Env + "`"
	}
	for i := range cells {
		cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
	}
	return "| " + strings.Join(append(cells, strings.ReplaceAll(doc, "|", `\|`)), " | ") + " |\n"
}
