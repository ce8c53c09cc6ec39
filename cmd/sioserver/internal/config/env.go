// Environment and flags: texts to trees; and ${NAME} in files.

package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"sort"
	"strings"
)

// maxValueFile is the size of a file whose content is a value.
const maxValueFile = 1 << 20

// environment is the process's, as a map.
func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, e := range list {
		if name, value, ok := strings.Cut(e, "="); ok {
			env[name] = value
		}
	}
	return env
}

// notOurs are variables with our prefix that are no keys: of the client verbs,
// and those that Kubernetes makes for a service that is called sioserver.
var notOurs = regexp.MustCompile(`^SIOSERVER_(URL|KEY|CONFIG|SERVICE_.*|PORT|PORT_.*)$`)

// fromEnvironment is the tree of all variables. Those that are no keys are
// warnings: an orchestrator may have made them.
func fromEnvironment(env map[string]string) (tree *node, problems, warnings []Problem) {
	fields := map[string]*Field{}
	var names []string
	walk(reflect.TypeFor[Config](), nil, false, false, func(f *Field) {
		fields[f.Env] = f
		names = append(names, f.Env)
	})
	var given []string
	for name := range env {
		if strings.HasPrefix(name, EnvPrefix) {
			given = append(given, name)
		}
	}
	sort.Strings(given)
	for _, name := range given {
		source := Source{Kind: FromEnvironment, Name: name}
		f, value := fields[name], env[name]
		if base, isFile := strings.CutSuffix(name, "_FILE"); f == nil && isFile && fields[base] != nil {
			f = fields[base]
			var err error
			if value, err = valueFile(value, f); err == nil {
				if _, both := env[base]; both {
					err = fmt.Errorf("%s is set too: leave one of them out", base)
				}
			}
			if err != nil {
				problems = append(problems, Problem{Source: source, Path: f.Key(), Message: err.Error()})
				continue
			}
		}
		if f == nil {
			if !notOurs.MatchString(name) {
				warnings = append(warnings, Problem{Source: source, Message: "this variable is no key of the configuration" + didYouMean(name, names)})
			}
			continue
		}
		n, faults := fromText(f, value, source)
		problems = append(problems, faults...)
		if n != nil {
			tree = merge(tree, at(f.Path, n))
		}
	}
	return tree, problems, warnings
}

// valueFile reads a file that holds a value. The end of its last line is not
// part of it; of lists each line is an element.
func valueFile(name string, f *Field) (string, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxValueFile {
		err = fmt.Errorf("%s has %d bytes, %d are allowed", name, info.Size(), maxValueFile)
	}
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(b), "\r\n")
	if f.typ.Kind() == reflect.Slice && !f.List() && !strings.HasPrefix(strings.TrimSpace(text), "[") {
		text = strings.Join(strings.Fields(text), ",")
	}
	return text, nil
}

// fromText is the tree that the text of a variable or a flag stands for: lists
// with commas, or in brackets; mappings, and lists of them, as JSON or YAML in
// one line.
func fromText(f *Field, text string, s Source) (*node, []Problem) {
	trimmed := strings.TrimSpace(text)
	isList := f.typ.Kind() == reflect.Slice
	switch {
	case f.Section(), f.List(), isList && f.typ.Elem() == anyType, isList && strings.HasPrefix(trimmed, "[") && strings.HasSuffix(trimmed, "]"):
		if trimmed == "" {
			return nil, nil
		}
		r := &reader{name: s.Name, kind: s.Kind}
		n := r.parse([]byte(text))
		for i := range r.faults {
			r.faults[i].Path = f.Key()
			r.faults[i].Message = "as JSON: " + r.faults[i].Message
		}
		return n, r.faults
	case isList:
		return fromCommas(text, s), nil
	case trimmed == "" && (f.typ.Kind() != reflect.String || len(f.Enum) > 0):
		return nil, nil // as compose files give what they have no value for
	}
	return &node{kind: scalar, text: text, source: s}, nil
}

// Setting is a value of the command line.
type Setting struct {
	Flag string // as the user wrote it, for messages
	Path string // with points
	Text string
}

// fromSettings is the tree of the command line.
func fromSettings(list []Setting) (tree *node, problems []Problem) {
	for _, s := range list {
		source := Source{Kind: FromFlag, Name: s.Flag}
		path := strings.Split(s.Path, ".")
		f := find(path)
		if f == nil {
			problems = append(problems, Problem{Source: source, Path: s.Path, Message: "unknown key" + didYouMean(s.Path, allPaths())})
			continue
		}
		n, faults := fromText(f, s.Text, source)
		problems = append(problems, faults...)
		if n != nil {
			tree = merge(tree, at(path, n))
		}
	}
	return tree, problems
}

// allPaths are the keys outside lists.
func allPaths() (list []string) {
	walk(reflect.TypeFor[Config](), nil, false, false, func(f *Field) { list = append(list, f.Key()) })
	return list
}

// reference is ${NAME}, ${NAME:-default}, or $${, which stands for ${.
var reference = regexp.MustCompile(`\$?\$\{[^}]*\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand puts variables into a text.
func expand(text string, env map[string]string) (string, error) {
	var errs []error
	out := reference.ReplaceAllStringFunc(text, func(m string) string {
		if strings.HasPrefix(m, "$$") {
			return m[1:]
		}
		inner, closed := strings.CutSuffix(m[2:], "}")
		name, fallback, hasFallback := strings.Cut(inner, ":-")
		value, set := env[name]
		switch {
		case !closed:
			errs = append(errs, errors.New("a ${ has no }; write $${ for the characters themselves"))
		case !variableName.MatchString(name):
			errs = append(errs, fmt.Errorf("%q is no name of a variable; it is ${NAME} or ${NAME:-default}, and $${ for the characters themselves", name))
		case hasFallback && value == "":
			return fallback
		case !set:
			errs = append(errs, fmt.Errorf("the environment variable %s is not set: set it, or give a default as in ${%s:-default}", name, name))
		}
		return value
	})
	return out, errors.Join(errs...)
}

// expandTree puts variables into all texts of a tree.
func expandTree(n *node, path string, env map[string]string) (problems []Problem) {
	if n == nil {
		return nil
	}
	if n.kind == scalar && strings.Contains(n.text, "${") {
		text, err := expand(n.text, env)
		if err != nil {
			problems = append(problems, Problem{Source: n.source, Path: path, Message: err.Error()})
		}
		n.text, n.literal = text, free
	}
	for i, item := range n.items {
		problems = append(problems, expandTree(item, fmt.Sprintf("%s[%d]", path, i), env)...)
	}
	for _, e := range n.entries {
		problems = append(problems, expandTree(e.value, join(path, e.key), env)...)
	}
	return problems
}
