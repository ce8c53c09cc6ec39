// Load: files, environment and flags to one configuration.

package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
)

// maxFile is the size of a file.
const maxFile = 4 << 20

// Request says what a configuration is made of.
type Request struct {
	Files   []string  // later ones go over earlier ones; "-" is Stdin
	Stdin   io.Reader // nil is none
	Env     []string  // as of os.Environ
	Flags   []Setting
	Dev     bool // development mode, which has other defaults
	Lenient bool // unknown keys are warnings
}

// Loaded is a configuration, and how it came to be.
type Loaded struct {
	*Config
	Files    []string          // that were read
	Sources  map[string]Source // of the values that were given, by path
	Warnings Problems
}

// Source is where the value of a key was given.
func (l *Loaded) Source(path string) Source {
	if s, ok := l.Sources[path]; ok {
		return s
	}
	return Source{Kind: FromDefault}
}

// Given reports whether a key was given.
func (l *Loaded) Given(path string) bool {
	_, ok := l.Sources[path]
	return ok
}

// Default is the configuration without anything given.
func Default() *Config {
	var c Config
	d := decoder{sources: map[string]Source{}}
	d.section("", nil, reflect.ValueOf(&c).Elem(), false)
	if len(d.problems) > 0 {
		panic("config: a default of the schema is wrong: " + Problems(d.problems).Error())
	}
	c.finish(false)
	return &c
}

// Load makes a configuration, and checks it. Its error is [Problems]: all that
// is wrong. What was loaded comes with the error too, as far as it could be.
func Load(r Request) (*Loaded, error) {
	l := &loading{env: environment(r.Env), lines: map[string][]string{}}
	for _, name := range r.Files {
		l.file(name, r.Stdin)
	}
	tree, problems, warnings := fromEnvironment(l.env)
	l.add(tree, problems)
	l.warnings = append(l.warnings, warnings...)
	l.add(fromSettings(r.Flags))

	d := decoder{lenient: r.Lenient, sources: map[string]Source{}}
	loaded := &Loaded{Config: &Config{Dev: r.Dev}, Files: r.Files, Sources: d.sources}
	d.section("", l.tree, reflect.ValueOf(loaded.Config).Elem(), false)
	l.problems = append(l.problems, d.problems...)
	l.warnings = append(l.warnings, d.warnings...)
	if r.Dev {
		development(loaded)
	}
	loaded.finish(loaded.Given("namespaces"))
	if len(l.problems) == 0 {
		c := check{loaded: loaded}
		c.all()
		l.problems, l.warnings = c.problems, append(l.warnings, c.warnings...)
	}
	hidden := secretsIn(reflect.ValueOf(loaded.Config).Elem(), d.unknownTexts)
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) }) // one may be part of another
	loaded.Warnings = l.show(l.warnings, hidden)
	if len(l.problems) > 0 {
		return loaded, l.show(l.problems, hidden)
	}
	return loaded, nil
}

// finish fills in what the tags cannot say.
func (c *Config) finish(namespaces bool) {
	if !namespaces {
		var n Namespace
		d := decoder{sources: map[string]Source{}}
		d.section("", nil, reflect.ValueOf(&n).Elem(), true)
		c.Namespaces = []Namespace{n}
	}
	if !strings.HasSuffix(c.Server.Path, "/") {
		c.Server.Path += "/"
	}
}

// loading is a configuration on its way.
type loading struct {
	env      map[string]string
	tree     *node
	lines    map[string][]string // of files
	problems []Problem
	warnings []Problem
}

// add puts a tree on top.
func (l *loading) add(n *node, problems []Problem) {
	l.problems = append(l.problems, problems...)
	l.tree = merge(l.tree, n)
}

// file puts a file on top.
func (l *loading) file(name string, stdin io.Reader) {
	shown := name
	text, err := []byte(nil), error(nil)
	if name == "-" {
		shown = "stdin"
		if stdin == nil {
			err = errors.New("there is no standard input")
		} else {
			text, err = io.ReadAll(io.LimitReader(stdin, maxFile+1))
		}
	} else {
		text, err = readFile(name)
	}
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		l.problems = append(l.problems, Problem{Source: Source{Kind: FromFile, Name: shown}, Message: err.Error()})
		return
	}
	l.lines[shown] = strings.Split(string(text), "\n")
	r := &reader{name: shown, kind: FromFile}
	n := r.parse(text)
	if n != nil && n.kind != mapping && n.kind != missing {
		r.faults = append(r.faults, Problem{Source: n.source, Message: "the file must be a mapping with the keys " + listed(keys(reflect.TypeFor[Config]())) + ", not " + n.what()})
		n = nil
	}
	faults := expandTree(n, "", l.env)
	l.add(n, append(r.faults, faults...))
}

// readFile reads a file that is not larger than allowed.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// show sorts problems of a file by its lines, and shows those.
func (l *loading) show(list []Problem, hidden []string) Problems {
	rank := map[string]int{}
	for _, p := range list {
		if _, ok := rank[p.Source.Name]; !ok {
			rank[p.Source.Name] = len(rank)
		}
	}
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank[a.Source.Name], rank[b.Source.Name]), cmp.Compare(a.Source.Line, b.Source.Line))
	})
	for i, p := range list {
		if lines := l.lines[p.Source.Name]; p.Source.Line > 0 && p.Source.Line <= len(lines) {
			list[i].Excerpt = excerpt(lines[p.Source.Line-1], p, hidden)
		}
	}
	return list
}

// secretsIn are the texts of all secrets of a value.
func secretsIn(v reflect.Value, list []string) []string {
	switch {
	case v.Type() == secretType:
		if v.Len() > 3 {
			list = append(list, v.String())
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			list = secretsIn(v.Field(i), list)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem() != anyType:
		for i := range v.Len() {
			list = secretsIn(v.Index(i), list)
		}
	}
	return list
}
