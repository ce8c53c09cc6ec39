// The rules that hold for every file.

package docs_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The sizes that no file and no function may pass. What wants to be larger
// wants to be two.
const (
	maxFileLines = 600
	maxFuncLines = 90
)

// sources parses every Go file of the module.
func sources(t *testing.T, each func(path string, src []byte, set *token.FileSet, f *ast.File)) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "node_modules" || name == "targets" || name != ".." && strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		src, err := readFile(path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, src, parser.ParseComments)
		if err != nil {
			return err
		}
		each(path, src, set, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSizes(t *testing.T) {
	sources(t, func(path string, src []byte, set *token.FileSet, f *ast.File) {
		if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
			t.Errorf("%s has %d lines, %d are allowed", path, n, maxFileLines)
		}
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: function %s has %d lines, %d are allowed", path, fn.Name.Name, n, maxFuncLines)
			}
		}
	})
}

// TestDocumented: every exported name of the public packages has a comment
// that begins with the name.
func TestDocumented(t *testing.T) {
	sources(t, func(path string, _ []byte, set *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/internal/") || f.Name.Name == "main" {
			return
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc == nil {
					t.Errorf("%s: %s has no comment", set.Position(d.Pos()), d.Name.Name)
				}
			case *ast.GenDecl:
				undocumented(t, set, d)
			}
		}
	})
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

func undocumented(t *testing.T, set *token.FileSet, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				t.Errorf("%s: type %s has no comment", set.Position(s.Pos()), s.Name.Name)
			}
		case *ast.ValueSpec:
			if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				t.Errorf("%s: %s has no comment", set.Position(s.Pos()), s.Names[0].Name)
			}
		}
	}
}

// TestWords: no leftovers in the code, and unsafe where it is known to be.
func TestWords(t *testing.T) {
	unsafeIn := []string{"loop/socket.go", "loop/internal/reactor/send_linux.go", "loop/internal/reactor/uring_linux.go", "transport/tlsconn/trim.go"}
	sources(t, func(path string, src []byte, set *token.FileSet, f *ast.File) {
		for _, word := range []string{"TODO", "FIXME", "XXX", "HACK"} {
			if bytes.Contains(src, []byte(word)) && !strings.HasPrefix(path, "../docs/") {
				t.Errorf("%s: %s", path, word)
			}
		}
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, i := range f.Imports {
			if i.Path.Value == `"unsafe"` && !hasSuffixOf(path, unsafeIn) {
				t.Errorf("%s imports unsafe", path)
			}
		}
	})
}

func hasSuffixOf(path string, list []string) bool {
	for _, s := range list {
		if strings.HasSuffix(path, s) {
			return true
		}
	}
	return false
}
