// That every key has a test of what it does: tests say which keys they prove.

package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// directive begins a line in the comment of a test that lists keys whose effect the
// test proves. It is not enough that a key is read: with another value something
// must be different that a client, a backend or an operator sees.
const directive = "//effect:keys "

// proofs are the tests that say so, by key.
func proofs(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, source, parser.ParseComments)
		if err != nil {
			return err
		}
		ours := strings.Count(string(source), "\n"+directive)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Doc == nil {
				continue
			}
			for _, line := range f.Doc.List {
				list, ok := strings.CutPrefix(line.Text, directive)
				if !ok {
					continue
				}
				ours--
				if !strings.HasPrefix(f.Name.Name, "Test") {
					t.Errorf("%s: %s is no test", path, f.Name.Name)
				}
				for _, key := range strings.Fields(list) {
					if !mentions(string(source), key) {
						t.Errorf("%s: %s says that it proves %s, but the file does not set it", path, f.Name.Name, key)
					}
					found[key] = append(found[key], f.Name.Name)
				}
			}
		}
		if ours != 0 {
			t.Errorf("%s: %d lines %q are not in the comment of a test", path, ours, directive)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// goNames are the fields of the keys.
var goNames = func() map[string]string {
	names := map[string]string{}
	for _, f := range Fields() {
		names[f.Key()] = f.goName
	}
	return names
}()

// comments are left out of what a file sets.
var comments = regexp.MustCompile(`(?m)^\s*//.*$`)

// mentions reports whether the source of a test has a key: as in a file, or as the
// field that stands for it.
func mentions(source, key string) bool {
	last := key[strings.LastIndexByte(key, '.')+1:]
	name := goNames[key]
	if name == "" {
		return true // TestEffects says that there is no such key
	}
	return regexp.MustCompile(`\b(` + last + `|` + name + `)\b`).MatchString(comments.ReplaceAllString(source, ""))
}

// TestEffects: no key without a test of its effect, and no test of a key that does
// not exist.
func TestEffects(t *testing.T) {
	found := proofs(t)
	for _, f := range Fields() {
		if f.Section() || f.List() {
			continue
		}
		if len(found[f.Key()]) == 0 {
			t.Errorf("no test says that it proves what %s does: write one, with %q in its comment", f.Key(), directive+f.Key())
		}
		delete(found, f.Key())
	}
	for key, tests := range found {
		t.Errorf("%v say that they prove %s, which is no key", tests, key)
	}
}
