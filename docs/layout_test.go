// The import table of architecture.md against the code.

// Package docs_test holds the pages of this directory against the code.
package docs_test

import (
	"bufio"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sioserver/sioserver/"

func TestImportTable(t *testing.T) {
	documented := readTable(t)
	actual := listImports(t)
	for pkg, imports := range actual {
		want, ok := documented[pkg]
		if !ok {
			t.Errorf("package %s is not in the table", pkg)
			continue
		}
		for _, i := range imports {
			if !slices.Contains(want, i) {
				t.Errorf("package %s imports %s, which the table does not allow", pkg, i)
			}
		}
		for _, i := range want {
			if !slices.Contains(imports, i) {
				t.Errorf("the table says that package %s imports %s, which it does not", pkg, i)
			}
		}
	}
	for pkg := range documented {
		if _, ok := actual[pkg]; !ok {
			t.Errorf("the table names package %s, which does not exist", pkg)
		}
	}
}

// readTable reads the rows behind the heading of the table.
func readTable(t *testing.T) map[string][]string {
	f, err := os.Open("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := map[string][]string{}
	in := false
	for s := bufio.NewScanner(f); s.Scan(); {
		cells := strings.Split(s.Text(), "|")
		switch {
		case len(cells) == 4 && strings.TrimSpace(cells[1]) == "package":
			in = true
		case in && len(cells) != 4:
			return table
		case in && !strings.HasPrefix(cells[1], "---"):
			var imports []string
			for _, i := range strings.Split(cells[2], ",") {
				if i = strings.TrimSpace(i); i != "" {
					imports = append(imports, i)
				}
			}
			table[strings.TrimSpace(cells[1])] = imports
		}
	}
	t.Fatal("architecture.md has no import table")
	return nil
}

// listImports asks the go command for the imports that are not of the standard
// library.
func listImports(t *testing.T) map[string][]string {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	table := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		pkg, local := strings.CutPrefix(words[0], module)
		if !local || pkg == "docs" {
			continue
		}
		table[pkg] = nil
		for _, i := range words[1:] {
			if short, ok := strings.CutPrefix(i, module); ok {
				table[pkg] = append(table[pkg], short)
			} else if strings.Contains(strings.Split(i, "/")[0], ".") {
				table[pkg] = append(table[pkg], i)
			}
		}
	}
	return table
}
